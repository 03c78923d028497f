/* Races in kernels, as ThreadSanitizer sees them where each CUDA thread is a thread to it: whatever order they ran in. */
#include "support.h"
#include <sys/wait.h>
#include "cases.h"
#include "device.h"
#include "emulation_order.h"
#include "planted.h"

enum { COUNT = 130, MOST = 300, RACE = 66 }; /* RACE: the sanitizer's exit code, of TSAN_OPTIONS */

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

/* A CUDA thread costs most of a millisecond here. */
static bool is_small(const struct graph *graph)
{
    return shape_count(&graph->values[graph->input].shape) <= MOST &&
           shape_count(&graph->values[graph->output].shape) <= MOST;
}

static void run_small(const struct graph *graph, gpu_storage storage, uint64_t seed)
{
    float input[MOST], output[MOST];
    for (int64_t i = 0; i < shape_count(&graph->values[graph->input].shape); i++) input[i] = random_float(&seed, -2, 2);
    emulation_set_order(EMULATION_FORWARD, 0);
    ck_assert_int_eq(run_on_device(output, graph, input, storage), cudaSuccess);
}

/* A race ends the program here, with the sanitizer's report: in one order, since every order shows it. */
START_TEST(conversions_have_none)
{
    const struct shape shape = SHAPE(1, 3, 4, 5, 6);
    float src[3 * 4 * 5 * 6] = { 1 }, dst[3 * 4 * 5 * 6];
    gpu_loop in, out;
    loop_of_layout(&in, &shape, true);
    loop_of_layout(&out, &shape, false);
    for (int storage = 0; storage < GPU_STORAGES; storage++) {
        void *const tensor = device_tensor(&shape, (gpu_storage)storage);
        ck_assert_int_eq(gpu_narrow(tensor, src, &in, true, (gpu_storage)storage, NULL), cudaSuccess);
        ck_assert_int_eq(gpu_narrow(tensor, src, &in, false, (gpu_storage)storage, NULL), cudaSuccess);
        ck_assert_int_eq(gpu_widen(dst, tensor, &out, (gpu_storage)storage, NULL), cudaSuccess);
        ck_assert(dst[0] == 1);
        free(tensor);
    }
}
END_TEST

START_TEST(operations_have_none)
{
    const struct operation_case *subject = &operation_cases[_i];
    int runs = 0;
    for (uint64_t i = 0; i < (uint64_t)subject->count && runs < GPU_STORAGES; i++) {
        struct graph graph;
        uint64_t seed = i;
        subject->build(&graph, &seed);
        if (is_small(&graph) && gpu_operations[graph.nodes[0].operation].run)
            run_small(&graph, (gpu_storage)runs++, seed);
        graph_free(&graph);
    }
    ck_assert_msg(runs || strstr(subject->name, "conv"), "%s was not run", subject->name); /* those are cuDNN's */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("races in CUDA kernels, by CPU emulation of their source");
    TCase *tcase = tcase_create("races");
    tcase_add_test(tcase, planted_races_are_found_in_every_order);
    tcase_add_test(tcase, conversions_have_none);
    tcase_add_loop_test(tcase, operations_have_none, 0, OPERATION_CASES);
    tcase_set_timeout(tcase, 600);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
