#include "support.h"
#include <string.h>
#include "base/memory.h"
#include "base/processors.h"
#include "cpu/tiers.h"

static const char *fact_of(const tumorclass_diagnosis *diagnosis, const char *key)
{
    size_t count;
    const tumorclass_property *facts = tumorclass_diagnosis_facts(diagnosis, &count);
    const char *value = NULL;
    for (size_t i = 0; i < count; i++) {
        ck_assert_uint_gt(strlen(facts[i].value), 0);
        if (strcmp(facts[i].key, key)) continue;
        ck_assert_msg(!value, "%s stands twice", key);
        value = facts[i].value;
    }
    ck_assert_msg(value, "no fact %s", key);
    return value;
}

START_TEST(facts_are_complete)
{
    static const char *const keys[] = {
        "library",          "compiler",         "build",    "sanitizers",      "system",          "processor",
        "instruction_sets", "threads",          "affinity", "cgroup_v2_quota", "OMP_NUM_THREADS", "SLURM_CPUS_PER_TASK",
        "memory",           "cgroup_v2_memory", "plugins",  "model_place_1",   "model_place_2",   "model"
    };
    tumorclass_diagnosis *diagnosis;
    ck_assert_int_eq(tumorclass_diagnosis_create(&diagnosis), TUMORCLASS_OK);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) fact_of(diagnosis, keys[i]);
    ck_assert_ptr_nonnull(strstr(fact_of(diagnosis, "library"), TUMORCLASS_VERSION_STRING));
    ck_assert_ptr_nonnull(strstr(fact_of(diagnosis, "instruction_sets"), "portable"));
    ck_assert_int_gt(atoi(fact_of(diagnosis, "memory")), 64);
    tumorclass_diagnosis_free(diagnosis);
    tumorclass_diagnosis_free(NULL);
    ck_assert_int_eq(memory_blocks_in_use(), 0);
}
END_TEST

START_TEST(every_limit_of_the_threads_is_told_with_its_value)
{
    tumorclass_diagnosis *diagnosis;
    setenv("OMP_NUM_THREADS", "1", 1);
    setenv("SLURM_CPUS_PER_TASK", "3", 1);
    ck_assert_int_eq(tumorclass_diagnosis_create(&diagnosis), TUMORCLASS_OK);
    ck_assert_str_eq(fact_of(diagnosis, "OMP_NUM_THREADS"), "1");
    ck_assert_str_eq(fact_of(diagnosis, "SLURM_CPUS_PER_TASK"), "3");
    ck_assert_int_ge(atoi(fact_of(diagnosis, "affinity")), 1);
    ck_assert_int_eq(atoi(fact_of(diagnosis, "threads")), 1);
    tumorclass_diagnosis_free(diagnosis);
    setenv("OMP_NUM_THREADS", "-2", 1);
    unsetenv("SLURM_CPUS_PER_TASK");
    ck_assert_int_eq(tumorclass_diagnosis_create(&diagnosis), TUMORCLASS_OK);
    ck_assert_str_eq(fact_of(diagnosis, "OMP_NUM_THREADS"), "not set");
    ck_assert_str_eq(fact_of(diagnosis, "SLURM_CPUS_PER_TASK"), "not set");
    tumorclass_diagnosis_free(diagnosis);
}
END_TEST

START_TEST(instruction_sets_are_those_of_the_operations_and_end)
{
    int32_t count = 0;
    for (; tumorclass_instruction_set(count); count++)
        ck_assert_str_eq(tumorclass_instruction_set(count), tier_get(count)->name);
    ck_assert_int_ge(count, 1);
    ck_assert_str_eq(tumorclass_instruction_set(count - 1), "portable");
    ck_assert_ptr_null(tumorclass_instruction_set(-1));
    ck_assert_ptr_null(tumorclass_instruction_set(INT32_MAX));
}
END_TEST

START_TEST(nowhere_to_put_it_is_refused)
{
    ck_assert_int_eq(tumorclass_diagnosis_create(NULL), TUMORCLASS_BAD_ARGUMENT);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("diagnosis");
    tcase_add_test(cases, facts_are_complete);
    tcase_add_test(cases, every_limit_of_the_threads_is_told_with_its_value);
    tcase_add_test(cases, instruction_sets_are_those_of_the_operations_and_end);
    tcase_add_test(cases, nowhere_to_put_it_is_refused);
    Suite *suite = suite_create("diagnosis");
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
