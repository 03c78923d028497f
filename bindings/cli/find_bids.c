/* The T1w volumes of a BIDS tree: sub-LABEL/[ses-LABEL/]anat/sub-LABEL_..._T1w.nii[.gz]. Nothing else is looked at, so
 * neither derivatives/ nor sourcedata/. bids-specification.readthedocs.io */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "paths.h"
#include "scans.h"
#include "terminal.h"

struct bids {
    struct scans *scans;
    const char *root;
    size_t with_contrast, without; /* sessions */
};

static int no_memory(void)
{
    complain("no memory for the names of the folders");
    return MODEL_FAILED;
}

bool is_bids_tree(const char *folder)
{
    char *description = join_paths(folder, "dataset_description.json");
    const bool found = description && !access(description, F_OK);
    free(description);
    return found;
}

/* What is done with each entry of a folder; `within` is the folder's path within the tree. */
typedef int (*visit_fn)(struct bids *bids, const char *within, const char *name, void *context);

/* A folder that is not there has no entries. */
static int visit_all(struct bids *bids, const char *within, visit_fn visit, void *context)
{
    int code = ANSWERED;
    const struct dirent *entry;
    char *path = join_paths(bids->root, within);
    if (!path) return no_memory();
    DIR *folder = opendir(path);
    while (folder && code == ANSWERED && (errno = 0, entry = readdir(folder)))
        code = visit(bids, within, entry->d_name, context);
    if (code == ANSWERED && errno && errno != ENOENT && errno != ENOTDIR) {
        complain("%s cannot be read: %s", file_name(path), strerror(errno));
        bids->scans->unread++;
    }
    if (folder) closedir(folder);
    free(path);
    return code;
}

static bool is_t1w(const char *name)
{
    return !strncmp(name, "sub-", 4) && (has_suffix(name, "_T1w.nii") || has_suffix(name, "_T1w.nii.gz"));
}

/* The entity that names a contrast agent. */
static bool has_contrast(const char *name)
{
    return strstr(name, "_ce-") != NULL;
}

struct session {
    bool any, contrast;
};

static int look_at_volume(struct bids *bids, const char *within, const char *name, void *context)
{
    (void)bids, (void)within;
    struct session *session = context;
    session->any |= is_t1w(name);
    session->contrast |= is_t1w(name) && has_contrast(name);
    return ANSWERED;
}

static int add_volume(struct bids *bids, const char *within, const char *name, void *context)
{
    const struct session *session = context;
    if (!is_t1w(name) || has_contrast(name) != session->contrast) return ANSWERED;
    char *path = join_paths(within, name);
    const int code = path ? scans_add(bids->scans, bids->root, path, true) : no_memory();
    free(path);
    return code;
}

/* `within`: a session's folder, or a subject's. */
static int visit_session(struct bids *bids, const char *within)
{
    struct session session = { false, false };
    char *anatomy = join_paths(within, "anat");
    if (!anatomy) return no_memory();
    int code = visit_all(bids, anatomy, look_at_volume, &session);
    if (code == ANSWERED && session.any) code = visit_all(bids, anatomy, add_volume, &session);
    bids->with_contrast += session.contrast;
    bids->without += session.any && !session.contrast;
    free(anatomy);
    return code;
}

static int look_for_session(struct bids *bids, const char *within, const char *name, void *unused)
{
    (void)unused;
    if (strncmp(name, "ses-", 4) != 0) return ANSWERED;
    char *path = join_paths(within, name);
    const int code = path ? visit_session(bids, path) : no_memory();
    free(path);
    return code;
}

static int look_for_subject(struct bids *bids, const char *within, const char *name, void *unused)
{
    (void)within, (void)unused;
    if (strncmp(name, "sub-", 4) != 0) return ANSWERED;
    const int code = visit_session(bids, name);
    return code == ANSWERED ? visit_all(bids, name, look_for_session, NULL) : code;
}

int find_in_bids_tree(struct scans *scans, const char *folder)
{
    struct bids bids = { .scans = scans, .root = folder };
    scans->bids = true;
    const int code = visit_all(&bids, "", look_for_subject, NULL);
    if (code != ANSWERED) return code;
    const size_t sessions = bids.with_contrast + bids.without;
    if (bids.with_contrast)
        complain("BIDS: %zu of %zu sessions have T1w volumes with the entity ce- (contrast), which alone are taken",
                 bids.with_contrast, sessions);
    if (bids.without)
        complain("BIDS: %zu of %zu sessions have no such: all their T1w volumes are taken, though the model wants such "
                 "after contrast",
                 bids.without, sessions);
    return ANSWERED;
}
