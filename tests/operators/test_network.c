/* Running a whole graph: order, progress, cancel, memory. */
#include "support.h"
#include <malloc.h>
#include <math.h>
#include <pthread.h>
#include <string.h>
#include <time.h>
#include "base/memory.h"
#include "build_graph.h"
#include "cpu/cpu_backend.h"
#include "network/network.h"
#include "oracle.h"

static const int64_t small[3] = { 48, 32, 32 }; /* 3 x 2 x 2 at the deepest: enough for a norm not to magnify errors */

static float *random_values(int64_t count, uint64_t seed)
{
    float *values = calloc((size_t)count, sizeof *values);
    ck_assert_ptr_nonnull(values);
    for (int64_t i = 0; i < count; i++) values[i] = random_float(&seed, -2, 2);
    return values;
}

static float *random_input_of(const struct graph *graph)
{
    return random_values(shape_count(&graph->values[graph->input].shape), 7);
}

/* Every value of a run in double, by the oracle. */
struct truth {
    double **values;
    int32_t checked;
};

static void ask_oracle(struct truth *truth, const struct graph *graph, const float *input)
{
    *truth = (struct truth){ .values = calloc((size_t)graph->value_count, sizeof(double *)) };
    ck_assert_ptr_nonnull(truth->values);
    for (int32_t v = 0; v < graph->value_count; v++) {
        const int64_t count = shape_count(&graph->values[v].shape);
        const float *src = v == graph->input ? input : graph->values[v].constant;
        truth->values[v] = calloc((size_t)count, sizeof(double));
        ck_assert_ptr_nonnull(truth->values[v]);
        for (int64_t i = 0; src && i < count; i++) truth->values[v][i] = src[i];
    }
    for (int32_t i = 0; i < graph->node_count; i++) {
        double largest;
        const struct node *node = &graph->nodes[i];
        oracle_node(truth->values[node->output], &largest, graph, node, truth->values);
    }
}

static void free_truth(struct truth *truth, const struct graph *graph)
{
    for (int32_t v = 0; v < graph->value_count; v++) free(truth->values[v]);
    free(truth->values);
}

/* Within 5e-6 of the tensor's largest value: what whole networks promise. */
static void check_value(const struct truth *truth, struct network *network, const struct graph *graph, int32_t value)
{
    const int64_t count = shape_count(&graph->values[value].shape);
    float *got = calloc((size_t)count, sizeof *got);
    ck_assert_ptr_nonnull(got);
    must(network_read(network, got, value));
    double largest = 0;
    for (int64_t i = 0; i < count; i++) largest = fmax(largest, fabs(truth->values[value][i]));
    ck_assert(largest > 0);
    for (int64_t i = 0; i < count; i++)
        ck_assert_msg(fabs((double)got[i] - truth->values[value][i]) <= 5e-6 * largest,
                      "%s: element %lld is %g, not %g", graph->values[value].name, (long long)i, (double)got[i],
                      truth->values[value][i]);
    free(got);
}

struct observed {
    struct truth truth;
    const struct graph *graph;
};

static tumorclass_status check_node(void *user, struct network *network, const struct node *node)
{
    struct observed *observed = user;
    check_value(&observed->truth, network, observed->graph, node->output);
    observed->truth.checked++;
    return TUMORCLASS_OK;
}

static struct network *opened(const struct graph *graph, struct pool *pool)
{
    struct network *network;
    must(network_create(&network, graph, &cpu_backend, &(struct backend_options){ .pool = pool }));
    return network;
}

START_TEST(reference_network_agrees_with_the_oracle_node_by_node)
{
    struct graph graph = build_reference_network(4, small, 1);
    struct pool *pool = pool_create(2);
    struct network *network = opened(&graph, pool);
    float *input = random_input_of(&graph);
    struct observed observed = { .graph = &graph };
    ask_oracle(&observed.truth, &graph, input);

    network_observe(network, check_node, &observed);
    must(network_run(network, input, NULL));
    ck_assert_int_eq(observed.truth.checked, graph.node_count);
    check_value(&observed.truth, network, &graph, graph.output);
    check_value(&observed.truth, network, &graph, graph.features);
    check_value(&observed.truth, network, &graph, graph.embedding);

    free_truth(&observed.truth, &graph);
    free(input);
    network_free(network);
    pool_free(pool);
    graph_free(&graph);
}
END_TEST

START_TEST(second_run_gives_the_same_bits_and_another_input_other_logits)
{
    struct graph graph = build_reference_network(4, small, 1);
    struct network *network = opened(&graph, NULL);
    float *input = random_input_of(&graph), logits[3][7];
    for (int run = 0; run < 3; run++) {
        if (run == 2)
            for (int i = 0; i < 500; i++) input[i] += 3;
        must(network_run(network, input, NULL));
        must(network_read(network, logits[run], graph.output));
    }
    ck_assert_mem_eq(logits[0], logits[1], sizeof logits[0]);
    ck_assert_mem_ne(logits[0], logits[2], sizeof logits[0]);
    free(input);
    network_free(network);
    graph_free(&graph);
}
END_TEST

struct watch {
    atomic_int *cancelled;
    double last, stop_at;
    int32_t reports;
};

static void watch_progress(void *user, const char *stage, double fraction)
{
    struct watch *watch = user;
    ck_assert_str_eq(stage, "network");
    ck_assert(fraction >= watch->last && fraction <= 1);
    watch->last = fraction;
    watch->reports++;
    if (fraction >= watch->stop_at) atomic_store(watch->cancelled, 1);
}

START_TEST(progress_follows_the_multiplications_and_ends_with_one)
{
    struct graph graph = build_reference_network(4, small, 1);
    struct network *network = opened(&graph, NULL);
    float *input = random_input_of(&graph);
    struct watch watch = { .stop_at = 2 };
    const struct monitor monitor = { .progress = watch_progress, .progress_user = &watch, .to = 1 };
    must(network_run(network, input, &monitor));
    ck_assert_int_eq(watch.reports, graph.node_count + 1);
    ck_assert(watch.last == 1);
    free(input);
    network_free(network);
    graph_free(&graph);
}
END_TEST

START_TEST(cancel_from_the_progress_callback_stops_the_run_and_not_the_next)
{
    struct graph graph = build_reference_network(4, small, 1);
    struct network *network = opened(&graph, NULL);
    float *input = random_input_of(&graph);
    atomic_int cancelled = 0;
    struct watch watch = { .cancelled = &cancelled, .stop_at = 0.5 };
    const struct monitor monitor = { &cancelled, watch_progress, &watch, 0, 1 };
    ck_assert_int_eq(network_run(network, input, &monitor), TUMORCLASS_CANCELLED);
    ck_assert_str_eq(tumorclass_last_error(), "cancelled in network");
    ck_assert(watch.last >= 0.5 && watch.last < 1);
    ck_assert_int_lt(watch.reports, graph.node_count);
    watch = (struct watch){ .cancelled = &cancelled, .stop_at = 2 };
    must(network_run(network, input, &monitor));
    free(input);
    network_free(network);
    graph_free(&graph);
}
END_TEST

static void *cancel_soon(void *cancelled)
{
    nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
    atomic_store((atomic_int *)cancelled, 1);
    return NULL;
}

START_TEST(cancel_from_another_thread_stops_the_run)
{
    struct graph graph = build_reference_network(8, (int64_t[]){ 64, 64, 64 }, 1);
    struct pool *pool = pool_create(2);
    struct network *network = opened(&graph, pool);
    float *input = random_input_of(&graph);
    atomic_int cancelled = 0;
    const struct monitor monitor = { .cancelled = &cancelled, .to = 1 };
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, cancel_soon, &cancelled), 0);
    tumorclass_status status = TUMORCLASS_OK;
    while (status == TUMORCLASS_OK) status = network_run(network, input, &monitor); /* until it is heard */
    ck_assert_int_eq(status, TUMORCLASS_CANCELLED);
    pthread_join(thread, NULL);
    free(input);
    network_free(network);
    pool_free(pool);
    graph_free(&graph);
}
END_TEST

static tumorclass_status stop_at_third(void *user, struct network *network, const struct node *node)
{
    (void)network, (void)node;
    return ++*(int *)user == 3 ? fail(TUMORCLASS_IO_ERROR, "enough") : TUMORCLASS_OK;
}

START_TEST(failing_observer_ends_the_run_with_its_status)
{
    struct graph graph = build_reference_network(4, small, 1);
    struct network *network = opened(&graph, NULL);
    float *input = random_input_of(&graph);
    int seen = 0;
    network_observe(network, stop_at_third, &seen);
    ck_assert_int_eq(network_run(network, input, NULL), TUMORCLASS_IO_ERROR);
    ck_assert_int_eq(seen, 3);
    free(input);
    network_free(network);
    graph_free(&graph);
}
END_TEST

START_TEST(memory_may_fail_at_any_allocation_and_nothing_leaks)
{
    struct graph graph = build_reference_network(4, small, 1);
    const struct backend_options options = { .pool = NULL };
    const int64_t before = memory_blocks_in_use();
    tumorclass_status status = TUMORCLASS_OUT_OF_MEMORY;
    int failures = 0;
    for (int64_t nth = 1; status != TUMORCLASS_OK; nth++) {
        struct network *network = (struct network *)&graph;
        memory_fail_at(nth);
        status = network_create(&network, &graph, &cpu_backend, &options);
        memory_fail_at(0);
        if (status == TUMORCLASS_OK) {
            network_free(network);
        } else {
            ck_assert_int_eq(status, TUMORCLASS_OUT_OF_MEMORY);
            ck_assert_ptr_null(network);
            failures++;
        }
        ck_assert_int_eq(memory_blocks_in_use(), before);
    }
    ck_assert_int_ge(failures, 5); /* network, state, plan, arena, scratch */
    network_free(NULL);
    graph_free(&graph);
}
END_TEST

START_TEST(measuring_may_fail_at_any_allocation_and_nothing_leaks)
{
    struct graph graph = build_reference_network(4, small, 1);
    const int64_t before = memory_blocks_in_use();
    tumorclass_status status = TUMORCLASS_OUT_OF_MEMORY;
    for (int64_t nth = 1; status != TUMORCLASS_OK; nth++) {
        size_t bytes;
        memory_fail_at(nth);
        status = cpu_measure(&bytes, &graph, 1, 0);
        memory_fail_at(0);
        ck_assert(status == TUMORCLASS_OK || status == TUMORCLASS_OUT_OF_MEMORY);
        ck_assert_int_eq(memory_blocks_in_use(), before);
    }
    graph_free(&graph);
}
END_TEST

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
static double heap_in_use(void)
{
    const struct mallinfo2 info = mallinfo2();
    return (double)info.uordblks + (double)info.hblkhd;
}

START_TEST(measure_says_what_open_allocates)
{
    struct graph graph = build_reference_network(8, (int64_t[]){ 48, 40, 33 }, 1);
    for (int32_t threads = 1; threads <= 3; threads++) {
        struct pool *pool = pool_create(threads);
        size_t bytes;
        must(cpu_measure(&bytes, &graph, threads, 0));
        const double before = heap_in_use();
        struct network *network = opened(&graph, pool);
        const double grown = heap_in_use() - before;
        /* pages of large blocks are whole, and the plan's few kilobytes are not counted */
        ck_assert_msg(fabs(grown - (double)bytes) <= 32768, "%d threads: %.0f bytes were allocated, %zu measured",
                      (int)threads, grown, bytes);
        network_free(network);
        pool_free(pool);
    }
    graph_free(&graph);
}
END_TEST
#endif

int main(void)
{
    TCase *cases = tcase_create("network");
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, reference_network_agrees_with_the_oracle_node_by_node);
    tcase_add_test(cases, second_run_gives_the_same_bits_and_another_input_other_logits);
    tcase_add_test(cases, progress_follows_the_multiplications_and_ends_with_one);
    tcase_add_test(cases, cancel_from_the_progress_callback_stops_the_run_and_not_the_next);
    tcase_add_test(cases, cancel_from_another_thread_stops_the_run);
    tcase_add_test(cases, failing_observer_ends_the_run_with_its_status);
    tcase_add_test(cases, memory_may_fail_at_any_allocation_and_nothing_leaks);
    tcase_add_test(cases, measuring_may_fail_at_any_allocation_and_nothing_leaks);
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    tcase_add_test(cases, measure_says_what_open_allocates);
#endif
    Suite *suite = suite_create("network");
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
