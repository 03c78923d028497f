/* Anatomies of real label maps, and heads drawn from them: landmarks agree, and what no map has stands where it does in
 * life. Without arguments two maps, one of each kind; with "all" every map of the test data. */
#include <math.h>
#include <string.h>
#include "anatomy.h"
#include "label_map.h"
#include "support.h"

enum { MAPS = 20, WITH_NECK = 1, WITHOUT_NECK = 7 };

/* One map at a time, for all tests of it. */
static int number;
static struct anatomy anatomy;
static struct label_map map; /* what it was made from */
static struct head head;

static const char *map_path(int map_number)
{
    char name[64];
    snprintf(name, sizeof name, "head-labels/training_seg_%02d.nii.gz", map_number);
    return test_data(name);
}

static void prepare(void)
{
    bool without_neck;
    const char *const path = map_path(number);
    if (!path || !anatomy_read(&anatomy, path) || !head_create(&head, &anatomy, 5)) abort();
    if (!label_map_read(&map, path) || !label_map_crop(&map, &without_neck)) abort();
}

static void clean_up(void)
{
    head_free(&head);
    anatomy_free(&anatomy);
    label_map_free(&map);
}

static size_t voxels(void)
{
    return (size_t)anatomy.shape[0] * (size_t)anatomy.shape[1] * (size_t)anatomy.shape[2];
}

static enum tissue at(int i, int j, int k)
{
    if (i < 0 || j < 0 || k < 0 || i >= anatomy.shape[0] || j >= anatomy.shape[1] || k >= anatomy.shape[2])
        return OUTSIDE;
    return (enum tissue)head.tissue[anatomy_index(&anatomy, i, j, k)];
}

static double apart(const float a[3], const float b[3])
{
    return sqrt(pow(a[0] - b[0], 2) + pow(a[1] - b[1], 2) + pow(a[2] - b[2], 2));
}

static bool between(double value, double low, double high)
{
    if (value < low || value > high) fprintf(stderr, "map %02d: %g is not %g to %g\n", number, value, low, high);
    return value >= low && value <= high;
}

START_TEST(it_is_the_map_it_was_made_from)
{
    char name[32];
    snprintf(name, sizeof name, "%02d", number);
    ck_assert_str_eq(anatomy.name, name);
    ck_assert_mem_eq(anatomy.shape, map.shape, sizeof map.shape);
    ck_assert_int_eq(anatomy.without_neck, anatomy.chiasm[2] - anatomy.head_low[2] < 80);
    size_t equal = 0;
    for (size_t i = 0; i < voxels(); i++) {
        const enum tissue tissue = (enum tissue)anatomy.tissue[i], label = tissue_of_label(map.label[i]);
        ck_assert_uint_lt(tissue, TISSUES);
        equal += tissue == label;
        /* Brain, but the outermost cortex where two parts touch, is as labelled. */
        if (is_brain(label) && label != CORTEX && label != CEREBELLAR_CORTEX) ck_assert_int_eq(tissue, label);
        ck_assert(tissue != GLAND && tissue != STALK && tissue != CANAL && tissue != NERVE);
    }
    ck_assert_uint_gt(equal, voxels() / 10 * 9);
}
END_TEST

START_TEST(landmarks_agree_with_each_other)
{
    const float *chiasm = anatomy.chiasm, *sella = anatomy.sella;
    ck_assert(between(apart(anatomy.carotid[LEFT], anatomy.carotid[RIGHT]), 17, 28));
    const double off[3] = { (anatomy.carotid[LEFT][0] + anatomy.carotid[RIGHT][0]) / 2 - anatomy.middle,
                            (anatomy.carotid[LEFT][1] + anatomy.carotid[RIGHT][1]) / 2 - sella[1],
                            (anatomy.carotid[LEFT][2] + anatomy.carotid[RIGHT][2]) / 2 - sella[2] };
    for (int a = 0; a < 3; a++) ck_assert(between(off[a], -5, 5));
    ck_assert(between(sella[1] - chiasm[1], -2, 9));
    ck_assert(between(chiasm[2] - sella[2], 10, 23));
    ck_assert(between(anatomy.infundibulum[1] - chiasm[1], -8, 1));
    ck_assert(between(anatomy.infundibulum[2] - sella[2], 8, 25));
    for (int side = 0; side < SIDES; side++) {
        const float *angle = anatomy.angle[side], *porus = anatomy.porus[side];
        const int lateral = side == LEFT ? -1 : 1;
        ck_assert(between(lateral * (angle[0] - anatomy.middle), 14, 32));
        ck_assert(between(chiasm[1] - angle[1], 5, 35));
        ck_assert(between(chiasm[2] - angle[2], 12, 32));
        ck_assert(between(lateral * (porus[0] - anatomy.middle), 18, 26));
        ck_assert(between(apart(angle, porus), 0, 7));
    }
    ck_assert(between(anatomy.porus[LEFT][2] - anatomy.porus[RIGHT][2], -6, 6));
    ck_assert(between(anatomy.porus[LEFT][1] - anatomy.porus[RIGHT][1], -6, 6));
}
END_TEST

START_TEST(nothing_constructed_lies_in_the_brain)
{
    for (size_t i = 0; i < voxels(); i++) {
        const enum tissue tissue = (enum tissue)head.tissue[i], label = tissue_of_label(map.label[i]);
        if (tissue < DURA || !is_brain(label)) continue;
        ck_assert_msg((tissue == FALX || tissue == TENTORIUM) && (label == CORTEX || label == CEREBELLAR_CORTEX),
                      "tissue %d in label %d", tissue, map.label[i]);
    }
}
END_TEST

START_TEST(the_gland_fills_the_sella)
{
    double sum[3] = { 0 }, count = 0, top = 0;
    double nearest_gland = INFINITY, nearest_root = INFINITY;
    for (size_t i = 0; i < voxels(); i++) {
        float point[3];
        anatomy_point(point, &anatomy, i);
        if (head.tissue[i] == GLAND) {
            for (int a = 0; a < 3; a++) sum[a] += point[a];
            top = fmax(top, point[2]);
            count++;
        }
        if (head.tissue[i] != STALK) continue;
        nearest_root = fmin(nearest_root, apart(point, anatomy.infundibulum));
        for (int k = -1; k <= 1; k++)
            for (int j = -1; j <= 1; j++)
                for (int n = -1; n <= 1; n++)
                    if (at((int)point[0] + n, (int)point[1] + j, (int)point[2] + k) == GLAND) nearest_gland = 1;
    }
    ck_assert(between(count, 60, 900));
    for (int a = 0; a < 3; a++) ck_assert(between(sum[a] / count - anatomy.sella[a], a == 2 ? 0 : -3, a == 2 ? 5 : 3));
    ck_assert_double_lt(top, anatomy.chiasm[2]);
    ck_assert(between(nearest_gland, 0, 1));
    ck_assert(between(nearest_root, 0, 5));
}
END_TEST

/* Shares of a canal's axis in the head's canal, and of it in what the map has as bone. */
START_TEST(canals_lie_in_bone)
{
    for (int side = 0; side < SIDES; side++) {
        const float(*canal)[3] = (const float(*)[3])head.canal[side];
        const double length = apart(canal[0], canal[1]);
        int all = 0, filled = 0, bone = 0;
        ck_assert(between(length, 7.5, 14));
        ck_assert(between((side == LEFT ? -1 : 1) * (canal[1][0] - canal[0][0]), 7, 14));
        for (double t = 1.5 / length; t < 1; t += 0.5 / length, all++) {
            int p[3];
            for (int a = 0; a < 3; a++) p[a] = (int)lround(canal[0][a] + t * (canal[1][a] - canal[0][a]));
            const int label = map.label[anatomy_index(&anatomy, p[0], p[1], p[2])];
            filled += at(p[0], p[1], p[2]) == CANAL || at(p[0], p[1], p[2]) == NERVE;
            bone += label == 0 || label == 515 || label == 516;
        }
        ck_assert(between((double)filled / all, 0.9, 1));
        ck_assert(between((double)bone / all, 0.65, 1));
    }
}
END_TEST

START_TEST(dura_is_a_thin_layer_on_bone)
{
    size_t count = 0, close = 0, far = 0;
    for (size_t i = 0; i < voxels(); i++) {
        if (head.tissue[i] != DURA) continue;
        ck_assert_uint_gt(anatomy.to_skull[i], 0);
        far += anatomy.to_skull[i] > 4;
        close += anatomy.to_skull[i] == 2;
        count++;
    }
    ck_assert(between((double)count, 15000, 70000));
    ck_assert_uint_gt(close, count / 2);
    ck_assert_uint_lt(far, count / 100);
}
END_TEST

/* Columns from left to right that a sheet closes, and how thick it is in them. */
START_TEST(the_falx_is_a_sheet_in_the_middle)
{
    size_t count = 0, columns = 0, low = 0;
    for (int k = 0; k < anatomy.shape[2]; k++)
        for (int j = 0; j < anatomy.shape[1]; j++) {
            size_t thick = 0;
            for (int i = 0; i < anatomy.shape[0]; i++)
                if (at(i, j, k) == FALX) {
                    ck_assert(between(i - anatomy.middle, -13, 13));
                    thick++;
                }
            count += thick;
            columns += thick > 0;
            low += thick && (float)k < anatomy.chiasm[2] - 5 && fabsf((float)j - anatomy.chiasm[1]) < 20;
        }
    ck_assert(between((double)columns, 4000, 14000));
    ck_assert(between((double)count / (double)columns, 1, 2.2));
    ck_assert_uint_eq(low, 0);
}
END_TEST

/* The white matter where the hemispheres meet, as the map's labels tell left from right. */
static size_t find_callosum(float (*point)[3], size_t most)
{
    size_t count = 0;
    for (size_t i = 0; i + 1 < voxels(); i++) {
        if (map.label[i] != 2 || map.label[i + 1] != 41 || count == most) continue;
        anatomy_point(point[count], &anatomy, i);
        if (point[count][2] > anatomy.chiasm[2] + 15) count++;
    }
    return count;
}

START_TEST(the_falx_ends_above_the_callosum)
{
    enum { MOST = 5000 };
    float(*callosum)[3] = malloc(sizeof(float[3]) * MOST);
    double least = INFINITY;
    const size_t count = find_callosum(callosum, MOST);
    ck_assert_uint_gt(count, 100);
    for (size_t i = 0; i < voxels(); i++) {
        float point[3];
        if (head.tissue[i] != FALX) continue;
        anatomy_point(point, &anatomy, i);
        for (size_t n = 0; n < count; n++) least = fmin(least, apart(point, callosum[n]));
    }
    free(callosum);
    ck_assert(between(least, 5, 9));
}
END_TEST

/* Whether one of the tissues comes within `reach` voxels of a column. */
static bool meets(int i, int j, int k, int step, int reach, enum tissue one, enum tissue other)
{
    for (int n = 1; n <= reach; n++)
        if (at(i, j, k + step * n) == one || at(i, j, k + step * n) == other) return true;
    return false;
}

START_TEST(the_tentorium_parts_cerebrum_and_cerebellum)
{
    size_t count = 0, over = 0, under = 0;
    for (int k = 0; k < anatomy.shape[2]; k++)
        for (int j = 0; j < anatomy.shape[1]; j++)
            for (int i = 0; i < anatomy.shape[0]; i++) {
                if (at(i, j, k) != TENTORIUM) continue;
                over += meets(i, j, k, 1, 12, CORTEX, WHITE);
                under += meets(i, j, k, -1, 12, CEREBELLAR_CORTEX, CEREBELLAR_WHITE);
                count++;
            }
    ck_assert(between((double)count, 4000, 25000));
    ck_assert(between((double)over / (double)count, 0.8, 1));
    ck_assert(between((double)under / (double)count, 0.7, 1));
}
END_TEST

START_TEST(air_in_the_head_is_not_outside)
{
    const int x = (int)anatomy.sella[0], y = (int)anatomy.sella[1], z = (int)anatomy.sella[2];
    size_t air = 0;
    for (int k = z - 12; k <= z; k++)
        for (int j = y; j <= y + 15; j++)
            for (int i = x - 5; i <= x + 5; i++) {
                ck_assert_int_ne(at(i, j, k), OUTSIDE);
                air += at(i, j, k) == CAVITY;
            }
    ck_assert_uint_gt(air, 300);
    for (int a = 0; a < 3; a++) ck_assert_float_ge(anatomy.head_low[a], a == 2 && !anatomy.without_neck ? 0 : 7);
}
END_TEST

static double nearest(size_t index, enum tissue one, enum tissue other, int reach)
{
    float p[3];
    double best = INFINITY;
    anatomy_point(p, &anatomy, index);
    for (int k = -reach; k <= reach; k++)
        for (int j = -reach; j <= reach; j++)
            for (int i = -reach; i <= reach; i++) {
                const int x = (int)p[0] + i, y = (int)p[1] + j, z = (int)p[2] + k;
                if (x < 0 || y < 0 || z < 0 || x >= anatomy.shape[0] || y >= anatomy.shape[1] || z >= anatomy.shape[2])
                    continue;
                const uint8_t tissue = anatomy.tissue[anatomy_index(&anatomy, x, y, z)];
                if (tissue == one || tissue == other) best = fmin(best, sqrt(i * i + j * j + k * k));
            }
    return best;
}

START_TEST(distances_are_those_to_the_nearest_voxel)
{
    const struct voxel_list *list = &anatomy.place[PLACE_DEEP_WHITE];
    for (size_t n = 0; n < list->count; n += list->count / 40) {
        const uint32_t i = list->index[n];
        const double mm = nearest(i, CORTEX, HIPPOCAMPUS, 12);
        ck_assert_uint_eq(anatomy.tissue[i], WHITE);
        if (mm < 12) ck_assert_double_eq_tol(anatomy.to_cortex[i] / 2.0, mm, 0.26);
        ck_assert(between(anatomy.to_cortex[i], 6, 50));
    }
}
END_TEST

static const struct {
    size_t fewest;
    uint64_t tissues; /* a bit each */
} expected[PLACES] = {
    [PLACE_DEEP_WHITE] = { 50000, UINT64_C(1) << WHITE },
    [PLACE_CALLOSUM] = { 8000, UINT64_C(1) << WHITE },
    [PLACE_CORTEX] = { 100000, UINT64_C(1) << WHITE | UINT64_C(1) << CORTEX },
    [PLACE_JUNCTION] = { 100000, UINT64_C(1) << WHITE },
    [PLACE_CEREBELLUM] = { 70000, UINT64_C(1) << CEREBELLAR_WHITE | UINT64_C(1) << CEREBELLAR_CORTEX },
    [PLACE_DEEP_GREY] = { 30000, UINT64_C(1) << THALAMUS | UINT64_C(1) << CAUDATE | UINT64_C(1) << PUTAMEN |
                                     UINT64_C(1) << PALLIDUM | UINT64_C(1) << BRAIN_STEM },
    [PLACE_CONVEXITY] = { 8000, UINT64_C(1) << DURA },
    [PLACE_PARASAGITTAL] = { 8000, UINT64_C(1) << DURA | UINT64_C(1) << FALX },
    [PLACE_SKULL_BASE] = { 1500, UINT64_C(1) << DURA },
    [PLACE_TENTORIUM] = { 8000, UINT64_C(1) << DURA | UINT64_C(1) << TENTORIUM },
};

START_TEST(places_hold_what_they_should_on_both_sides)
{
    for (int place = 0; place < PLACES; place++) {
        const struct voxel_list *list = &anatomy.place[place];
        size_t left = 0;
        ck_assert_msg(list->count >= expected[place].fewest, "place %d has %zu voxels", place, list->count);
        for (size_t n = 0; n < list->count; n++) {
            float point[3];
            ck_assert(expected[place].tissues >> anatomy.tissue[list->index[n]] & 1);
            anatomy_point(point, &anatomy, list->index[n]);
            left += point[0] < anatomy.middle;
        }
        ck_assert(between((double)left / (double)list->count, 0.25, 0.75));
    }
}
END_TEST

START_TEST(dura_places_are_where_their_names_say)
{
    double up[PLACES] = { 0 }, front[PLACES] = { 0 };
    for (int place = PLACE_CONVEXITY; place < PLACES; place++) {
        for (size_t n = 0; n < anatomy.place[place].count; n++) {
            float point[3];
            anatomy_point(point, &anatomy, anatomy.place[place].index[n]);
            up[place] += point[2] - anatomy.chiasm[2];
            front[place] += point[1] - anatomy.chiasm[1];
        }
        up[place] /= (double)anatomy.place[place].count;
        front[place] /= (double)anatomy.place[place].count;
    }
    ck_assert(between(up[PLACE_CONVEXITY], 15, 50));
    ck_assert(between(up[PLACE_PARASAGITTAL], 30, 80));
    ck_assert(between(up[PLACE_SKULL_BASE], -10, 15));
    ck_assert(between(front[PLACE_SKULL_BASE], 5, 45));
    ck_assert(between(up[PLACE_TENTORIUM], -45, 10));
    ck_assert(between(front[PLACE_TENTORIUM], -80, -20));
}
END_TEST

START_TEST(a_seed_is_a_head)
{
    struct head again, other;
    ck_assert(head_create(&again, &anatomy, 5) && head_create(&other, &anatomy, 6));
    ck_assert_mem_eq(again.tissue, head.tissue, voxels());
    ck_assert_mem_eq(again.gland, head.gland, sizeof head.gland);
    ck_assert_mem_eq(again.canal, head.canal, sizeof head.canal);
    size_t different[TISSUES] = { 0 };
    for (size_t i = 0; i < voxels(); i++)
        if (head.tissue[i] != other.tissue[i]) {
            different[head.tissue[i]]++;
            different[other.tissue[i]]++;
        }
    ck_assert_uint_gt(different[DURA], 1000);
    ck_assert_uint_gt(different[FALX], 300);
    ck_assert_uint_gt(different[GLAND], 5);
    ck_assert_uint_gt(different[CANAL] + different[NERVE], 5);
    ck_assert_uint_eq(different[SKIN] + different[THALAMUS] + different[BRAIN_STEM], 0);
    head_free(&again);
    head_free(&other);
}
END_TEST

/* Some heads have wider ventricles and sulci, and some narrower ventricles, than their map. */
START_TEST(heads_age)
{
    size_t least[TISSUES], most[TISSUES] = { 0 };
    memset(least, 0xff, sizeof least);
    for (uint64_t seed = 0; seed < 8; seed++) {
        struct head aged;
        size_t count[TISSUES] = { 0 };
        ck_assert(head_create(&aged, &anatomy, seed));
        for (size_t i = 0; i < voxels(); i++) count[aged.tissue[i]]++;
        head_free(&aged);
        for (int tissue = 0; tissue < TISSUES; tissue++) {
            if (count[tissue] < least[tissue]) least[tissue] = count[tissue];
            if (count[tissue] > most[tissue]) most[tissue] = count[tissue];
        }
    }
    ck_assert(between((double)most[VENTRICLE] / (double)least[VENTRICLE], 1.15, 3.5));
    ck_assert(between((double)most[CORTEX] / (double)least[CORTEX], 1.02, 1.7));
    ck_assert(between((double)most[WHITE] / (double)least[WHITE], 1.01, 1.7));
}
END_TEST

static void add_map_tests(TCase *cases)
{
    tcase_add_unchecked_fixture(cases, prepare, clean_up);
    tcase_set_timeout(cases, 600);
    tcase_add_test(cases, it_is_the_map_it_was_made_from);
    tcase_add_test(cases, landmarks_agree_with_each_other);
    tcase_add_test(cases, nothing_constructed_lies_in_the_brain);
    tcase_add_test(cases, the_gland_fills_the_sella);
    tcase_add_test(cases, canals_lie_in_bone);
    tcase_add_test(cases, dura_is_a_thin_layer_on_bone);
    tcase_add_test(cases, the_falx_is_a_sheet_in_the_middle);
    tcase_add_test(cases, the_falx_ends_above_the_callosum);
    tcase_add_test(cases, the_tentorium_parts_cerebrum_and_cerebellum);
    tcase_add_test(cases, air_in_the_head_is_not_outside);
    tcase_add_test(cases, distances_are_those_to_the_nearest_voxel);
    tcase_add_test(cases, places_hold_what_they_should_on_both_sides);
    tcase_add_test(cases, dura_places_are_where_their_names_say);
    tcase_add_test(cases, a_seed_is_a_head);
    tcase_add_test(cases, heads_age);
}

static int run_map(int map_number)
{
    char name[32];
    number = map_number;
    snprintf(name, sizeof name, "map %02d", number);
    TCase *cases = tcase_create(name);
    add_map_tests(cases);
    Suite *suite = suite_create(name);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}

int main(int count, char **arguments)
{
    const bool all = count > 1 && strcmp(arguments[1], "all") == 0;
    if (!map_path(WITH_NECK)) return SKIPPED;
    if (!all) return run_map(WITH_NECK) | run_map(WITHOUT_NECK);
    int failed = 0;
    for (int n = 1; n <= MAPS; n++) failed |= run_map(n);
    return failed;
}
