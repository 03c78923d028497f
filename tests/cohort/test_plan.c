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

START_TEST(copies_differ_in_their_family_or_stripping_alone)
{
    struct plan slabs = paper, stripped = paper;
    slabs.only_family = stripped.strip = true;
    slabs.family = FAMILY_SLAB;
    stripped.stripping = STRIP_WELL;
    const struct plan *const plans[] = { &paper, &slabs, &stripped };
    for (int number = 1; number <= 100; number++) {
        struct acquisition drawn[3];
        for (int p = 0; p < 3; p++) {
            struct subject subject;
            struct acquisition_rules rules;
            double contrast;
            plan_subject(&subject, plans[p], number, HGG);
            plan_acquisition(&rules, &contrast, plans[p], &subject);
            acquisition_draw(&drawn[p], &rules, contrast, scan_seed(&subject, 1));
        }
        ck_assert_int_eq(drawn[1].family, FAMILY_SLAB);
        ck_assert_int_gt(drawn[1].slices, 0);
        ck_assert_float_eq(drawn[1].strength, drawn[0].strength);
        ck_assert_int_eq(drawn[2].stripping, STRIP_WELL);
        ck_assert(!drawn[2].defaced);
        drawn[2].stripping = drawn[0].stripping;
        drawn[2].defaced = drawn[0].defaced;
        ck_assert_mem_eq(&drawn[2], &drawn[0], sizeof drawn[0]);
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

static struct acquisition acquisition_of(const struct plan *plan, int number, enum entity entity)
{
    struct subject subject;
    struct acquisition_rules rules;
    struct acquisition acquisition;
    double contrast;
    plan_subject(&subject, plan, number, entity);
    plan_acquisition(&rules, &contrast, plan, &subject);
    acquisition_draw(&acquisition, &rules, contrast, scan_seed(&subject, 1));
    return acquisition;
}

START_TEST(a_class_changes_nothing_of_an_acquisition_but_whether_an_agent_was_given)
{
    int given = 0, taken = 0;
    for (int number = 1; number <= 300; number++) {
        static const enum entity tumours[] = { HGG, LGG, METS, PA, AN, MEN };
        struct acquisition healthy = acquisition_of(&paper, number, HLTH);
        struct acquisition sick = acquisition_of(&paper, number, tumours[number % 6]);
        given += sick.strength > 0 && !(healthy.strength > 0);
        taken += healthy.strength > 0 && !(sick.strength > 0);
        healthy.strength = sick.strength = 0;
        ck_assert_mem_eq(&healthy, &sick, sizeof healthy);
    }
    ck_assert_int_gt(given, 50); /* 0.8 - 0.5 of them */
    ck_assert_int_eq(taken, 0);
}
END_TEST

enum { VALUES = 8 };

/* What a table of acquisitions tells of a scan, each in a few values. */
static int metadata(const struct acquisition *acquisition, int question)
{
    switch (question) {
    case 0: return (int)acquisition->family;
    case 1: return acquisition->plane;
    case 2: return acquisition->slices == 0 ? 0 : acquisition->slices < 8 ? 1 : acquisition->slices < 16 ? 2 : 3;
    case 3: return (int)acquisition->stripping;
    case 4: return (int)acquisition->normalised;
    case 5: return acquisition->between < 1.5f ? 0 : acquisition->between < 4 ? 1 : acquisition->between < 6 ? 2 : 3;
    case 6: return acquisition->bits / 16;
    default: return (int)(acquisition->grey_white * 4.999f);
    }
}

/* Pearson's chi-square of a table of classes and values against no relation, and its degrees of freedom. */
static double chi_square(int table[ENTITIES][VALUES], int each, int *freedom)
{
    double sum = 0;
    int used = 0;
    for (int value = 0; value < VALUES; value++) {
        int all = 0;
        for (int entity = 0; entity < ENTITIES; entity++) all += table[entity][value];
        const double expected = all / (double)ENTITIES;
        used += all > 0;
        for (int entity = 0; all && entity < ENTITIES; entity++)
            sum += (table[entity][value] - expected) * (table[entity][value] - expected) / expected;
        ck_assert_int_le(all, each * ENTITIES);
    }
    *freedom = (used - 1) * (ENTITIES - 1);
    return sum;
}

/* A cohort's own subjects, with the classes they have: what a classifier that sees no voxel would learn from. */
START_TEST(acquisitions_do_not_tell_the_class)
{
    enum { EACH = 400, QUESTIONS = 8 };
    struct plan plan = paper;
    static uint8_t entities[EACH * ENTITIES];
    static struct acquisition acquisitions[EACH * ENTITIES];
    for (int entity = 0; entity < ENTITIES; entity++) plan.counts[entity] = EACH;
    plan_entities(entities, &plan);
    for (int n = 0; n < EACH * ENTITIES; n++) acquisitions[n] = acquisition_of(&plan, n + 1, (enum entity)entities[n]);
    for (int question = 0; question < QUESTIONS; question++) {
        int table[ENTITIES][VALUES] = { 0 }, freedom;
        for (int n = 0; n < EACH * ENTITIES; n++) table[entities[n]][metadata(&acquisitions[n], question)]++;
        const double found = chi_square(table, EACH, &freedom);
        /* Its mean is the freedom and its variance twice that; beyond 4 deviations lies less than one in 2000. */
        ck_assert_int_gt(freedom, 6);
        ck_assert_msg(found < freedom + 4 * sqrt(2.0 * freedom), "question %d: %.1f of %d", question, found, freedom);
    }
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
    tcase_add_test(cases, copies_differ_in_their_family_or_stripping_alone);
    tcase_add_test(cases, attempts_draw_the_tumour_again_and_later_the_scan);
    tcase_add_test(cases, a_class_changes_nothing_of_an_acquisition_but_whether_an_agent_was_given);
    tcase_add_test(cases, acquisitions_do_not_tell_the_class);
    Suite *suite = suite_create("plan");
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
