/* Dijkstra's shortest paths over the 26 neighbours, with a queue of buckets: a bucket holds all voxels whose travel
 * lies within BUCKET mm, and is gone through again until none of them gets nearer; so the result is exact. */
#include "grow.h"
#include <math.h>
#include <stdlib.h>

#define BUCKET 0.5

struct entry {
    uint32_t voxel, next; /* index + 1 of the next entry of the bucket; 0: none */
};
struct queue {
    uint32_t *bucket; /* index + 1 of its first entry */
    size_t buckets;
    struct entry *entry;
    uint32_t count, capacity, unused; /* unused: index + 1 of the first entry taken back */
};

static bool queue_create(struct queue *queue, double most)
{
    *queue = (struct queue){ .buckets = (size_t)(most / BUCKET) + 2, .capacity = 4096 };
    queue->bucket = calloc(queue->buckets, sizeof *queue->bucket);
    queue->entry = malloc(queue->capacity * sizeof *queue->entry);
    return queue->bucket && queue->entry;
}

static void queue_free(struct queue *queue)
{
    free(queue->bucket);
    free(queue->entry);
}

static bool queue_add(struct queue *queue, size_t voxel, float travel)
{
    uint32_t at = queue->unused;
    if (at) {
        queue->unused = queue->entry[at - 1].next;
    } else {
        if (queue->count == queue->capacity) {
            struct entry *more = realloc(queue->entry, 2 * (size_t)queue->capacity * sizeof *more);
            if (!more) return false;
            queue->entry = more;
            queue->capacity *= 2;
        }
        at = ++queue->count;
    }
    uint32_t *bucket = &queue->bucket[(size_t)(travel / (float)BUCKET)];
    queue->entry[at - 1] = (struct entry){ (uint32_t)voxel, *bucket };
    *bucket = at;
    return true;
}

static size_t queue_take(struct queue *queue, size_t bucket)
{
    const uint32_t at = queue->bucket[bucket];
    struct entry *entry = &queue->entry[at - 1];
    const size_t voxel = entry->voxel;
    queue->bucket[bucket] = entry->next;
    entry->next = queue->unused;
    queue->unused = at;
    return voxel;
}

struct step {
    int along[3];
    ptrdiff_t voxels; /* the same in the region's order */
    float mm;
};

static bool leaves(const int shape[3], const int at[3], const int along[3])
{
    for (int a = 0; a < 3; a++)
        if (at[a] + along[a] < 0 || at[a] + along[a] >= shape[a]) return true;
    return false;
}

static void list_steps(struct step steps[26], const int shape[3])
{
    int n = 0;
    for (int i = 0; i < 27; i++) {
        if (i == 13) continue;
        const int x = i % 3 - 1, y = i / 3 % 3 - 1, z = i / 9 - 1;
        steps[n++] = (struct step){ { x, y, z },
                                    x + (ptrdiff_t)shape[0] * (y + (ptrdiff_t)shape[1] * z),
                                    sqrtf((float)(x * x + y * y + z * z)) };
    }
}

/* Go on from a voxel to its neighbours. */
static bool relax(struct queue *queue, float *travel, const struct region *region, const float cost[TISSUES],
                  const struct step steps[26], size_t voxel, float most)
{
    const size_t nx = (size_t)region->shape[0], ny = (size_t)region->shape[1];
    const int at[3] = { (int)(voxel % nx), (int)(voxel / nx % ny), (int)(voxel / nx / ny) };
    const float here = travel[voxel];
    bool inside = true;
    for (int a = 0; a < 3; a++) inside = inside && at[a] > 0 && at[a] < region->shape[a] - 1;
    for (int s = 0; s < 26; s++) {
        if (!inside && leaves(region->shape, at, steps[s].along)) continue;
        const size_t to = (size_t)((ptrdiff_t)voxel + steps[s].voxels);
        const float there = here + steps[s].mm * cost[region->tissue[to]];
        if (!(there < travel[to]) || there > most) continue;
        travel[to] = there;
        if (!queue_add(queue, to, there)) return false;
    }
    return true;
}

bool spread(float *travel, const struct region *region, const float *field, const float cost[TISSUES], double most)
{
    struct step steps[26];
    struct queue queue;
    bool done = queue_create(&queue, most);
    list_steps(steps, region->shape);
    for (size_t n = 0; n < region->count; n++) travel[n] = field[n] <= 0 ? 0 : (float)most;
    for (size_t n = 0; done && n < region->count; n++)
        if (travel[n] == 0) done = relax(&queue, travel, region, cost, steps, n, (float)most);
    for (size_t b = 0; done && b < queue.buckets; b++)
        while (done && queue.bucket[b]) {
            const size_t voxel = queue_take(&queue, b);
            if ((size_t)(travel[voxel] / (float)BUCKET) < b) continue; /* it was nearer, and is done */
            done = relax(&queue, travel, region, cost, steps, voxel, (float)most);
        }
    queue_free(&queue);
    return done;
}
