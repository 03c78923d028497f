/* A backend that lies in a shared library of its own: how the core finds it, and what the two give each other. Both are
 * built of one version, which is checked: structs of the graph pass between them. */
#ifndef NETWORK_PLUGIN_H
#define NETWORK_PLUGIN_H
#include "network/backend.h"

/* What the library gives: where a failure's sentence is kept for tumorclass_last_error. */
struct plugin_host {
    tumorclass_status (*fail)(tumorclass_status status, const char *sentence);
};

struct plugin {
    const char *version;          /* TUMORCLASS_VERSION_STRING of its build */
    size_t graph_size, node_size; /* bytes of the structs, of the same build */
    struct backend backend;
    /* How many devices there are; 0: none, and `why` (of `size` bytes) says why. No failure: asked for on every machine. */
    int32_t (*devices)(char *why, size_t size);
    /* Versions and paths of what is really loaded, and the devices: for a bug report. */
    void (*describe)(char *text, size_t size);
};

/* What the shared library exports; the host outlives the process. */
#define PLUGIN_ENTRY "tumorclass_plugin_1"
typedef const struct plugin *plugin_entry(const struct plugin_host *host);

/* The CUDA plugin, loaded when it is first asked for and never unloaded: beside this library, or where it is installed.
 * NO_BACKEND: there is none, or it cannot be loaded. */
tumorclass_status plugin_load(const struct plugin **plugin);

#endif
