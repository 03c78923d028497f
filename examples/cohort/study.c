#include "study.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../../bindings/cli/interrupt.h"
#include "../../bindings/cli/terminal.h"

static const struct map *find_map(const struct maps *maps, const char *name, size_t length)
{
    for (int i = 0; i < maps->count; i++)
        if (strlen(maps->items[i].name) == length && !strncmp(maps->items[i].name, name, length))
            return &maps->items[i];
    return NULL;
}

/* Those with these names, in this order. */
static int choose_named(struct maps *chosen, const struct maps *maps, const char *names)
{
    for (const char *name = names;; name++) {
        const size_t length = strcspn(name, ",");
        const struct map *map = find_map(maps, name, length);
        if (!map) {
            complain("--anatomies: there is no map of '%.*s'", (int)length, name);
            return WRONG_USAGE;
        }
        if (find_map(chosen, name, length)) {
            complain("--anatomies: '%.*s' is named twice", (int)length, name);
            return WRONG_USAGE;
        }
        chosen->items[chosen->count++] = *map;
        name += length;
        if (!*name) return ANSWERED;
    }
}

/* All of the split: a cohort from a part of them would be another one. */
static int choose_split(struct maps *chosen, const struct maps *maps, enum split split)
{
    for (int number = 1; number <= 20; number++) {
        char name[16];
        snprintf(name, sizeof name, "%02d", number);
        const struct map *map = find_map(maps, name, strlen(name));
        if (anatomy_split(name) != split) continue;
        if (!map) {
            complain("--split %s draws from anatomy %s too, of which there is no map: --anatomies says which to take",
                     split_names[split], name);
            return WRONG_USAGE;
        }
        chosen->items[chosen->count++] = *map;
    }
    return ANSWERED;
}

/* Maps being read by several threads. */
struct reading {
    const struct maps *maps;
    struct anatomy *anatomies;
    bool *loaded;
    pthread_mutex_t lock;
    int next, done;
};

static void read_some(void *context)
{
    struct reading *reading = context;
    pthread_mutex_lock(&reading->lock);
    while (reading->next < reading->maps->count && !interrupt_signal()) {
        const int n = reading->next++;
        pthread_mutex_unlock(&reading->lock);
        reading->loaded[n] = map_load(&reading->anatomies[n], &reading->maps->items[n]);
        pthread_mutex_lock(&reading->lock);
        progress_show(reading->maps->items[n].name, "read", (double)++reading->done / reading->maps->count);
    }
    pthread_mutex_unlock(&reading->lock);
}

static int load_maps(struct study *study, const struct maps *maps)
{
    struct reading reading = { .maps = maps };
    reading.anatomies = study->anatomies = calloc((size_t)maps->count, sizeof *study->anatomies);
    reading.loaded = calloc((size_t)maps->count, sizeof *reading.loaded);
    int loaded = 0;
    if (reading.anatomies && reading.loaded) {
        pthread_mutex_init(&reading.lock, NULL);
        on_threads(study->settings->threads, read_some, &reading);
        pthread_mutex_destroy(&reading.lock);
        progress_clear();
        /* Those that failed hold nothing to free. */
        for (int n = 0; n < maps->count; n++)
            if (reading.loaded[n]) study->anatomies[loaded++] = reading.anatomies[n];
    }
    free(reading.loaded);
    study->plan.anatomies = loaded;
    if (interrupt_signal()) return INTERRUPTED + interrupt_signal();
    return loaded == maps->count ? ANSWERED : SCAN_FAILED;
}

static int load_anatomies(struct study *study, const struct maps *maps)
{
    const struct settings *settings = study->settings;
    struct maps chosen = { malloc((size_t)maps->count * sizeof *chosen.items), 0 };
    if (!chosen.items) return MODEL_FAILED;
    int code = settings->anatomies ? choose_named(&chosen, maps, settings->anatomies)
                                   : choose_split(&chosen, maps, settings->plan.split);
    if (code == ANSWERED) code = load_maps(study, &chosen);
    free(chosen.items);
    return code;
}

int study_open(struct study *study, const struct settings *settings)
{
    struct maps maps;
    *study = (struct study){ .settings = settings, .plan = settings->plan, .size = plan_size(&settings->plan) };
    study->entities = malloc((size_t)study->size);
    if (!study->entities) {
        complain("no memory for %d subjects", study->size);
        return MODEL_FAILED;
    }
    plan_entities(study->entities, &study->plan);
    int code = maps_find(&maps, settings->input);
    if (code == ANSWERED) code = load_anatomies(study, &maps);
    maps_free(&maps);
    return code;
}

void study_close(struct study *study)
{
    for (int n = 0; n < study->plan.anatomies; n++) anatomy_free(&study->anatomies[n]);
    free(study->anatomies);
    free(study->entities);
    *study = (struct study){ 0 };
}
