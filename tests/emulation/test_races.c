/* Races in kernels, as ThreadSanitizer sees them where each CUDA thread is a thread to it: whatever order they ran in. */
#include "support.h"
#include <sys/wait.h>
#include "device.h"
#include "emulation_order.h"
#include "planted.h"

enum { COUNT = 130, RACE = 66 }; /* RACE: the sanitizer's exit code, of TSAN_OPTIONS */

/* In a child, since the sanitizer ends the program. Its report is not shown. */
static int end_of(planted_kernel *kernel, emulation_order order)
{
    int status = 0;
    fflush(NULL);
    const pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (!child) {
        float *src = calloc(COUNT, sizeof *src), *dst = calloc(COUNT, sizeof *dst);
        if (!freopen("/dev/null", "w", stderr) || !src || !dst) _exit(1);
        for (int i = 0; i < COUNT; i++) src[i] = (float)(i + 1);
        emulation_set_order(order, 3);
        kernel(dst, src, COUNT);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

START_TEST(planted_races_are_found_in_every_order)
{
    for (int order = 0; order < EMULATION_ORDERS; order++) {
        ck_assert_int_eq(end_of(planted_nothing, (emulation_order)order), 0);
        ck_assert_int_eq(end_of(planted_missing_barrier, (emulation_order)order), RACE);
        ck_assert_int_eq(end_of(planted_racing_blocks, (emulation_order)order), RACE);
    }
}
END_TEST

/* A race ends the program here. */
START_TEST(instance_norm_has_none)
{
    uint64_t seed = 5;
    const gpu_tensor tensor = { 1, 300, 8, (gpu_storage)_i };
    const size_t count = (size_t)(tensor.positions * tensor.channels), size = gpu_instance_norm_workspace(&tensor);
    float scale[8], shift[8], *values = calloc(count, sizeof *values);
    void *const workspace = malloc(size), *const dst = device_tensor(&tensor);
    ck_assert(values && workspace && dst);
    for (size_t i = 0; i < count; i++) values[i] = random_float(&seed, -1, 1);
    for (int c = 0; c < 8; c++) scale[c] = shift[c] = 1;
    void *const src = to_device(values, &tensor), *const residual = to_device(values, &tensor);
    const gpu_epilogue epilogue = { .residual = residual, .activation = GPU_LEAKY_RELU, .alpha = 0.01f };
    for (int order = 0; order < EMULATION_ORDERS; order++) {
        emulation_set_order((emulation_order)order, 3);
        ck_assert_int_eq(gpu_instance_norm(dst, src, scale, shift, 1e-5f, &tensor, &epilogue, workspace, NULL),
                         cudaSuccess);
    }
    from_device(values, dst, &tensor);
    for (size_t i = 0; i < count; i++) ck_assert(isfinite(values[i]));
    free(values);
    free(workspace);
    free(dst);
    free(src);
    free(residual);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("races in CUDA kernels, by CPU emulation of their source");
    TCase *tcase = tcase_create("races");
    tcase_add_test(tcase, planted_races_are_found_in_every_order);
    tcase_add_loop_test(tcase, instance_norm_has_none, 0, GPU_STORAGES);
    tcase_set_timeout(tcase, 600);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
