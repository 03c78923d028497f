/* The emulator itself: a right kernel gives the right result in any order, and each planted mistake is found. */
#include "support.h"
#include <math.h>
#include <string.h>
#include "child.h"
#include "emulation_order.h"
#include "planted.h"

enum { COUNT = 130, BLOCK = 64, BLOCKS = 3, FOUND = 3 }; /* FOUND: emulation_fail's exit code */

struct numbers {
    float src[COUNT], dst[COUNT];
};

static struct numbers *make_numbers(void)
{
    struct numbers *n = calloc(1, sizeof *n);
    for (int i = 0; n && i < COUNT; i++) n->src[i] = (float)(i * 37 % 101) - 50;
    ck_assert_ptr_nonnull(n);
    return n;
}

/* In blocks of their own, so that the address sanitizer sees an index past the end. */
static void run_planted(planted_kernel *kernel)
{
    struct numbers *n = make_numbers();
    float *src = malloc(sizeof n->src), *dst = calloc(1, sizeof n->dst);
    ck_assert(src && dst);
    memcpy(src, n->src, sizeof n->src);
    kernel(dst, src, COUNT);
    free(src);
    free(dst);
    free(n);
}

struct planted_run {
    planted_kernel *kernel;
    emulation_order order;
};

static void run_in_child(const void *what)
{
    const struct planted_run *run = what;
    emulation_set_order(run->order, 1);
    run_planted(run->kernel);
}

static int end_of(planted_kernel *kernel, emulation_order order, char *said, size_t size)
{
    return end_of_child(run_in_child, &(struct planted_run){ kernel, order }, said, size);
}

START_TEST(the_order_changes_no_result)
{
    struct numbers *n = make_numbers();
    float wanted[BLOCKS] = { 0 };
    for (int i = 0; i < COUNT; i++) wanted[i / BLOCK] += n->src[i];
    for (uint32_t order = 0; order < EMULATION_ORDERS + 5; order++) {
        emulation_set_order(order < EMULATION_RANDOM ? (emulation_order)order : EMULATION_RANDOM, order);
        memset(n->dst, 0, sizeof n->dst);
        planted_nothing(n->dst, n->src, COUNT);
        for (int b = 0; b < BLOCKS; b++) ck_assert_float_eq(n->dst[b], wanted[b]); /* whole numbers: exact */
    }
    free(n);
}
END_TEST

/* One order or another shows it, though not each does. */
START_TEST(a_missing_barrier_changes_the_result)
{
    struct numbers *n = make_numbers();
    int wrong = 0;
    for (uint32_t order = 0; order < EMULATION_ORDERS + 5; order++) {
        float right[BLOCKS];
        emulation_set_order(order < EMULATION_RANDOM ? (emulation_order)order : EMULATION_RANDOM, order);
        planted_nothing(n->dst, n->src, COUNT);
        memcpy(right, n->dst, sizeof right);
        planted_missing_barrier(n->dst, n->src, COUNT);
        wrong += memcmp(right, n->dst, sizeof right) != 0;
    }
    ck_assert_int_gt(wrong, 0);
    free(n);
}
END_TEST

START_TEST(unwritten_shared_memory_is_nan)
{
    struct numbers *n = make_numbers();
    emulation_set_order(EMULATION_FORWARD, 0);
    planted_unwritten_shared(n->dst, n->src, COUNT);
    ck_assert(isnan(n->dst[0]) && !isnan(n->dst[BLOCK - 1]));
    free(n);
}
END_TEST

static const struct mistake {
    planted_kernel *kernel;
    const char *said;
} mistakes[] = {
    { planted_divergent_barrier, "have returned\n" },
    { planted_barriers_on_a_line, "this barrier is not the one at" },
    { planted_return_before, "have returned\n" },
    { planted_divergent_shuffle, "returned\n" },
    { planted_shuffle_outside, ", which is not in its mask 0000ffff" },
    { planted_too_much_shared, "50176 bytes of shared memory, more than 49152" },
    { planted_too_many_threads, "no launch of 1025 x 1 x 1 threads a block" },
};

START_TEST(what_a_gpu_lets_pass_is_an_error)
{
    const struct mistake *mistake = &mistakes[_i];
    char said[4096];
    for (int order = 0; order < EMULATION_ORDERS; order++) {
        const int status = end_of(mistake->kernel, (emulation_order)order, said, sizeof said);
        ck_assert_msg(status == FOUND, "mistake %d, order %d: exit status %d, said: %s", _i, order, status, said);
        ck_assert_msg(strstr(said, mistake->said), "mistake %d, order %d: said: %s", _i, order, said);
    }
}
END_TEST

#if defined __SANITIZE_ADDRESS__
START_TEST(the_address_sanitizer_sees_kernels)
{
    planted_kernel *const kernels[] = { planted_read_beyond, planted_shared_beyond };
    char said[8192];
    ck_assert_int_ne(end_of(kernels[_i], EMULATION_FORWARD, said, sizeof said), 0);
    ck_assert_msg(strstr(said, "AddressSanitizer"), "said: %s", said);
}
END_TEST
#endif

int main(void)
{
    Suite *suite = suite_create("CPU emulation of CUDA's execution model");
    TCase *tcase = tcase_create("emulator");
    tcase_add_test(tcase, the_order_changes_no_result);
    tcase_add_test(tcase, a_missing_barrier_changes_the_result);
    tcase_add_test(tcase, unwritten_shared_memory_is_nan);
    tcase_add_loop_test(tcase, what_a_gpu_lets_pass_is_an_error, 0, (int)(sizeof mistakes / sizeof *mistakes));
#if defined __SANITIZE_ADDRESS__
    tcase_add_loop_test(tcase, the_address_sanitizer_sees_kernels, 0, 2);
#endif
    tcase_set_timeout(tcase, 120);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
