/* Every operation of the CPU backend against the oracle: random cases by seed, every tier of this machine, the same
 * bits for any number of threads, nothing read that was not set and nothing written outside the output. */
#include "support.h"
#include <math.h>
#include <string.h>
#include "base/memory.h"
#include "cases.h"
#include "cpu/state.h"
#include "oracle.h"

enum { GUARD = 4096, POOLS = 4, TIERS = 3 };
enum flavour { ORDINARY, ALL_EQUAL, TINY, HUGE_VALUES, FLAVOURS, NOT_FINITE = FLAVOURS };

struct trial {
    const struct operation_case *subject;
    uint64_t seed;
    enum flavour flavour;
    struct graph graph;
    float *input, *first; /* first: the output of the tier's first run */
    double *expected, largest;
    int64_t count;
};

static void *allocated(int64_t count, size_t size)
{
    void *block = calloc((size_t)(count > 0 ? count : 1), size);
    ck_assert_ptr_nonnull(block);
    return block;
}

static const struct shape *shape_at(const struct trial *trial, int32_t value)
{
    return &trial->graph.values[value].shape;
}

static float *make_input(const struct trial *trial)
{
    const int64_t count = shape_count(shape_at(trial, trial->graph.input));
    const float scale = trial->flavour == TINY ? 1e-30f : trial->flavour == HUGE_VALUES ? 1e30f : 1;
    uint64_t seed = ~trial->seed;
    float *input = allocated(count, sizeof *input);
    for (int64_t i = 0; i < count; i++) {
        input[i] = scale * random_float(&seed, -2, 2);
        if (trial->flavour == ALL_EQUAL) input[i] = 1.7f;
        if (trial->flavour != NOT_FINITE || !chance(&seed, 20)) continue;
        input[i] = (const float[]){ NAN, INFINITY, -INFINITY }[random_integer(&seed, 0, 2)];
    }
    return input;
}

static double *widened(const float *src, int64_t count)
{
    double *dst = allocated(count, sizeof *dst);
    for (int64_t i = 0; i < count; i++) dst[i] = src[i];
    return dst;
}

static void ask_oracle(struct trial *trial)
{
    const struct graph *graph = &trial->graph;
    double **values = allocated(graph->value_count, sizeof *values);
    for (int32_t v = 0; v < graph->value_count; v++) {
        const float *src = v == graph->input ? trial->input : graph->values[v].constant;
        if (src) values[v] = widened(src, shape_count(shape_at(trial, v)));
    }
    trial->count = shape_count(shape_at(trial, graph->output));
    trial->expected = allocated(trial->count, sizeof *trial->expected);
    oracle_node(trial->expected, &trial->largest, graph, &graph->nodes[0], values);
    for (int32_t v = 0; v < graph->value_count; v++) free(values[v]);
    free(values);
}

static void check_near_oracle(const struct trial *trial, const struct tier *tier)
{
    const struct tolerance t = trial->subject->tolerance;
    for (int64_t i = 0; i < trial->count; i++) {
        const float got = trial->first[i], wanted = (float)trial->expected[i]; /* overflows as a float does */
        if (got == wanted || (isnan(got) && isnan(wanted))) continue;
        const double error = fabs((double)got - (double)wanted);
        const double allowed = t.relative * fabs((double)wanted) + t.of_largest * trial->largest;
        ck_assert_msg(error <= allowed,
                      "%s, seed %llu, flavour %d, %s: element %lld is %.9g, not %.9g (allowed error %.3g)",
                      trial->subject->name, (unsigned long long)trial->seed, (int)trial->flavour, tier->name,
                      (long long)i, (double)got, (double)wanted, allowed);
    }
}

static void fill(void *block, size_t size)
{
    memset(block, 0xff, size); /* floats and doubles of these bytes are NaN */
}

/* The state's arena between guards of GUARD bytes. */
static void check_untouched(const struct trial *trial, const struct cpu_state *state, const char *before,
                            const char *after)
{
    const struct block *block = &state->plan.blocks[state->plan.block_of[trial->graph.output]];
    const bool nothing_written = trial->graph.nodes[0].operation == OPERATION_RESHAPE;
    const size_t size = 2 * GUARD + state->plan.arena_size;
    const size_t begin = GUARD + block->offset, end = begin + (size_t)trial->count * sizeof(float);
    const size_t kept = nothing_written ? size : begin;
    ck_assert_msg(!memcmp(before, after, kept) && !memcmp(before + end, after + end, size - end),
                  "%s, seed %llu, %s: bytes outside the output changed", trial->subject->name,
                  (unsigned long long)trial->seed, state->tier->name);
}

/* Run the node with everything around its input unset, into dst. */
static void run_guarded(const struct trial *trial, struct cpu_state *state, float *dst)
{
    const size_t size = 2 * GUARD + state->plan.arena_size;
    char *const arena = state->arena, *guarded = allocated((int64_t)size, 1), *before = allocated((int64_t)size, 1);
    fill(guarded, size);
    fill(state->scratch, state->scratch_size * (size_t)pool_size(state->pool));
    state->arena = guarded + GUARD;
    must(cpu_backend.upload(state, trial->graph.input, trial->input));
    memcpy(before, guarded, size);

    memory_fail_at(1);
    must(cpu_backend.run(state, 0));
    ck_assert_ptr_null(memory_allocate(1, 1)); /* that allocation was the first since: the run made none */
    check_untouched(trial, state, before, guarded);
    must(cpu_backend.download(state, dst, trial->graph.output));
    state->arena = arena;
    free(guarded);
    free(before);
}

static void check_tier(struct trial *trial, const struct tier *tier, struct pool *const pools[POOLS])
{
    float *again = allocated(trial->count, sizeof *again);
    for (int i = 0; i < POOLS; i++) {
        const struct backend_options options = { .pool = pools[i] };
        struct cpu_state *state;
        must(cpu_open(&state, &trial->graph, &options, tier));
        run_guarded(trial, state, i ? again : trial->first);
        if (!i) check_near_oracle(trial, tier);
        ck_assert_msg(!i || !memcmp(again, trial->first, (size_t)trial->count * sizeof *again),
                      "%s, seed %llu, %s: %d threads give other bits than one", trial->subject->name,
                      (unsigned long long)trial->seed, tier->name, (int)pool_size(pools[i]));
        cpu_backend.close(state);
    }
    free(again);
}

static void check_case(const struct operation_case *subject, uint64_t seed, enum flavour flavour,
                       struct pool *const pools[POOLS])
{
    struct trial trial = { .subject = subject, .seed = seed, .flavour = flavour };
    subject->build(&trial.graph, &seed);
    trial.input = make_input(&trial);
    ask_oracle(&trial);
    trial.first = allocated(trial.count, sizeof *trial.first);
    for (int i = 0; tier_get(i); i++) check_tier(&trial, tier_get(i), pools);
    graph_free(&trial.graph);
    free(trial.input);
    free(trial.first);
    free(trial.expected);
}

static void check_flavours(const struct operation_case *subject, enum flavour from, enum flavour to, int32_t count)
{
    static const int32_t sizes[POOLS] = { 1, 2, 3, 8 };
    struct pool *pools[POOLS];
    for (int i = 0; i < POOLS; i++) {
        pools[i] = pool_create(sizes[i]);
        ck_assert_int_eq(pool_size(pools[i]), sizes[i]);
    }
    for (int32_t i = 0; i < count; i++)
        check_case(subject, (uint64_t)i, (enum flavour)(from + i % (to - from + 1)), pools);
    for (int i = 0; i < POOLS; i++) pool_free(pools[i]);
    ck_assert_int_eq(memory_blocks_in_use(), 0);
}

START_TEST(operation_agrees_with_the_oracle)
{
    const struct operation_case *subject = &operation_cases[_i];
    check_flavours(subject, ORDINARY, HUGE_VALUES, subject->count);
}
END_TEST

START_TEST(operation_passes_on_what_is_not_finite)
{
    const struct operation_case *subject = &operation_cases[_i];
    check_flavours(subject, NOT_FINITE, NOT_FINITE, subject->count / 4);
}
END_TEST

/* Else the comparisons above would show little. The gradient of a maximum has many. */
START_TEST(cases_are_not_mostly_zero)
{
    const struct operation_case *subject = &operation_cases[_i];
    int64_t zeros = 0, all = 0;
    for (uint64_t i = 0; i < (uint64_t)subject->count; i++) {
        struct trial trial = { .subject = subject, .seed = i };
        uint64_t seed = i;
        subject->build(&trial.graph, &seed);
        trial.input = make_input(&trial);
        ask_oracle(&trial);
        for (int64_t k = 0; k < trial.count; k++) zeros += trial.expected[k] == 0;
        all += trial.count;
        graph_free(&trial.graph);
        free(trial.input);
        free(trial.expected);
    }
    ck_assert_msg(zeros < all * 3 / 4, "%s: %lld of %lld expected values are zero", subject->name, (long long)zeros,
                  (long long)all);
}
END_TEST

/* The forward operation that the case's node is the gradient of, in the same graph: x is what the node reads or, where
 * it needs none, the value with its output's shape, and y the value of g. */
static struct node forward_of(const struct node *back, int32_t inputs[3])
{
    static const operation forward[OPERATION_COUNT] = { [OPERATION_ACTIVATION_BACK] = OPERATION_ACTIVATION,
                                                        [OPERATION_CONV_BACK] = OPERATION_CONV,
                                                        [OPERATION_INSTANCE_NORM_BACK] = OPERATION_INSTANCE_NORM,
                                                        [OPERATION_POOL_BACK] = OPERATION_POOL,
                                                        [OPERATION_REDUCE_BACK] = OPERATION_REDUCE,
                                                        [OPERATION_SOFTMAX_BACK] = OPERATION_SOFTMAX };
    struct node node = *back;
    node.operation = forward[back->operation];
    inputs[0] = back->operation == OPERATION_CONV_BACK ? back->output : back->inputs[1];
    inputs[1] = back->inputs[back->input_count - 1];                                    /* weight or scale */
    inputs[2] = back->operation == OPERATION_INSTANCE_NORM_BACK ? inputs[1] : NO_VALUE; /* any shift */
    node.inputs = inputs;
    node.input_count = 3;
    node.output = back->inputs[0];
    return node;
}

/* Elements in random order, far enough apart that a small step swaps no maximum, and on no kink of an activation. */
static void spread(float *x, int64_t count, uint64_t *seed)
{
    for (int64_t i = 0; i < count; i++) {
        const int64_t other = random_integer(seed, 0, i);
        x[i] = x[other];
        x[other] = ((float)i + 0.5f) * 7.93f / (float)count - 3.97f;
    }
}

struct gradient {
    struct trial trial;
    struct node forward;
    int32_t inputs[3];
    double **values;       /* by value, in double: x and g among them */
    double *x, *direction; /* x: values[inputs[0]] */
    double *outputs[2];    /* at x + step and x - step */
    int64_t count, outputs_count;
};

/* d/dt of the sum of g * forward(x + t * direction), by a central difference. */
static double numeric(struct gradient *gradient)
{
    const double step = 1e-6, signs[2] = { step, -step };
    const double *g = gradient->values[gradient->trial.graph.input];
    double largest, sum = 0;
    for (int side = 0; side < 2; side++) {
        for (int64_t i = 0; i < gradient->count; i++) gradient->x[i] += signs[side] * gradient->direction[i];
        oracle_node(gradient->outputs[side], &largest, &gradient->trial.graph, &gradient->forward,
                    (double *const *)gradient->values);
        for (int64_t i = 0; i < gradient->count; i++) gradient->x[i] -= signs[side] * gradient->direction[i];
    }
    for (int64_t i = 0; i < gradient->outputs_count; i++)
        sum += g[i] * (gradient->outputs[0][i] - gradient->outputs[1][i]);
    return sum / (2 * step);
}

/* Bar: a relative difference of 1e-4, and what float leaves of a gradient that cancels to nearly nothing. */
static void check_derivative(struct gradient *gradient, const char *what)
{
    const struct trial *trial = &gradient->trial;
    double sum = 0, largest = 0;
    for (int64_t i = 0; i < gradient->count; i++) {
        sum += (double)trial->first[i] * gradient->direction[i];
        largest = fmax(largest, fabs((double)trial->first[i]));
    }
    const double wanted = numeric(gradient), error = fabs(sum - wanted);
    ck_assert_msg(error <= 1e-4 * fabs(wanted) + 1e-6 * largest + 1e-8, "%s, seed %llu, along %s: %.9g, not %.9g",
                  trial->subject->name, (unsigned long long)trial->seed, what, sum, wanted);
}

static void run_fastest(struct trial *trial)
{
    const struct backend_options options = { .pool = NULL };
    struct cpu_state *state;
    trial->count = shape_count(shape_at(trial, trial->graph.output));
    trial->first = allocated(trial->count, sizeof *trial->first);
    must(cpu_open(&state, &trial->graph, &options, tier_get(0)));
    must(cpu_backend.upload(state, trial->graph.input, trial->input));
    must(cpu_backend.run(state, 0));
    must(cpu_backend.download(state, trial->first, trial->graph.output));
    cpu_backend.close(state);
}

static void set_values(struct gradient *gradient)
{
    const struct trial *trial = &gradient->trial;
    const struct graph *graph = &trial->graph;
    const int32_t x = gradient->inputs[0];
    gradient->values = allocated(graph->value_count, sizeof *gradient->values);
    for (int32_t v = 0; v < graph->value_count; v++) {
        const float *src = v == graph->input    ? trial->input
                           : v == graph->output ? trial->first
                                                : graph->values[v].constant;
        gradient->values[v] = widened(src, shape_count(shape_at(trial, v)));
    }
    gradient->x = gradient->values[x];
    gradient->count = shape_count(shape_at(trial, x));
    gradient->outputs_count = shape_count(shape_at(trial, graph->input));
    gradient->direction = allocated(gradient->count, sizeof *gradient->direction);
    for (int i = 0; i < 2; i++) gradient->outputs[i] = allocated(gradient->outputs_count, sizeof **gradient->outputs);
    /* The case holds a softmax's y: log y is an x that leads there, and so is a log softmax's y itself. */
    if (gradient->forward.operation == OPERATION_SOFTMAX && !gradient->forward.softmax.log)
        for (int64_t i = 0; i < gradient->count; i++) gradient->x[i] = log(gradient->x[i]);
}

static void free_gradient(struct gradient *gradient)
{
    for (int32_t v = 0; v < gradient->trial.graph.value_count; v++) free(gradient->values[v]);
    for (int i = 0; i < 2; i++) free(gradient->outputs[i]);
    free(gradient->values);
    free(gradient->direction);
    free(gradient->trial.input);
    free(gradient->trial.first);
    graph_free(&gradient->trial.graph);
}

static void check_gradient(const struct operation_case *subject, uint64_t seed)
{
    struct gradient gradient = { .trial = { .subject = subject, .seed = seed } };
    struct graph *graph = &gradient.trial.graph;
    subject->build(graph, &seed);
    gradient.forward = forward_of(&graph->nodes[0], gradient.inputs);
    struct value *x = &graph->values[gradient.inputs[0]];
    if (x->owned && gradient.forward.operation != OPERATION_SOFTMAX) spread(x->owned, shape_count(&x->shape), &seed);
    gradient.trial.input = make_input(&gradient.trial);
    run_fastest(&gradient.trial);
    set_values(&gradient);
    for (int64_t i = 0; i < gradient.count; i++) /* no term of the sum cancels another */
        gradient.direction[i] = copysign((double)random_float(&seed, 0.5f, 1), (double)gradient.trial.first[i]);
    check_derivative(&gradient, "its direction");
    for (int i = 0; i < 3; i++) {
        memset(gradient.direction, 0, (size_t)gradient.count * sizeof *gradient.direction);
        gradient.direction[random_integer(&seed, 0, gradient.count - 1)] = 1;
        check_derivative(&gradient, "one element");
    }
    free_gradient(&gradient);
}

START_TEST(gradient_agrees_with_differences)
{
    const struct operation_case *subject = &operation_cases[_i];
    for (int32_t i = 0; i < (subject->count + 3) / 4; i++) check_gradient(subject, (uint64_t)i);
}
END_TEST

START_TEST(tiers_end_with_the_portable_one)
{
    int32_t count = 0;
    while (tier_get(count)) printf("tier %d: %s\n", (int)count, tier_get(count)->name), count++;
    ck_assert_int_ge(count, 1);
    ck_assert_str_eq(tier_get(count - 1)->name, "portable");
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("operators");
    tcase_set_timeout(cases, 300);
    tcase_add_test(cases, tiers_end_with_the_portable_one);
    tcase_add_loop_test(cases, operation_agrees_with_the_oracle, 0, OPERATION_CASES);
    tcase_add_loop_test(cases, operation_passes_on_what_is_not_finite, 0, OPERATION_CASES);
    tcase_add_loop_test(cases, gradient_agrees_with_differences, FIRST_GRADIENT, OPERATION_CASES);
    tcase_add_loop_test(cases, cases_are_not_mostly_zero, 0, OPERATION_CASES);
    Suite *suite = suite_create("operators");
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
