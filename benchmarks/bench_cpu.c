/* bench_cpu [--filters N] [--shape D,H,W] [--threads N] [--rounds N] [--tier NAME] [--least-share X]
 *
 * Times the reference network (docs/method.md), random weights, on the CPU backend: each round runs the network node by node,
 * with the peak rate of multiply-adds measured in between. One line of JSON for each node and for the whole: minimum and
 * median of the rounds, and the share of the peak. The first run is not counted. With --least-share the exit code says
 * whether the best round's share of its own peak reached X. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "cpu/state.h"
#include "operators/build_graph.h"
#include "peak.h"

struct options {
    int64_t filters, shape[3];
    int32_t threads, rounds;
    const char *tier; /* NULL: the fastest */
    double least_share;
};

struct samples { /* [rounds] each, nodes one after the other */
    double *peak, *network, *nodes;
};

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median_of(const double *samples, int32_t count)
{
    double sorted[1024];
    memcpy(sorted, samples, (size_t)count * sizeof *sorted);
    qsort(sorted, (size_t)count, sizeof *sorted, compare);
    return sorted[count / 2];
}

static double minimum_of(const double *samples, int32_t count)
{
    double minimum = samples[0];
    for (int32_t i = 1; i < count; i++) minimum = samples[i] < minimum ? samples[i] : minimum;
    return minimum;
}

/* One round: each node after a short measurement of the peak, so that both see the machine in the same state. */
static void run_round(struct samples *samples, struct cpu_state *state, const float *input, int32_t round,
                      int32_t rounds)
{
    const int32_t count = state->graph->node_count;
    double network = 0, peak = 0; /* seconds; seconds for one operation, summed */
    must(cpu_backend.upload(state, state->graph->input, input));
    for (int32_t i = 0; i < count; i++) {
        peak += 1 / peak_rate(state->pool, state->tier->name);
        const double start = seconds_now();
        must(cpu_backend.run(state, i));
        const double spent = seconds_now() - start;
        samples->nodes[(int64_t)i * rounds + round] = spent;
        network += spent;
    }
    samples->network[round] = network;
    samples->peak[round] = count / peak;
}

static void take_samples(struct samples *samples, struct cpu_state *state, int32_t rounds)
{
    const struct graph *graph = state->graph;
    const int64_t count = shape_count(&graph->values[graph->input].shape);
    float *input = malloc((size_t)count * sizeof *input);
    samples->peak = calloc((size_t)rounds, sizeof(double));
    samples->network = calloc((size_t)rounds, sizeof(double));
    samples->nodes = calloc((size_t)rounds * (size_t)graph->node_count, sizeof(double));
    if (!input || !samples->peak || !samples->network || !samples->nodes) exit(EXIT_FAILURE);
    uint64_t seed = 1;
    for (int64_t i = 0; i < count; i++) input[i] = random_float(&seed, -2, 2);

    run_round(samples, state, input, 0, rounds); /* overwritten by the first that counts */
    for (int32_t round = 0; round < rounds; round++) run_round(samples, state, input, round, rounds);
    free(input);
}

static void report(const char *name, const char *shape, const double *seconds, int32_t rounds, double operations,
                   double peak)
{
    const double median = median_of(seconds, rounds);
    printf("{\"name\": \"%s\", \"output\": \"%s\", \"minimum_ms\": %.3f, \"median_ms\": %.3f", name, shape,
           1e3 * minimum_of(seconds, rounds), 1e3 * median);
    if (operations > 0)
        printf(", \"gflops\": %.1f, \"peak_share\": %.3f", 1e-9 * operations / median, operations / median / peak);
    printf("}\n");
}

static void report_all(const struct samples *samples, const struct cpu_state *state, const struct options *options)
{
    const struct graph *graph = state->graph;
    const int32_t rounds = options->rounds;
    const double peak = median_of(samples->peak, rounds);
    char shape[128];
    printf("{\"name\": \"peak\", \"version\": \"%s\", \"compiler\": \"%s\", \"tier\": \"%s\", \"threads\": %d, "
           "\"rounds\": %d, \"gflops\": %.1f}\n",
           TUMORCLASS_VERSION_STRING, __VERSION__, state->tier->name, (int)pool_size(state->pool), (int)rounds,
           1e-9 * peak);
    for (int32_t i = 0; i < graph->node_count; i++) {
        const struct node *node = &graph->nodes[i];
        shape_text(shape, sizeof shape, &graph->values[node->output].shape);
        report(operation_name(node->operation), shape, samples->nodes + (int64_t)i * rounds, rounds,
               2 * (double)node_multiplications(graph, node), peak);
    }
    shape_text(shape, sizeof shape, &graph->values[graph->input].shape);
    report("network", shape, samples->network, rounds, 2 * (double)graph_multiplications(graph), peak);
}

static double best_share(const struct samples *samples, const struct graph *graph, int32_t rounds)
{
    double best = 0;
    for (int32_t i = 0; i < rounds; i++) {
        const double share = 2 * (double)graph_multiplications(graph) / samples->network[i] / samples->peak[i];
        if (share > best) best = share;
    }
    return best;
}

static const struct tier *find_tier(const char *name)
{
    for (int i = 0; tier_get(i); i++)
        if (!name || !strcmp(name, tier_get(i)->name)) return tier_get(i);
    fprintf(stderr, "this machine has no tier %s\n", name);
    exit(EXIT_FAILURE);
}

static bool read_arguments(struct options *options, int argc, char **argv)
{
    static const struct option names[] = { { "filters", required_argument, NULL, 'f' },
                                           { "shape", required_argument, NULL, 's' },
                                           { "threads", required_argument, NULL, 't' },
                                           { "rounds", required_argument, NULL, 'r' },
                                           { "tier", required_argument, NULL, 'i' },
                                           { "least-share", required_argument, NULL, 'l' },
                                           { 0 } };
    int64_t *shape = options->shape;
    *options = (struct options){ 16, { 128, 128, 128 }, tumorclass_suggested_threads(), 5, NULL, 0 };
    for (int option; (option = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        switch (option) {
        case 'f': options->filters = atoi(optarg); break;
        case 's':
            if (sscanf(optarg, "%" SCNd64 ",%" SCNd64 ",%" SCNd64, &shape[0], &shape[1], &shape[2]) != 3) return false;
            break;
        case 't': options->threads = atoi(optarg); break;
        case 'r': options->rounds = atoi(optarg); break;
        case 'i': options->tier = optarg; break;
        case 'l': options->least_share = atof(optarg); break;
        default: return false;
        }
    }
    return optind == argc && options->filters > 0 && options->threads > 0 && options->rounds > 0 &&
           options->rounds <= 1024 && multiply_extents(shape, 3) > 0;
}

int main(int argc, char **argv)
{
    struct options options;
    if (!read_arguments(&options, argc, argv)) {
        fputs("usage: bench_cpu [--filters N] [--shape D,H,W] [--threads N] [--rounds N] [--tier NAME] "
              "[--least-share X]\n",
              stderr);
        return 64;
    }
    const struct tier *tier = find_tier(options.tier);
    struct graph graph = build_reference_network(options.filters, options.shape, 1);
    struct pool *pool = pool_create(options.threads);
    struct cpu_state *state;
    struct samples samples;
    must(cpu_open(&state, &graph, &(struct backend_options){ .pool = pool }, tier));
    take_samples(&samples, state, options.rounds);
    report_all(&samples, state, &options);

    const double share = best_share(&samples, &graph, options.rounds);
    const bool enough = share >= options.least_share;
    if (!enough) fprintf(stderr, "%.1f %% of the peak, %.1f %% wanted\n", 100 * share, 100 * options.least_share);
    free(samples.peak);
    free(samples.network);
    free(samples.nodes);
    cpu_backend.close(state);
    pool_free(pool);
    graph_free(&graph);
    return enough ? EXIT_SUCCESS : EXIT_FAILURE;
}
