#include "model/trust.h"
#include "base/memory.h"
#include "base/numbers.h"
#include <string.h>

static size_t count_of(char c, const char *text, size_t length)
{
    size_t count = 0;
    for (size_t i = 0; i < length; i++) count += text[i] == c;
    return count;
}

/* "1,2;3,4": every row has its commas, every number its place. */
static bool fill_table(const struct table *table, const char *text)
{
    const size_t count = table->rows * table->columns;
    for (size_t i = 0; i < count; i++) {
        if (i && *text++ != (i % table->columns ? ',' : ';')) return false;
        text = number_read(&table->numbers[i], text);
        if (!text) return false;
    }
    return !*text;
}

/* Rows of numbers, each from `least` to `most`; without the key, none. */
struct table_key {
    const char *name;
    double least, most;
    const char *expected;
};

static tumorclass_status fail_value(const struct table_key *key, const char *value)
{
    return fail(TUMORCLASS_BAD_MODEL, "tumorclass.%s is \"%.100s\", but should be %s", key->name, value, key->expected);
}

static tumorclass_status read_table(struct table *table, const struct metadata *metadata, const struct table_key *key)
{
    const char *value = metadata_value(metadata, key->name);
    if (!value) return TUMORCLASS_OK;
    const size_t length = strlen(value);
    table->rows = 1 + count_of(';', value, length);
    table->columns = 1 + count_of(',', value, strcspn(value, ";"));
    /* a number and what parts it from the next take two characters: rows of other lengths claim no memory */
    if (table->columns > (length + 1) / 2 / table->rows) return fail_value(key, value);
    const size_t count = table->rows * table->columns;
    table->numbers = memory_allocate(count, sizeof *table->numbers);
    if (!table->numbers)
        return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for %zu numbers of tumorclass.%s", count, key->name);
    if (!fill_table(table, value)) return fail_value(key, value);
    for (size_t i = 0; i < count; i++)
        if (table->numbers[i] < key->least || table->numbers[i] > key->most) return fail_value(key, value);
    return TUMORCLASS_OK;
}

/* Some keys say nothing without others. */
static tumorclass_status check_company(const struct metadata *metadata)
{
    static const char *const needs[][2] = { { "calibration.coverage", "calibration.conformal" },
                                            { "calibration.conformal", "calibration.coverage" },
                                            { "ood.centres", "ood.deviations" },
                                            { "ood.deviations", "ood.threshold" },
                                            { "ood.threshold", "ood.centres" } };
    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++)
        if (metadata_value(metadata, needs[i][0]) && !metadata_value(metadata, needs[i][1]))
            return fail(TUMORCLASS_BAD_MODEL, "tumorclass.%s is there without tumorclass.%s", needs[i][0], needs[i][1]);
    return TUMORCLASS_OK;
}

tumorclass_status trust_read(struct metadata *metadata)
{
    static const struct table_key
        thresholds = { "calibration.conformal", 0, 1, "one number from 0 to 1 for each class" },
        centres = { "ood.centres", -1e30, 1e30,
                    "one number for each feature, or such rows with semicolons between them" },
        deviations = { "ood.deviations", 1e-30, 1e30, "one positive number for each feature" },
        selftest = { "selftest", -1e30, 1e30, "one number for each class" };
    struct training_cloud *cloud = &metadata->cloud;
    tumorclass_status status = check_company(metadata);
    if (status == TUMORCLASS_OK) status = read_table(&metadata->calibration.thresholds, metadata, &thresholds);
    if (status == TUMORCLASS_OK) status = read_table(&cloud->centres, metadata, &centres);
    if (status == TUMORCLASS_OK) status = read_table(&cloud->deviations, metadata, &deviations);
    if (status == TUMORCLASS_OK) status = read_table(&metadata->selftest, metadata, &selftest);
    if (status != TUMORCLASS_OK) return status;
    if (cloud->deviations.rows <= 1 && cloud->deviations.columns == cloud->centres.columns) return TUMORCLASS_OK;
    return fail(TUMORCLASS_BAD_MODEL,
                "tumorclass.ood.deviations has %zu numbers in %zu rows, a row of tumorclass.ood.centres %zu",
                cloud->deviations.columns, cloud->deviations.rows, cloud->centres.columns);
}

static tumorclass_status fit_list(const struct metadata *metadata, const struct table *table, const char *name)
{
    if (!table->numbers || (table->rows == 1 && table->columns == (size_t)metadata->class_count)) return TUMORCLASS_OK;
    return fail(TUMORCLASS_BAD_MODEL, "tumorclass.%s has %zu numbers in %zu rows, the model has %d classes", name,
                table->rows * table->columns, table->rows, (int)metadata->class_count);
}

tumorclass_status trust_fit(const struct metadata *metadata)
{
    tumorclass_status status = fit_list(metadata, &metadata->calibration.thresholds, "calibration.conformal");
    if (status == TUMORCLASS_OK) status = fit_list(metadata, &metadata->selftest, "selftest");
    const size_t rows = metadata->cloud.centres.rows;
    if (status == TUMORCLASS_OK && rows > 1 && rows != (size_t)metadata->class_count)
        status = fail(TUMORCLASS_BAD_MODEL,
                      "tumorclass.ood.centres has %zu rows, not one for all or for each of %d "
                      "classes",
                      rows, (int)metadata->class_count);
    return status;
}

tumorclass_status trust_fit_embedding(const struct metadata *metadata, int64_t width)
{
    const struct table *centres = &metadata->cloud.centres;
    if (!centres->numbers || centres->columns == (size_t)width) return TUMORCLASS_OK;
    if (!width)
        return fail(TUMORCLASS_BAD_MODEL,
                    "tumorclass.ood.centres is there, but the model has no global average pool in "
                    "front of its last dense layer: there is nothing to hold against it");
    return fail(TUMORCLASS_BAD_MODEL, "a row of tumorclass.ood.centres has %zu numbers, the model's embedding %lld",
                centres->columns, (long long)width);
}

void trust_free(struct metadata *metadata)
{
    memory_free(metadata->calibration.thresholds.numbers);
    memory_free(metadata->cloud.centres.numbers);
    memory_free(metadata->cloud.deviations.numbers);
    memory_free(metadata->selftest.numbers);
}
