/* Files that other software wrote, changed field by field: read, or refused with a sentence. */
#include "support.h"
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include "base/files.h"
#include "base/memory.h"
#include "check_image.h"
#include "check_model.h"
#include "mutate_gzip.h"
#include "mutate_nifti.h"
#include "mutate_onnx.h"

enum { ROUNDS = 40, MORE = 4096, MOST_BYTES = 400000 };

typedef size_t mutator(uint8_t *data, size_t size, size_t capacity, uint64_t seed);
typedef tumorclass_status reader(const char *name, const uint8_t *data, size_t size);

static int accepted, refused, files;

static void count(tumorclass_status status)
{
    *(status == TUMORCLASS_OK ? &accepted : &refused) += 1;
}

static void mutate_file(const char *path, mutator *mutate, reader *read)
{
    void *data;
    size_t size;
    if (file_load(&data, &size, path, MOST_BYTES) != TUMORCLASS_OK) return;
    uint8_t *changed = malloc(size + MORE);
    ck_assert_ptr_nonnull(changed);
    for (uint64_t seed = 0; seed < ROUNDS; seed++) {
        memcpy(changed, data, size);
        count(read(base_name(path), changed, mutate(changed, size, size + MORE, seed)));
    }
    free(changed);
    memory_free(data);
}

static bool ends_with(const char *name, const char *end)
{
    return strlen(name) > strlen(end) && !strcmp(name + strlen(name) - strlen(end), end);
}

static tumorclass_status read_scan(const char *name, const uint8_t *data, size_t size)
{
    return check_image(scratch_write(ends_with(name, ".gz") ? "scan.nii.gz" : "scan.nii", data, size));
}

static tumorclass_status read_model(const char *name, const uint8_t *data, size_t size)
{
    (void)name;
    return check_model(data, size);
}

static void mutate_any(const char *path)
{
    if (ends_with(path, ".gz")) mutate_file(path, mutate_gzip, read_scan);
    if (ends_with(path, ".nii") || ends_with(path, ".hdr")) mutate_file(path, mutate_nifti, read_scan);
    if (ends_with(path, ".onnx")) mutate_file(path, mutate_onnx, read_model);
}

/* Every file below a folder, or one in `step` of them. */
static void mutate_folder(const char *folder, int step)
{
    struct dirent **entries;
    const int entry_count = scandir(folder, &entries, NULL, alphasort);
    for (int i = 0; i < entry_count; i++) {
        char path[4096];
        struct stat about;
        snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        if (*entries[i]->d_name != '.' && !stat(path, &about)) {
            if (S_ISDIR(about.st_mode))
                mutate_folder(path, step);
            else if (files++ % step == 0)
                mutate_any(path);
        }
        free(entries[i]);
    }
    if (entry_count >= 0) free(entries);
}

static void expect_both(const char *what)
{
    printf("%s: %d read, %d refused\n", what, accepted, refused);
    ck_assert_int_gt(accepted, 0);
    ck_assert_int_gt(refused, 0);
    accepted = refused = 0;
}

START_TEST(scans_of_others)
{
    const char *folder = test_data("nifti");
    if (!folder) return;
    mutate_folder(folder, 1);
    expect_both("scans");
}
END_TEST

START_TEST(models_of_others)
{
    mutate_folder(MODELS, 1);
    expect_both("the untrained model");
    mutate_folder("/usr/share/libonnx-testdata/data", 8);
    printf("libonnx-testdata: %d read, %d refused\n", accepted, refused);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("mutations");
    tcase_set_timeout(cases, 300);
    tcase_add_test(cases, scans_of_others);
    tcase_add_test(cases, models_of_others);
    Suite *suite = suite_create("mutations");
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
