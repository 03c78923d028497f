#include "preprocess/components.h"
#include <string.h>
#include "base/memory.h"

/* Runs of equal voxels along W are the nodes of a disjoint-set forest (Rosenfeld and Pfaltz 1966; Tarjan 1975),
 * numbered from 1 in the order of their first voxels. Runs are found in the mask again whenever they are needed: only
 * the forest is kept. Node 0 is the outside. */
enum { OUTSIDE = 0 };

struct forest {
    const unsigned char *mask;
    int64_t shape[3];
    unsigned char colour; /* runs of zeros or of ones */
    int64_t runs;
    int64_t *nodes; /* parent; or, of a root, minus the number of voxels of its tree */
    int64_t *plane; /* first node of each line, of the last H lines visited */
};

struct run {
    const unsigned char *line;
    int64_t width;
    unsigned char colour;
    int64_t begin, end; /* [begin, end) of the line */
    int64_t node;
};

static void next_run(struct run *run)
{
    int64_t w = run->end;
    const unsigned char *found = memchr(run->line + w, run->colour, (size_t)(run->width - w));
    run->begin = found ? found - run->line : run->width;
    found = memchr(run->line + run->begin, !run->colour, (size_t)(run->width - run->begin));
    run->end = found ? found - run->line : run->width;
    run->node++;
}

/* The first run of a line, whose node is `node`. */
static struct run first_run(const struct forest *forest, int64_t line, int64_t node)
{
    const int64_t width = forest->shape[2];
    struct run run = { forest->mask + line * width, width, forest->colour, 0, 0, node - 1 };
    next_run(&run);
    return run;
}

static bool is_run(const struct run *run)
{
    return run->begin < run->width;
}

static int64_t count_runs(const struct forest *forest)
{
    int64_t node = 1;
    for (int64_t line = 0; line < forest->shape[0] * forest->shape[1]; line++)
        for (struct run run = first_run(forest, line, node); is_run(&run); next_run(&run)) node = run.node + 1;
    return node - 1;
}

static int64_t root_of(int64_t *nodes, int64_t node)
{
    while (nodes[node] >= 0) {
        const int64_t parent = nodes[node];
        if (nodes[parent] >= 0) nodes[node] = nodes[parent]; /* halve the path */
        node = parent;
    }
    return node;
}

/* The smaller number becomes the root, so that a tree's root is its first run. */
static void unite(int64_t *nodes, int64_t a, int64_t b)
{
    a = root_of(nodes, a);
    b = root_of(nodes, b);
    if (a == b) return;
    const int64_t root = a < b ? a : b, other = a < b ? b : a;
    nodes[root] += nodes[other];
    nodes[other] = root;
}

static void unite_lines(int64_t *nodes, struct run a, struct run b)
{
    while (is_run(&a) && is_run(&b)) {
        if (a.begin < b.end && b.begin < a.end) unite(nodes, a.node, b.node);
        if (a.end < b.end)
            next_run(&a);
        else
            next_run(&b);
    }
}

static bool touches_border(const struct forest *forest, int64_t d, int64_t h, const struct run *run)
{
    const int64_t *shape = forest->shape;
    return d == 0 || d == shape[0] - 1 || h == 0 || h == shape[1] - 1 || run->begin == 0 || run->end == shape[2];
}

/* Give the runs of line (d, h) their nodes, from `node` on, and join them with those of the lines before it; the
 * return value is the next line's first node. */
static int64_t grow_line(struct forest *forest, int64_t d, int64_t h, int64_t node)
{
    const int64_t line = d * forest->shape[1] + h;
    const struct run first = first_run(forest, line, node);
    int64_t next = node;
    for (struct run run = first; is_run(&run); next_run(&run)) {
        forest->nodes[run.node] = run.begin - run.end;
        if (forest->colour == 0 && touches_border(forest, d, h, &run)) unite(forest->nodes, OUTSIDE, run.node);
        next = run.node + 1;
    }
    if (h > 0) unite_lines(forest->nodes, first, first_run(forest, line - 1, forest->plane[h - 1]));
    if (d > 0) unite_lines(forest->nodes, first, first_run(forest, line - forest->shape[1], forest->plane[h]));
    forest->plane[h] = node;
    return next;
}

static tumorclass_status grow(struct forest *forest, const struct work *work)
{
    forest->nodes[OUTSIDE] = -1;
    int64_t node = 1;
    for (int64_t d = 0; d < forest->shape[0]; d++) {
        const tumorclass_status status = work_report(work, (double)d / (double)forest->shape[0]);
        if (status != TUMORCLASS_OK) return status;
        for (int64_t h = 0; h < forest->shape[1]; h++) node = grow_line(forest, d, h, node);
    }
    return TUMORCLASS_OK;
}

static void forest_free(struct forest *forest)
{
    memory_free(forest->nodes);
    memory_free(forest->plane);
}

static tumorclass_status forest_create(struct forest *forest, const unsigned char *mask, const int64_t shape[3],
                                       unsigned char colour, const struct work *work)
{
    *forest = (struct forest){ mask, { shape[0], shape[1], shape[2] }, colour, 0, NULL, NULL };
    forest->runs = count_runs(forest);
    forest->plane = memory_allocate((size_t)shape[1], sizeof *forest->plane);
    if (forest->plane) forest->nodes = memory_allocate((size_t)forest->runs + 1, sizeof *forest->nodes);
    const tumorclass_status status = forest->nodes ? grow(forest, work)
                                                   : fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for %lld runs of voxels",
                                                          (long long)forest->runs);
    if (status != TUMORCLASS_OK) forest_free(forest);
    return status;
}

/* Give every run the other colour but for those of one tree. */
static void keep_tree(struct forest *forest, unsigned char *mask, int64_t root)
{
    int64_t node = 1;
    for (int64_t line = 0; line < forest->shape[0] * forest->shape[1]; line++)
        for (struct run run = first_run(forest, line, node); is_run(&run); next_run(&run)) {
            node = run.node + 1;
            if (root_of(forest->nodes, run.node) == root) continue;
            memset(mask + line * run.width + run.begin, !run.colour, (size_t)(run.end - run.begin));
        }
}

tumorclass_status keep_largest_component(unsigned char *mask, const int64_t shape[3], const struct work *work)
{
    struct forest forest;
    const tumorclass_status status = forest_create(&forest, mask, shape, 1, work);
    if (status != TUMORCLASS_OK) return status;
    int64_t largest = OUTSIDE;
    for (int64_t node = 1; node <= forest.runs; node++)
        if (forest.nodes[node] < 0 && (largest == OUTSIDE || forest.nodes[node] < forest.nodes[largest]))
            largest = node;
    keep_tree(&forest, mask, largest);
    forest_free(&forest);
    return TUMORCLASS_OK;
}

tumorclass_status fill_holes(unsigned char *mask, const int64_t shape[3], const struct work *work)
{
    struct forest forest;
    const tumorclass_status status = forest_create(&forest, mask, shape, 0, work);
    if (status != TUMORCLASS_OK) return status;
    keep_tree(&forest, mask, OUTSIDE);
    forest_free(&forest);
    return TUMORCLASS_OK;
}

size_t components_memory(const int64_t shape[3])
{
    const int64_t lines = shape[0] * shape[1], runs = (shape[2] + 1) / 2;
    return sizeof(int64_t) * (size_t)(lines * runs + 1 + shape[1]);
}
