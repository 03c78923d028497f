#include "maps.h"
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "../../bindings/cli/paths.h"
#include "../../bindings/cli/terminal.h"
#include "cohort.h"

static const char *const suffixes[] = { ".anatomy", ".nii.gz", ".nii" };

/* "training_seg_01.nii.gz" is "01"; "mine.nii" is "mine". false: no such file, or its name is too long. */
static bool read_name(struct map *map, const char *file)
{
    static const char published[] = "training_seg_";
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        if (!has_suffix(file, suffixes[i])) continue;
        const char *name = strncmp(file, published, sizeof published - 1) ? file : file + sizeof published - 1;
        const size_t length = strlen(name) - strlen(suffixes[i]);
        if (!length || length >= sizeof map->name) return false;
        memcpy(map->name, name, length);
        map->name[length] = '\0';
        map->prepared = !i;
        return true;
    }
    return false;
}

static int compare_maps(const void *a, const void *b)
{
    const struct map *x = a, *y = b;
    const int order = strcmp(x->name, y->name);
    return order ? order : y->prepared - x->prepared;
}

static bool add_map(struct maps *maps, const char *folder, const char *file)
{
    struct map map = { 0 };
    if (*file == '.' || !read_name(&map, file)) return true;
    struct map *items = realloc(maps->items, (size_t)(maps->count + 1) * sizeof *items);
    if (!items) return false;
    maps->items = items;
    map.path = join_paths(folder, file);
    if (map.path) maps->items[maps->count++] = map;
    return map.path != NULL;
}

/* Of the same name, the prepared one stays. false: two label maps have one name. */
static bool keep_prepared(struct maps *maps)
{
    int kept = 0;
    if (maps->count) qsort(maps->items, (size_t)maps->count, sizeof *maps->items, compare_maps);
    for (int i = 0; i < maps->count; i++) {
        const struct map *last = kept ? &maps->items[kept - 1] : NULL;
        const bool again = last && !strcmp(last->name, maps->items[i].name);
        if (again && !last->prepared) {
            complain("%s and %s are both maps of the anatomy '%s'", last->path, maps->items[i].path, last->name);
            return false;
        }
        if (again)
            free(maps->items[i].path);
        else
            maps->items[kept++] = maps->items[i];
        if (kept <= i) maps->items[i].path = NULL;
    }
    maps->count = kept;
    return true;
}

int maps_find(struct maps *maps, const char *folder)
{
    *maps = (struct maps){ NULL, 0 };
    DIR *listing = opendir(folder);
    const struct dirent *entry;
    bool added = true;
    while (listing && added && (errno = 0, entry = readdir(listing))) added = add_map(maps, folder, entry->d_name);
    const int error = errno;
    if (listing) closedir(listing);
    if (!added) {
        complain("no memory for the names in %s", folder);
        return MODEL_FAILED;
    }
    if (!listing || error)
        complain("%s cannot be read: %s", folder, strerror(error));
    else if (!maps->count)
        complain("%s holds no label map (.nii, .nii.gz) and nothing prepared from one (.anatomy)", folder);
    return listing && !error && maps->count && keep_prepared(maps) ? ANSWERED : SCAN_FAILED;
}

void maps_free(struct maps *maps)
{
    for (int i = 0; i < maps->count; i++) free(maps->items[i].path);
    free(maps->items);
    *maps = (struct maps){ NULL, 0 };
}

bool map_load(struct anatomy *anatomy, const struct map *map)
{
    return map->prepared ? anatomy_load(anatomy, map->path) : anatomy_read(anatomy, map->path);
}

bool make_folders(const char *path)
{
    char *copy = strdup(path);
    bool made = copy != NULL;
    for (char *slash = copy; made && *slash && (slash = strchr(slash + 1, '/'));) {
        *slash = '\0';
        made = !mkdir(copy, 0777) || errno == EEXIST;
        *slash = '/';
    }
    free(copy);
    if (!made || (mkdir(path, 0777) && errno != EEXIST)) return false;
    struct stat about;
    if (stat(path, &about)) return false;
    errno = ENOTDIR;
    return S_ISDIR(about.st_mode);
}
