/* Label maps, read once: a file each that a head is made from in a moment. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../../bindings/cli/interrupt.h"
#include "../../bindings/cli/paths.h"
#include "../../bindings/cli/terminal.h"
#include "cohort.h"
#include "maps.h"

struct preparation {
    const struct maps *maps;
    const char *folder;
    pthread_mutex_t lock;
    int next, done, failed;
};

static char *prepared_path(const char *folder, const char *name)
{
    char file[64];
    snprintf(file, sizeof file, "%s.anatomy", name);
    return join_paths(folder, file);
}

/* Is there one that can be loaded? A file of an older version is made again. */
static bool is_there(const char *path)
{
    struct anatomy anatomy;
    if (access(path, F_OK)) return false;
    const bool loaded = anatomy_load(&anatomy, path);
    if (loaded) anatomy_free(&anatomy);
    return loaded;
}

static bool prepare_map(const struct preparation *preparation, const struct map *map)
{
    char *path = prepared_path(preparation->folder, map->name);
    struct anatomy anatomy;
    bool prepared = path && is_there(path);
    if (path && !prepared && map_load(&anatomy, map)) {
        prepared = anatomy_save(&anatomy, path);
        anatomy_free(&anatomy);
    }
    free(path);
    return prepared;
}

static void work(void *context)
{
    struct preparation *preparation = context;
    pthread_mutex_lock(&preparation->lock);
    while (preparation->next < preparation->maps->count && !interrupt_signal()) {
        const struct map *map = &preparation->maps->items[preparation->next++];
        pthread_mutex_unlock(&preparation->lock);
        const bool prepared = prepare_map(preparation, map);
        pthread_mutex_lock(&preparation->lock);
        preparation->failed += !prepared;
        preparation->done++;
        progress_show(map->name, "prepare", (double)preparation->done / preparation->maps->count);
    }
    pthread_mutex_unlock(&preparation->lock);
}

static int prepare_maps(const struct settings *settings, const struct maps *maps)
{
    struct preparation preparation = { .maps = maps, .folder = settings->output };
    if (!make_folders(settings->output)) {
        complain("%s cannot be made: %s", settings->output, strerror(errno));
        return OUTPUT_FAILED;
    }
    const int threads = settings->threads ? settings->threads : tumorclass_suggested_threads();
    pthread_mutex_init(&preparation.lock, NULL);
    interrupt_catch();
    on_threads(threads < maps->count ? threads : maps->count, work, &preparation);
    pthread_mutex_destroy(&preparation.lock);
    progress_clear();
    if (interrupt_signal()) return INTERRUPTED + interrupt_signal();
    if (preparation.failed) complain("%d of %d label maps could not be prepared", preparation.failed, maps->count);
    return preparation.failed ? SCAN_FAILED : ANSWERED;
}

int prepare(const struct settings *settings)
{
    struct maps maps;
    int code = maps_find(&maps, settings->input);
    if (code == ANSWERED) code = prepare_maps(settings, &maps);
    maps_free(&maps);
    return code;
}
