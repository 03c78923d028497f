/* What a scan's numbers are: noise, artefacts, stripping, numbers in a file; the same bits for the same seed, and nothing
 * left behind where memory runs out. */
#include <math.h>
#include <string.h>
#include "ball_head.h"
#include "support.h"

static const float place[3] = { 24, -15, 33 };

/* malloc, calloc and free of the generator and of this file go through here (CMakeLists.txt). */
static int64_t in_use, calls, fail_at;
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void __wrap_free(void *block);

void *__wrap_malloc(size_t size)
{
    if (++calls == fail_at) return NULL;
    in_use++;
    return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    if (++calls == fail_at) return NULL;
    in_use++;
    return __real_calloc(count, size);
}

void __wrap_free(void *block)
{
    in_use -= block != NULL;
    __real_free(block);
}

static size_t voxel_count(const struct scan *scan)
{
    return (size_t)(scan->volume.shape[0] * scan->volume.shape[1] * scan->volume.shape[2]);
}

static double value_at(const struct scan *scan, size_t at)
{
    const void *voxels = scan->voxels;
    return scan->volume.dtype == TUMORCLASS_F32   ? (double)((const float *)voxels)[at]
           : scan->volume.dtype == TUMORCLASS_I16 ? ((const int16_t *)voxels)[at]
                                                  : ((const uint8_t *)voxels)[at];
}

/* mm from the head's middle, in a scan whose affine is true. */
static double radius_at(const struct scan *scan, size_t at)
{
    const size_t nx = (size_t)scan->volume.shape[0], ny = (size_t)scan->volume.shape[1];
    const double i = (double)(at % nx), j = (double)(at / nx % ny), k = (double)(at / nx / ny),
                 *m = scan->volume.affine;
    double squares = 0;
    for (int r = 0; r < 12; r += 4) {
        const double x = m[r] * i + m[r + 1] * j + m[r + 2] * k + m[r + 3];
        squares += x * x;
    }
    return sqrt(squares);
}

/* Mean and deviation of the voxels between two radii. */
struct spread {
    double mean, deviation, least, most;
    size_t count;
};

static struct spread spread_between(const struct scan *scan, double low, double high)
{
    struct spread spread = { .least = HUGE_VAL, .most = -HUGE_VAL };
    double squares = 0;
    for (size_t at = 0; at < voxel_count(scan); at++) {
        const double r = radius_at(scan, at), value = value_at(scan, at);
        if (r < low || r > high) continue;
        spread.mean += value;
        squares += value * value;
        spread.least = fmin(spread.least, value);
        spread.most = fmax(spread.most, value);
        spread.count++;
    }
    spread.mean /= (double)spread.count;
    spread.deviation = sqrt(fmax(0, squares / (double)spread.count - spread.mean * spread.mean));
    return spread;
}

static struct scan take(struct acquisition *acquisition, float radius, uint64_t seed)
{
    struct scan scan;
    ck_assert(ball_acquire(&scan, acquisition, place, radius, seed));
    return scan;
}

START_TEST(a_perfect_scanner_shows_the_picture)
{
    struct acquisition acquisition = plain_acquisition();
    acquisition.scale = 500;
    struct scan scan = take(&acquisition, 0, 1);
    const struct spread brain = spread_between(&scan, 0, 60), air = spread_between(&scan, 90, 1e3);
    ck_assert(fabs(brain.least - 500) < 0.01 && fabs(brain.most - 500) < 0.01);
    ck_assert(air.least == 0 && air.most == 0);
    scan_free(&scan);
}
END_TEST

/* In tissue the deviation of one channel; in air Rayleigh's mean. Fine voxels are interpolated from coarse samples. */
START_TEST(noise_has_the_deviation_asked_for)
{
    for (int n = 0; n < 4; n++) {
        struct acquisition acquisition = plain_acquisition();
        acquisition.noise = n % 2 ? 0.02f : 0.06f;
        acquisition.blur = n == 2 ? 2 : 0;
        acquisition.in_plane = n == 3 ? 0.5f : 2;
        acquisition.between = acquisition.thickness = n == 3 ? 8 : 2;
        acquisition.gibbs = n == 1 ? 0.7f : 0;
        struct scan scan = take(&acquisition, 0, 7 + (uint64_t)n);
        const struct spread brain = spread_between(&scan, 0, 50), air = spread_between(&scan, 92, 100);
        ck_assert_double_eq_tol(brain.deviation, acquisition.noise, 0.04 * acquisition.noise);
        ck_assert_double_eq_tol(air.mean, 1.2533 * acquisition.noise, 0.04 * acquisition.noise);
        ck_assert_double_gt(air.least, 0);
        scan_free(&scan);
    }
}
END_TEST

START_TEST(a_coil_shades_as_much_as_asked)
{
    double sum = 0;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct acquisition acquisition = plain_acquisition();
        acquisition.bias = 0.1f;
        acquisition.bias_grain = 30;
        struct scan scan = take(&acquisition, 0, seed);
        const struct spread brain = spread_between(&scan, 0, 60);
        sum += brain.deviation / brain.mean;
        scan_free(&scan);
    }
    ck_assert_double_eq_tol(sum / 12, 0.1, 0.015);
}
END_TEST

START_TEST(ghosts_ringing_blur_and_gamma_do_what_they_are_called)
{
    struct acquisition acquisition = plain_acquisition();
    struct scan plain = take(&acquisition, 0, 1);
    acquisition.ghost = 0.1f;
    struct scan ghost = take(&acquisition, 0, 1);
    ck_assert_double_gt(spread_between(&ghost, 90, 120).most, 0.05);
    acquisition.ghost = 0;
    acquisition.gibbs = 1;
    struct scan ringing = take(&acquisition, 0, 1);
    ck_assert_double_gt(spread_between(&ringing, 60, 68).most, 1.03);
    ck_assert_double_lt(spread_between(&plain, 60, 66).most, 1.001);
    acquisition.gibbs = 0;
    acquisition.blur = 4;
    struct scan blurred = take(&acquisition, 0, 1);
    ck_assert_double_lt(spread_between(&blurred, 64, 68).mean, 0.97 * spread_between(&plain, 64, 68).mean);
    acquisition.blur = 0;
    acquisition.gamma = 1.4f;
    struct scan bent = take(&acquisition, 14, 1);
    struct scan straight = (acquisition.gamma = 1, take(&acquisition, 14, 1));
    for (size_t at = 0; at < voxel_count(&bent); at++)
        ck_assert_double_eq_tol(value_at(&bent, at), pow(value_at(&straight, at), 1.4), 1e-4);
    scan_free(&plain);
    scan_free(&ghost);
    scan_free(&ringing);
    scan_free(&blurred);
    scan_free(&bent);
    scan_free(&straight);
}
END_TEST

START_TEST(integers_use_their_range_and_no_more)
{
    struct acquisition acquisition = plain_acquisition();
    acquisition.bits = 8;
    struct scan narrow = take(&acquisition, 14, 1);
    const struct spread bytes = spread_between(&narrow, 0, 1e3);
    ck_assert_int_eq(narrow.volume.dtype, TUMORCLASS_U8);
    ck_assert(bytes.least == 0 && bytes.most == 255);
    acquisition.bits = 16;
    acquisition.scale = 700;
    struct scan wide = take(&acquisition, 14, 1);
    ck_assert_int_eq(wide.volume.dtype, TUMORCLASS_I16);
    ck_assert_double_eq(spread_between(&wide, 0, 20).mean, 700);
    acquisition.scale = 20000;
    struct scan full = take(&acquisition, 14, 1);
    ck_assert_double_eq(spread_between(&full, 0, 1e3).most, 32767);
    ck_assert_double_eq(spread_between(&full, 0, 1e3).least, 0);
    scan_free(&narrow);
    scan_free(&wide);
    scan_free(&full);
}
END_TEST

/* Of a stripped scan: all that differs from the first voxel is foreground, of this mean and deviation. */
static struct spread foreground(const struct scan *scan)
{
    struct spread spread = { .least = HUGE_VAL, .most = -HUGE_VAL };
    const double background = value_at(scan, 0);
    double squares = 0;
    for (size_t at = 0; at < voxel_count(scan); at++) {
        const double value = value_at(scan, at);
        if (value == background) continue;
        spread.mean += value;
        squares += value * value;
        spread.most = fmax(spread.most, value);
        spread.least = fmin(spread.least, value);
        spread.count++;
    }
    spread.mean /= (double)spread.count;
    spread.deviation = sqrt(squares / (double)spread.count - spread.mean * spread.mean);
    return spread;
}

START_TEST(stripped_scans_have_a_constant_background)
{
    const double ball = 4.0 / 3 * 3.14159265 * BALL_BRAIN * BALL_BRAIN * BALL_BRAIN / 27;
    for (int kind = STRIP_WELL; kind < STRIP_KINDS; kind++)
        for (int how = 0; how < NORMALISATIONS; how++) {
            struct acquisition acquisition = plain_acquisition();
            acquisition.stripping = (enum stripping)kind;
            acquisition.normalised = (enum normalisation)how;
            acquisition.noise = 0.05f;
            struct scan scan = take(&acquisition, 14, 3);
            const struct spread inside = foreground(&scan), air = spread_between(&scan, 90, 1e3);
            ck_assert(air.least == air.most);
            ck_assert_double_gt((double)inside.count, 0.7 * ball);
            ck_assert_double_lt((double)inside.count, 1.25 * ball);
            if (how != NORMALISED_ALL) ck_assert_double_eq(air.most, 0);
            if (how == NORMALISED_ALL) ck_assert_double_lt(air.most, -2);
            if (how == NORMALISED_UNIT) ck_assert(inside.least >= 0 && inside.most == 1);
            if (how == NORMALISED_ALL || how == NORMALISED_INSIDE) {
                ck_assert_double_eq_tol(inside.mean, 0, 0.01);
                ck_assert_double_eq_tol(inside.deviation, 1, 0.01);
            }
            scan_free(&scan);
        }
}
END_TEST

START_TEST(tools_keep_more_or_less)
{
    size_t kept[STRIP_KINDS] = { 0 };
    for (int kind = STRIP_WELL; kind < STRIP_KINDS; kind++)
        for (uint64_t seed = 1; seed <= 5; seed++) {
            struct acquisition acquisition = plain_acquisition();
            acquisition.stripping = (enum stripping)kind;
            struct scan scan = take(&acquisition, 0, seed);
            kept[kind] += foreground(&scan).count;
            scan_free(&scan);
        }
    ck_assert(1.03 * (double)kept[STRIP_TIGHT] < (double)kept[STRIP_WELL]);
    ck_assert(1.03 * (double)kept[STRIP_WELL] < (double)kept[STRIP_LOOSE]);
}
END_TEST

/* A tumour in the brain stays; one in the dura goes in part, and what goes is neither counted nor masked. */
START_TEST(stripping_takes_of_tumours_outside_the_brain)
{
    static const float inside[3] = { 20, 10, 5 }, outside[3] = { 0, 0, 72 };
    double left[STRIP_KINDS][2] = { { 0 } };
    for (int kind = STRIP_NONE; kind < STRIP_KINDS; kind++)
        for (int n = 0; n < 8; n++) {
            struct acquisition acquisition = plain_acquisition();
            acquisition.stripping = (enum stripping)kind;
            struct scan scan;
            ck_assert(ball_acquire(&scan, &acquisition, n % 2 ? outside : inside, 12, (uint64_t)n / 2 + 1));
            left[kind][n % 2] += scan.lesion_ml / 4;
            for (size_t at = 0; kind && at < voxel_count(&scan); at++)
                if (value_at(&scan, at) == 0) ck_assert_int_eq(scan.mask_voxels[at], 0);
            scan_free(&scan);
        }
    for (int kind = STRIP_WELL; kind < STRIP_KINDS; kind++) {
        ck_assert_double_gt(left[kind][0], 0.97 * left[STRIP_NONE][0]);
        ck_assert_double_lt(left[kind][1], 0.99 * left[STRIP_NONE][1]);
        ck_assert_double_gt(left[kind][1], 0.2 * left[STRIP_NONE][1]);
    }
    /* Were the tumour brain to the tool, it would keep over 0.8 of it. */
    ck_assert_double_lt(left[STRIP_TIGHT][1], 0.72 * left[STRIP_NONE][1]);
    ck_assert_double_lt(left[STRIP_RAGGED][1], 0.72 * left[STRIP_NONE][1]);
    ck_assert_double_gt(left[STRIP_LOOSE][1], 0.9 * left[STRIP_NONE][1]);
}
END_TEST

START_TEST(defacing_takes_the_face_and_spares_the_brain)
{
    struct acquisition acquisition = plain_acquisition();
    acquisition.defaced = true;
    acquisition.noise = 0.02f;
    struct scan scan = take(&acquisition, 0, 1);
    ck_assert_double_gt(spread_between(&scan, 0, 68).least, 0.5);
    const size_t nx = (size_t)scan.volume.shape[0], ny = (size_t)scan.volume.shape[1];
    int face = 0, blank = 0, back = 0;
    ck_assert_double_gt(spread_between(&scan, 90, 1e3).deviation, 0.005);
    for (size_t at = 0; at < voxel_count(&scan); at++) {
        const double r = radius_at(&scan, at);
        const bool front = at / nx % ny > 3 * ny / 4, low = at / nx / ny < (size_t)scan.volume.shape[2] / 3;
        const bool skin = r > 77 && r < 80;
        face += skin && front && low;
        blank += skin && front && low && value_at(&scan, at) == 0;
        back += at / nx % ny < ny / 2 && value_at(&scan, at) == 0;
    }
    ck_assert_int_gt(blank, face / 2);
    ck_assert_int_eq(back, 0);
    scan_free(&scan);
}
END_TEST

static struct acquisition drawn(uint64_t seed)
{
    const struct acquisition_rules rules = { .family = { true, true, true, true, true, true }, .finest = 2.5 };
    struct acquisition acquisition;
    acquisition_draw(&acquisition, &rules, 0.5, seed);
    return acquisition;
}

START_TEST(the_same_seed_gives_the_same_bits)
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct acquisition first = drawn(seed), second = drawn(seed);
        struct scan scan = take(&first, 14, seed), again = take(&second, 14, seed),
                    other = take(&second, 14, seed + 99);
        const size_t size = voxel_count(&scan) * (size_t)first.bits / 8;
        ck_assert_mem_eq(scan.voxels, again.voxels, size);
        ck_assert_mem_eq(scan.mask_voxels, again.mask_voxels, voxel_count(&scan));
        ck_assert_mem_eq(&scan.volume.affine, &again.volume.affine, sizeof scan.volume.affine);
        ck_assert_int_ne(memcmp(scan.voxels, other.voxels, size), 0);
        scan_free(&scan);
        scan_free(&again);
        scan_free(&other);
    }
}
END_TEST

START_TEST(without_memory_nothing_is_left_behind)
{
    struct acquisition acquisition = plain_acquisition();
    const struct anatomy anatomy = ball_anatomy();
    const struct warp warp = ball_warp();
    acquisition.in_plane = acquisition.between = acquisition.thickness = 6;
    acquisition.stripping = STRIP_RAGGED;
    acquisition.noise = 0.02f;
    const struct grid grid = acquisition_grid(&acquisition, &anatomy, &warp, place);
    struct picture picture = ball_picture(&grid, place, 14);
    int failures = 0;
    for (bool taken = false; !taken; failures++) {
        struct scan scan;
        const int64_t before = in_use; /* Check takes memory too, between these lines */
        calls = 0;
        fail_at = failures + 1;
        taken = scan_acquire(&scan, &acquisition, &picture, 1);
        fail_at = 0;
        if (taken) scan_free(&scan);
        const int64_t left = in_use - before;
        ck_assert_int_eq(left, 0);
        ck_assert_int_lt(failures, 1000);
    }
    ck_assert_int_gt(failures, 20);
    ball_free(&picture);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("scan");
    tcase_set_timeout(cases, 240);
    tcase_add_test(cases, a_perfect_scanner_shows_the_picture);
    tcase_add_test(cases, noise_has_the_deviation_asked_for);
    tcase_add_test(cases, a_coil_shades_as_much_as_asked);
    tcase_add_test(cases, ghosts_ringing_blur_and_gamma_do_what_they_are_called);
    tcase_add_test(cases, integers_use_their_range_and_no_more);
    tcase_add_test(cases, stripped_scans_have_a_constant_background);
    tcase_add_test(cases, tools_keep_more_or_less);
    tcase_add_test(cases, stripping_takes_of_tumours_outside_the_brain);
    tcase_add_test(cases, defacing_takes_the_face_and_spares_the_brain);
    tcase_add_test(cases, the_same_seed_gives_the_same_bits);
    tcase_add_test(cases, without_memory_nothing_is_left_behind);
    Suite *suite = suite_create("scan");
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
