/* What the label maps leave out and every head has: cavernous sinuses, dura, falx, tentorium; and the surfaces that
 * heads move. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "build.h"
#include "membranes.h"

/* Artery of the cavernous part of the carotids. */
static bool is_cavernous_artery(const struct build *build, size_t i)
{
    enum { WIDE = 22, BACK = 13, FRONT = 11, LOW = 7, HIGH = 11 };
    const struct anatomy *anatomy = build->anatomy;
    float point[3];
    if (anatomy->tissue[i] != ARTERY) return false;
    anatomy_point(point, anatomy, i);
    const float off = fabsf(point[0] - anatomy->middle), up = point[2] - anatomy->sella[2];
    return off > 5 && off < WIDE && point[1] > anatomy->sella[1] - BACK && point[1] < anatomy->sella[1] + FRONT &&
           up > -LOW && up < HIGH;
}

/* Round the carotids, lateral of the gland: within 4 mm of the artery, in an ellipsoid beside the sella. */
static bool make_cavernous(struct build *build)
{
    enum { REACH = 4, NEAR = 6 };
    static const float radius[3] = { 7, 13, 7 };
    struct anatomy *anatomy = build->anatomy;
    float *artery = distance_to(build, is_cavernous_artery, REACH + 1);
    if (!artery) return no_memory(build);
    for (size_t i = 0; i < build->count; i++) {
        const enum tissue tissue = (enum tissue)anatomy->tissue[i];
        if (artery[i] > REACH || (tissue != CSF && tissue != SOFT_TISSUE && tissue != CORTICAL_BONE)) continue;
        float point[3], squared = 0;
        anatomy_point(point, anatomy, i);
        const float *carotid = anatomy->carotid[point[0] < anatomy->middle ? LEFT : RIGHT];
        const float centre[3] = { carotid[0], anatomy->sella[1] - 1, anatomy->sella[2] + 2 };
        for (int a = 0; a < 3; a++) squared += powf((point[a] - centre[a]) / radius[a], 2);
        if (squared < 1 && fabsf(point[0] - anatomy->middle) > NEAR) anatomy->tissue[i] = CAVERNOUS_SINUS;
    }
    free(artery);
    return true;
}

/* What faces join to the brain: through CSF, not below the brain, where the spinal canal begins. */
static bool find_inside(struct build *build)
{
    const struct anatomy *anatomy = build->anatomy;
    uint8_t *allowed = malloc(build->count);
    build->inside = malloc(build->count);
    bool ok = allowed && build->inside;
    const size_t slice = (size_t)anatomy->shape[0] * (size_t)anatomy->shape[1];
    for (size_t i = 0; ok && i < build->count; i++) {
        const enum tissue tissue = (enum tissue)anatomy->tissue[i];
        build->inside[i] = is_brain(tissue);
        allowed[i] = tissue == CSF && (float)(i / slice) >= anatomy->brain_low[2] - 2;
    }
    ok = ok && flood(build->inside, allowed, anatomy->shape);
    free(allowed);
    return ok || no_memory(build);
}

/* mm off a surface for a voxel that lies near it; false: it does not. */
typedef bool surface_offset(float *offset, const struct build *build, size_t index);

static bool dura_offset(float *offset, const struct build *build, size_t i)
{
    *offset = build->skull[i];
    return *offset < 2.5f && build->inside[i] && build->anatomy->tissue[i] == CSF;
}

/* Cortex that touches the other hemisphere, or the cerebellum, has no CSF labelled between: the sheet is there still. */
static bool may_be_sheet(const struct build *build, size_t i)
{
    const enum tissue tissue = (enum tissue)build->anatomy->tissue[i];
    return build->inside[i] && (tissue == CSF || tissue == CORTEX || tissue == CEREBELLAR_CORTEX);
}

/* Between the hemispheres, above the cerebellum; its free edge runs over the callosum, 14 mm off in front and 6 behind,
 * and before the callosum down to the base. */
static bool falx_offset(float *offset, const struct build *build, size_t i)
{
    enum { APART = 9, WIDE = 12, EDGE_FRONT = 14, EDGE_BACK = 6 };
    const struct anatomy *anatomy = build->anatomy;
    const float left = build->left[i], right = build->right[i];
    *offset = (left - right) / 2;
    if (fabsf(*offset) > 2.5f || left > APART || right > APART || !may_be_sheet(build, i)) return false;
    float point[3];
    anatomy_point(point, anatomy, i);
    const float length = anatomy->brain_high[1] - anatomy->brain_low[1];
    const float front = fminf(fmaxf((point[1] - anatomy->chiasm[1] + 0.2f * length) / (0.4f * length), 0), 1);
    if (fabsf(point[0] - anatomy->middle) > WIDE) return false;
    if (build->callosum[i] < EDGE_BACK + (EDGE_FRONT - EDGE_BACK) * front) return false;
    if (build->cerebellum[i] < fminf(left, right) + 1 || build->stem[i] < 10) return false;
    return point[2] > anatomy->chiasm[2] + 20 || point[1] < anatomy->chiasm[1] - 25 ||
           point[1] > anatomy->chiasm[1] + 0.17f * length;
}

/* Between cerebrum and cerebellum, open round the brain stem. */
static bool tentorium_offset(float *offset, const struct build *build, size_t i)
{
    enum { APART = 6, NOTCH = 8 };
    const float cerebrum = fminf(build->left[i], build->right[i]), cerebellum = build->cerebellum[i];
    *offset = (cerebellum - cerebrum) / 2;
    return fabsf(*offset) <= 2.5f && cerebrum <= APART && cerebellum <= APART && build->stem[i] > NOTCH &&
           may_be_sheet(build, i);
}

static bool keep_near(struct near_surface *near, const struct build *build, surface_offset *offset_of)
{
    size_t count = 0;
    float offset;
    for (size_t i = 0; i < build->count; i++) count += offset_of(&offset, build, i);
    *near = (struct near_surface){ malloc((count + 1) * sizeof *near->index), malloc(count + 1), 0 };
    if (!near->index || !near->offset) return no_memory(build);
    for (size_t i = 0; i < build->count; i++)
        if (offset_of(&offset, build, i)) {
            near->index[near->count] = (uint32_t)i;
            near->offset[near->count++] = (int8_t)lroundf(16 * offset);
        }
    return true;
}

/* The sheets together, each voxel once. */
static bool keep_candidates(struct build *build)
{
    struct anatomy *anatomy = build->anatomy;
    uint8_t *mark = calloc(build->count, 1);
    size_t count = 0;
    for (int surface = SURFACE_DURA; surface <= SURFACE_TENTORIUM; surface++) count += anatomy->near[surface].count;
    anatomy->dura.index = malloc((count + 1) * sizeof *anatomy->dura.index);
    if (mark && anatomy->dura.index)
        for (int surface = SURFACE_DURA; surface <= SURFACE_TENTORIUM; surface++)
            for (size_t n = 0; n < anatomy->near[surface].count; n++) {
                const uint32_t i = anatomy->near[surface].index[n];
                if (!mark[i]) anatomy->dura.index[anatomy->dura.count++] = i;
                mark[i] = 1;
            }
    const bool ok = mark && anatomy->dura.index;
    free(mark);
    return ok || no_memory(build);
}

/* Distances that the surfaces of ventricles and cortex are made from. */
struct layers {
    float *white, *ventricle, *csf, *cortex;
};

static bool is_white(const struct build *build, size_t i)
{
    return build->anatomy->tissue[i] == WHITE;
}

static bool is_lateral_ventricle(const struct build *build, size_t i)
{
    const int label = build->map.label[i];
    return label == 4 || label == 43 || label == 5 || label == 44;
}

static bool is_csf(const struct build *build, size_t i)
{
    return build->anatomy->tissue[i] == CSF;
}

static bool is_cortex(const struct build *build, size_t i)
{
    return build->anatomy->tissue[i] == CORTEX;
}

/* Voxels of one tissue near those of another: from the border, which lies half a voxel before the first. */
static bool keep_layer(struct near_surface *near, const struct build *build, voxel_test *of, voxel_test *from,
                       float most, voxel_test *back, float most_back)
{
    float *mm = distance_to(build, from, 5), *mm_back = back ? distance_to(build, back, 5) : NULL;
    bool ok = mm && (mm_back || !back);
    size_t count = 0;
    for (int pass = 0; ok && pass < 2; pass++) {
        if (pass) {
            *near = (struct near_surface){ malloc((count + 1) * sizeof *near->index), malloc(count + 1), 0 };
            ok = near->index && near->offset;
        }
        for (size_t i = 0; ok && i < build->count; i++) {
            float offset;
            if (of(build, i) && mm[i] <= most)
                offset = mm[i] - 0.5f;
            else if (back && from(build, i) && mm_back[i] <= most_back)
                offset = 0.5f - mm_back[i];
            else
                continue;
            if (!pass) {
                count++;
                continue;
            }
            near->index[near->count] = (uint32_t)i;
            near->offset[near->count++] = (int8_t)lroundf(16 * offset);
        }
    }
    free(mm_back);
    free(mm);
    return ok || no_memory(build);
}

bool make_sites(struct build *build)
{
    struct near_surface *near = build->anatomy->near;
    if (!make_cavernous(build) || !find_inside(build)) return false;
    if (!keep_near(&near[SURFACE_DURA], build, dura_offset) || !keep_near(&near[SURFACE_FALX], build, falx_offset) ||
        !keep_near(&near[SURFACE_TENTORIUM], build, tentorium_offset) || !keep_candidates(build))
        return false;
    if (!keep_layer(&near[SURFACE_VENTRICLE], build, is_white, is_lateral_ventricle, 2.9f, is_white, 1.5f) ||
        !keep_layer(&near[SURFACE_PIA], build, is_cortex, is_csf, 1.5f, NULL, 0) ||
        !keep_layer(&near[SURFACE_WHITE], build, is_white, is_cortex, 1.5f, NULL, 0))
        return false;
    draw_membranes(build->anatomy, build->anatomy->tissue, NULL);
    return true;
}
