/* Where a scan's voxels lie: what is at a place of the head is found at its millimetres in the file, however it is
 * sliced and stored, and the mask lies where the tumour is seen. */
#include <math.h>
#include <string.h>
#include "ball_head.h"
#include "support.h"

static const float place[3] = { 24, -15, 33 };

static double value_at(const struct scan *scan, size_t at)
{
    const float *floats = scan->voxels;
    return floats[at];
}

/* The middle of what is brighter than anything but the tumour, weighted by how much, and that of the mask, in the
 * affine's millimetres. */
struct found {
    double bright[3], mask[3], weight;
    int bright_count, mask_count;
};
/* mm. Mask and centre have whole voxels, of 3 or 4 mm: a voxel's middle lies up to half of one from a place. */
static const double near = 0.5, near_mask = 2.1;

static struct found find(const struct scan *scan)
{
    struct found found = { .weight = 0 };
    const int64_t *shape = scan->volume.shape;
    for (int64_t n = 0; n < shape[0] * shape[1] * shape[2]; n++) {
        const double at[3] = { (double)(n % shape[0]), (double)(n / shape[0] % shape[1]),
                               (double)(n / shape[0] / shape[1]) };
        const double above = fmax(0, value_at(scan, (size_t)n) - 1.6);
        const bool bright = above > 0.4, masked = scan->mask_voxels[n] == 1;
        found.weight += above;
        found.bright_count += bright;
        found.mask_count += masked;
        for (int a = 0; a < 3 && (above > 0 || masked); a++) {
            const double *row = scan->volume.affine + 4 * a;
            const double mm = row[0] * at[0] + row[1] * at[1] + row[2] * at[2] + row[3];
            found.bright[a] += above * mm;
            if (masked) found.mask[a] += mm;
        }
    }
    for (int a = 0; a < 3; a++) {
        found.bright[a] /= found.weight;
        found.mask[a] /= found.mask_count;
    }
    return found;
}

static void check_place(struct acquisition *acquisition, const float expected[3])
{
    struct scan scan;
    ck_assert(ball_acquire(&scan, acquisition, place, 14, 1));
    const struct found found = find(&scan);
    ck_assert_int_gt(found.bright_count, 50);
    ck_assert_double_eq_tol(found.mask_count, found.bright_count, 0.12 * found.bright_count);
    for (int a = 0; a < 3; a++) {
        ck_assert_double_eq_tol(found.bright[a], expected[a], near);
        ck_assert_double_eq_tol(found.mask[a], expected[a], near_mask);
        ck_assert_double_eq_tol(scan.centre[a], expected[a], near_mask);
    }
    ck_assert_double_eq_tol(scan.lesion_ml, 11.49, 0.8); /* 4/3 pi 1.4^3 */
    scan_free(&scan);
}

START_TEST(a_place_is_found_in_every_order_and_direction)
{
    static const int orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
    for (int n = 0; n < 48; n++) {
        struct acquisition acquisition = plain_acquisition();
        acquisition.plane = n % 3;
        acquisition.tilt[n / 3 % 3] = (float)(n % 17) - 8;
        memcpy(acquisition.axes, orders[n % 6], sizeof acquisition.axes);
        for (int a = 0; a < 3; a++) acquisition.flips[a] = n / 6 >> a & 1;
        check_place(&acquisition, place);
    }
}
END_TEST

START_TEST(a_place_is_found_in_every_plane_and_tilt)
{
    for (int n = 0; n < 12; n++) {
        struct acquisition acquisition = plain_acquisition();
        acquisition.plane = n % 3;
        acquisition.between = 4;
        acquisition.in_plane = 1.3f;
        acquisition.flips[1] = true;
        for (int a = 0; a < 3; a++) acquisition.tilt[a] = n / 3 == 3 ? 7 : n / 3 == a ? 10 : 0;
        check_place(&acquisition, place);
    }
}
END_TEST

START_TEST(voxels_are_as_far_apart_as_drawn)
{
    struct acquisition acquisition = plain_acquisition();
    acquisition.plane = 2;
    acquisition.in_plane = 0.9f;
    acquisition.between = 6.5f;
    acquisition.thickness = 5;
    acquisition.tilt[0] = 9;
    acquisition.axes[0] = 2;
    acquisition.axes[2] = 0;
    struct scan scan;
    ck_assert(ball_acquire(&scan, &acquisition, place, 14, 1));
    const double expected[3] = { 6.5, 0.9, 0.9 };
    const double *m = scan.volume.affine;
    for (int a = 0; a < 3; a++)
        ck_assert_double_eq_tol(sqrt(m[a] * m[a] + m[4 + a] * m[4 + a] + m[8 + a] * m[8 + a]), expected[a], 1e-5);
    ck_assert_int_eq(scan.volume.shape[1], lround(210 / 0.9));
    ck_assert_double_eq_tol(fabs(m[0]), 6.5, 1e-5); /* the slices' axis is that of the tilt */
    ck_assert_mem_eq(scan.volume.affine, scan.mask.affine, sizeof scan.mask.affine);
    ck_assert_mem_eq(scan.volume.shape, scan.mask.shape, sizeof scan.mask.shape);
    scan_free(&scan);
}
END_TEST

/* A scan with the wrong affine on purpose: its own words are wrong in the way that was asked for, and its mask and centre
 * agree with them. */
static struct found take(struct acquisition *acquisition, double centre[3])
{
    struct scan scan;
    ck_assert(ball_acquire(&scan, acquisition, place, 14, 1));
    const struct found found = find(&scan);
    for (int a = 0; a < 3; a++) {
        ck_assert_double_eq_tol(scan.centre[a], found.mask[a], near_mask);
        ck_assert_double_eq_tol(found.bright[a], found.mask[a], near_mask);
    }
    memcpy(centre, scan.centre, sizeof scan.centre);
    scan_free(&scan);
    return found;
}

START_TEST(reversed_slices_mirror_the_head)
{
    struct acquisition acquisition = plain_acquisition();
    double centre[3];
    acquisition.reversed = true;
    take(&acquisition, centre);
    const struct frame *frame = &acquisition.frame;
    const double middle = frame->first[2] + 0.5 * frame->step[2][2] * (frame->shape[2] - 1);
    ck_assert_double_eq_tol(centre[0], place[0], near_mask);
    ck_assert_double_eq_tol(centre[1], place[1], near_mask);
    ck_assert_double_eq_tol(centre[2], 2 * middle - place[2], near_mask);
}
END_TEST

START_TEST(a_wrong_plane_turns_the_head)
{
    struct acquisition acquisition = plain_acquisition();
    double centre[3];
    acquisition.mislabelled = true;
    take(&acquisition, centre);
    for (int a = 0; a < 3; a++) ck_assert_double_eq_tol(centre[(a + 1) % 3], place[a], near_mask);
}
END_TEST

START_TEST(a_lost_tilt_leaves_straight_axes)
{
    struct acquisition acquisition = plain_acquisition();
    double centre[3], off = 0;
    acquisition.tilt[0] = 10;
    acquisition.straightened = true;
    take(&acquisition, centre);
    for (int a = 0; a < 3; a++) off = fmax(off, fabs(centre[a] - place[a]));
    ck_assert_double_gt(off, 3); /* about sin 10 degrees of 36 mm */
    struct scan scan;
    ck_assert(ball_acquire(&scan, &acquisition, place, 14, 1));
    ck_assert(scan.volume.affine[1] == 0 && scan.volume.affine[6] == 0 && scan.volume.affine[9] == 0);
    scan_free(&scan);
}
END_TEST

START_TEST(a_slab_holds_its_place_as_deep_as_drawn)
{
    const struct acquisition_rules rules = { .family = { [FAMILY_SLAB] = true }, .finest = 2 };
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct acquisition acquisition;
        struct scan scan;
        acquisition_draw(&acquisition, &rules, 0.5, seed);
        acquisition.stripping = STRIP_NONE;
        acquisition.defaced = false;
        ck_assert(ball_acquire(&scan, &acquisition, place, 8, seed));
        const struct frame *frame = &acquisition.frame;
        double along = 0;
        for (int a = 0; a < 3; a++) along += ((double)place[a] - frame->first[a]) * frame->step[2][a];
        along = along / acquisition.between / acquisition.between + 0.5; /* slices from the slab's lower face */
        ck_assert_int_eq(frame->shape[2], acquisition.slices);
        ck_assert_double_eq_tol(along, acquisition.slices * (0.5 - acquisition.off_centre), 0.01);
        ck_assert_double_gt(scan.lesion_ml, 0.5);
        scan_free(&scan);
    }
}
END_TEST

/* A thin bright sheet, sampled by thick slices close together, shows their profile. */
START_TEST(slices_are_as_thick_as_drawn)
{
    struct acquisition acquisition = plain_acquisition();
    const struct anatomy anatomy = ball_anatomy();
    const struct warp warp = ball_warp();
    acquisition.in_plane = 1;
    acquisition.field[0] = acquisition.field[1] = 40;
    acquisition.between = 1;
    acquisition.thickness = 7;
    const struct grid grid = acquisition_grid(&acquisition, &anatomy, &warp, place);
    struct picture picture = ball_picture(&grid, place, 0);
    const size_t slice = (size_t)grid.shape[0] * (size_t)grid.shape[1];
    const int sheet = grid.shape[2] / 2;
    for (size_t n = 0; n < slice * (size_t)grid.shape[2]; n++) picture.value[n] = n / slice == (size_t)sheet ? 7 : 0;
    struct scan scan;
    ck_assert(scan_acquire(&scan, &acquisition, &picture, 1));
    const int64_t *shape = scan.volume.shape;
    double sum = 0, most = 0;
    for (int64_t k = 0; k < shape[2]; k++) {
        const double value = value_at(&scan,
                                      (size_t)(shape[0] * shape[1] * k + shape[0] * (shape[1] / 2) + shape[0] / 2));
        sum += value;
        most = fmax(most, value);
    }
    ck_assert_double_eq_tol(sum, 7, 0.1);         /* nothing is lost, */
    ck_assert_double_eq_tol(sum / most, 7, 0.35); /* and the profile is as wide as a box of 7 mm */
    ball_free(&picture);
    scan_free(&scan);
}
END_TEST

START_TEST(a_tumour_thinner_than_a_slice_has_a_mask)
{
    struct acquisition acquisition = plain_acquisition();
    struct scan scan;
    acquisition.in_plane = 1;
    acquisition.between = acquisition.thickness = 8;
    ck_assert(ball_acquire(&scan, &acquisition, place, 1.8f, 1));
    const int64_t *shape = scan.volume.shape;
    int masked = 0;
    for (int64_t n = 0; n < shape[0] * shape[1] * shape[2]; n++) masked += scan.mask_voxels[n] == 1;
    ck_assert(masked >= 1 && masked < 40);
    ck_assert_double_eq_tol(scan.lesion_ml, 0.0244, 0.006);
    scan_free(&scan);
}
END_TEST

START_TEST(a_head_without_tumour_has_its_phantom_place)
{
    struct acquisition acquisition = plain_acquisition();
    struct scan scan;
    acquisition.tilt[1] = 6;
    acquisition.flips[0] = true;
    ck_assert(ball_acquire(&scan, &acquisition, place, 0, 1));
    for (int a = 0; a < 3; a++) ck_assert_double_eq_tol(scan.centre[a], place[a], 1e-3);
    ck_assert_double_eq(scan.lesion_ml, 0);
    scan_free(&scan);
}
END_TEST

START_TEST(whole_heads_and_fixed_cubes_hold_the_head)
{
    struct acquisition_rules rules = { .family = { true, true, true, false, true, false }, .finest = 1.5 };
    const struct anatomy anatomy = ball_anatomy();
    const struct warp warp = ball_warp();
    for (uint64_t seed = 0; seed < 60; seed++) {
        rules.fixed_shape = seed % 2 ? 128 : 0;
        rules.fixed_step = 1.5;
        struct acquisition acquisition;
        acquisition_draw(&acquisition, &rules, 0.5, seed);
        const struct grid grid = acquisition_grid(&acquisition, &anatomy, &warp, place);
        for (int a = 0; a < 3; a++) {
            const float last = grid.origin[a] + grid.step * (float)(grid.shape[a] - 1);
            ck_assert_float_le(grid.origin[a], -BALL_BRAIN);
            ck_assert_float_ge(last, BALL_BRAIN);
            if (acquisition.cube) ck_assert_int_eq(acquisition.frame.shape[a], 128);
        }
        if (acquisition.family == FAMILY_ATLAS && !acquisition.cube && !acquisition.cropped)
            ck_assert_int_eq(acquisition.frame.shape[0], 160); /* 240 mm */
    }
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("scan_geometry");
    tcase_set_timeout(cases, 240);
    tcase_add_test(cases, a_place_is_found_in_every_order_and_direction);
    tcase_add_test(cases, a_place_is_found_in_every_plane_and_tilt);
    tcase_add_test(cases, voxels_are_as_far_apart_as_drawn);
    tcase_add_test(cases, reversed_slices_mirror_the_head);
    tcase_add_test(cases, a_wrong_plane_turns_the_head);
    tcase_add_test(cases, a_lost_tilt_leaves_straight_axes);
    tcase_add_test(cases, a_slab_holds_its_place_as_deep_as_drawn);
    tcase_add_test(cases, slices_are_as_thick_as_drawn);
    tcase_add_test(cases, a_tumour_thinner_than_a_slice_has_a_mask);
    tcase_add_test(cases, a_head_without_tumour_has_its_phantom_place);
    tcase_add_test(cases, whole_heads_and_fixed_cubes_hold_the_head);
    Suite *suite = suite_create("scan_geometry");
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
