#include "graph_of.h"
#include "model/plan.h"

static struct plan plan_of(const struct graph *graph)
{
    struct plan plan;
    ck_assert_int_eq(plan_create(&plan, graph, true), TUMORCLASS_OK);
    return plan;
}

static const struct block *block_of(const struct plan *plan, const char *name)
{
    const int32_t value = graph_find(plan->graph, name);
    ck_assert_int_ne(value, NO_VALUE);
    ck_assert_int_ne(plan->block_of[value], NO_VALUE);
    return &plan->blocks[plan->block_of[value]];
}

/* step: 0 conv c, 1 relu r, 2 add a (r + c), 3 mean g, 4 reshape f, 5 product d; softmax is taken off. */
static struct onnx_file network(void)
{
    struct onnx_file file = file_with(13, AXES(1, 2, 4, 4, 4));
    ramp(&file, "w", 1, 1, AXES(2, 2, 1, 1, 1));
    ramp(&file, "dense", 0, 1, AXES(2, 3));
    onnx_node(&file, "Conv", "c", "x,w", "c");
    onnx_node(&file, "Relu", "r", "c", "r");
    onnx_node(&file, "Add", "a", "r,c", "a");
    onnx_node(&file, "GlobalAveragePool", "g", "a", "g");
    onnx_node(&file, "Flatten", "f", "g", "f");
    onnx_node(&file, "MatMul", "d", "f,dense", "d");
    onnx_node(&file, "Softmax", "s", "d", "y");
    return file;
}

static void lives(const struct plan *plan, const char *name, int32_t first, int32_t last)
{
    const struct block *block = block_of(plan, name);
    ck_assert_msg(block->first == first && block->last == last, "%s lives from %d to %d, not %d to %d", name,
                  block->first, block->last, first, last);
}

START_TEST(tensors_live_from_their_making_to_their_last_reader)
{
    struct onnx_file file = network();
    struct bytes bytes;
    struct graph graph = graph_of(&file, &bytes);
    struct plan plan = plan_of(&graph);
    ck_assert_int_eq(plan.block_count, 6);
    lives(&plan, "x", -1, 0);
    lives(&plan, "c", 0, 2);
    lives(&plan, "r", 1, 2);
    lives(&plan, "a", 2, 6); /* features */
    lives(&plan, "g", 3, 6); /* shares its memory with the embedding */
    lives(&plan, "d", 5, 6);
    ck_assert_ptr_eq(block_of(&plan, "g"), block_of(&plan, "f"));
    ck_assert_int_eq(plan.block_of[graph_find(&graph, "w")], NO_VALUE);
    plan_free(&plan);
    graph_free(&graph);
    bytes_free(&bytes);
}
END_TEST

START_TEST(input_that_is_the_output_lives_all_the_time)
{
    struct onnx_file file = file_with(13, AXES(1, 2, 4));
    onnx_node(&file, "Flatten", "f", "x", "y");
    struct bytes bytes;
    struct graph graph = graph_of(&file, &bytes);
    struct plan plan = plan_of(&graph);
    ck_assert_int_eq(plan.block_count, 1);
    lives(&plan, "x", -1, 1);
    plan_free(&plan);
    graph_free(&graph);
    bytes_free(&bytes);
}
END_TEST

/* 32 bits of a linear congruential generator's upper half. */
static uint32_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 32);
}

/* Blocks without a graph: plan_pack looks at nothing else. */
static struct plan random_plan(uint64_t *seed, int32_t count)
{
    struct plan plan = { .block_count = count };
    plan.blocks = memory_zeroed((size_t)count, sizeof *plan.blocks);
    ck_assert_ptr_nonnull(plan.blocks);
    for (int32_t i = 0; i < count; i++) {
        const int32_t first = (int32_t)(next_random(seed) % 40) - 1;
        plan.blocks[i] = (struct block){ .first = first,
                                         .last = first + (int32_t)(next_random(seed) % 12),
                                         .size = next_random(seed) % 20 * 64,
                                         .offset = 1 };
    }
    return plan;
}

static size_t live_at(const struct plan *plan, int32_t step)
{
    size_t sum = 0;
    for (int32_t i = 0; i < plan->block_count; i++)
        if (plan->blocks[i].first <= step && step <= plan->blocks[i].last) sum += plan->blocks[i].size;
    return sum;
}

static void check_packing(const struct plan *plan)
{
    size_t sum = 0, most = 0, end = 0;
    for (int32_t step = -1; step < 60; step++)
        if (live_at(plan, step) > most) most = live_at(plan, step);
    for (int32_t i = 0; i < plan->block_count; i++) {
        const struct block *a = &plan->blocks[i];
        sum += a->size;
        if (a->offset + a->size > end) end = a->offset + a->size;
        ck_assert_int_eq(a->offset % 64, 0);
        for (int32_t k = 0; k < i; k++) {
            const struct block *b = &plan->blocks[k];
            const bool together = a->first <= b->last && b->first <= a->last;
            const bool overlap = a->offset < b->offset + b->size && b->offset < a->offset + a->size;
            ck_assert_msg(!together || !overlap || !a->size || !b->size, "blocks %d and %d overlap", k, i);
        }
    }
    ck_assert_uint_eq(plan->arena_size, end);
    ck_assert_uint_le(plan->arena_size, sum);
    ck_assert_uint_ge(plan->arena_size, most);
}

START_TEST(no_two_living_blocks_overlap)
{
    uint64_t seed = 1;
    for (int round = 0; round < 2000; round++) {
        struct plan plan = random_plan(&seed, (int32_t)(next_random(&seed) % 40));
        ck_assert_int_eq(plan_pack(&plan), TUMORCLASS_OK);
        check_packing(&plan);
        plan_free(&plan);
    }
}
END_TEST

START_TEST(packing_twice_gives_the_same)
{
    uint64_t seed = 2, again = 2;
    struct plan one = random_plan(&seed, 200), two = random_plan(&again, 200);
    ck_assert_int_eq(plan_pack(&one), TUMORCLASS_OK);
    ck_assert_int_eq(plan_pack(&two), TUMORCLASS_OK);
    for (int32_t i = 0; i < 200; i++) ck_assert_uint_eq(one.blocks[i].offset, two.blocks[i].offset);
    plan_free(&one);
    plan_free(&two);
}
END_TEST

/* Each layer reads the one before it; sizes fall, as in an encoder. */
START_TEST(chain_needs_no_more_than_two_neighbours)
{
    struct block blocks[8];
    for (int32_t i = 0; i < 8; i++)
        blocks[i] = (struct block){ .first = i - 1, .last = i, .size = (size_t)64 << (10 - i) };
    struct plan plan = { .blocks = blocks, .block_count = 8 };
    ck_assert_int_eq(plan_pack(&plan), TUMORCLASS_OK);
    check_packing(&plan);
    ck_assert_uint_eq(plan.arena_size, ((size_t)64 << 10) + ((size_t)64 << 9));
}
END_TEST

START_TEST(sizes_beyond_memory_are_a_limit)
{
    struct block blocks[2] = { { .size = SIZE_MAX - 63 }, { .size = 64, .first = 3, .last = 3 } };
    struct plan plan = { .blocks = blocks, .block_count = 2 };
    ck_assert_int_eq(plan_pack(&plan), TUMORCLASS_LIMIT);
}
END_TEST

START_TEST(failed_allocations_leave_nothing)
{
    struct onnx_file file = network();
    struct bytes bytes;
    struct graph graph = graph_of(&file, &bytes);
    const int64_t before = memory_blocks_in_use();
    for (int64_t n = 1; n <= 3; n++) {
        struct plan plan;
        memory_fail_at(n);
        tumorclass_status status = plan_create(&plan, &graph, true);
        if (status == TUMORCLASS_OK) status = plan_pack(&plan);
        memory_fail_at(0);
        ck_assert_int_eq(status, TUMORCLASS_OUT_OF_MEMORY);
        plan_free(&plan);
        ck_assert_int_eq(memory_blocks_in_use(), before);
    }
    graph_free(&graph);
    bytes_free(&bytes);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("plan");
    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, tensors_live_from_their_making_to_their_last_reader);
    tcase_add_test(cases, input_that_is_the_output_lives_all_the_time);
    tcase_add_test(cases, no_two_living_blocks_overlap);
    tcase_add_test(cases, packing_twice_gives_the_same);
    tcase_add_test(cases, chain_needs_no_more_than_two_neighbours);
    tcase_add_test(cases, sizes_beyond_memory_are_a_limit);
    tcase_add_test(cases, failed_allocations_leave_nothing);
    Suite *suite = suite_create("plan");
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
