/* A lesion of every class in one phantom head: there, where it says, the same again, and taken back whole. Short, so
 * that the sanitizers see every class grow; test_gliomas.c and test_extraaxial.c ask what they look like. */
#include "phantom_base.h"
#include "support.h"

static double covered(const struct lesion *lesion, size_t voxel)
{
    static const enum part parts[] = { PART_DULL, PART_FLUID, PART_SOLID };
    double share = 0;
    for (int p = 0; p < 3; p++)
        if (lesion->cover[parts[p]]) share += lesion->cover[parts[p]][voxel] / 255.0;
    return share < 1 ? share : 1;
}

static void same_lesion(const struct lesion *a, const struct lesion *b)
{
    const size_t count = (size_t)a->shape[0] * (size_t)a->shape[1] * (size_t)a->shape[2];
    ck_assert_mem_eq(a->shape, b->shape, sizeof a->shape);
    ck_assert_mem_eq(a->look, b->look, sizeof a->look);
    for (int p = 0; p < PARTS; p++) {
        ck_assert(!a->cover[p] == !b->cover[p]);
        if (a->cover[p]) ck_assert_mem_eq(a->cover[p], b->cover[p], count);
    }
}

START_TEST(every_class_grows_where_it_says_and_the_same_again)
{
    struct phantom phantom;
    phantom_base_create(&phantom);
    for (int entity = 0; entity < ENTITIES; entity++)
        for (uint64_t seed = 1; seed <= 2; seed++) {
            struct lesion lesion, again;
            ck_assert(lesion_create(&lesion, &phantom.head, (enum entity)entity, seed));
            ck_assert(lesion_create(&again, &phantom.head, (enum entity)entity, seed));
            same_lesion(&lesion, &again);
            const size_t count = (size_t)lesion.shape[0] * (size_t)lesion.shape[1] * (size_t)lesion.shape[2];
            double ml = 0;
            for (size_t n = 0; n < count; n++) ml += covered(&lesion, n) / 1000;
            ck_assert_double_eq_tol(ml, lesion.volume_ml, 0.02 * ml + 1e-6);
            ck_assert(entity == HLTH ? ml == 0 : ml > 0.01 && ml < 250);
            ck_assert_int_eq(lesion.foci > 0, entity != HLTH);
            for (int a = 0; a < 3 && entity != HLTH; a++) {
                ck_assert_float_ge(lesion.centre[a], (float)lesion.low[a]);
                ck_assert_float_lt(lesion.centre[a], (float)(lesion.low[a] + lesion.shape[a]));
            }
            lesion_free(&lesion);
            lesion_free(&again);
        }
    phantom_base_free(&phantom);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("lesions");
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, every_class_grows_where_it_says_and_the_same_again);
    Suite *suite = suite_create("lesions");
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
