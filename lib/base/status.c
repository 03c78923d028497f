#include "base/status.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char last_error[1024];

static void replace_control_characters(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f) *text = '?';
}

tumorclass_status fail(tumorclass_status status, const char *format, ...)
{
    char sentence[sizeof last_error];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    replace_control_characters(sentence);
    memcpy(last_error, sentence, sizeof sentence);
    return status;
}

tumorclass_status fail_within(tumorclass_status status, const char *format, ...)
{
    char outer[sizeof last_error];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(outer, sizeof outer, format, arguments);
    va_end(arguments);
    return fail(status, "%s: %s", outer, last_error);
}

const char *tumorclass_last_error(void)
{
    return last_error;
}

const char *tumorclass_status_name(tumorclass_status status)
{
    static const char *const names[] = { "ok",        "bad argument", "out of memory", "I/O error",  "bad image",
                                         "bad model", "unsupported",  "newer caller",  "no backend", "backend error",
                                         "limit",     "refused",      "cancelled",     "bad state" };
    if (status < 0 || (size_t)status >= sizeof names / sizeof *names) return NULL;
    return names[status];
}

tumorclass_status read_options(void *dst, const void *src, size_t known, const char *name)
{
    memset(dst, 0, known);
    memcpy(dst, &known, sizeof known);
    if (!src) return TUMORCLASS_OK;

    size_t size;
    memcpy(&size, src, sizeof size);
    if (size < sizeof size || size > 1 << 16)
        return fail(TUMORCLASS_BAD_ARGUMENT, "%s.struct_size is %zu: use its initializer", name, size);
    for (size_t i = known; i < size; i++)
        if (((const unsigned char *)src)[i])
            return fail(TUMORCLASS_NEWER_CALLER,
                        "%s sets byte %zu, this library knows %zu: it is older than the caller", name, i, known);
    memcpy(dst, src, size < known ? size : known);
    memcpy(dst, &known, sizeof known);
    return TUMORCLASS_OK;
}
