#include "base/log.h"
#include <stdarg.h>
#include <stdio.h>

void log_message(const struct logger *logger, tumorclass_log_level level, const char *format, ...)
{
    if (!logger->log || level > logger->level) return;
    char message[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    logger->log(logger->user, level, message);
}
