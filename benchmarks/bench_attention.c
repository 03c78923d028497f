/* bench_attention [--filters N] [--shape D,H,W] [--threads N] [--rounds N] [--most-share X]
 *
 * Times the fine attention maps of the reference network (docs/method.md), random weights, on the CPU backend: each
 * round runs the whole network, and then, for each level, the backward pass that starts from that level's activations.
 * One line of JSON each: minimum and median of the rounds in ms, and the median share of the forward pass of the same
 * round. The first round is not counted. With --most-share the exit code says whether the default level's map costs at
 * most X of a forward pass. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/memory.h"
#include "cpu/cpu_backend.h"
#include "gradient/gradient.h"
#include "network/network.h"
#include "operators/build_graph.h"
#include "peak.h"

enum { MOST_ROUNDS = 64 };

struct options {
    int64_t filters, shape[3];
    int32_t threads, rounds;
    double most_share; /* 0: no matter */
};

/* A graph, ready to run, and how long it took. */
struct subject {
    struct graph graph;
    struct network *network;
    float *input;
    double seconds[MOST_ROUNDS], shares[MOST_ROUNDS];
};

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static float *random_input(const struct graph *graph)
{
    const int64_t count = shape_count(&graph->values[graph->input].shape);
    float *input = malloc((size_t)count * sizeof *input);
    if (!input) exit(EXIT_FAILURE);
    uint64_t seed = 1;
    for (int64_t i = 0; i < count; i++) input[i] = random_float(&seed, -2, 2);
    return input;
}

static void open_subject(struct subject *subject, struct pool *pool)
{
    must(network_create(&subject->network, &subject->graph, &cpu_backend, &(struct backend_options){ .pool = pool }));
    subject->input = random_input(&subject->graph);
    if (subject->graph.seed != NO_VALUE)
        must(network_write(subject->network, subject->graph.seed, (float[7]){ 1, 0, 0, 0, 0, 0, 0 }));
}

static void close_subject(struct subject *subject)
{
    network_free(subject->network);
    graph_free(&subject->graph);
    free(subject->input);
}

/* subjects[0] is the forward pass. */
static void run_round(struct subject *subjects, int32_t count, int32_t round)
{
    for (int32_t i = 0; i < count; i++) {
        const double start = seconds_now();
        must(network_run(subjects[i].network, subjects[i].input, NULL));
        subjects[i].seconds[round] = seconds_now() - start;
        subjects[i].shares[round] = subjects[i].seconds[round] / subjects[0].seconds[round];
    }
}

static void report(struct subject *subject, const char *name, int32_t level, const struct options *options)
{
    char shape[128];
    const size_t rounds = (size_t)options->rounds;
    qsort(subject->seconds, rounds, sizeof(double), compare);
    qsort(subject->shares, rounds, sizeof(double), compare);
    shape_text(shape, sizeof shape, &subject->graph.values[subject->graph.input].shape);
    printf("{\"name\": \"%s\", \"level\": %d, \"input\": \"%s\", \"threads\": %d, \"minimum_ms\": %.3f, "
           "\"median_ms\": %.3f, \"share\": %.3f}\n",
           name, level, shape, options->threads, 1e3 * subject->seconds[0], 1e3 * subject->seconds[rounds / 2],
           subject->shares[rounds / 2]);
}

/* Returns the share of the default level's map. */
static double run(const struct options *options)
{
    static struct subject subjects[MAX_LEVELS + 1];
    struct pool *pool = pool_create(options->threads);
    struct graph *source = &subjects[0].graph;
    *source = build_reference_network(options->filters, options->shape, 1);
    must(graph_find_levels(source));
    const int32_t count = source->level_count + 1;
    double share = 0;
    for (int32_t i = 1; i < count; i++)
        must(gradient_graph(&subjects[i].graph, source, source->levels[i - 1], source->levels[i - 1],
                            TUMORCLASS_ATTENTION_HIRESCAM));
    for (int32_t i = 0; i < count; i++) open_subject(&subjects[i], pool);

    run_round(subjects, count, 0); /* overwritten by the first that counts */
    for (int32_t round = 0; round < options->rounds; round++) run_round(subjects, count, round);
    for (int32_t i = 0; i < count; i++) {
        report(&subjects[i], i ? "fine map" : "network", i, options);
        if (i && source->levels[i - 1] == source->fine) share = subjects[i].shares[options->rounds / 2];
    }
    for (int32_t i = count - 1; i >= 0; i--) close_subject(&subjects[i]);
    pool_free(pool);
    return share;
}

static bool read_arguments(struct options *options, int argc, char **argv)
{
    static const struct option names[] = {
        { "filters", required_argument, NULL, 'f' },    { "shape", required_argument, NULL, 's' },
        { "threads", required_argument, NULL, 't' },    { "rounds", required_argument, NULL, 'r' },
        { "most-share", required_argument, NULL, 'm' }, { 0 }
    };
    int64_t *shape = options->shape;
    *options = (struct options){ 16, { 128, 128, 128 }, tumorclass_suggested_threads(), 5, 0 };
    for (int option; (option = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        switch (option) {
        case 'f': options->filters = atoi(optarg); break;
        case 's':
            if (sscanf(optarg, "%" SCNd64 ",%" SCNd64 ",%" SCNd64, &shape[0], &shape[1], &shape[2]) != 3) return false;
            break;
        case 't': options->threads = atoi(optarg); break;
        case 'r': options->rounds = atoi(optarg); break;
        case 'm': options->most_share = atof(optarg); break;
        default: return false;
        }
    }
    return optind == argc && options->filters > 0 && options->threads > 0 && options->rounds > 0 &&
           options->rounds <= MOST_ROUNDS && multiply_extents(shape, 3) > 0;
}

int main(int argc, char **argv)
{
    struct options options;
    if (!read_arguments(&options, argc, argv)) {
        fputs("usage: bench_attention [--filters N] [--shape D,H,W] [--threads N] [--rounds N] [--most-share X]\n",
              stderr);
        return 64;
    }
    const double share = run(&options);
    if (options.most_share == 0 || share <= options.most_share) return EXIT_SUCCESS;
    fprintf(stderr, "the default map costs %.3f of a forward pass, at most %.3f wanted\n", share, options.most_share);
    return EXIT_FAILURE;
}
