/* Who is in a cohort: splits, counts and seeds. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "plan.h"
#include "support.h"

static const struct plan paper = { .seed = 1,
                                   .split = INTERNAL,
                                   .counts = { 54, 54, 143, 18, 33, 29, 30 },
                                   .anatomies = 3,
                                   .contrast = 0.8,
                                   .healthy_contrast = 0.5 };

START_TEST(each_split_has_its_anatomies_of_both_origins)
{
    static const char *const cut[] = { "03", "04", "07", "09", "13", "20" };
    static const int wanted[SPLITS] = { 13, 2, 3, 2 };
    int count[SPLITS] = { 0 }, without_neck[SPLITS] = { 0 }, odd[SPLITS] = { 0 };
    for (int i = 1; i <= 20; i++) {
        char name[8];
        snprintf(name, sizeof name, "%02d", i);
        const enum split split = anatomy_split(name);
        ck_assert_int_lt(split, SPLITS);
        count[split]++;
        odd[split] += i == 5 || i == 11 || i == 14;
        for (int k = 0; k < 6; k++) without_neck[split] += !strcmp(name, cut[k]);
    }
    for (int split = 0; split < SPLITS; split++) {
        ck_assert_int_eq(count[split], wanted[split]);
        ck_assert_int_gt(without_neck[split], 0);
        ck_assert_int_lt(without_neck[split], count[split]);
        ck_assert_int_lt(odd[split], 3);
    }
}
END_TEST

START_TEST(unknown_anatomies_have_no_split)
{
    static const char *const names[] = { "", "0", "1", "21", "001", "1 ", " 0", "colin27" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) ck_assert_int_eq((int)anatomy_split(names[i]), -1);
}
END_TEST

START_TEST(any_first_part_holds_the_classes_as_the_whole_does)
{
    uint8_t entities[361];
    ck_assert_int_eq(plan_size(&paper), 361);
    plan_entities(entities, &paper);
    int dealt[ENTITIES] = { 0 };
    for (int n = 0; n < 361; n++) {
        dealt[entities[n]]++;
        for (int entity = 0; entity < ENTITIES; entity++)
            ck_assert_double_lt(fabs(dealt[entity] - paper.counts[entity] * (n + 1) / 361.0), 1.5);
    }
    for (int entity = 0; entity < ENTITIES; entity++) ck_assert_int_eq(dealt[entity], paper.counts[entity]);
}
END_TEST

START_TEST(a_larger_balanced_cohort_begins_as_a_smaller_one)
{
    struct plan small = paper, large = paper;
    for (int entity = 0; entity < ENTITIES; entity++) {
        small.counts[entity] = 5;
        large.counts[entity] = 50;
    }
    uint8_t first[35], second[350];
    plan_entities(first, &small);
    plan_entities(second, &large);
    ck_assert_mem_eq(first, second, sizeof first);
}
END_TEST

START_TEST(seeds_follow_from_cohort_split_and_number_alone)
{
    struct plan other = paper, external = paper;
    other.seed = 2;
    external.split = EXTERNAL;
    struct subject one, same, sick, next, elsewhere, outside;
    plan_subject(&one, &paper, 7, HLTH);
    plan_subject(&same, &paper, 7, HLTH);
    plan_subject(&sick, &paper, 7, AN);
    plan_subject(&next, &paper, 8, HLTH);
    plan_subject(&elsewhere, &other, 7, HLTH);
    plan_subject(&outside, &external, 7, HLTH);
    ck_assert_uint_eq(one.seed, same.seed);
    ck_assert_uint_eq(one.seed, sick.seed);
    ck_assert_int_eq(one.anatomy, sick.anatomy);
    ck_assert_uint_ne(one.seed, next.seed);
    ck_assert_uint_ne(one.seed, elsewhere.seed);
    ck_assert_uint_ne(one.seed, outside.seed);
}
END_TEST

START_TEST(anatomies_are_drawn_alike)
{
    int drawn[3] = { 0 };
    for (int number = 1; number <= 3000; number++) {
        struct subject subject;
        plan_subject(&subject, &paper, number, HGG);
        drawn[subject.anatomy]++;
    }
    for (int i = 0; i < 3; i++) ck_assert_int_lt(abs(drawn[i] - 1000), 100);
}
END_TEST

START_TEST(one_family_is_for_the_external_test_alone)
{
    for (int split = 0; split < SPLITS; split++) {
        struct plan plan = paper;
        plan.split = (enum split)split;
        int left_out = 0;
        for (int number = 1; number <= 2000; number++) {
            struct subject subject;
            struct acquisition_rules rules;
            double contrast;
            plan_subject(&subject, &plan, number, number % ENTITIES);
            plan_acquisition(&rules, &contrast, &plan, &subject);
            ck_assert(rules.family[FAMILY_SLAB] != rules.family[FAMILY_FAT_SUPPRESSED]);
            ck_assert_double_eq(contrast, subject.entity == HLTH ? 0.5 : 0.8);
            left_out += rules.family[FAMILY_FAT_SUPPRESSED];
        }
        if (split == EXTERNAL)
            ck_assert_int_lt(abs(left_out - 500), 80);
        else
            ck_assert_int_eq(left_out, 0);
    }
}
END_TEST

START_TEST(attempts_draw_the_tumour_again_and_later_the_scan)
{
    struct subject subject;
    plan_subject(&subject, &paper, 1, PA);
    ck_assert_uint_eq(lesion_seed(&subject, 1), subject.seed);
    for (int attempt = 1; attempt <= 3 * ATTEMPTS; attempt++) {
        ck_assert_uint_ne(lesion_seed(&subject, attempt), lesion_seed(&subject, attempt + 1));
        ck_assert((scan_seed(&subject, attempt) == scan_seed(&subject, attempt + 1)) == (attempt % ATTEMPTS != 0));
    }
    ck_assert_uint_eq(scan_seed(&subject, ATTEMPTS), subject.seed);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("plan");
    tcase_add_test(cases, each_split_has_its_anatomies_of_both_origins);
    tcase_add_test(cases, unknown_anatomies_have_no_split);
    tcase_add_test(cases, any_first_part_holds_the_classes_as_the_whole_does);
    tcase_add_test(cases, a_larger_balanced_cohort_begins_as_a_smaller_one);
    tcase_add_test(cases, seeds_follow_from_cohort_split_and_number_alone);
    tcase_add_test(cases, anatomies_are_drawn_alike);
    tcase_add_test(cases, one_family_is_for_the_external_test_alone);
    tcase_add_test(cases, attempts_draw_the_tumour_again_and_later_the_scan);
    Suite *suite = suite_create("plan");
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
