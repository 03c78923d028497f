#include "support.h"
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include "base/files.h"
#include "base/memory.h"
#include "base/monitor.h"
#include "base/sha256.h"
#include "base/threads.h"
#include "base/work.h"

START_TEST(sha256_matches_published_vectors)
{
    char hex[65];
    sha256(hex, "", 0);
    ck_assert_str_eq(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    sha256(hex, "abc", 3);
    ck_assert_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    static const char two_blocks[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    sha256(hex, two_blocks, strlen(two_blocks));
    ck_assert_str_eq(hex, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    static char million[1000000];
    memset(million, 'a', sizeof million);
    sha256(hex, million, sizeof million);
    ck_assert_str_eq(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}
END_TEST

struct counted {
    atomic_int visits[1000];
    int32_t workers;
    atomic_int bad_worker;
};

static void count_visits(void *context, int64_t begin, int64_t end, int32_t worker)
{
    struct counted *counted = context;
    if (worker < 0 || worker >= counted->workers) atomic_store(&counted->bad_worker, 1);
    for (int64_t i = begin; i < end; i++) atomic_fetch_add(&counted->visits[i], 1);
}

START_TEST(pool_visits_every_item_once_for_any_size)
{
    static const int64_t counts[] = { 1, 2, 3, 7, 64, 1000 };
    for (int32_t threads = 1; threads <= 9; threads++) {
        struct pool *pool = pool_create(threads);
        ck_assert_ptr_nonnull(pool);
        for (int round = 0; round < 200; round++) {
            struct counted counted = { .workers = pool_size(pool) };
            const int64_t count = counts[round % 6];
            pool_run(pool, count_visits, &counted, count);
            for (int64_t i = 0; i < 1000; i++) ck_assert_int_eq(atomic_load(&counted.visits[i]), i < count);
            ck_assert_int_eq(atomic_load(&counted.bad_worker), 0);
        }
        pool_free(pool);
    }
}
END_TEST

START_TEST(work_visits_every_item_once_in_rounds_that_can_be_cancelled)
{
    struct pool *pool = pool_create(3);
    const struct work work = work_create(pool, NULL, "test");
    for (int64_t count = 0; count < 30; count++) {
        struct counted counted = { .workers = pool_size(pool) };
        ck_assert_int_eq(work_run(&work, count_visits, &counted, count, 1 << 22), TUMORCLASS_OK); /* rounds of 4 */
        for (int64_t i = 0; i < 1000; i++) ck_assert_int_eq(atomic_load(&counted.visits[i]), i < count);
        ck_assert_int_eq(atomic_load(&counted.bad_worker), 0);
    }
    atomic_int cancelled = 1;
    const struct monitor monitor = { .cancelled = &cancelled };
    const struct work stopped = work_create(pool, &monitor, "test");
    struct counted counted = { .workers = pool_size(pool) };
    ck_assert_int_eq(work_run(&stopped, count_visits, &counted, 30, 1), TUMORCLASS_CANCELLED);
    ck_assert_int_eq(atomic_load(&counted.visits[0]), 0);
    pool_free(pool);
}
END_TEST

START_TEST(allocation_refuses_sizes_that_overflow)
{
    ck_assert_ptr_null(memory_allocate(SIZE_MAX / 2, 3));
    ck_assert_ptr_null(memory_allocate(SIZE_MAX, 1));
    ck_assert_int_eq(multiply_extents((const int64_t[]){ INT64_MAX, 2 }, 2), -1);
    ck_assert_int_eq(multiply_extents((const int64_t[]){ 3, 0 }, 2), -1);
    ck_assert_int_eq(multiply_extents((const int64_t[]){ 3, 5 }, 2), 15);
}
END_TEST

START_TEST(allocation_can_be_made_to_fail_once)
{
    memory_fail_at(2);
    void *first = memory_allocate(1, 1), *second = memory_allocate(1, 1), *third = memory_allocate(1, 1);
    ck_assert_ptr_nonnull(first);
    ck_assert_ptr_null(second);
    ck_assert_ptr_nonnull(third);
    ck_assert_int_eq((uintptr_t)first % 64, 0);
    memory_free(first);
    memory_free(third);
}
END_TEST

struct options {
    size_t struct_size;
    int64_t first, second;
};

START_TEST(options_of_older_and_newer_callers_are_read)
{
    struct options read;
    const struct {
        struct options known;
        int64_t tail;
    } newer = { { sizeof newer, 1, 2 }, 0 }, asking = { { sizeof asking, 1, 2 }, 3 };
    const struct options older = { offsetof(struct options, second), 1, 2 };

    ck_assert_int_eq(read_options(&read, &older, sizeof read, "options"), TUMORCLASS_OK);
    ck_assert_int_eq(read.first, 1);
    ck_assert_int_eq(read.second, 0);
    ck_assert_int_eq(read_options(&read, &newer, sizeof read, "options"), TUMORCLASS_OK);
    ck_assert_int_eq(read.second, 2);
    ck_assert_int_eq(read_options(&read, &asking, sizeof read, "options"), TUMORCLASS_NEWER_CALLER);
    ck_assert_int_eq(read_options(&read, &(struct options){ 0, 1, 2 }, sizeof read, "options"),
                     TUMORCLASS_BAD_ARGUMENT);
}
END_TEST

static void *fail_elsewhere(void *unused)
{
    fail(TUMORCLASS_LIMIT, "another thread");
    return unused;
}

START_TEST(last_error_belongs_to_its_thread_and_hides_control_characters)
{
    fail(TUMORCLASS_IO_ERROR, "a\nb %d", 7);
    pthread_t thread;
    pthread_create(&thread, NULL, fail_elsewhere, NULL);
    pthread_join(thread, NULL);
    ck_assert_str_eq(tumorclass_last_error(), "a?b 7");
    fail_within(TUMORCLASS_IO_ERROR, "file %s", "x.nii");
    ck_assert_str_eq(tumorclass_last_error(), "file x.nii: a?b 7");
}
END_TEST

START_TEST(abandoned_output_leaves_the_old_file_and_nothing_else)
{
    char folder[] = "/tmp/tumorclass-test-XXXXXX", path[64], command[128];
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/out", folder);
    ck_assert_int_eq(tumorclass_write_file(path, "old", 3), TUMORCLASS_OK);

    struct output output;
    ck_assert_int_eq(file_create(&output, path), TUMORCLASS_OK);
    ck_assert_int_eq(file_write(&output, "new", 3), TUMORCLASS_OK);
    file_abandon(&output);

    void *data;
    size_t size;
    ck_assert_int_eq(file_load(&data, &size, path, 100), TUMORCLASS_OK);
    ck_assert_uint_eq(size, 3);
    ck_assert_mem_eq(data, "old", 3);
    memory_free(data);
    snprintf(command, sizeof command, "test $(ls %s | wc -l) = 1 && rm -r %s", folder, folder);
    ck_assert_int_eq(system(command), 0);
}
END_TEST

START_TEST(output_through_a_link_replaces_what_it_points_to)
{
    char folder[] = "/tmp/tumorclass-test-XXXXXX", target[64], link[64], command[128];
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(target, sizeof target, "%s/target", folder);
    snprintf(link, sizeof link, "%s/link", folder);
    ck_assert_int_eq(tumorclass_write_file(target, "old", 3), TUMORCLASS_OK);
    ck_assert_int_eq(symlink("target", link), 0);
    ck_assert_int_eq(tumorclass_write_file(link, "new", 3), TUMORCLASS_OK);

    void *data;
    size_t size;
    ck_assert_int_eq(file_load(&data, &size, target, 100), TUMORCLASS_OK);
    ck_assert_uint_eq(size, 3);
    ck_assert_mem_eq(data, "new", 3);
    memory_free(data);
    snprintf(command, sizeof command, "test -L %s && rm -r %s", link, folder);
    ck_assert_int_eq(system(command), 0);
}
END_TEST

START_TEST(loading_refuses_what_is_not_a_file_of_fair_size)
{
    void *data;
    size_t size;
    ck_assert_int_eq(file_load(&data, &size, "/tmp", 100), TUMORCLASS_IO_ERROR);
    ck_assert_int_eq(file_load(&data, &size, "/dev/null", 100), TUMORCLASS_IO_ERROR);
    ck_assert_int_eq(file_load(&data, &size, "/no/such/file", 100), TUMORCLASS_IO_ERROR);
    ck_assert_str_eq(tumorclass_last_error(), "file cannot be opened: No such file or directory");
    ck_assert_int_eq(file_load(&data, &size, "/proc/self/exe", 100), TUMORCLASS_LIMIT);
}
END_TEST

START_TEST(full_device_is_an_error)
{
    ck_assert_int_eq(tumorclass_write_file("/dev/full", "x", 1), TUMORCLASS_IO_ERROR);
    ck_assert_int_eq(tumorclass_write_file("/no/such/folder/x", "x", 1), TUMORCLASS_IO_ERROR);
}
END_TEST

START_TEST(cancel_stops_once)
{
    atomic_int cancelled = 1;
    const struct monitor monitor = { .cancelled = &cancelled };
    ck_assert_int_eq(monitor_report(&monitor, "run", 0), TUMORCLASS_CANCELLED);
    ck_assert_int_eq(monitor_report(&monitor, "run", 0), TUMORCLASS_OK);
    ck_assert_int_eq(monitor_report(NULL, "run", 0), TUMORCLASS_OK);
}
END_TEST

START_TEST(suggested_threads_follow_the_environment)
{
    ck_assert_int_ge(tumorclass_suggested_threads(), 1);
    setenv("OMP_NUM_THREADS", "1", 1);
    ck_assert_int_eq(tumorclass_suggested_threads(), 1);
    unsetenv("OMP_NUM_THREADS");
}
END_TEST

START_TEST(every_status_has_a_name)
{
    for (tumorclass_status status = TUMORCLASS_OK; status <= TUMORCLASS_BAD_STATE; status++)
        ck_assert_ptr_nonnull(tumorclass_status_name(status));
    ck_assert_ptr_null(tumorclass_status_name(TUMORCLASS_BAD_STATE + 1));
    ck_assert_ptr_null(tumorclass_status_name(-1));
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("base");
    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, sha256_matches_published_vectors);
    tcase_add_test(cases, pool_visits_every_item_once_for_any_size);
    tcase_add_test(cases, work_visits_every_item_once_in_rounds_that_can_be_cancelled);
    tcase_add_test(cases, allocation_refuses_sizes_that_overflow);
    tcase_add_test(cases, allocation_can_be_made_to_fail_once);
    tcase_add_test(cases, options_of_older_and_newer_callers_are_read);
    tcase_add_test(cases, last_error_belongs_to_its_thread_and_hides_control_characters);
    tcase_add_test(cases, abandoned_output_leaves_the_old_file_and_nothing_else);
    tcase_add_test(cases, output_through_a_link_replaces_what_it_points_to);
    tcase_add_test(cases, loading_refuses_what_is_not_a_file_of_fair_size);
    tcase_add_test(cases, full_device_is_an_error);
    tcase_add_test(cases, cancel_stops_once);
    tcase_add_test(cases, suggested_threads_follow_the_environment);
    tcase_add_test(cases, every_status_has_a_name);
    Suite *suite = suite_create("base");
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
