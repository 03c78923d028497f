/* Walking a folder for scans: without recursion, so that no depth is too deep, and each folder once, so that links may
 * lead in circles. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "paths.h"
#include "scans.h"
#include "terminal.h"

/* Paths within the INPUT that are still to be visited. */
struct queue {
    char **items;
    size_t next, count, capacity;
};

/* Folders before links to folders: what lies in the tree itself has its own path, whatever links there are besides. */
struct walk {
    struct scans *scans;
    const char *root;
    struct queue folders, links;
    void *visited; /* a tree of struct identity */
};
struct identity {
    dev_t device;
    ino_t file;
};

static int no_memory(void)
{
    complain("no memory for the names of the folders");
    return MODEL_FAILED;
}

/* Takes the path. */
static int queue_add(struct queue *queue, char *path)
{
    if (path && queue->count == queue->capacity) {
        const size_t capacity = queue->capacity ? 2 * queue->capacity : 64;
        char **items = realloc(queue->items, capacity * sizeof *items);
        if (items) queue->items = items, queue->capacity = capacity;
    }
    if (!path || queue->count == queue->capacity) {
        free(path);
        return no_memory();
    }
    queue->items[queue->count++] = path;
    return ANSWERED;
}

static char *queue_take(struct queue *queue)
{
    return queue->next < queue->count ? queue->items[queue->next++] : NULL;
}

static void queue_free(struct queue *queue)
{
    while (queue->next < queue->count) free(queue->items[queue->next++]);
    free(queue->items);
}

static int compare_identities(const void *a, const void *b)
{
    const struct identity *x = a, *y = b;
    if (x->device != y->device) return x->device < y->device ? -1 : 1;
    return (x->file > y->file) - (x->file < y->file);
}

/* Note the folder; false: it was visited before, by this path or another. */
static bool is_new(struct walk *walk, const struct stat *about)
{
    struct identity *identity = malloc(sizeof *identity);
    if (!identity) return true;
    *identity = (struct identity){ about->st_dev, about->st_ino };
    struct identity **node = tsearch(identity, &walk->visited, compare_identities);
    if (node && *node == identity) return true;
    free(identity);
    return !node;
}

static void forget_visited(struct walk *walk)
{
    while (walk->visited) {
        struct identity *identity = *(struct identity **)walk->visited;
        tdelete(identity, &walk->visited, compare_identities);
        free(identity);
    }
}

/* Of a pair the header counts, and only where the voxels are beside it: other programs' files end in .hdr too. */
static bool is_pair(int folder, const char *name)
{
    char voxels[256 + 8]; /* names have at most 255 bytes */
    const bool plain = has_suffix(name, ".hdr");
    if (!plain && !has_suffix(name, ".hdr.gz")) return false;
    const int stem = (int)(strlen(name) - strlen(plain ? ".hdr" : ".hdr.gz"));
    for (int compressed = 0; compressed < 2; compressed++) {
        snprintf(voxels, sizeof voxels, "%.*s.img%s", stem, name, compressed ? ".gz" : "");
        if (!faccessat(folder, voxels, F_OK, 0)) return true;
    }
    return false;
}

/* Names that begin with a dot are other programs': version control, and the shadows that macOS leaves. */
static int visit_entry(struct walk *walk, int folder, const char *within, const char *name)
{
    struct stat about;
    if (*name == '.' || fstatat(folder, name, &about, AT_SYMLINK_NOFOLLOW)) return ANSWERED;
    const bool is_link = S_ISLNK(about.st_mode);
    if (is_link && fstatat(folder, name, &about, 0)) about.st_mode = S_IFREG; /* to nowhere: reading it will say so */
    const bool is_folder = S_ISDIR(about.st_mode);
    const bool is_scan = S_ISREG(about.st_mode) &&
                         (has_suffix(name, ".nii") || has_suffix(name, ".nii.gz") || is_pair(folder, name));
    if (!is_folder && !is_scan) return ANSWERED;
    char *path = join_paths(within, name);
    if (is_folder) return queue_add(is_link ? &walk->links : &walk->folders, path);
    const int code = path ? scans_add(walk->scans, walk->root, path, false) : no_memory();
    free(path);
    return code;
}

static int unreadable(struct walk *walk, const char *path)
{
    complain("%s cannot be read: %s", file_name(path), strerror(errno));
    walk->scans->unread++;
    return ANSWERED;
}

/* Sorted, so that of two links to one folder it is always the same that counts. */
static int compare_entries(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int visit_entries(struct walk *walk, int folder, const char *path, const char *within)
{
    struct dirent **entries;
    int code = ANSWERED;
    const int count = scandir(path, &entries, NULL, compare_entries);
    if (count < 0) return unreadable(walk, path);
    for (int i = 0; i < count; i++) {
        if (code == ANSWERED) code = visit_entry(walk, folder, within, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return code;
}

static int visit_folder(struct walk *walk, const char *within)
{
    struct stat about;
    char *path = join_paths(walk->root, within);
    if (!path) return no_memory();
    const int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int code = ANSWERED;
    if (folder < 0 || fstat(folder, &about))
        code = unreadable(walk, path);
    else if (is_new(walk, &about))
        code = visit_entries(walk, folder, path, within);
    if (folder >= 0) close(folder);
    free(path);
    return code;
}

int find_in_folder(struct scans *scans, const char *folder)
{
    struct walk walk = { .scans = scans, .root = folder };
    int code = visit_folder(&walk, "");
    for (char *path; code == ANSWERED;) {
        path = queue_take(&walk.folders);
        if (!path) path = queue_take(&walk.links);
        if (!path) break;
        code = visit_folder(&walk, path);
        free(path);
    }
    queue_free(&walk.folders);
    queue_free(&walk.links);
    forget_visited(&walk);
    return code;
}
