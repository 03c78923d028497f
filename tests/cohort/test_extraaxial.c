/* Tumours outside the brain, in a phantom head and in real ones where the data is there: each lies where its kind does,
 * on what it may touch, and leaves alone what it must. */
#include <math.h>
#include <string.h>
#include "phantom_base.h"
#include "support.h"

enum { SEEDS = 42, HEADS = 3 };
static struct phantom phantom;
static struct anatomy maps[HEADS];
static struct head heads[HEADS];
static int head_count;

/* Memory that runs out: the linker turns the generator's calls into these. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void __wrap_free(void *block);
static bool counting; /* not what the test itself and its suite ask for */
static int until_failure, blocks;

static bool runs_out(void)
{
    return counting && until_failure > 0 && --until_failure == 0;
}
void *__wrap_malloc(size_t size)
{
    void *block = runs_out() ? NULL : __real_malloc(size);
    blocks += counting && block;
    return block;
}
void *__wrap_calloc(size_t count, size_t size)
{
    void *block = runs_out() ? NULL : __real_calloc(count, size);
    blocks += counting && block;
    return block;
}
void *__wrap_realloc(void *block, size_t size)
{
    if (runs_out()) return NULL;
    blocks += counting && !block;
    return __real_realloc(block, size);
}
void __wrap_free(void *block)
{
    blocks -= counting && block;
    __real_free(block);
}

/* Of each kind, one a seed: grown once, looked at by many. */
enum { MENINGIOMAS, ADENOMAS, SCHWANNOMAS, KINDS };
static struct lesion lesions[KINDS][SEEDS];

typedef bool grow(struct lesion *lesion, const struct head *head, struct random *random);

static grow *const growers[KINDS] = { grow_men, grow_pa, grow_an };

static const struct head *grow_one(struct lesion *lesion, int kind, int seed)
{
    const struct head *head = &heads[seed % head_count];
    struct random random = random_of((uint64_t)seed, STREAM_LESION);
    *lesion = (struct lesion){ 0 };
    ck_assert_msg(growers[kind](lesion, head, &random), "kind %d seed %d", kind, seed);
    return head;
}

static const struct head *head_of(int seed)
{
    return &heads[seed % head_count];
}

/* The phantom, and a map of each of the two origins. */
static void make_all(void)
{
    static const char *const names[HEADS - 1] = { "head-labels/training_seg_01.nii.gz",
                                                  "head-labels/training_seg_03.nii.gz" };
    phantom_base_create(&phantom);
    heads[head_count++] = phantom.head;
    for (int m = 0; m < HEADS - 1; m++) {
        const char *path = test_data(names[m]);
        if (!path) continue;
        ck_assert(anatomy_read(&maps[head_count], path));
        ck_assert(head_create(&heads[head_count], &maps[head_count], 7));
        head_count++;
    }
    for (int kind = 0; kind < KINDS; kind++)
        for (int seed = 0; seed < SEEDS; seed++) grow_one(&lesions[kind][seed], kind, seed);
}

static void free_all(void)
{
    for (int kind = 0; kind < KINDS; kind++)
        for (int seed = 0; seed < SEEDS; seed++) lesion_free(&lesions[kind][seed]);
    for (int h = 1; h < head_count; h++) {
        head_free(&heads[h]);
        anatomy_free(&maps[h]);
    }
    phantom_base_free(&phantom);
}

/* Goes through the voxels of a lesion's box that are in its head. */
struct visit {
    const struct lesion *lesion;
    const struct head *head;
    size_t n, index; /* voxel of the box, of the anatomy */
    int at[3];
    float point[3];
};
static bool visit_next(struct visit *visit)
{
    const int *low = visit->lesion->low, *shape = visit->lesion->shape, *grid = visit->head->anatomy->shape;
    for (;;) {
        visit->n++;
        for (int a = 0; a < 3; a++) {
            if (++visit->at[a] < shape[a] || a == 2) break;
            visit->at[a] = 0;
        }
        if (visit->at[2] == shape[2]) return false;
        const int i = low[0] + visit->at[0], j = low[1] + visit->at[1], k = low[2] + visit->at[2];
        if (i < 0 || j < 0 || k < 0 || i >= grid[0] || j >= grid[1] || k >= grid[2]) continue;
        visit->point[0] = (float)i;
        visit->point[1] = (float)j;
        visit->point[2] = (float)k;
        visit->index = anatomy_index(visit->head->anatomy, i, j, k);
        return true;
    }
}
static struct visit visit_of(const struct lesion *lesion, const struct head *head)
{
    return (struct visit){ .lesion = lesion, .head = head, .n = SIZE_MAX, .at = { -1, 0, 0 } };
}

static int cover_of(const struct visit *visit, enum part part)
{
    return visit->lesion->cover[part] ? visit->lesion->cover[part][visit->n] : 0;
}
static bool in_tumour(const struct visit *visit)
{
    return cover_of(visit, PART_SOLID) + cover_of(visit, PART_DULL) + cover_of(visit, PART_FLUID) >= 128;
}
static enum tissue rest_tissue(const struct visit *visit)
{
    return (enum tissue)visit->head->tissue[visit->index];
}
static bool is_bone(const struct visit *visit)
{
    return visit->head->anatomy->to_skull[visit->index] == 0;
}
static double diameter_of(const struct lesion *lesion)
{
    return cbrt(lesion->volume_ml * 1000 / 0.5235987755982988);
}
static bool brain(enum tissue tissue)
{
    return tissue == WHITE || tissue == CORTEX || tissue == CEREBELLAR_WHITE || tissue == CEREBELLAR_CORTEX ||
           tissue == BRAIN_STEM;
}

/* Within 2 mm of falx or tentorium as they were. */
static bool by_sheet(const struct visit *visit)
{
    const struct anatomy *anatomy = visit->head->anatomy;
    for (int k = -2; k <= 2; k++)
        for (int j = -2; j <= 2; j++)
            for (int i = -2; i <= 2; i++) {
                const int at[3] = { (int)visit->point[0] + i, (int)visit->point[1] + j, (int)visit->point[2] + k };
                if (at[0] < 0 || at[1] < 0 || at[2] < 0 || at[0] >= anatomy->shape[0] || at[1] >= anatomy->shape[1] ||
                    at[2] >= anatomy->shape[2])
                    continue;
                const uint8_t tissue = visit->head->tissue[anatomy_index(anatomy, at[0], at[1], at[2])];
                if (tissue == FALX || tissue == TENTORIUM) return true;
            }
    return false;
}

/* How much of the brain that lay where a tumour is still lies under it, by volume: the rest was pushed out. */
static double brain_under(const struct lesion *lesion, const struct head *head)
{
    double under = 0, before = 1e-9;
    for (struct visit v = visit_of(lesion, head); visit_next(&v);) {
        if (!in_tumour(&v)) continue;
        float slope[3][3], push[3], source[3];
        push_at(push, lesion, v.point);
        for (int b = 0; b < 3; b++) {
            float next[3], further[3];
            memcpy(next, v.point, sizeof next);
            next[b] += 1;
            push_at(further, lesion, next);
            for (int a = 0; a < 3; a++) slope[a][b] = further[a] - push[a] + (a == b);
        }
        for (int a = 0; a < 3; a++) source[a] = v.point[a] + push[a];
        const size_t from = anatomy_index(head->anatomy, (int)lroundf(source[0]), (int)lroundf(source[1]),
                                          (int)lroundf(source[2]));
        const double volume = slope[0][0] * (slope[1][1] * slope[2][2] - slope[1][2] * slope[2][1]) -
                              slope[0][1] * (slope[1][0] * slope[2][2] - slope[1][2] * slope[2][0]) +
                              slope[0][2] * (slope[1][0] * slope[2][1] - slope[1][1] * slope[2][0]);
        before += brain(rest_tissue(&v));
        if (brain((enum tissue)head->tissue[from])) under += volume;
    }
    return under / before;
}

START_TEST(sizes_are_those_of_the_clinic)
{
    static const double least[KINDS] = { 10, 3, 5 }, most[KINDS] = { 70, 45, 40 };
    for (int kind = 0; kind < KINDS; kind++) {
        double small = 1e9, large = 0;
        for (int seed = 0; seed < SEEDS; seed++) {
            const double diameter = diameter_of(&lesions[kind][seed]);
            ck_assert_msg(diameter > 0.8 * least[kind] && diameter < 1.05 * most[kind], "kind %d seed %d: %g mm", kind,
                          seed, diameter);
            ck_assert_int_eq(lesions[kind][seed].foci, 1);
            small = fmin(small, diameter);
            large = fmax(large, diameter);
        }
        ck_assert_double_lt(small, 1.6 * least[kind]);
        ck_assert_double_gt(large, 0.7 * most[kind]);
    }
}
END_TEST

START_TEST(meningiomas_sit_on_their_wall_and_push_the_brain)
{
    double under = 0;
    for (int seed = 0; seed < SEEDS; seed++) {
        const struct lesion *lesion = &lesions[MENINGIOMAS][seed];
        const struct head *head = head_of(seed);
        size_t base = 0, in_bone = 0, all = 0;
        for (struct visit v = visit_of(lesion, head); visit_next(&v);) {
            if (!in_tumour(&v) && cover_of(&v, PART_BONE) < 128) continue;
            all++;
            in_bone += is_bone(&v) && in_tumour(&v);
            base += head->anatomy->to_skull[v.index] <= 3 || by_sheet(&v);
        }
        const double disc = 0.785 * diameter_of(lesion) * diameter_of(lesion);
        ck_assert_msg((double)base > 0.5 * disc, "seed %d: a base of %zu mm2", seed, base);
        ck_assert_msg(in_bone == 0, "seed %d: %zu of %zu voxels in bone", seed, in_bone, all);
        under += brain_under(lesion, head) / SEEDS;
    }
    ck_assert_double_lt(under, 0.65);
}
END_TEST

START_TEST(tails_are_dura_beside_the_tumour)
{
    int tails = 0;
    for (int seed = 0; seed < SEEDS; seed++) {
        const struct lesion *lesion = &lesions[MENINGIOMAS][seed];
        const struct head *head = head_of(seed);
        const struct anatomy *anatomy = head->anatomy;
        size_t beside = 0;
        uint8_t *dura = calloc((size_t)anatomy->shape[0] * (size_t)anatomy->shape[1] * (size_t)anatomy->shape[2], 1);
        for (size_t n = 0; n < anatomy->dura.count; n++) dura[anatomy->dura.index[n]] = 1;
        for (struct visit v = visit_of(lesion, head); visit_next(&v);) {
            if (!cover_of(&v, PART_TAIL)) continue;
            ck_assert_msg(dura[v.index], "seed %d: a tail off the dura", seed);
            beside += !in_tumour(&v);
        }
        free(dura);
        ck_assert(!lesion->cover[PART_TAIL] || beside);
        tails += lesion->cover[PART_TAIL] != NULL;
    }
    ck_assert_int_ge(tails, SEEDS * 45 / 100);
    ck_assert_int_le(tails, SEEDS * 85 / 100);
}
END_TEST

/* Whether a tumour is narrower at the roof of the sella than above and below it. */
static bool has_waist(const struct lesion *lesion, const struct head *head)
{
    int area[64] = { 0 }; /* of slices from 24 mm below the roof on */
    const int roof = (int)(head->gland[2] + head->gland_radius[2]);
    for (struct visit v = visit_of(lesion, head); visit_next(&v);) {
        const int slice = (int)v.point[2] - roof + 24;
        if (slice >= 0 && slice < 64) area[slice] += in_tumour(&v);
    }
    int waist = area[24], below = 0, above = 0;
    for (int s = 21; s <= 28; s++) waist = area[s] < waist ? area[s] : waist;
    for (int s = 0; s < 24; s++) below = area[s] > below ? area[s] : below;
    for (int s = 25; s < 64; s++) above = area[s] > above ? area[s] : above;
    return waist < 0.9 * (above < below ? above : below);
}

START_TEST(adenomas_are_in_the_sella)
{
    int micro = 0, waists = 0, macro = 0;
    for (int seed = 0; seed < SEEDS; seed++) {
        const struct lesion *lesion = &lesions[ADENOMAS][seed];
        const struct head *head = head_of(seed);
        const struct anatomy *anatomy = head->anatomy;
        const float roof = head->gland[2] + head->gland_radius[2];
        size_t all = 0, in_gland = 0;
        for (struct visit v = visit_of(lesion, head); visit_next(&v);) {
            if (!in_tumour(&v)) continue;
            all++;
            in_gland += rest_tissue(&v) == GLAND;
            ck_assert_msg(rest_tissue(&v) != ARTERY || v.point[2] > roof, "seed %d covers a carotid", seed);
        }
        ck_assert_msg(fabsf(lesion->centre[0] - anatomy->middle) < 6, "seed %d: %g mm beside the middle", seed,
                      lesion->centre[0] - anatomy->middle);
        ck_assert_msg(fabsf(lesion->centre[1] - anatomy->sella[1]) < 14, "seed %d: y", seed);
        ck_assert_msg(lesion->centre[2] > anatomy->sella[2] - 12 && lesion->centre[2] < anatomy->sella[2] + 36,
                      "seed %d: %g mm above the floor", seed, lesion->centre[2] - anatomy->sella[2]);
        if (lesion->cover[PART_DULL] && !lesion->cover[PART_SOLID]) {
            const struct part_look *look = &lesion->look[PART_DULL];
            micro++;
            ck_assert_double_lt(look->level + look->uptake, 1.3); /* the gland is 1.3 to 2.5 */
            ck_assert_msg((double)in_gland > 0.6 * (double)all, "seed %d: %zu of %zu in the gland", seed, in_gland,
                          all);
        } else if (diameter_of(lesion) > 16) {
            macro++;
            waists += has_waist(lesion, head);
        }
    }
    ck_assert_int_ge(micro, SEEDS * 10 / 100);
    ck_assert_int_le(micro, SEEDS * 40 / 100);
    ck_assert_int_ge(waists, macro / 2);
}
END_TEST

START_TEST(schwannomas_fill_one_canal)
{
    int right = 0;
    for (int seed = 0; seed < SEEDS; seed++) {
        const struct lesion *lesion = &lesions[SCHWANNOMAS][seed];
        const struct head *head = head_of(seed);
        const int side = lesion->centre[0] > head->anatomy->middle ? RIGHT : LEFT;
        size_t canal[SIDES] = { 0 }, filled[SIDES] = { 0 };
        for (struct visit v = visit_of(lesion, head); visit_next(&v);) {
            const int at = v.point[0] > head->anatomy->middle ? RIGHT : LEFT;
            canal[at] += rest_tissue(&v) == CANAL;
            filled[at] += rest_tissue(&v) == CANAL && in_tumour(&v);
        }
        const int other = side == LEFT ? RIGHT : LEFT;
        ck_assert_msg(filled[side] > 0.1 * (double)canal[side], "seed %d: %zu of %zu", seed, filled[side], canal[side]);
        ck_assert_msg(filled[other] == 0, "seed %d: in the other canal", seed);
        right += side == RIGHT;
    }
    ck_assert_int_ge(right, SEEDS / 4);
    ck_assert_int_le(right, SEEDS * 3 / 4);
}
END_TEST

static void assert_same(const struct lesion *one, const struct lesion *two)
{
    const size_t count = (size_t)one->shape[0] * (size_t)one->shape[1] * (size_t)one->shape[2];
    const size_t pushes = (size_t)one->push_shape[0] * (size_t)one->push_shape[1] * (size_t)one->push_shape[2];
    ck_assert_mem_eq(one->shape, two->shape, sizeof one->shape);
    ck_assert_mem_eq(one->low, two->low, sizeof one->low);
    ck_assert_mem_eq(one->look, two->look, sizeof one->look);
    ck_assert(!memcmp(one->push, two->push, pushes * sizeof *one->push));
    for (int p = 0; p < PARTS; p++) {
        ck_assert_int_eq(one->cover[p] == NULL, two->cover[p] == NULL);
        ck_assert(!one->cover[p] || !memcmp(one->cover[p], two->cover[p], count));
    }
}

START_TEST(the_same_seed_gives_the_same_bits_and_another_does_not)
{
    for (int kind = 0; kind < KINDS; kind++)
        for (int seed = 0; seed < 6; seed++) {
            struct lesion again;
            grow_one(&again, kind, seed);
            assert_same(&lesions[kind][seed], &again);
            ck_assert(memcmp(again.look, lesions[kind][seed + head_count].look, sizeof again.look));
            lesion_free(&again);
        }
}
END_TEST

START_TEST(without_memory_they_give_up_and_leave_none_behind)
{
    for (int k = 0; k < KINDS; k++)
        for (int seed = 1; seed <= 5; seed += 2) {
            bool done = false;
            for (int nth = 1; !done; nth++) {
                struct random random = random_of((uint64_t)seed, STREAM_LESION);
                struct lesion lesion = { 0 };
                blocks = 0;
                until_failure = nth;
                counting = true;
                done = growers[k](&lesion, &heads[0], &random);
                lesion_free(&lesion);
                counting = false;
                ck_assert_msg(done == (until_failure > 0), "kind %d seed %d: allocation %d", k, seed, nth);
                ck_assert_msg(blocks == 0, "kind %d seed %d: allocation %d: %d blocks left", k, seed, nth, blocks);
            }
        }
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("extraaxial");
    tcase_add_unchecked_fixture(cases, make_all, free_all);
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, sizes_are_those_of_the_clinic);
    tcase_add_test(cases, meningiomas_sit_on_their_wall_and_push_the_brain);
    tcase_add_test(cases, tails_are_dura_beside_the_tumour);
    tcase_add_test(cases, adenomas_are_in_the_sella);
    tcase_add_test(cases, schwannomas_fill_one_canal);
    tcase_add_test(cases, the_same_seed_gives_the_same_bits_and_another_does_not);
    tcase_add_test(cases, without_memory_they_give_up_and_leave_none_behind);
    Suite *suite = suite_create("extraaxial");
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
