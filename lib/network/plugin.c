#include "network/plugin.h"
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/library_path.h"
#include "base/memory.h"

static const char file[] = "libtumorclass-cuda.so";

static tumorclass_status keep_sentence(tumorclass_status status, const char *sentence)
{
    return fail(status, "%s", sentence);
}

/* The sentence of a library that is missing names it, and no more. */
static const char *hint(const char *error)
{
    if (strstr(error, "libcudnn")) return " (cuDNN 9 for CUDA 13 must be where the dynamic linker looks)";
    if (strstr(error, "libcudart")) return " (the CUDA 13 runtime must be where the dynamic linker looks)";
    return "";
}

static tumorclass_status open_plugin(const struct plugin **plugin, const char *path)
{
    static const struct plugin_host host = { keep_sentence };
    void *const library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!library) {
        const char *error = dlerror();
        return fail(TUMORCLASS_NO_BACKEND, "the CUDA plugin cannot be loaded: %.600s%s", error, hint(error));
    }
    plugin_entry *entry;
    *(void **)&entry = dlsym(library, PLUGIN_ENTRY);
    const struct plugin *found = entry ? entry(&host) : NULL;
    if (!found || strcmp(found->version, TUMORCLASS_VERSION_STRING) != 0 || found->graph_size != sizeof(struct graph) ||
        found->node_size != sizeof(struct node))
        return fail(TUMORCLASS_NO_BACKEND, "the CUDA plugin %.600s is of version %.40s, this library of %s", path,
                    found ? found->version : "another age", TUMORCLASS_VERSION_STRING);
    *plugin = found;
    return TUMORCLASS_OK;
}

/* Beside the library, else where it was to be installed. */
static tumorclass_status find_plugin(const struct plugin **plugin)
{
    char *const beside = library_path(file);
    if (!beside) return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for a path");
    const char *const places[] = { beside, TUMORCLASS_PLUGIN_PATH };
    tumorclass_status status = fail(TUMORCLASS_NO_BACKEND,
                                    "the CUDA plugin %s is not installed: not beside the "
                                    "library, and not at %s",
                                    file, TUMORCLASS_PLUGIN_PATH);
    for (int i = 0; i < 2; i++) {
        if (access(places[i], F_OK) != 0) continue;
        status = open_plugin(plugin, places[i]);
        break;
    }
    memory_free(beside);
    return status;
}

/* A plugin that is not there is looked for again: it may have been installed meanwhile. */
tumorclass_status plugin_load(const struct plugin **plugin)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static const struct plugin *loaded;
    pthread_mutex_lock(&lock);
    const tumorclass_status status = loaded ? TUMORCLASS_OK : find_plugin(&loaded);
    *plugin = loaded;
    pthread_mutex_unlock(&lock);
    return status;
}
