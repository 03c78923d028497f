/* Label maps that are wrong, in whatever order their voxels come, and anatomies kept in files. */
#include <math.h>
#include <string.h>
#include <tumorclass/tumorclass.h>
#include "anatomy.h"
#include "label_map.h"
#include "support.h"

enum { NX = 12, NY = 10, NZ = 8, COUNT = NX * NY * NZ };

static char folder[] = "/tmp/test_anatomy_XXXXXX", spoken[64], sentence[4096];

static const char *in_folder(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* What a call writes to stderr, into `sentence`. */
static int hear(void)
{
    const int before = dup(STDERR_FILENO);
    ck_assert(before >= 0 && freopen(spoken, "w", stderr));
    return before;
}

static void hear_end(int before)
{
    fflush(stderr);
    ck_assert_int_eq(dup2(before, STDERR_FILENO), STDERR_FILENO);
    close(before);
    FILE *file = fopen(spoken, "r");
    sentence[fread(sentence, 1, sizeof sentence - 1, file)] = '\0';
    fclose(file);
}

static bool read_map(struct label_map *map, const char *path)
{
    const int before = hear();
    const bool ok = label_map_read(map, path);
    hear_end(before);
    return ok;
}

static bool read_anatomy(struct anatomy *anatomy, const char *path)
{
    const int before = hear();
    const bool ok = anatomy_read(anatomy, path);
    hear_end(before);
    return ok;
}

static bool load(struct anatomy *anatomy, const char *path)
{
    const int before = hear();
    const bool ok = anatomy_load(anatomy, path);
    hear_end(before);
    return ok;
}

static void said(const char *words)
{
    ck_assert_msg(strstr(sentence, words) != NULL, "'%s' does not say '%s'", sentence, words);
}

/* A grid whose axes run to the right, front and up. */
static tumorclass_volume upright(const void *data, tumorclass_dtype dtype)
{
    return (tumorclass_volume){ .data = data,
                                .dtype = dtype,
                                .shape = { NX, NY, NZ },
                                .strides = { 1, NX, NX * NY },
                                .affine = { 1, 0, 0, -5, 0, 1, 0, -4, 0, 0, 1, 7 } };
}

static const char *write_map(const char *name, const tumorclass_volume *volume)
{
    const char *const path = in_folder(name);
    ck_assert_int_eq(tumorclass_image_write(path, volume, 1, NULL), TUMORCLASS_OK);
    return path;
}

static void fill(float *label)
{
    static const int some[] = { 0, 2, 41, 3, 42, 24, 515, 507, 511, 16 };
    for (int i = 0; i < COUNT; i++) label[i] = (float)some[i * 7 / 3 % 10];
}

START_TEST(voxels_come_in_any_order_and_type)
{
    float label[COUNT];
    int32_t turned[COUNT];
    struct label_map map, other;
    fill(label);
    /* LIA, as the training maps: i to the left, j down, k to the front. */
    for (int k = 0; k < NZ; k++)
        for (int j = 0; j < NY; j++)
            for (int i = 0; i < NX; i++)
                turned[(j * NZ + NZ - 1 - k) * NX + NX - 1 - i] = (int32_t)label[(k * NY + j) * NX + i];
    const tumorclass_volume plain = upright(label, TUMORCLASS_F32);
    const tumorclass_volume lia = { .data = turned,
                                    .dtype = TUMORCLASS_I32,
                                    .shape = { NX, NZ, NY },
                                    .strides = { 1, NX, NX * NZ },
                                    .affine = { -1, 0, 0, 6, 0, 0, 1, -4, 0, -1, 0, 14 } };
    ck_assert(read_map(&map, write_map("plain.nii", &plain)));
    ck_assert(read_map(&other, write_map("lia.nii", &lia)));
    for (int i = 0; i < COUNT; i++) ck_assert_uint_eq(map.label[i], (uint16_t)label[i]);
    ck_assert_mem_eq(map.shape, other.shape, sizeof map.shape);
    ck_assert_mem_eq(map.label, other.label, COUNT * sizeof *map.label);
    label_map_free(&map);
    label_map_free(&other);
}
END_TEST

START_TEST(unknown_labels_are_named_and_counted)
{
    float label[COUNT];
    struct anatomy anatomy;
    fill(label);
    label[5] = label[77] = 999;
    label[100] = 998.7f; /* rounds to it */
    const tumorclass_volume volume = upright(label, TUMORCLASS_F32);
    ck_assert(!read_anatomy(&anatomy, write_map("odd.nii", &volume)));
    said("odd.nii");
    said("label 999");
    said("3 voxels");
    label[5] = NAN;
    ck_assert(!read_anatomy(&anatomy, write_map("odd.nii", &volume)));
    said("a voxel is nan");
    label[5] = -3;
    ck_assert(!read_anatomy(&anatomy, write_map("odd.nii", &volume)));
    said("a voxel is -3");
}
END_TEST

START_TEST(grids_that_no_label_map_has_are_refused)
{
    float label[COUNT];
    struct anatomy anatomy;
    fill(label);
    tumorclass_volume volume = upright(label, TUMORCLASS_F32);
    volume.affine[5] = 2;
    ck_assert(!read_anatomy(&anatomy, write_map("coarse.nii", &volume)));
    said("2.000 mm");
    volume = upright(label, TUMORCLASS_F32);
    volume.affine[0] = volume.affine[5] = 0.8;
    volume.affine[1] = 0.6;
    volume.affine[4] = -0.6;
    ck_assert(!read_anatomy(&anatomy, write_map("tilted.nii", &volume)));
    said("tilted.nii");
    ck_assert(!read_anatomy(&anatomy, in_folder("none.nii")));
    said("none.nii");
}
END_TEST

START_TEST(a_map_without_a_landmark_says_which)
{
    float label[COUNT];
    struct anatomy anatomy;
    fill(label);
    const tumorclass_volume volume = upright(label, TUMORCLASS_F32);
    ck_assert(!read_anatomy(&anatomy, write_map("headless.nii", &volume)));
    said("neither optic chiasm (85) nor ventral diencephalon (28, 60)");
    for (int i = 0; i < 30; i++) label[COUNT / 2 + i] = 85;
    ck_assert(!read_anatomy(&anatomy, write_map("headless.nii", &volume)));
    said("no sella");
    for (int i = 0; i < COUNT; i++)
        if (label[i] == 41) label[i] = 0;
    ck_assert(!read_anatomy(&anatomy, write_map("headless.nii", &volume)));
    said("no white matter (41)");
}
END_TEST

static void *some_bytes(struct random *random, size_t size, unsigned below)
{
    uint8_t *bytes = malloc(size + 1);
    for (size_t i = 0; i < size; i++) bytes[i] = (uint8_t)random_below(random, (int)below);
    return bytes;
}

static uint32_t *some_indices(struct random *random, size_t count)
{
    uint32_t *index = malloc((count + 1) * sizeof *index);
    for (size_t i = 0; i < count; i++) index[i] = (uint32_t)random_below(random, COUNT);
    return index;
}

static struct anatomy make_anatomy(void)
{
    struct random random = random_of(1, STREAM_PLAN);
    struct anatomy anatomy = { .name = "17", .without_neck = true, .shape = { NX, NY, NZ }, .middle = 4.5f };
    anatomy.tissue = some_bytes(&random, COUNT, TISSUES);
    anatomy.to_skull = some_bytes(&random, COUNT, 255);
    anatomy.to_cortex = some_bytes(&random, COUNT, 255);
    for (int place = 0; place < PLACES; place++) /* the first is empty */
        anatomy.place[place] = (struct voxel_list){ some_indices(&random, (size_t)place * 11), (size_t)place * 11 };
    anatomy.dura = (struct voxel_list){ some_indices(&random, 13), 13 };
    for (int s = 0; s < SURFACES; s++)
        anatomy.near[s] = (struct near_surface){ some_indices(&random, (size_t)s + 1),
                                                 some_bytes(&random, (size_t)s + 1, 120), (size_t)s + 1 };
    anatomy.sella[2] = 3;
    anatomy.head_high[2] = 7;
    return anatomy;
}

START_TEST(what_is_saved_is_loaded)
{
    struct anatomy anatomy = make_anatomy(), loaded;
    const char *const path = in_folder("17.anatomy");
    ck_assert(anatomy_save(&anatomy, path) && load(&loaded, path));
    ck_assert_str_eq(loaded.name, "17");
    ck_assert(loaded.without_neck);
    ck_assert_mem_eq(loaded.shape, anatomy.shape, sizeof anatomy.shape);
    ck_assert_mem_eq(loaded.tissue, anatomy.tissue, COUNT);
    ck_assert_mem_eq(loaded.to_skull, anatomy.to_skull, COUNT);
    ck_assert_mem_eq(loaded.to_cortex, anatomy.to_cortex, COUNT);
    for (int place = 0; place <= PLACES; place++) {
        const struct voxel_list *a = place < PLACES ? &anatomy.place[place] : &anatomy.dura;
        const struct voxel_list *b = place < PLACES ? &loaded.place[place] : &loaded.dura;
        ck_assert_uint_eq(a->count, b->count);
        if (a->count) ck_assert_mem_eq(a->index, b->index, a->count * sizeof *a->index);
    }
    for (int s = 0; s < SURFACES; s++) {
        ck_assert_uint_eq(anatomy.near[s].count, loaded.near[s].count);
        ck_assert_mem_eq(anatomy.near[s].index, loaded.near[s].index, anatomy.near[s].count * sizeof(uint32_t));
        ck_assert_mem_eq(anatomy.near[s].offset, loaded.near[s].offset, anatomy.near[s].count);
    }
    ck_assert_float_eq(loaded.middle, 4.5f);
    ck_assert_float_eq(loaded.sella[2], 3);
    ck_assert_float_eq(loaded.head_high[2], 7);
    anatomy_free(&loaded);
    anatomy_free(&anatomy);
}
END_TEST

/* The bytes of a saved anatomy. */
static size_t saved_bytes(unsigned char **bytes)
{
    struct anatomy anatomy = make_anatomy();
    const char *const path = in_folder("whole.anatomy");
    ck_assert(anatomy_save(&anatomy, path));
    anatomy_free(&anatomy);
    FILE *file = fopen(path, "rb");
    *bytes = malloc(1 << 16);
    const size_t size = fread(*bytes, 1, 1 << 16, file);
    fclose(file);
    return size;
}

static bool loads(const unsigned char *bytes, size_t size)
{
    struct anatomy anatomy;
    const char *const path = in_folder("changed.anatomy");
    FILE *file = fopen(path, "wb");
    ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
    fclose(file);
    const bool ok = load(&anatomy, path);
    anatomy_free(&anatomy);
    if (!ok) said("changed.anatomy");
    return ok;
}

START_TEST(altered_files_are_refused)
{
    unsigned char *bytes;
    const size_t size = saved_bytes(&bytes);
    ck_assert(loads(bytes, size));
    for (size_t at = 0; at < size; at += at < 700 ? 3 : 97) {
        bytes[at] ^= 1;
        ck_assert_msg(!loads(bytes, size), "byte %zu of %zu changed, and nothing was said", at, size);
        bytes[at] ^= 1;
    }
    bytes[8] = 77;
    ck_assert(!loads(bytes, size));
    said("version 77");
    free(bytes);
}
END_TEST

START_TEST(files_of_another_length_are_refused)
{
    unsigned char *bytes;
    const size_t size = saved_bytes(&bytes);
    for (size_t less = 0; less < size; less += 97) ck_assert(!loads(bytes, less));
    ck_assert(!loads(bytes, size - 1));
    said("bytes, not");
    bytes[size] = 0;
    ck_assert(!loads(bytes, size + 1));
    free(bytes);
    struct anatomy anatomy;
    ck_assert(!load(&anatomy, in_folder("missing.anatomy")));
    said("missing.anatomy");
}
END_TEST

int main(void)
{
    if (!mkdtemp(folder)) return EXIT_FAILURE;
    snprintf(spoken, sizeof spoken, "%s/said", folder);
    TCase *cases = tcase_create("anatomy files");
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, voxels_come_in_any_order_and_type);
    tcase_add_test(cases, unknown_labels_are_named_and_counted);
    tcase_add_test(cases, grids_that_no_label_map_has_are_refused);
    tcase_add_test(cases, a_map_without_a_landmark_says_which);
    tcase_add_test(cases, what_is_saved_is_loaded);
    tcase_add_test(cases, altered_files_are_refused);
    tcase_add_test(cases, files_of_another_length_are_refused);
    Suite *suite = suite_create("anatomy files");
    suite_add_tcase(suite, cases);
    const int failed = run_suite(suite);
    static const char *const names[] = {
        "said",       "plain.nii",    "lia.nii",    "odd.nii",       "coarse.nii",
        "tilted.nii", "headless.nii", "17.anatomy", "whole.anatomy", "changed.anatomy"
    };
    for (size_t n = 0; n < sizeof names / sizeof *names; n++) unlink(in_folder(names[n]));
    rmdir(folder);
    return failed;
}
