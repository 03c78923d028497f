/* Warps, intensities and pictures, on a head of nested ellipsoids. */
#include <math.h>
#include <string.h>
#include "paint.h"
#include "support.h"

/* malloc and calloc of the generator's objects, by the linker's --wrap: the one that `fail_at` counts down to fails. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
static int fail_at;

void *__wrap_malloc(size_t size)
{
    return fail_at > 0 && --fail_at == 0 ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fail_at > 0 && --fail_at == 0 ? NULL : __real_calloc(count, size);
}

enum { SIDE = 96 };
static uint8_t tissue[SIDE * SIDE * SIDE];
static struct anatomy anatomy;
static struct head head = { .anatomy = &anatomy, .tissue = tissue };

static bool in_ball(const float p[3], float x, float y, float z, float radius)
{
    return (p[0] - x) * (p[0] - x) + (p[1] - y) * (p[1] - y) + (p[2] - z) * (p[2] - z) <= radius * radius;
}

/* Balls round the middle, from skin to white matter, and a few structures that enhance. */
static void setup_head(void)
{
    static const struct {
        float radius;
        enum tissue tissue;
    } shells[] = { { 44, SKIN }, { 42, SOFT_TISSUE }, { 37, CORTICAL_BONE }, { 33, DURA },
                   { 32, CSF },  { 30, CORTEX },      { 26, WHITE },         { 9, VENTRICLE } };
    anatomy = (struct anatomy){ .shape = { SIDE, SIDE, SIDE }, .middle = 48, .tissue = tissue };
    for (int a = 0; a < 3; a++) {
        anatomy.head_low[a] = 4;
        anatomy.head_high[a] = 92;
        anatomy.brain_low[a] = 18;
        anatomy.brain_high[a] = 78;
    }
    for (size_t i = 0; i < sizeof tissue; i++) {
        float point[3];
        anatomy_point(point, &anatomy, i);
        tissue[i] = OUTSIDE;
        for (size_t s = 0; s < sizeof shells / sizeof *shells; s++)
            if (in_ball(point, 48, 48, 48, shells[s].radius)) tissue[i] = shells[s].tissue;
        if (in_ball(point, 48, 72, 48, 4)) tissue[i] = VEIN;
        if (in_ball(point, 48, 48, 30, 4)) tissue[i] = GLAND;
    }
}

/* The grid that has the anatomy's voxels, and the warp that changes nothing. */
static const struct grid whole = { { SIDE, SIDE, SIDE }, { 0, 0, 0 }, 1 };
static float no_shift[8][3];
static const struct warp identity = { { 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0 },
                                      { { 2, 2, 2 }, { 0, 0, 0 }, 1 },
                                      no_shift };

static size_t at(int i, int j, int k)
{
    return ((size_t)k * SIDE + (size_t)j) * SIDE + (size_t)i;
}

/* A look without anything random in it. */
static struct look plain_look(void)
{
    struct look look = { .grain = { 2, 5, 15 }, .fat_share = 0.3f };
    for (int t = CAVITY; t < TISSUES; t++) look.mean[t] = 0.1f + 0.02f * (float)t;
    look.mean[WHITE] = 1;
    look.mean[SKIN] = look.mean[SOFT_TISSUE] = look.fat_mean = 0.5f;
    return look;
}

/* A ball of radius 8 mm at 60, 48, 48 in a box of 32 mm, of the part `part` alone. */
enum { BOX = 32 };
static uint8_t ball[BOX * BOX * BOX];
static struct lesion ball_lesion(enum part part)
{
    struct lesion lesion = { .low = { 44, 32, 32 }, .shape = { BOX, BOX, BOX }, .centre = { 60, 48, 48 } };
    for (int n = 0; n < BOX * BOX * BOX; n++) {
        const float point[3] = { (float)(n % BOX), (float)(n / BOX % BOX), (float)(n / BOX / BOX) };
        ball[n] = in_ball(point, 16, 16, 16, 8) ? 255 : 0;
    }
    lesion.cover[part] = ball;
    lesion.look[part] = (struct part_look){ .level = 0.5f, .uptake = 0.75f };
    return lesion;
}

static void must_paint(struct picture *picture, const struct lesion *lesion, const struct look *look, double strength)
{
    ck_assert(picture_paint(picture, &whole, &head, lesion, &identity, look, strength, 7));
}

START_TEST(a_warp_that_changes_nothing_gives_the_tissues_and_their_means)
{
    const struct lesion none = { .centre = { 40, 50, 60 } };
    const struct look look = plain_look();
    struct picture picture;
    int wrong = 0;
    must_paint(&picture, &none, &look, 0);
    for (size_t i = 0; i < sizeof tissue; i++)
        wrong += picture.tissue[i] != tissue[i] || picture.value[i] != look.mean[tissue[i]];
    ck_assert_int_eq(wrong, 0);
    for (int a = 0; a < 3; a++) ck_assert_float_eq_tol(picture.centre[a], none.centre[a], 1e-3);
    ck_assert_double_eq(picture.volume_ml, 0);
    picture_free(&picture);
}
END_TEST

START_TEST(between_two_voxels_lies_the_mean_of_their_tissues)
{
    const struct lesion none = { .centre = { 48, 48, 48 } };
    const struct look look = plain_look();
    struct grid grid = { { 1, 1, 1 }, { 0, 48, 48 }, 1 };
    struct picture picture;
    int i = 48;
    while (tissue[at(i + 1, 48, 48)] != CORTEX) i++;
    ck_assert_uint_eq(tissue[at(i, 48, 48)], WHITE);
    grid.origin[0] = (float)i + 0.25f;
    ck_assert(picture_paint(&picture, &grid, &head, &none, &identity, &look, 0, 7));
    ck_assert_float_eq_tol(picture.value[0], 0.75f * look.mean[WHITE] + 0.25f * look.mean[CORTEX], 1e-6);
    ck_assert_uint_eq(picture.tissue[0], WHITE);
    picture_free(&picture);
}
END_TEST

/* The mean of a picture over a tissue of the anatomy. */
static double mean_of(const struct look *look, enum tissue of)
{
    const struct lesion none = { .centre = { 48, 48, 48 } };
    struct picture picture;
    double sum = 0, count = 0;
    must_paint(&picture, &none, look, 0);
    for (size_t i = 0; i < sizeof tissue; i++) {
        if (tissue[i] != of) continue;
        sum += picture.value[i];
        count++;
    }
    picture_free(&picture);
    return sum / count;
}

START_TEST(fat_takes_its_share_of_soft_tissue_and_more_under_the_skin)
{
    struct look look = plain_look();
    look.fat_mean = 1.5f; /* where muscle is 0.5 */
    look.fat_share = 0.01f;
    const double little = mean_of(&look, SOFT_TISSUE);
    look.fat_share = 0.4f;
    const double some = mean_of(&look, SOFT_TISSUE);
    look.fat_depth = 1;
    const double thick = mean_of(&look, SOFT_TISSUE);
    ck_assert_double_gt(little, 0.5);
    ck_assert_double_gt(some, little + 0.1);
    ck_assert_double_gt(thick, some + 0.1);
    ck_assert_double_lt(thick, 1.5);
    ck_assert_float_eq_tol(mean_of(&look, WHITE), 1, 1e-6);
}
END_TEST

START_TEST(arteries_are_dark_where_their_flow_is_fast)
{
    struct look look = plain_look();
    look.mean[ARTERY] = 1;
    for (size_t i = 0; i < sizeof tissue; i++)
        if (tissue[i] == VEIN) tissue[i] = ARTERY;
    ck_assert_float_eq_tol(mean_of(&look, ARTERY), 1, 1e-6);
    look.vessels_flow = 1;
    const double dark = mean_of(&look, ARTERY);
    for (size_t i = 0; i < sizeof tissue; i++)
        if (tissue[i] == ARTERY) tissue[i] = VEIN;
    ck_assert_double_lt(dark, 0.3);
}
END_TEST

static double determinant(const struct warp *warp, const float point[3])
{
    float column[3][3], here[3];
    const float h = 0.5f;
    warp_point(here, warp, point);
    for (int a = 0; a < 3; a++) {
        float moved[3] = { point[0], point[1], point[2] };
        moved[a] += h;
        warp_point(column[a], warp, moved);
        for (int b = 0; b < 3; b++) column[a][b] = (column[a][b] - here[b]) / h;
    }
    return column[0][0] * (column[1][1] * column[2][2] - column[1][2] * column[2][1]) -
           column[0][1] * (column[1][0] * column[2][2] - column[1][2] * column[2][0]) +
           column[0][2] * (column[1][0] * column[2][1] - column[1][1] * column[2][0]);
}

/* A left-right exchange has a negative determinant everywhere; a fold would change its sign somewhere. */
START_TEST(warps_fold_nowhere_move_some_mm_and_exchange_the_sides_of_half)
{
    int flips = 0;
    double most = 0;
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct warp warp;
        ck_assert(warp_create(&warp, &anatomy, seed));
        const double sign = determinant(&warp, (float[]){ 0, 0, 0 }) < 0 ? -1 : 1;
        flips += sign < 0;
        for (float z = -45; z < 45; z += 5.3f)
            for (float y = -45; y < 45; y += 5.1f)
                for (float x = -45; x < 45; x += 4.9f) {
                    const double change = sign * determinant(&warp, (float[]){ x, y, z });
                    if (change < 0.15 || change > 4) ck_abort_msg("seed %d: Jacobian %g", (int)seed, change);
                }
        for (int n = 0; n < warp.grid.shape[0] * warp.grid.shape[1] * warp.grid.shape[2]; n++)
            most = fmax(most, fabsf(warp.shift[n][0]));
        warp_free(&warp);
    }
    ck_assert_int_gt(flips, 10);
    ck_assert_int_lt(flips, 30);
    ck_assert_double_gt(most, 4);
    ck_assert_double_lt(most, 25);
}
END_TEST

/* How much larger than its anatomy's the middle of the head is, where its ventricle lies, and places beside it. */
START_TEST(ventricles_vary_more_in_size_than_what_lies_round_them)
{
    double smallest = 9, largest = 0, middle = 0, beside = 0;
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct warp warp;
        ck_assert(warp_create(&warp, &anatomy, seed));
        float centre[3];
        warp_inverse(centre, &warp, (float[]){ 48, 48, 48 });
        const double growth = 1 / fabs(determinant(&warp, centre));
        const double other = 1 / fabs(determinant(&warp, (float[]){ centre[0], centre[1] + 30, centre[2] }));
        smallest = fmin(smallest, growth);
        largest = fmax(largest, growth);
        middle += log(growth) * log(growth);
        beside += log(other) * log(other);
        warp_free(&warp);
    }
    ck_assert_double_lt(smallest, 0.75);
    ck_assert_double_gt(largest, 1.5);
    ck_assert_double_gt(middle, 1.5 * beside);
}
END_TEST

START_TEST(the_inverse_of_a_warp_goes_back)
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct warp warp;
        ck_assert(warp_create(&warp, &anatomy, seed));
        for (int n = 0; n < 50; n++) {
            const float point[3] = { (float)(n * 7 % 90 - 45), (float)(n * 13 % 90 - 45), (float)(n * 29 % 90 - 45) };
            float there[3], back[3];
            warp_point(there, &warp, point);
            warp_inverse(back, &warp, there);
            for (int a = 0; a < 3; a++) ck_assert_float_eq_tol(back[a], point[a], 0.1f);
        }
        warp_free(&warp);
    }
}
END_TEST

START_TEST(a_row_of_a_warp_holds_what_its_points_hold)
{
    struct warp warp;
    ck_assert(warp_create(&warp, &anatomy, 3));
    float x[200], y[200], z[200];
    const float from[3] = { -100, 11.3f, -7.7f };
    warp_row((float *[]){ x, y, z }, &warp, from, 1, 200);
    for (int i = 0; i < 200; i++) {
        float point[3];
        warp_point(point, &warp, (float[]){ from[0] + (float)i, from[1], from[2] });
        ck_assert_float_eq_tol(x[i], point[0], 1e-3);
        ck_assert_float_eq_tol(y[i], point[1], 1e-3);
        ck_assert_float_eq_tol(z[i], point[2], 1e-3);
    }
    warp_free(&warp);
}
END_TEST

/* A drawn look, a drawn warp and a lesion, on a grid that only just holds the head. */
static void paint_all(struct picture *picture, const struct lesion *lesion, uint64_t seed)
{
    const struct grid grid = { { 80, 78, 76 }, { -52, -51, -50 }, 1.3f };
    struct look look;
    struct warp warp;
    look_draw(&look, seed, 1, 1);
    ck_assert(warp_create(&warp, &anatomy, seed));
    ck_assert(picture_paint(picture, &grid, &head, lesion, &warp, &look, 1, seed));
    warp_free(&warp);
}

START_TEST(the_same_seed_gives_the_same_bits_and_another_does_not)
{
    struct lesion lesion = ball_lesion(PART_SOLID);
    struct picture first, again, other;
    paint_all(&first, &lesion, 5);
    paint_all(&again, &lesion, 5);
    paint_all(&other, &lesion, 6);
    const size_t size = 80 * 78 * 76 * sizeof *first.value;
    ck_assert_mem_eq(first.value, again.value, size);
    ck_assert_mem_eq(first.tissue, again.tissue, size / sizeof *first.value);
    ck_assert_int_ne(memcmp(first.value, other.value, size), 0);
    picture_free(&first);
    picture_free(&again);
    picture_free(&other);
}
END_TEST

START_TEST(a_twin_differs_within_the_lesions_box_alone)
{
    struct lesion lesion = ball_lesion(PART_SOLID);
    const struct lesion none = { .centre = { 60, 48, 48 } };
    struct look look;
    struct picture tumour, twin;
    look_draw(&look, 11, 1, 1);
    must_paint(&tumour, &lesion, &look, 1);
    must_paint(&twin, &none, &look, 1);
    int near = 0, far = 0;
    for (size_t i = 0; i < sizeof tissue; i++) {
        float point[3];
        anatomy_point(point, &anatomy, i);
        const bool differs = tumour.value[i] != twin.value[i] || tumour.tissue[i] != twin.tissue[i];
        *(in_ball(point, 60, 48, 48, 9) ? &near : &far) += differs;
    }
    ck_assert_int_gt(near, 1500);
    ck_assert_int_eq(far, 0);
    picture_free(&tumour);
    picture_free(&twin);
}
END_TEST

START_TEST(contrast_shows_where_something_enhances_and_nowhere_else)
{
    const struct lesion none = { .centre = { 48, 48, 48 } };
    struct look look;
    struct picture before, after;
    look_draw(&look, 4, 1, 1);
    for (int t = 0; t < TISSUES; t++)
        if (t != VEIN && t != GLAND) look.uptake[t] = 0;
    look.vessels_uptake = 0;
    must_paint(&before, &none, &look, 0);
    must_paint(&after, &none, &look, 1);
    int brighter = 0, dull = 0, others = 0;
    for (size_t i = 0; i < sizeof tissue; i++) {
        const float gain = after.value[i] - before.value[i];
        if (tissue[i] == VEIN || tissue[i] == GLAND)
            ++*(gain > 0.2f * look.uptake[tissue[i]] ? &brighter : &dull);
        else
            others += gain != 0;
    }
    ck_assert_int_gt(brighter, 400);
    ck_assert_int_eq(dull, 0);
    ck_assert_int_eq(others, 0);
    picture_free(&before);
    picture_free(&after);
}
END_TEST

START_TEST(small_vessels_of_the_fluid_show_with_contrast_alone)
{
    const struct lesion none = { .centre = { 48, 48, 48 } };
    struct look look = plain_look();
    look.vessels_uptake = 0.8f;
    struct picture before, after;
    must_paint(&before, &none, &look, 0);
    must_paint(&after, &none, &look, 1);
    int fluid = 0, vessels = 0, elsewhere = 0;
    for (size_t i = 0; i < sizeof tissue; i++) {
        fluid += tissue[i] == CSF;
        elsewhere += tissue[i] != CSF && after.value[i] != before.value[i];
        vessels += after.value[i] > before.value[i] + 0.2f;
    }
    ck_assert_int_gt(vessels, fluid / 200);
    ck_assert_int_lt(vessels, fluid / 4);
    ck_assert_int_eq(elsewhere, 0);
    picture_free(&before);
    picture_free(&after);
}
END_TEST

START_TEST(each_part_is_painted_with_its_level)
{
    const struct look look = plain_look();
    for (int part = 0; part < PARTS; part++) {
        struct lesion lesion = ball_lesion((enum part)part);
        struct picture picture;
        must_paint(&picture, &lesion, &look, 0.5);
        ck_assert_float_eq_tol(picture.value[at(60, 48, 48)], 0.5f + 0.5f * 0.75f, 1e-6);
        const bool tumour = part == PART_DULL || part == PART_FLUID || part == PART_SOLID;
        ck_assert_uint_eq(picture.lesion[at(60, 48, 48)], tumour ? 1 : part == PART_OEDEMA ? 2 : 0);
        ck_assert_uint_eq(picture.lesion[at(75, 48, 48)], 0);
        picture_free(&picture);
    }
}
END_TEST

START_TEST(what_a_part_keeps_shows_through_and_later_parts_lie_over_it)
{
    const struct look look = plain_look();
    struct lesion lesion = ball_lesion(PART_OEDEMA);
    struct picture picture;
    lesion.look[PART_OEDEMA].keep = 0.75f;
    must_paint(&picture, &lesion, &look, 0);
    ck_assert_float_eq_tol(picture.value[at(60, 48, 48)], 0.75f * 1 + 0.25f * 0.5f, 1e-6);
    picture_free(&picture);
    lesion.cover[PART_FLUID] = ball;
    lesion.look[PART_FLUID] = (struct part_look){ .level = 0.3f };
    must_paint(&picture, &lesion, &look, 0);
    ck_assert_float_eq_tol(picture.value[at(60, 48, 48)], 0.3f, 1e-6);
    ck_assert_uint_eq(picture.lesion[at(60, 48, 48)], 1);
    picture_free(&picture);
}
END_TEST

/* Mean and deviation of a part with texture 0.2. */
static void texture_is(double level, double uptake, double mean_wanted, double deviation_wanted)
{
    const struct look look = plain_look();
    struct lesion lesion = ball_lesion(PART_SOLID);
    struct picture picture;
    lesion.look[PART_SOLID] = (struct part_look){
        .level = (float)level, .uptake = (float)uptake, .texture = 0.2f, .grain = 2
    };
    must_paint(&picture, &lesion, &look, 1);
    double sum = 0, squares = 0, count = 0;
    for (size_t i = 0; i < sizeof tissue; i++) {
        if (picture.lesion[i] != 1) continue;
        sum += picture.value[i];
        squares += picture.value[i] * picture.value[i];
        count++;
    }
    const double mean = sum / count, deviation = sqrt(squares / count - mean * mean);
    ck_assert_double_eq_tol(mean, mean_wanted, 0.03);
    ck_assert_double_eq_tol(deviation, deviation_wanted, 0.2 * deviation_wanted);
    picture_free(&picture);
}

START_TEST(texture_varies_enhancement_as_much_as_it_says_and_what_is_under_it_less)
{
    texture_is(0, 0.5, 0.5, 0.1);
    texture_is(0.5, 0, 0.5, 0.04);
}
END_TEST

START_TEST(tissue_comes_from_where_the_lesion_pushed_it_from)
{
    const struct look look = plain_look();
    struct lesion lesion = ball_lesion(PART_SOLID);
    static float push[17 * 17 * 17][3];
    lesion.cover[PART_SOLID] = NULL;
    lesion.push = push;
    lesion.push_step = 2;
    /* All of the box by 3 mm to the right: what is at x comes from x - 3. */
    for (int n = 0; n < 17 * 17 * 17; n++) push[n][0] = -3;
    for (int a = 0; a < 3; a++) lesion.push_shape[a] = 17;
    struct picture picture;
    must_paint(&picture, &lesion, &look, 0);
    for (int i = 44; i <= 75; i++) {
        ck_assert_uint_eq(picture.tissue[at(i, 48, 48)], tissue[at(i - 3, 48, 48)]);
        ck_assert_float_eq_tol(picture.value[at(i, 48, 48)], look.mean[tissue[at(i - 3, 48, 48)]], 1e-5);
    }
    ck_assert_uint_eq(picture.tissue[at(43, 48, 48)], tissue[at(43, 48, 48)]);
    picture_free(&picture);
}
END_TEST

START_TEST(the_painted_volume_is_the_lesions_on_any_grid)
{
    struct lesion lesion = ball_lesion(PART_SOLID);
    const struct look look = plain_look();
    double true_ml = 0;
    for (int n = 0; n < BOX * BOX * BOX; n++) true_ml += ball[n] / 255.0 / 1000;
    for (float step = 0.7f; step < 2; step += 0.4f) {
        const int n = (int)(96 / step);
        const struct grid grid = { { n, n, n }, { 0.13f, 0.21f, 0.37f }, step }; /* no voxel on an edge of the cover */
        struct picture picture;
        ck_assert(picture_paint(&picture, &grid, &head, &lesion, &identity, &look, 0, 7));
        double masked = 0;
        for (int i = 0; i < n * n * n; i++) masked += picture.lesion[i] == 1;
        ck_assert_double_eq_tol(picture.volume_ml / true_ml, 1, 0.03);
        ck_assert_double_eq_tol(masked * pow(step, 3) / 1000 / true_ml, 1, 0.1);
        picture_free(&picture);
    }
}
END_TEST

START_TEST(looks_are_those_of_t1_in_most_heads)
{
    int ordered = 0, bright_veins = 0, bright_fat = 0;
    const int heads = 500;
    for (uint64_t seed = 0; seed < (uint64_t)heads; seed++) {
        struct look look;
        look_draw(&look, seed, 1, 1);
        ordered += look.mean[CSF] < look.mean[CORTEX] && look.mean[CORTEX] < look.mean[WHITE];
        bright_veins += look.mean[VEIN] + look.uptake[VEIN] > 1.2f * look.mean[WHITE];
        bright_fat += look.fat_mean > 1.2f * look.mean[WHITE];
        ck_assert_float_eq(look.mean[OUTSIDE], 0);
        for (int t = CAVITY; t < TISSUES; t++) {
            ck_assert_float_gt(look.mean[t], 0);
            ck_assert_float_ge(look.uptake[t], 0);
        }
        ck_assert_float_le(look.uptake[WHITE], 0.05f * look.mean[WHITE]);
        ck_assert_float_eq(look.uptake[CSF], 0);
    }
    ck_assert_int_gt(ordered, heads * 92 / 100);
    ck_assert_int_lt(ordered, heads);
    ck_assert_int_gt(bright_veins, heads * 85 / 100);
    ck_assert_int_gt(bright_fat, heads * 85 / 100);
}
END_TEST

START_TEST(grey_and_white_and_fat_differ_as_the_scan_has_it)
{
    double contrast[2] = { 0, 0 }, fat[2] = { 0, 0 };
    for (uint64_t seed = 0; seed < 200; seed++)
        for (int i = 0; i < 2; i++) {
            struct look look;
            look_draw(&look, seed, i, i ? 1 : 0.2);
            contrast[i] += (look.mean[WHITE] - look.mean[CORTEX]) / 200;
            fat[i] += look.fat_mean / 200;
        }
    ck_assert_double_lt(contrast[0], 0.12);
    ck_assert_double_gt(contrast[1], 0.25);
    ck_assert_double_eq_tol(fat[0] / fat[1], 0.2, 0.01);
}
END_TEST

/* Every allocation fails once; what was there before is given back (a leak would show in the sanitizer's run). */
START_TEST(without_memory_nothing_is_painted_and_nothing_leaks)
{
    const struct lesion none = { .centre = { 48, 48, 48 } };
    const struct look look = plain_look();
    int failures = 0;
    for (int nth = 1, failed = 1; failed; nth++) {
        struct picture picture;
        fail_at = nth;
        const bool painted = picture_paint(&picture, &whole, &head, &none, &identity, &look, 0, 7);
        failed = fail_at == 0;
        fail_at = 0;
        ck_assert(painted == !failed);
        failures += failed;
        if (failed) ck_assert_ptr_null(picture.value);
        picture_free(&picture);
    }
    ck_assert_int_gt(failures, 10);
    for (int nth = 1, failed = 1; failed; nth++) {
        struct warp warp;
        fail_at = nth;
        const bool created = warp_create(&warp, &anatomy, 1);
        failed = fail_at == 0;
        fail_at = 0;
        ck_assert(created == !failed);
        failures += failed;
        warp_free(&warp);
    }
    ck_assert_int_gt(failures, 17);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("paint");
    tcase_set_timeout(cases, 120);
    tcase_add_unchecked_fixture(cases, setup_head, NULL);
    tcase_add_test(cases, a_warp_that_changes_nothing_gives_the_tissues_and_their_means);
    tcase_add_test(cases, between_two_voxels_lies_the_mean_of_their_tissues);
    tcase_add_test(cases, fat_takes_its_share_of_soft_tissue_and_more_under_the_skin);
    tcase_add_test(cases, arteries_are_dark_where_their_flow_is_fast);
    tcase_add_test(cases, warps_fold_nowhere_move_some_mm_and_exchange_the_sides_of_half);
    tcase_add_test(cases, ventricles_vary_more_in_size_than_what_lies_round_them);
    tcase_add_test(cases, the_inverse_of_a_warp_goes_back);
    tcase_add_test(cases, a_row_of_a_warp_holds_what_its_points_hold);
    tcase_add_test(cases, the_same_seed_gives_the_same_bits_and_another_does_not);
    tcase_add_test(cases, a_twin_differs_within_the_lesions_box_alone);
    tcase_add_test(cases, contrast_shows_where_something_enhances_and_nowhere_else);
    tcase_add_test(cases, small_vessels_of_the_fluid_show_with_contrast_alone);
    tcase_add_test(cases, each_part_is_painted_with_its_level);
    tcase_add_test(cases, what_a_part_keeps_shows_through_and_later_parts_lie_over_it);
    tcase_add_test(cases, texture_varies_enhancement_as_much_as_it_says_and_what_is_under_it_less);
    tcase_add_test(cases, tissue_comes_from_where_the_lesion_pushed_it_from);
    tcase_add_test(cases, the_painted_volume_is_the_lesions_on_any_grid);
    tcase_add_test(cases, looks_are_those_of_t1_in_most_heads);
    tcase_add_test(cases, grey_and_white_and_fat_differ_as_the_scan_has_it);
    tcase_add_test(cases, without_memory_nothing_is_painted_and_nothing_leaks);
    Suite *suite = suite_create("paint");
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
