/* An anatomy in a file of its own: a header, and the arrays one after the other, in the machine's byte order. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tumorclass/tumorclass.h>
#include "anatomy.h"

enum { VERSION = 1, LISTS = PLACES + 1 + SURFACES, BLOCKS = 3 + PLACES + 1 + 2 * SURFACES, MOST_VOXELS = 512 };
enum { LANDMARKS = sizeof(struct anatomy) - offsetof(struct anatomy, middle) };
static const char magic[8] = "TCHEAD\r\n"; /* text mode would change it */

struct header {
    char magic[8];
    uint32_t version, order; /* order: 1 as this machine writes it */
    uint64_t checksum;       /* of all that follows it */
    char name[32];
    int32_t without_neck, shape[3];
    uint32_t tissues, reserved;
    uint64_t count[LISTS];
    unsigned char landmarks[LANDMARKS];
};

/* An array of the file, and where the anatomy keeps it. */
struct block {
    void **to;
    size_t size;
};

static struct voxel_list *list_of(struct anatomy *anatomy, int list)
{
    return list < PLACES ? &anatomy->place[list] : &anatomy->dura;
}

/* In the order of the file. The counts of lists are the anatomy's. */
static void list_blocks(struct block block[BLOCKS], struct anatomy *anatomy)
{
    const size_t voxels = (size_t)anatomy->shape[0] * (size_t)anatomy->shape[1] * (size_t)anatomy->shape[2];
    int n = 0;
    block[n++] = (struct block){ (void **)&anatomy->tissue, voxels };
    block[n++] = (struct block){ (void **)&anatomy->to_skull, voxels };
    block[n++] = (struct block){ (void **)&anatomy->to_cortex, voxels };
    for (int list = 0; list <= PLACES; list++) {
        struct voxel_list *of = list_of(anatomy, list);
        block[n++] = (struct block){ (void **)&of->index, of->count * sizeof *of->index };
    }
    for (int surface = 0; surface < SURFACES; surface++) {
        struct near_surface *near = &anatomy->near[surface];
        block[n++] = (struct block){ (void **)&near->index, near->count * sizeof *near->index };
        block[n++] = (struct block){ (void **)&near->offset, near->count };
    }
}

/* Eight bytes at a time; in the end what is left, filled up with zeros. */
static uint64_t add_to_checksum(uint64_t sum, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    for (size_t at = 0; at < size; at += 8) {
        uint64_t word = 0;
        memcpy(&word, bytes + at, size - at < 8 ? size - at : 8);
        sum = (sum ^ word) * 0x9e3779b97f4a7c15u;
        sum ^= sum >> 29;
    }
    return sum;
}

static uint64_t header_checksum(const struct header *header)
{
    const size_t from = offsetof(struct header, name);
    return add_to_checksum(1, (const unsigned char *)header + from, sizeof *header - from);
}

bool anatomy_save(const struct anatomy *anatomy, const char *path)
{
    struct anatomy view = *anatomy;
    struct block block[BLOCKS];
    struct header header = { .version = VERSION, .order = 1, .without_neck = view.without_neck, .tissues = TISSUES };
    size_t size = sizeof header;
    memcpy(header.magic, magic, sizeof magic);
    memcpy(header.name, view.name, sizeof header.name);
    memcpy(header.shape, view.shape, sizeof header.shape);
    memcpy(header.landmarks, &anatomy->middle, sizeof header.landmarks);
    for (int list = 0; list <= PLACES; list++) header.count[list] = list_of(&view, list)->count;
    for (int surface = 0; surface < SURFACES; surface++) header.count[PLACES + 1 + surface] = view.near[surface].count;
    list_blocks(block, &view);
    header.checksum = header_checksum(&header);
    for (int n = 0; n < BLOCKS; n++) {
        header.checksum = add_to_checksum(header.checksum, *block[n].to, block[n].size);
        size += block[n].size;
    }
    unsigned char *bytes = malloc(size);
    if (!bytes) {
        fprintf(stderr, "%s: no memory for its %zu bytes\n", path, size);
        return false;
    }
    memcpy(bytes, &header, sizeof header);
    size_t at = sizeof header;
    for (int n = 0; n < BLOCKS; at += block[n++].size)
        if (block[n].size) memcpy(bytes + at, *block[n].to, block[n].size);
    const tumorclass_status status = tumorclass_write_file(path, bytes, size);
    if (status) fprintf(stderr, "%s\n", tumorclass_last_error());
    free(bytes);
    return !status;
}

static bool refuse(const char *path, const char *why)
{
    fprintf(stderr, "%s: %s: make it again from its label map\n", path, why);
    return false;
}

static bool read_header(struct header *header, FILE *file, const char *path)
{
    if (fread(header, 1, sizeof *header, file) != sizeof *header || memcmp(header->magic, magic, sizeof magic) != 0)
        return refuse(path, "not an anatomy");
    if (header->order != 1) return refuse(path, "of a machine with another byte order");
    if (header->version != VERSION || header->tissues != TISSUES) {
        fprintf(stderr, "%s: version %u with %u tissues, not %d with %d: make it again from its label map\n", path,
                header->version, header->tissues, VERSION, TISSUES);
        return false;
    }
    uint64_t voxels = 1;
    for (int a = 0; a < 3; a++) {
        if (header->shape[a] < 1 || header->shape[a] > 2 * MOST_VOXELS) return refuse(path, "of an impossible shape");
        voxels *= (uint64_t)header->shape[a];
    }
    for (int list = 0; list < LISTS; list++)
        if (header->count[list] > 20 * voxels) return refuse(path, "with more in a list than it has voxels");
    return true;
}

/* Sizes and what is no array, checked against the file's size before anything is allocated. */
static bool take_header(struct anatomy *anatomy, const struct header *header, FILE *file, const char *path)
{
    struct block block[BLOCKS];
    memcpy(anatomy->name, header->name, sizeof header->name);
    anatomy->name[sizeof anatomy->name - 1] = '\0';
    anatomy->without_neck = header->without_neck;
    memcpy(anatomy->shape, header->shape, sizeof header->shape);
    memcpy(&anatomy->middle, header->landmarks, sizeof header->landmarks);
    for (int list = 0; list <= PLACES; list++) list_of(anatomy, list)->count = (size_t)header->count[list];
    for (int surface = 0; surface < SURFACES; surface++)
        anatomy->near[surface].count = (size_t)header->count[PLACES + 1 + surface];
    list_blocks(block, anatomy);
    size_t size = sizeof *header;
    for (int n = 0; n < BLOCKS; n++) size += block[n].size;
    if (fseek(file, 0, SEEK_END) || ftell(file) < 0 || (size_t)ftell(file) != size) {
        fprintf(stderr, "%s: %ld bytes, not %zu: make it again from its label map\n", path, ftell(file), size);
        return false;
    }
    return fseek(file, (long)sizeof *header, SEEK_SET) == 0 || refuse(path, "cannot be read");
}

static bool read_blocks(struct anatomy *anatomy, uint64_t *checksum, FILE *file, const char *path)
{
    struct block block[BLOCKS];
    list_blocks(block, anatomy);
    for (int n = 0; n < BLOCKS; n++) {
        *block[n].to = malloc(block[n].size + 1);
        if (!*block[n].to) {
            fprintf(stderr, "%s: no memory for %zu bytes\n", path, block[n].size);
            return false;
        }
        if (fread(*block[n].to, 1, block[n].size, file) != block[n].size) return refuse(path, "cannot be read");
        *checksum = add_to_checksum(*checksum, *block[n].to, block[n].size);
    }
    return true;
}

/* No index beyond the grid and no number that is no tissue, even if someone made the checksum fit. */
static bool all_inside(const struct anatomy *anatomy)
{
    const size_t voxels = (size_t)anatomy->shape[0] * (size_t)anatomy->shape[1] * (size_t)anatomy->shape[2];
    uint8_t highest = 0;
    uint32_t last = 0;
    for (size_t i = 0; i < voxels; i++) highest = anatomy->tissue[i] > highest ? anatomy->tissue[i] : highest;
    for (int list = 0; list < LISTS; list++) {
        const struct near_surface *near = &anatomy->near[list > PLACES ? list - PLACES - 1 : 0];
        const struct voxel_list of = list < PLACES    ? anatomy->place[list]
                                     : list == PLACES ? anatomy->dura
                                                      : (struct voxel_list){ near->index, near->count };
        for (size_t n = 0; n < of.count; n++) last = of.index[n] > last ? of.index[n] : last;
    }
    return highest < TISSUES && last < voxels;
}

bool anatomy_load(struct anatomy *anatomy, const char *path)
{
    struct header header;
    *anatomy = (struct anatomy){ .tissue = NULL };
    FILE *file = fopen(path, "rb");
    if (!file) {
        fprintf(stderr, "%s: cannot be opened\n", path);
        return false;
    }
    bool ok = read_header(&header, file, path);
    uint64_t checksum = ok ? header_checksum(&header) : 0;
    ok = ok && take_header(anatomy, &header, file, path) && read_blocks(anatomy, &checksum, file, path);
    if (ok && (checksum != header.checksum || !all_inside(anatomy))) ok = refuse(path, "has been altered");
    fclose(file);
    if (!ok) anatomy_free(anatomy);
    return ok;
}
