/* The door of the plugin: what it exports, and what it asks of the library that loads it. */
#include "network/plugin.h"
#include <stdarg.h>
#include <stdio.h>
#include "cuda_backend.h"
#include "device.h"

static const struct plugin_host *host;

/* What base/status.c is to the library: sentences are kept there. */
tumorclass_status fail(tumorclass_status status, const char *format, ...)
{
    char sentence[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    return host->fail(status, sentence);
}

__attribute__((visibility("default"))) plugin_entry tumorclass_plugin_1;

const struct plugin *tumorclass_plugin_1(const struct plugin_host *given)
{
    static struct plugin plugin = { .version = TUMORCLASS_VERSION_STRING,
                                    .graph_size = sizeof(struct graph),
                                    .node_size = sizeof(struct node),
                                    .devices = device_count,
                                    .describe = device_describe };
    host = given;
    plugin.backend = cuda_backend;
    return &plugin;
}
