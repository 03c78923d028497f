/* Tumours of the brain, on a head of ellipsoids: what they consist of, where they are, how large, how many, and what
 * happens without memory. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "phantom.h"
#include "support.h"

static struct phantom phantom;

typedef bool grower(struct lesion *lesion, const struct head *head, struct random *random);
static grower *const growers[] = { grow_hgg, grow_lgg, grow_mets };

/* Allocations of the generator go through these: the n-th from now may fail, and none may be left. */
static int until_failure, blocks;
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void __wrap_free(void *block);

static void *count_block(void *block)
{
    blocks += block != NULL;
    return block;
}

void *__wrap_malloc(size_t size)
{
    return until_failure && --until_failure == 0 ? NULL : count_block(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return until_failure && --until_failure == 0 ? NULL : count_block(__real_calloc(count, size));
}

void *__wrap_realloc(void *block, size_t size)
{
    return until_failure && --until_failure == 0 ? NULL : __real_realloc(block, size);
}

void __wrap_free(void *block)
{
    blocks -= block != NULL;
    __real_free(block);
}

static void grow(struct lesion *lesion, grower *grow_class, uint64_t seed)
{
    struct random random = random_of(seed, STREAM_LESION);
    *lesion = (struct lesion){ .foci = 0 };
    ck_assert(grow_class(lesion, &phantom.head, &random));
}

static size_t box_count(const struct lesion *lesion)
{
    return (size_t)lesion->shape[0] * (size_t)lesion->shape[1] * (size_t)lesion->shape[2];
}

/* What the head had where a voxel of the lesion's box is now. */
static enum tissue tissue_below(const struct lesion *lesion, size_t voxel)
{
    const size_t nx = (size_t)lesion->shape[0], ny = (size_t)lesion->shape[1];
    const size_t at[3] = { voxel % nx, voxel / nx % ny, voxel / nx / ny };
    float point[3], push[3];
    int from[3];
    for (int a = 0; a < 3; a++) point[a] = (float)(lesion->low[a] + (int)at[a]);
    push_at(push, lesion, point);
    for (int a = 0; a < 3; a++) {
        from[a] = (int)floorf(point[a] + push[a] + 0.5f);
        if (from[a] < 0 || from[a] >= phantom.anatomy.shape[a]) return OUTSIDE;
    }
    return (enum tissue)phantom.head.tissue[anatomy_index(&phantom.anatomy, from[0], from[1], from[2])];
}

static double part_ml(const struct lesion *lesion, enum part part)
{
    double sum = 0;
    if (!lesion->cover[part]) return 0;
    for (size_t n = 0; n < box_count(lesion); n++) sum += lesion->cover[part][n] / 255e3;
    return sum;
}

/* Tumour lies in the brain, but for what a smooth surface takes along of CSF and ventricles; oedema in white matter. */
static void check_tissues(const struct lesion *lesion)
{
    double tumour = 0, outside = 0, oedema = 0, astray = 0, bone = 0;
    for (size_t n = 0; n < box_count(lesion); n++) {
        const bool is_tumour = tumour_share(lesion, n) >= 128;
        const bool is_oedema = lesion->cover[PART_OEDEMA] && lesion->cover[PART_OEDEMA][n] && !is_tumour;
        if (!is_tumour && !is_oedema) continue;
        const enum tissue tissue = tissue_below(lesion, n);
        bone += tissue == OUTSIDE || tissue == SKIN || tissue == CORTICAL_BONE;
        oedema += is_oedema;
        astray += is_oedema && tissue != WHITE;
        tumour += is_tumour;
        outside += is_tumour && !is_parenchyma(tissue);
    }
    ck_assert_double_gt(tumour, 0);
    ck_assert_double_eq(bone, 0);
    ck_assert_double_le(outside / tumour, 0.12);
    ck_assert_double_le(astray, 1e-3 * oedema); /* where push_at and push_row differ by a rounding */
}

static bool is_between(double value, double low, double high)
{
    return value >= low && value <= high;
}

START_TEST(high_grade_gliomas_have_walls_necrosis_and_oedema)
{
    enum { SEEDS = 30 };
    int fluid = 0, second = 0, large = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct lesion lesion;
        grow(&lesion, grow_hgg, seed);
        check_tissues(&lesion);
        const struct part_look *solid = &lesion.look[PART_SOLID], *necrosis = &lesion.look[PART_FLUID];
        const double bright = solid->level + solid->uptake;
        ck_assert(is_between(lesion.volume_ml, 2.5, 260));
        ck_assert(is_between(bright, 0.7, 3));
        ck_assert(is_between(necrosis->level, 0.3, 0.8));
        ck_assert_double_gt(part_ml(&lesion, PART_SOLID), 0.5);
        ck_assert_double_gt(part_ml(&lesion, PART_OEDEMA), part_ml(&lesion, PART_SOLID) / 2);
        fluid += part_ml(&lesion, PART_FLUID) > 0.1 * part_ml(&lesion, PART_SOLID);
        second += lesion.foci == 2;
        large += lesion.volume_ml > 30;
        lesion_free(&lesion);
    }
    ck_assert(is_between(fluid, 0.55 * SEEDS, 0.95 * SEEDS));
    ck_assert(is_between(second, 1, 0.3 * SEEDS));
    ck_assert(is_between(large, 0.25 * SEEDS, 0.75 * SEEDS));
}
END_TEST

START_TEST(low_grade_gliomas_are_dark_blurred_and_mostly_without_enhancement)
{
    enum { SEEDS = 30 };
    int spots = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct lesion lesion;
        grow(&lesion, grow_lgg, seed);
        check_tissues(&lesion);
        const struct part_look *dull = &lesion.look[PART_DULL];
        ck_assert(is_between(dull->level, 0.6, 0.95));
        ck_assert_double_lt(dull->level + dull->uptake, 1);
        ck_assert(is_between(lesion.volume_ml, 2, 290));
        ck_assert_double_gt(part_ml(&lesion, PART_DULL), 0.8 * lesion.volume_ml);
        ck_assert_double_lt(part_ml(&lesion, PART_SOLID), 0.3 * lesion.volume_ml);
        size_t partly = 0, fully = 0;
        for (size_t n = 0; n < box_count(&lesion); n++) {
            partly += lesion.cover[PART_DULL][n] > 0 && lesion.cover[PART_DULL][n] < 255;
            fully += lesion.cover[PART_DULL][n] == 255;
        }
        ck_assert_double_gt((double)partly, 0.1 * (double)fully);
        spots += part_ml(&lesion, PART_SOLID) > 0;
        lesion_free(&lesion);
    }
    ck_assert(is_between(spots, 0.12 * SEEDS, 0.5 * SEEDS));
}
END_TEST

START_TEST(metastases_are_one_to_ten_of_3_to_45_mm)
{
    enum { SEEDS = 50 };
    int single = 0, fluid = 0, swollen = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct lesion lesion;
        grow(&lesion, grow_mets, seed);
        check_tissues(&lesion);
        const double bright = lesion.look[PART_SOLID].level + lesion.look[PART_SOLID].uptake;
        ck_assert(is_between(bright, 1.1, 3));
        ck_assert(is_between(lesion.foci, 1, 10));
        ck_assert(is_between(lesion.volume_ml, ball_ml(1.5), ball_ml(23) + 9 * ball_ml(13)));
        if (lesion.foci == 1) ck_assert_double_le(lesion.volume_ml, ball_ml(23));
        single += lesion.foci == 1;
        fluid += part_ml(&lesion, PART_FLUID) > 0;
        swollen += part_ml(&lesion, PART_OEDEMA) > lesion.volume_ml;
        lesion_free(&lesion);
    }
    ck_assert(is_between(single, 0.32 * SEEDS, 0.6 * SEEDS));
    ck_assert(is_between(fluid, 0.25 * SEEDS, 0.75 * SEEDS));
    ck_assert(is_between(swollen, 0.3 * SEEDS, 0.9 * SEEDS));
}
END_TEST

START_TEST(foci_are_as_many_as_they_say)
{
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct lesion lesion;
        int seen = 0;
        grow(&lesion, grow_mets, seed);
        const size_t nx = (size_t)lesion.shape[0], stride[3] = { 1, nx, nx * (size_t)lesion.shape[1] };
        const size_t count = box_count(&lesion);
        uint8_t *open = calloc(count, 1);
        size_t *stack = malloc(count * sizeof *stack);
        for (size_t n = 0; n < count; n++) open[n] = tumour_share(&lesion, n) > 0;
        for (size_t n = 0; n < count; n++) {
            size_t depth = 0;
            if (!open[n]) continue;
            seen++;
            open[stack[depth++] = n] = 0;
            while (depth) { /* nothing touches the box's faces */
                const size_t from = stack[--depth];
                for (int a = 0; a < 3; a++)
                    for (int side = 0; side < 2; side++) {
                        const size_t to = side ? from + stride[a] : from - stride[a];
                        if (to < count && open[to]) open[stack[depth++] = to] = 0;
                    }
            }
        }
        ck_assert_int_eq(seen, lesion.foci);
        free(open);
        free(stack);
        lesion_free(&lesion);
    }
}
END_TEST

START_TEST(no_tumour_folds_the_head)
{
    for (uint64_t seed = 1; seed <= 2; seed++)
        for (int g = 0; g < 3; g++) {
            struct lesion lesion;
            grow(&lesion, growers[g], seed);
            ck_assert_double_ge(least_jacobian(&lesion), 0.2);
            lesion_free(&lesion);
        }
}
END_TEST

/* Where a tumour could have been: in the brain, or at a landmark, which the ellipsoids have all at 0. */
START_TEST(healthy_heads_have_a_place_and_no_tumour)
{
    int in_brain = 0;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct lesion lesion, again;
        ck_assert(lesion_create(&lesion, &phantom.head, HLTH, seed));
        ck_assert(lesion_create(&again, &phantom.head, HLTH, seed));
        ck_assert_int_eq(memcmp(&lesion, &again, sizeof lesion), 0);
        for (int p = 0; p < PARTS; p++) ck_assert_ptr_null(lesion.cover[p]);
        ck_assert_ptr_null(lesion.push);
        ck_assert_double_eq(lesion.volume_ml, 0);
        ck_assert_int_eq(lesion.foci, 0);
        in_brain += lesion.centre[0] > 0;
    }
    ck_assert(is_between(in_brain, 28, 52)); /* 4 of 6 classes */
}
END_TEST

START_TEST(the_same_seed_gives_the_same_bits)
{
    for (int g = 0; g < 3; g++) {
        struct lesion first, again, other;
        grow(&first, growers[g], 7);
        grow(&again, growers[g], 7);
        grow(&other, growers[g], 8);
        ck_assert_int_eq(memcmp(first.low, again.low, sizeof first.low), 0);
        ck_assert_int_eq(memcmp(first.shape, again.shape, sizeof first.shape), 0);
        ck_assert_int_eq(memcmp(first.look, again.look, sizeof first.look), 0);
        ck_assert_int_eq(memcmp(first.centre, again.centre, sizeof first.centre), 0);
        for (int p = 0; p < PARTS; p++) {
            ck_assert_int_eq(first.cover[p] == NULL, again.cover[p] == NULL);
            if (first.cover[p]) ck_assert_int_eq(memcmp(first.cover[p], again.cover[p], box_count(&first)), 0);
        }
        const int *grid = first.push_shape;
        const size_t pushes = (size_t)grid[0] * (size_t)grid[1] * (size_t)grid[2];
        ck_assert_int_eq(memcmp(first.push, again.push, pushes * sizeof *first.push), 0);
        ck_assert_int_ne(memcmp(first.look, other.look, sizeof first.look), 0);
        ck_assert_double_ne(first.volume_ml, other.volume_ml);
        lesion_free(&first);
        lesion_free(&again);
        lesion_free(&other);
    }
}
END_TEST

START_TEST(without_memory_nothing_is_grown_and_nothing_left)
{
    static const enum entity entities[] = { HGG, LGG, METS };
    const uint64_t small[] = { 12, 13, 5 };
    for (int g = 0; g < 3; g++) {
        bool grown = false;
        int failures = 0;
        for (int nth = 1; !grown; nth++) {
            struct lesion lesion;
            const int before = blocks;
            until_failure = nth;
            grown = lesion_create(&lesion, &phantom.head, entities[g], small[g]);
            const int left = until_failure;
            until_failure = 0;
            if (grown) lesion_free(&lesion);
            const int after = blocks; /* Check's own are counted too: none of it between the two */
            ck_assert_int_eq(after, before);
            if (!grown) ck_assert_int_eq(left, 0);
            failures += !grown;
        }
        ck_assert_int_gt(failures, 10);
    }
}
END_TEST

int main(void)
{
    phantom_create(&phantom);
    TCase *cases = tcase_create("gliomas");
    tcase_set_timeout(cases, 300);
    tcase_add_test(cases, high_grade_gliomas_have_walls_necrosis_and_oedema);
    tcase_add_test(cases, low_grade_gliomas_are_dark_blurred_and_mostly_without_enhancement);
    tcase_add_test(cases, metastases_are_one_to_ten_of_3_to_45_mm);
    tcase_add_test(cases, foci_are_as_many_as_they_say);
    tcase_add_test(cases, no_tumour_folds_the_head);
    tcase_add_test(cases, healthy_heads_have_a_place_and_no_tumour);
    tcase_add_test(cases, the_same_seed_gives_the_same_bits);
    tcase_add_test(cases, without_memory_nothing_is_grown_and_nothing_left);
    Suite *suite = suite_create("gliomas");
    suite_add_tcase(suite, cases);
    const int failed = run_suite(suite);
    phantom_free(&phantom);
    return failed;
}
