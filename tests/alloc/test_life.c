/* A long life: thousands of answers, maps and sessions from one process, which in the end holds what it held at first:
 * memory, blocks, descriptors and threads. */
#include <dirent.h>
#include <time.h>
#include "base/memory.h"
#include "small_model.h"
#include "unit/phantom.h"

enum { CYCLES = 2000, SESSIONS = 500, WARM = 200, SANITIZED = sizeof TUMORCLASS_SANITIZE > 1 };

struct holding {
    int64_t blocks, resident_kib;
    int descriptors, threads;
};

static tumorclass_model *model;
static struct phantom *scan;

static int count_entries(const char *folder)
{
    DIR *stream = opendir(folder);
    ck_assert_ptr_nonnull(stream);
    int count = 0;
    while (readdir(stream)) count++;
    closedir(stream);
    return count;
}

static int64_t resident_kib(void)
{
    long long pages = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "%lld %lld", &pages, &resident), 2);
    fclose(file);
    return resident * sysconf(_SC_PAGESIZE) / 1024;
}

static struct holding hold(void)
{
    return (struct holding){ memory_blocks_in_use(), resident_kib(), count_entries("/proc/self/fd"),
                             count_entries("/proc/self/task") };
}

/* A thread that was joined may still be seen for a moment; freed blocks may be kept for a while, by a sanitizer longer. */
static void expect_flat(struct holding before, const char *what)
{
    struct holding after = hold();
    for (int i = 0; i < 100 && after.threads > before.threads; i++, after = hold())
        nanosleep(&(struct timespec){ 0, 10000000 }, NULL);
    printf("%s: %lld KiB resident, then %lld\n", what, (long long)before.resident_kib, (long long)after.resident_kib);
    ck_assert_int_eq(after.blocks, before.blocks);
    ck_assert_int_eq(after.descriptors, before.descriptors);
    ck_assert_int_eq(after.threads, before.threads);
    if (!strstr(TUMORCLASS_SANITIZE, "address")) ck_assert_int_le(after.resident_kib - before.resident_kib, 1024);
}

static tumorclass_session *create(void)
{
    tumorclass_session_options options = TUMORCLASS_SESSION_OPTIONS_INIT;
    options.threads = 2;
    tumorclass_session *session;
    ck_assert_msg(!tumorclass_session_create(&session, model, &options), "%s", tumorclass_last_error());
    return session;
}

static float last_logit;

/* An answer with its maps, and now and then a failure. */
static void cycle(tumorclass_session *session, int n)
{
    static float map[SMALL_CLASSES * PHANTOM_SIZE * PHANTOM_SIZE * PHANTOM_SIZE];
    const size_t voxels = (size_t)volume_count(&scan->volume);
    tumorclass_attention_options options = TUMORCLASS_ATTENTION_OPTIONS_INIT;
    options.method = n % 4;
    tumorclass_result *result;
    ck_assert_msg(!tumorclass_classify(session, &result, &scan->volume, NULL), "%s", tumorclass_last_error());
    const float logit = *tumorclass_result_logits(result, NULL);
    ck_assert(n == 0 || memcmp(&logit, &last_logit, sizeof logit) == 0);
    last_logit = logit;
    ck_assert_msg(
        !tumorclass_attention(session, map, SMALL_CLASSES * voxels, NULL, result, TUMORCLASS_ALL_CLASSES, &options),
        "%s", tumorclass_last_error());
    ck_assert_int_eq(tumorclass_attention(session, map, 1, NULL, result, 0, &options), TUMORCLASS_BAD_ARGUMENT);
    tumorclass_result_free(result);
    tumorclass_session_cancel(session);
    ck_assert_int_eq(tumorclass_classify(session, &result, &scan->volume, NULL), TUMORCLASS_CANCELLED);
}

static void set_up(void)
{
    static const double step[3] = { 8, 8, 8 };
    struct bytes bytes = small_model(NULL);
    ck_assert_int_eq(tumorclass_model_load_memory(&model, bytes.data, bytes.size, NULL), TUMORCLASS_OK);
    bytes_free(&bytes);
    scan = phantom_create(16, 18, 14, step, 0.1, false);
}

static void tear_down(void)
{
    tumorclass_model_free(model);
    free(scan);
}

START_TEST(two_thousand_answers_leave_nothing)
{
    tumorclass_session *session = create();
    for (int n = 0; n < WARM; n++) cycle(session, n);
    const struct holding before = hold();
    for (int n = WARM; n < CYCLES / (SANITIZED ? 4 : 1); n++) cycle(session, n);
    expect_flat(before, "answers");
    tumorclass_session_free(session);
}
END_TEST

START_TEST(five_hundred_sessions_leave_nothing)
{
    for (int n = 0; n < WARM; n++) tumorclass_session_free(create());
    const struct holding before = hold();
    for (int n = WARM; n < SESSIONS; n++) tumorclass_session_free(create());
    expect_flat(before, "sessions");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("life");
    TCase *cases = tcase_create("life");
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_test(cases, two_thousand_answers_leave_nothing);
    tcase_add_test(cases, five_hundred_sessions_leave_nothing);
    tcase_set_timeout(cases, 300);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
