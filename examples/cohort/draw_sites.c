/* Pictures of where each anatomy's tumours start, and of what was constructed in it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../../bindings/cli/paths.h"
#include "../../bindings/cli/terminal.h"
#include "cohort.h"
#include "maps.h"
#include "sheet_sites.h"
#include "sheet_sites.h"

static int draw_map(const struct map *map, const char *folder)
{
    struct anatomy anatomy;
    char file[64];
    snprintf(file, sizeof file, "%s.png", map->name);
    char *path = join_paths(folder, file);
    if (!path || !map_load(&anatomy, map)) {
        free(path);
        return SCAN_FAILED;
    }
    const bool drawn = anatomy_sheet(&anatomy, path);
    anatomy_free(&anatomy);
    free(path);
    return drawn ? ANSWERED : OUTPUT_FAILED;
}

int draw_sites(const struct settings *settings)
{
    struct maps maps;
    int code = maps_find(&maps, settings->input);
    if (code == ANSWERED && !make_folders(settings->output)) {
        complain("%s cannot be made: %s", settings->output, strerror(errno));
        code = OUTPUT_FAILED;
    }
    for (int n = 0; code == ANSWERED && n < maps.count; n++) {
        progress_show(maps.items[n].name, "draw", (double)n / maps.count);
        code = draw_map(&maps.items[n], settings->output);
    }
    progress_clear();
    maps_free(&maps);
    return code;
}
