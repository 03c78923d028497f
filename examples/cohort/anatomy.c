#include "anatomy.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "build.h"
#include "grow.h"

bool no_memory(const struct build *build)
{
    fprintf(stderr, "%s: no memory for its %zu voxels\n", build->map.name, build->count);
    return false;
}

float *distance_to(const struct build *build, voxel_test *belongs, double most)
{
    float *mm = malloc(build->count * sizeof *mm);
    uint8_t *set = malloc(build->count);
    bool ok = mm && set;
    if (ok) {
        for (size_t i = 0; i < build->count; i++) set[i] = belongs(build, i);
        ok = distance_map(mm, set, build->map.shape, most);
    }
    free(set);
    if (ok) return mm;
    free(mm);
    return NULL;
}

bool flood(uint8_t *mark, const uint8_t *allowed, const int shape[3])
{
    const size_t nx = (size_t)shape[0], ny = (size_t)shape[1], nz = (size_t)shape[2], count = nx * ny * nz;
    const size_t stride[3] = { 1, nx, nx * ny };
    uint32_t *stack = malloc(count * sizeof *stack);
    if (!stack) return false;
    size_t height = 0;
    for (size_t i = 0; i < count; i++)
        if (mark[i]) stack[height++] = (uint32_t)i;
    while (height) {
        const size_t i = stack[--height];
        const size_t at[3] = { i % nx, i / nx % ny, i / nx / ny };
        for (int a = 0; a < 3; a++)
            for (int up = 0; up < 2; up++) {
                if (at[a] == (up ? (size_t)shape[a] - 1 : 0)) continue;
                const size_t next = up ? i + stride[a] : i - stride[a];
                if (mark[next] || !allowed[next]) continue;
                mark[next] = 1;
                stack[height++] = (uint32_t)next;
            }
    }
    free(stack);
    return true;
}

bool list_voxels(struct voxel_list *list, const struct build *build, voxel_test *belongs)
{
    size_t count = 0;
    for (size_t i = 0; i < build->count; i++) count += belongs(build, i);
    *list = (struct voxel_list){ malloc(count ? count * sizeof *list->index : 1), 0 };
    if (!list->index) return no_memory(build);
    for (size_t i = 0; i < build->count; i++)
        if (belongs(build, i)) list->index[list->count++] = (uint32_t)i;
    return true;
}

/* Below the lowest label there is no head in the map, and the neck's airways are cut open. */
static bool is_solid(const struct build *build, size_t i)
{
    const size_t slice = (size_t)build->map.shape[0] * (size_t)build->map.shape[1];
    return build->anatomy->tissue[i] != OUTSIDE || i / slice < build->lowest;
}

static void find_lowest(struct build *build)
{
    const size_t slice = (size_t)build->map.shape[0] * (size_t)build->map.shape[1];
    size_t first = 0;
    while (first < build->count && build->anatomy->tissue[first] == OUTSIDE) first++;
    build->lowest = first / slice;
}

/* Air that a ball of 3 mm can reach from beside or above the head. Nostrils and ears are too narrow for it, and so the
 * air in the head, which the maps number alike, becomes CAVITY. */
static bool tell_cavities(struct build *build)
{
    enum { BALL = 3 };
    struct anatomy *anatomy = build->anatomy;
    const int *shape = anatomy->shape;
    find_lowest(build);
    float *mm = distance_to(build, is_solid, 2 * BALL);
    uint8_t *centres = calloc(build->count, 1), *allowed = malloc(build->count);
    bool ok = mm && centres && allowed;
    for (size_t i = 0; ok && i < build->count; i++) allowed[i] = mm[i] > BALL;
    size_t at = 0;
    for (int k = 0; ok && k < shape[2]; k++)
        for (int j = 0; j < shape[1]; j++)
            for (int i = 0; i < shape[0]; i++, at++)
                centres[at] = allowed[at] &&
                              (i == 0 || j == 0 || i == shape[0] - 1 || j == shape[1] - 1 || k == shape[2] - 1);
    ok = ok && flood(centres, allowed, shape) && distance_map(mm, centres, shape, 2 * BALL);
    for (size_t i = 0; ok && i < build->count; i++)
        if (!is_solid(build, i) && mm[i] > BALL + 1) anatomy->tissue[i] = CAVITY;
    free(allowed);
    free(centres);
    free(mm);
    return ok || no_memory(build);
}

/* All that lies within the skull, and the nerves and vessels that go through it, is not of this kind. */
static bool is_bone_or_beyond(const struct build *build, size_t i)
{
    const enum tissue tissue = (enum tissue)build->anatomy->tissue[i];
    return !(is_brain(tissue) || tissue == CSF || tissue == ARTERY || tissue == VEIN || tissue == OPTIC_NERVE ||
             tissue == CORD || (tissue >= DURA && tissue < TISSUES));
}

/* Voxels without a label in the CSF, which some maps are sprinkled with: of the 27 round them few are bone. */
static bool is_speck(const struct build *build, size_t i)
{
    enum { FEW = 8 };
    const struct anatomy *anatomy = build->anatomy;
    int bone = 0;
    float point[3];
    if (anatomy->tissue[i] != CAVITY) return false;
    anatomy_point(point, anatomy, i);
    for (int a = 0; a < 3; a++)
        if (point[a] < 1 || point[a] > (float)(anatomy->shape[a] - 2)) return false;
    for (int k = -1; k <= 1; k++)
        for (int j = -1; j <= 1; j++)
            for (int n = -1; n <= 1; n++)
                bone += is_bone_or_beyond(
                    build, anatomy_index(anatomy, (int)point[0] + n, (int)point[1] + j, (int)point[2] + k));
    return bone < FEW;
}

/* Specks are CSF, and so are islands in it that no way through bone joins to the outside. */
static bool clear_specks(struct build *build)
{
    struct anatomy *anatomy = build->anatomy;
    struct voxel_list specks = { NULL, 0 };
    uint8_t *joined = calloc(build->count, 1), *allowed = calloc(build->count, 1);
    bool ok = (joined && allowed) || no_memory(build);
    ok = ok && list_voxels(&specks, build, is_speck);
    for (size_t n = 0; ok && n < specks.count; n++) anatomy->tissue[specks.index[n]] = CSF;
    for (size_t i = 0; ok && i < build->count; i++) {
        allowed[i] = is_bone_or_beyond(build, i);
        joined[i] = anatomy->tissue[i] == OUTSIDE;
    }
    if (ok) ok = flood(joined, allowed, anatomy->shape) || no_memory(build);
    for (size_t i = 0; ok && i < build->count; i++)
        if (allowed[i] && !joined[i]) anatomy->tissue[i] = CSF;
    free(specks.index);
    free(allowed);
    free(joined);
    return ok;
}

static bool take_tissues(struct build *build)
{
    struct anatomy *anatomy = build->anatomy;
    memcpy(anatomy->shape, build->map.shape, sizeof anatomy->shape);
    build->count = label_map_count(&build->map);
    anatomy->tissue = malloc(build->count);
    if (!anatomy->tissue) return no_memory(build);
    for (size_t i = 0; i < build->count; i++) anatomy->tissue[i] = (uint8_t)tissue_of_label(build->map.label[i]);
    return tell_cavities(build) && clear_specks(build);
}

/* "01" of training_seg_01.nii.gz: what follows the last underscore, or the whole name without what follows a dot. */
static void take_name(struct anatomy *anatomy, const char *file)
{
    const char *const last = strrchr(file, '_'), *const name = last && last[1] ? last + 1 : file;
    const size_t length = strcspn(name, ".");
    snprintf(anatomy->name, sizeof anatomy->name, "%.*s", (int)length, name);
}

static bool is_left(const struct build *build, size_t i)
{
    return build->map.label[i] == 2 || build->map.label[i] == 3 || build->map.label[i] == 17;
}

static bool is_right(const struct build *build, size_t i)
{
    return build->map.label[i] == 41 || build->map.label[i] == 42 || build->map.label[i] == 53;
}

static bool is_cerebellum(const struct build *build, size_t i)
{
    return build->anatomy->tissue[i] == CEREBELLAR_WHITE || build->anatomy->tissue[i] == CEREBELLAR_CORTEX;
}

static bool is_stem(const struct build *build, size_t i)
{
    return build->anatomy->tissue[i] == BRAIN_STEM || build->anatomy->tissue[i] == DIENCEPHALON;
}

/* White matter where the hemispheres meet, well above the chiasm. */
static bool is_commissure(const struct build *build, size_t i)
{
    enum { ABOVE = 12 };
    float point[3];
    if (build->map.label[i] != 2) return false;
    anatomy_point(point, build->anatomy, i);
    if (point[2] < build->anatomy->chiasm[2] + ABOVE) return false;
    for (int off = 1; off <= 2; off++)
        if (label_at(build, (int)point[0] + off, (int)point[1], (int)point[2]) == 41) return true;
    return false;
}

static bool is_cortex(const struct build *build, size_t i)
{
    return build->anatomy->tissue[i] == CORTEX || build->anatomy->tissue[i] == HIPPOCAMPUS;
}

static bool measure_distances(struct build *build)
{
    build->left = distance_to(build, is_left, FAR);
    build->right = distance_to(build, is_right, FAR);
    build->cerebellum = distance_to(build, is_cerebellum, FAR);
    build->stem = distance_to(build, is_stem, FAR);
    build->callosum = distance_to(build, is_commissure, FAR);
    build->skull = distance_to(build, is_bone_or_beyond, FAR);
    if (build->left && build->right && build->cerebellum && build->stem && build->callosum && build->skull) return true;
    return no_memory(build);
}

/* Half mm, up to 127 mm. */
static uint8_t *keep_distances(const struct build *build, voxel_test *belongs)
{
    float *mm = distance_to(build, belongs, 127);
    uint8_t *halves = malloc(build->count);
    for (size_t i = 0; mm && halves && i < build->count; i++) halves[i] = (uint8_t)lroundf(2 * mm[i]);
    free(mm);
    if (mm && halves) return halves;
    free(halves);
    no_memory(build);
    return NULL;
}

static void build_free(struct build *build)
{
    float *const maps[] = { build->left, build->right, build->cerebellum, build->stem, build->callosum, build->skull };
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++) free(maps[i]);
    free(build->inside);
    label_map_free(&build->map);
}

bool anatomy_read(struct anatomy *anatomy, const char *path)
{
    struct build build = { .anatomy = anatomy };
    *anatomy = (struct anatomy){ .tissue = NULL };
    bool ok = label_map_read(&build.map, path);
    if (ok) take_name(anatomy, build.map.name);
    ok = ok && label_map_crop(&build.map, &anatomy->without_neck) && take_tissues(&build) && find_landmarks(&build) &&
         measure_distances(&build) && find_angles(&build) && make_sites(&build);
    if (ok) anatomy->to_skull = keep_distances(&build, is_bone_or_beyond);
    if (ok) anatomy->to_cortex = keep_distances(&build, is_cortex);
    ok = ok && anatomy->to_skull && anatomy->to_cortex && list_places(&build);
    build_free(&build);
    if (!ok) anatomy_free(anatomy);
    return ok;
}

void anatomy_free(struct anatomy *anatomy)
{
    free(anatomy->tissue);
    free(anatomy->to_skull);
    free(anatomy->to_cortex);
    for (int place = 0; place < PLACES; place++) free(anatomy->place[place].index);
    free(anatomy->dura.index);
    for (int surface = 0; surface < SURFACES; surface++) {
        free(anatomy->near[surface].index);
        free(anatomy->near[surface].offset);
    }
    *anatomy = (struct anatomy){ .tissue = NULL };
}
