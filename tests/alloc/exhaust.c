#include "exhaust.h"
#include "support.h"
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include "base/status.h"

static const char *watched;

void exhaust_watch(const char *folder)
{
    watched = folder;
}

static int count_files(void)
{
    DIR *stream = opendir(watched);
    ck_assert_ptr_nonnull(stream);
    int count = 0;
    while (readdir(stream)) count++;
    closedir(stream);
    return count;
}

static tumorclass_status run_with(uint64_t *digest, const struct call *call, enum scarce what, int64_t first,
                                  bool onwards)
{
    const int files = count_files();
    const int64_t in_use = failures_in_use();
    failures_plan(what, first, onwards);
    const tumorclass_status status = call->run(digest, call);
    const int64_t lost = failures_in_use() - in_use;
    ck_assert_msg(lost == 0, "%s: %lld blocks are lost after failure %lld", call->name, (long long)lost,
                  (long long)first);
    ck_assert_msg(count_files() == files, "%s: a file is left after failure %lld", call->name, (long long)first);
    return status;
}

static void expect_right(const struct call *call, uint64_t wanted, const char *when, int64_t first)
{
    uint64_t digest = 0;
    const tumorclass_status status = run_with(&digest, call, SCARCE_MEMORY, 0, false);
    ck_assert_msg(status == TUMORCLASS_OK && digest == wanted, "%s: status %d, %s answer %s failure %lld: %s",
                  call->name, (int)status, digest == wanted ? "the same" : "another", when, (long long)first,
                  tumorclass_last_error());
}

/* Whether the n-th failure came: the call then failed as it should, or did without. */
static bool fail_once(const struct call *call, uint64_t wanted, enum scarce what, int64_t first, bool onwards)
{
    uint64_t digest = 0;
    fail(TUMORCLASS_OK, "no sentence yet");
    const tumorclass_status status = run_with(&digest, call, what, first, onwards);
    if (!failures_count()) return false;
    if (status == TUMORCLASS_OK) {
        ck_assert_msg(digest == wanted, "%s: another answer with failure %lld", call->name, (long long)first);
    } else {
        ck_assert_msg(status == TUMORCLASS_OUT_OF_MEMORY && what == SCARCE_MEMORY,
                      "%s: status %d from failure %lld: %s", call->name, (int)status, (long long)first,
                      tumorclass_last_error());
        ck_assert_msg(strstr(tumorclass_last_error(), "no sentence") == NULL, "%s: no sentence from failure %lld",
                      call->name, (long long)first);
    }
    expect_right(call, wanted, "after", first);
    return true;
}

int64_t exhaust(const struct call *call, enum scarce what, bool onwards)
{
    uint64_t wanted = 0;
    int64_t first = 1, last = 0;
    if (!failures_plan(what, 1, onwards)) return 0;
    failures_plan(what, 0, onwards);
    ck_assert_int_eq(call->run(&wanted, call), TUMORCLASS_OK); /* libc keeps the stacks of ended threads */
    expect_right(call, wanted, "before", 1);
    for (; fail_once(call, wanted, what, first, onwards); first += call->step && first > 15 ? call->step : 1)
        last = first;
    return last;
}

void exhaust_calls(const struct call *calls, size_t count, int64_t least)
{
    for (size_t i = 0; i < count; i++) {
        const int64_t single = exhaust(&calls[i], SCARCE_MEMORY, false), all = exhaust(&calls[i], SCARCE_MEMORY, true);
        printf("%s: %lld failures, %lld of all from one on\n", calls[i].name, (long long)single, (long long)all);
        ck_assert_int_ge(single, least);
    }
}
