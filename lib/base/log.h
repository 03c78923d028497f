/* What a session tells its caller beside its answers. Silent without a callback. */
#ifndef BASE_LOG_H
#define BASE_LOG_H
#include "base/status.h"

struct logger {
    tumorclass_log_level level; /* the most talkative that is passed on */
    tumorclass_log_fn log;      /* NULL: silent */
    void *user;
};

void log_message(const struct logger *logger, tumorclass_log_level level, const char *format, ...) PRINTF_LIKE(3, 4);

#endif
