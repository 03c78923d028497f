/* The stand-in itself, by CPU emulation: mistakes that a program could make with the CUDA runtime are found. */
#include "support.h"
#include <cuda_runtime_api.h>
#include <string.h>
#include "child.h"
#include "fake.h"

enum { SIZE = 1000 };

/* What each mistake needs. */
static cudaStream_t stream;
static char *device, *pinned;

static void open_all(void)
{
    void *block;
    ck_assert_int_eq(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaSuccess);
    ck_assert_int_eq(cudaMalloc(&block, SIZE), cudaSuccess);
    device = block;
    ck_assert_int_eq(cudaMallocHost(&block, SIZE), cudaSuccess);
    pinned = block;
    memset(pinned, 1, SIZE);
}

/* ---- Mistakes that end the program ---- */

static void reads_device_memory(void)
{
    pinned[0] = device[3];
}

static void reads_memory_that_was_freed(void)
{
    cudaFree(device);
    pinned[0] = device[3];
}

static void frees_twice(void)
{
    cudaFree(device);
    cudaFree(device);
}

static void frees_what_is_not_pinned(void)
{
    cudaFreeHost(pinned + 1);
}

static void changes_memory_that_is_copied(void)
{
    cudaMemcpyAsync(device, pinned, SIZE, cudaMemcpyHostToDevice, stream);
    pinned[5] = 2;
    cudaStreamSynchronize(stream);
}

static void uses_the_default_stream(void)
{
    cudaMemsetAsync(device, 0, SIZE, NULL);
}

static void uses_a_stream_that_is_gone(void)
{
    cudaStreamDestroy(stream);
    cudaMemsetAsync(device, 0, SIZE, stream);
}

static void records_an_event_that_is_gone(void)
{
    cudaEvent_t event;
    cudaEventCreateWithFlags(&event, cudaEventDisableTiming);
    cudaEventDestroy(event);
    cudaEventRecord(event, stream);
}

static void works_for_another_device(void)
{
    fake_has()->devices = 2;
    cudaSetDevice(1);
    cudaMemsetAsync(device, 0, SIZE, stream);
}

/* Whoever looks before the copy is there, finds nothing. */
static void reads_a_result_too_early(void)
{
    cudaMemsetAsync(device, 7, SIZE, stream);
    cudaMemcpyAsync(pinned, device, SIZE, cudaMemcpyDeviceToHost, stream);
    if (pinned[0] == 7) _exit(0);
    fprintf(stderr, "the result is not there\n");
    abort();
}

static const struct mistake {
    void (*make)(void);
    const char *found;
} mistakes[] = {
    { reads_device_memory, "is touched by the host at byte 3" },
    { reads_memory_that_was_freed, "was freed, and is used at byte 3" },
    { frees_twice, "cudaFree of what is not allocated" },
    { frees_what_is_not_pinned, "cudaFreeHost of what is not pinned" },
    { changes_memory_that_is_copied, "memory of the host was changed before its copy was done" },
    { uses_the_default_stream, "the default stream is used" },
    { uses_a_stream_that_is_gone, "a stream that does not exist is used" },
    { records_an_event_that_is_gone, "an event that does not exist is used" },
    { works_for_another_device, "work for another device than the thread's" },
    { reads_a_result_too_early, "the result is not there" },
};

static void make_mistake(const void *mistake)
{
    open_all();
    ((const struct mistake *)mistake)->make();
}

START_TEST(mistakes_are_found)
{
    char said[4096];
    ck_assert_msg(end_of_child(make_mistake, &mistakes[_i], said, sizeof said), "mistake %d was not found", _i);
    ck_assert_msg(strstr(said, mistakes[_i].found), "mistake %d: %s", _i, said);
}
END_TEST

/* ---- Mistakes that calls report ---- */

START_TEST(ranges_are_checked)
{
    open_all();
    ck_assert_int_eq(cudaMemsetAsync(device, 0, SIZE + 1, stream), cudaErrorInvalidValue);
    ck_assert_int_eq(cudaMemcpyAsync(device + 1, pinned, SIZE, cudaMemcpyHostToDevice, stream), cudaErrorInvalidValue);
    ck_assert_int_eq(cudaMemcpyAsync(pinned, pinned, SIZE, cudaMemcpyDeviceToHost, stream), cudaErrorInvalidValue);
    ck_assert_int_eq(cudaGetLastError(), cudaErrorInvalidValue);
    ck_assert_int_eq(cudaGetLastError(), cudaSuccess);
}
END_TEST

START_TEST(what_is_left_is_said)
{
    ck_assert_str_eq(fake_leaks(), "");
    open_all();
    ck_assert_str_eq(fake_leaks(), "1 device allocations 1 pinned 1 streams ");
    cudaFree(device);
    cudaFreeHost(pinned);
    cudaStreamDestroy(stream);
    ck_assert_str_eq(fake_leaks(), "");
}
END_TEST

START_TEST(a_failed_wait_is_the_devices_last)
{
    open_all();
    fake_fail_at(1);
    ck_assert_int_eq(cudaStreamSynchronize(stream), cudaErrorIllegalAddress);
    ck_assert_int_eq(cudaMemsetAsync(device, 0, SIZE, stream), cudaErrorIllegalAddress);
    ck_assert_int_eq(cudaGetLastError(), cudaErrorIllegalAddress);
    ck_assert_int_eq(cudaGetLastError(), cudaErrorIllegalAddress);
    ck_assert_str_eq(fake_failed_call(), "cudaStreamSynchronize");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("the stand-in for CUDA, by CPU emulation");
    TCase *tcase = tcase_create("mistakes");
    tcase_add_loop_test(tcase, mistakes_are_found, 0, sizeof mistakes / sizeof *mistakes);
    tcase_add_test(tcase, ranges_are_checked);
    tcase_add_test(tcase, what_is_left_is_said);
    tcase_add_test(tcase, a_failed_wait_is_the_devices_last);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
