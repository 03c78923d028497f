#include "support.h"
#include <locale.h>
#include <math.h>
#include <string.h>
#include "base/memory.h"
#include "base/numbers.h"
#include "model/metadata.h"
#include "model/onnx.h"
#include "model/trust.h"

/* metadata_read of properties as key, value, key, value, ..., NULL. */
static tumorclass_status read_pairs(struct metadata *metadata, const char *const *pairs)
{
    struct text keys[24], values[24];
    struct onnx_model model = { .keys = keys, .values = values };
    for (; pairs[2 * model.property_count]; model.property_count++) {
        const char *const *pair = pairs + 2 * model.property_count;
        keys[model.property_count] = (struct text){ pair[0], strlen(pair[0]) };
        values[model.property_count] = (struct text){ pair[1], strlen(pair[1]) };
    }
    return metadata_read(metadata, &model);
}

#define READ(metadata, ...) read_pairs(metadata, (const char *const[]){ __VA_ARGS__, NULL })

static const int64_t cube[3] = { 8, 8, 8 };

static void assert_sentence(const char *part)
{
    ck_assert_msg(strstr(tumorclass_last_error(), part) != NULL, "'%s' is not in '%s'", part, tumorclass_last_error());
}

START_TEST(a_file_without_metadata_has_documented_defaults)
{
    struct metadata metadata;
    ck_assert_int_eq(read_pairs(&metadata, (const char *const[]){ NULL }), TUMORCLASS_OK);
    ck_assert_int_eq(metadata_fit(&metadata, cube, 3), TUMORCLASS_OK);
    ck_assert_str_eq(metadata.preprocess.orientation, "RAS");
    ck_assert_int_eq(metadata.preprocess.grid, GRID_STRETCH);
    ck_assert_int_eq(metadata.preprocess.norm, NORM_ZSCORE_FOREGROUND);
    ck_assert_int_eq(metadata.preprocess.stripped, STRIPPED_ANY);
    ck_assert(!metadata.preprocess.has_background);
    ck_assert_int_eq(metadata.preprocess.shape[2], 8);
    ck_assert_int_eq(metadata.class_count, 3);
    ck_assert_str_eq(metadata.classes[0], "class 0");
    ck_assert_str_eq(metadata.classes[2], "class 2");
    ck_assert_str_eq(metadata.codes[2], "class 2");
    ck_assert_double_eq(metadata.temperature, 1);
    ck_assert(metadata.incomplete && !metadata.untrained);
    ck_assert_ptr_null(metadata.features);
    metadata_free(&metadata);
}
END_TEST

START_TEST(every_key_is_read)
{
    struct metadata metadata;
    ck_assert_int_eq(READ(&metadata, "tumorclass.schema", "1", "tumorclass.classes", "high-grade glioma,healthy",
                          "tumorclass.class_codes", "HGG,HLTH", "tumorclass.input.orientation", "LIP",
                          "tumorclass.input.grid", "spacing 1.5,2,0.75", "tumorclass.input.shape", "96,128,112",
                          "tumorclass.input.stripped", "yes", "tumorclass.norm", "percentile 0.5,99.5 clip",
                          "tumorclass.background", "-1.25", "tumorclass.cam.layer", "features",
                          "tumorclass.calibration.temperature", "1.75e0", "tumorclass.trained", "no", "other", "kept"),
                     TUMORCLASS_OK);
    ck_assert_int_eq(metadata_fit(&metadata, (int64_t[]){ 96, 128, 112 }, 2), TUMORCLASS_OK);
    const struct preprocess_spec *spec = &metadata.preprocess;
    ck_assert_str_eq(spec->orientation, "LIP");
    ck_assert_int_eq(spec->grid, GRID_SPACING);
    ck_assert_mem_eq(spec->spacing, ((double[]){ 1.5, 2, 0.75 }), sizeof spec->spacing);
    ck_assert_mem_eq(spec->shape, ((int64_t[]){ 96, 128, 112 }), sizeof spec->shape);
    ck_assert_int_eq(spec->stripped, STRIPPED_YES);
    ck_assert_int_eq(spec->norm, NORM_PERCENTILE);
    ck_assert_mem_eq(spec->percentiles, ((double[]){ 0.5, 99.5 }), sizeof spec->percentiles);
    ck_assert(spec->clip && spec->has_background);
    ck_assert_double_eq(spec->background, -1.25);
    ck_assert_str_eq(metadata.features, "features");
    ck_assert_double_eq(metadata.temperature, 1.75);
    ck_assert(metadata.untrained && !metadata.incomplete);
    ck_assert_str_eq(metadata.classes[0], "high-grade glioma");
    ck_assert_str_eq(metadata.codes[1], "HLTH");
    ck_assert_uint_eq(metadata.property_count, 13);
    ck_assert_str_eq(metadata.properties[12].key, "other");
    ck_assert_str_eq(metadata.properties[12].value, "kept");
    metadata_free(&metadata);
}
END_TEST

START_TEST(what_is_said_about_trust_is_read)
{
    struct metadata metadata;
    ck_assert_int_eq(READ(&metadata, "tumorclass.calibration.coverage", "0.9", "tumorclass.calibration.conformal",
                          "0.75,1", "tumorclass.calibration.abstain", "0.6", "tumorclass.ood.centres",
                          "1,2,3;-4,5e-1,6", "tumorclass.ood.deviations", "0.5,1,2", "tumorclass.ood.threshold", "1.5",
                          "tumorclass.selftest", "-0.25,3"),
                     TUMORCLASS_OK);
    ck_assert_int_eq(metadata_fit(&metadata, cube, 2), TUMORCLASS_OK);
    ck_assert_int_eq(trust_fit_embedding(&metadata, 3), TUMORCLASS_OK);
    const struct calibration *calibration = &metadata.calibration;
    ck_assert_double_eq(calibration->coverage, 0.9);
    ck_assert_double_eq(calibration->least_probability, 0.6);
    ck_assert_mem_eq(calibration->thresholds.numbers, ((double[]){ 0.75, 1 }), 2 * sizeof(double));
    const struct training_cloud *cloud = &metadata.cloud;
    ck_assert_uint_eq(cloud->centres.rows, 2);
    ck_assert_uint_eq(cloud->centres.columns, 3);
    ck_assert_mem_eq(cloud->centres.numbers, ((double[]){ 1, 2, 3, -4, 0.5, 6 }), 6 * sizeof(double));
    ck_assert_mem_eq(cloud->deviations.numbers, ((double[]){ 0.5, 1, 2 }), 3 * sizeof(double));
    ck_assert_double_eq(cloud->most, 1.5);
    ck_assert_mem_eq(metadata.selftest.numbers, ((double[]){ -0.25, 3 }), 2 * sizeof(double));
    ck_assert_int_eq(trust_fit_embedding(&metadata, 4), TUMORCLASS_BAD_MODEL);
    ck_assert_str_eq(tumorclass_last_error(), "a row of tumorclass.ood.centres has 3 numbers, the model's embedding 4");
    ck_assert_int_eq(trust_fit_embedding(&metadata, 0), TUMORCLASS_BAD_MODEL);
    assert_sentence("no global average pool");
    metadata_free(&metadata);
    ck_assert_int_eq(memory_blocks_in_use(), 0);
}
END_TEST

/* Of a model with two classes. */
START_TEST(what_is_said_about_trust_is_complete_and_fits)
{
    static const struct {
        const char *pairs[7], *sentence;
    } cases[] = {
        { { "calibration.coverage", "0.9" }, "coverage is there without tumorclass.calibration.conformal" },
        { { "calibration.conformal", "0.5,1" }, "conformal is there without tumorclass.calibration.coverage" },
        { { "calibration.coverage", "0.9", "calibration.conformal", "0.5,1.5" }, "from 0 to 1 for each class" },
        { { "calibration.coverage", "0.9", "calibration.conformal", "0.5,-0.5" }, "from 0 to 1 for each class" },
        { { "calibration.coverage", "0.9", "calibration.conformal", "0.5" }, "1 numbers in 1 rows, the model has 2" },
        { { "calibration.coverage", "0.9", "calibration.conformal", "0,1;1,0" }, "4 numbers in 2 rows" },
        { { "selftest", "1,2,3" }, "tumorclass.selftest has 3 numbers in 1 rows, the model has 2 classes" },
        { { "ood.centres", "1,2", "ood.threshold", "1" }, "centres is there without tumorclass.ood.deviations" },
        { { "ood.centres", "1,2", "ood.deviations", "1,2" }, "deviations is there without tumorclass.ood.threshold" },
        { { "ood.threshold", "1" }, "threshold is there without tumorclass.ood.centres" },
        { { "ood.centres", "1,2", "ood.deviations", "1,0", "ood.threshold", "1" }, "one positive number" },
        { { "ood.centres", "1,2", "ood.deviations", "1", "ood.threshold", "1" }, "1 numbers in 1 rows, a row of" },
        { { "ood.centres", "1,2", "ood.deviations", "1,2;1,2", "ood.threshold", "1" }, "2 numbers in 2 rows" },
        { { "ood.centres", "1;2;3", "ood.deviations", "1", "ood.threshold", "1" }, "has 3 rows, not one for all" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char keys[3][64];
        const char *pairs[7] = { NULL };
        for (int n = 0; n < 6 && cases[i].pairs[n]; n++) {
            if (n % 2 == 0) snprintf(keys[n / 2], sizeof keys[0], "tumorclass.%s", cases[i].pairs[n]);
            pairs[n] = n % 2 ? cases[i].pairs[n] : keys[n / 2];
        }
        struct metadata metadata;
        tumorclass_status status = read_pairs(&metadata, pairs);
        if (status == TUMORCLASS_OK) status = metadata_fit(&metadata, cube, 2);
        ck_assert_int_eq(status, TUMORCLASS_BAD_MODEL);
        assert_sentence(cases[i].sentence);
        metadata_free(&metadata);
        ck_assert_int_eq(memory_blocks_in_use(), 0);
    }
}
END_TEST

/* A million rows of a million numbers each, if the first row is to be believed. */
START_TEST(a_table_claims_no_more_memory_than_its_text)
{
    enum { MILLION = 1000000 };
    struct metadata metadata;
    char *text = malloc(2 * MILLION + 1);
    memset(text, ',', MILLION);
    memset(text + MILLION, ';', MILLION);
    text[2 * MILLION] = '\0';
    ck_assert_int_eq(READ(&metadata, "tumorclass.selftest", text), TUMORCLASS_BAD_MODEL);
    assert_sentence("but should be one number for each class");
    free(text);
}
END_TEST

START_TEST(words_are_read_as_what_they_say)
{
    static const struct {
        const char *value;
        int32_t norm;
        bool clip;
        double bounds[2];
    } norms[] = { { "zscore-foreground", NORM_ZSCORE_FOREGROUND, false, { 0 } },
                  { "zscore", NORM_ZSCORE, false, { 0 } },
                  { "none", NORM_NONE, false, { 0 } },
                  { "percentile 0,100", NORM_PERCENTILE, false, { 0 } },
                  { "percentile 1,99 clip", NORM_PERCENTILE, true, { 0, 1 } },
                  { "percentile 1,99 clip -0.5,1.3", NORM_PERCENTILE, true, { -0.5, 1.3 } } };
    struct metadata metadata;
    for (size_t i = 0; i < sizeof norms / sizeof *norms; i++) {
        ck_assert_int_eq(READ(&metadata, "tumorclass.norm", norms[i].value), TUMORCLASS_OK);
        ck_assert_int_eq(metadata.preprocess.norm, norms[i].norm);
        ck_assert_int_eq(metadata.preprocess.clip, norms[i].clip);
        if (norms[i].clip) ck_assert_mem_eq(metadata.preprocess.bounds, norms[i].bounds, sizeof norms[i].bounds);
        metadata_free(&metadata);
    }
    ck_assert_int_eq(READ(&metadata, "tumorclass.input.stripped", "no", "tumorclass.trained", "yes"), TUMORCLASS_OK);
    ck_assert_int_eq(metadata.preprocess.stripped, STRIPPED_NO);
    ck_assert(!metadata.untrained);
    metadata_free(&metadata);
}
END_TEST

START_TEST(a_bad_value_is_named_with_its_key)
{
    static const char *const cases[][2] = {
        { "tumorclass.schema", "one" },
        { "tumorclass.schema", "" },
        { "tumorclass.input.orientation", "RA" },
        { "tumorclass.input.orientation", "RLA" },
        { "tumorclass.input.orientation", "ras" },
        { "tumorclass.input.orientation", "RASS" },
        { "tumorclass.input.orientation", "RAx" },
        { "tumorclass.input.orientation", "RxS" },
        { "tumorclass.input.grid", "stretched" },
        { "tumorclass.input.grid", "spacing" },
        { "tumorclass.input.grid", "spacing 1,1" },
        { "tumorclass.input.grid", "spacing 1,1,1,1" },
        { "tumorclass.input.grid", "spacing 1,0,1" },
        { "tumorclass.input.grid", "spacing 1, 1, 1" },
        { "tumorclass.input.grid", "spacing 1,1,nan" },
        { "tumorclass.input.shape", "128" },
        { "tumorclass.input.shape", "128,128,0" },
        { "tumorclass.input.shape", "128,128,1.5" },
        { "tumorclass.input.shape", "128,128,5000" },
        { "tumorclass.input.shape", "128,128,128 " },
        { "tumorclass.input.shape", "-1,128,128" },
        { "tumorclass.input.stripped", "maybe" },
        { "tumorclass.norm", "z-score" },
        { "tumorclass.norm", "percentile" },
        { "tumorclass.norm", "percentile 99,1" },
        { "tumorclass.norm", "percentile 1,101" },
        { "tumorclass.norm", "percentile -1,99" },
        { "tumorclass.norm", "percentile 1,99 clipped" },
        { "tumorclass.norm", "percentile 1,99 clip " },
        { "tumorclass.norm", "percentile 1,99 clip 1.3" },
        { "tumorclass.norm", "percentile 1,99 clip 1.3,0" },
        { "tumorclass.norm", "percentile 1,99 clip 0,1.3,2" },
        { "tumorclass.norm", "percentile 1,99 clip0,1.3" },
        { "tumorclass.norm", "percentile 1,99 0,1.3" },
        { "tumorclass.background", "" },
        { "tumorclass.background", "zero" },
        { "tumorclass.background", "inf" },
        { "tumorclass.cam.layer", "" },
        { "tumorclass.calibration.temperature", "0" },
        { "tumorclass.calibration.temperature", "-1" },
        { "tumorclass.calibration.temperature", "1,5" },
        { "tumorclass.calibration.temperature", "1e999" },
        { "tumorclass.calibration.coverage", "0" },
        { "tumorclass.calibration.coverage", "1" },
        { "tumorclass.calibration.coverage", "0.9,0.9" },
        { "tumorclass.calibration.abstain", "1" },
        { "tumorclass.calibration.abstain", "-0.1" },
        { "tumorclass.calibration.abstain", "half" },
        { "tumorclass.ood.threshold", "0" },
        { "tumorclass.ood.threshold", "inf" },
        { "tumorclass.selftest", "" },
        { "tumorclass.selftest", "1," },
        { "tumorclass.selftest", "1,2 " },
        { "tumorclass.selftest", "1,nan" },
        { "tumorclass.selftest", "1,1e999" },
        { "tumorclass.selftest", "1,1e31" },
        { "tumorclass.selftest", "1,2;3" },
        { "tumorclass.selftest", "1;2,3" },
        { "tumorclass.selftest", ",,,,,,,;;;;;;;;;;;" },
        { "tumorclass.trained", "maybe" },
        { "tumorclass.classes", "" },
        { "tumorclass.classes", "a,,b" },
        { "tumorclass.classes", "a,b," },
        { "tumorclass.class_codes", ",a" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct metadata metadata;
        ck_assert_msg(READ(&metadata, cases[i][0], cases[i][1]) == TUMORCLASS_BAD_MODEL, "%s = %s", cases[i][0],
                      cases[i][1]);
        assert_sentence(cases[i][0]);
        assert_sentence(cases[i][1]);
        ck_assert_int_eq(memory_blocks_in_use(), 0);
    }
}
END_TEST

START_TEST(what_a_later_version_wrote_is_unsupported)
{
    struct metadata metadata;
    ck_assert_int_eq(READ(&metadata, "tumorclass.new.idea", "x", "tumorclass.schema", "2"), TUMORCLASS_UNSUPPORTED);
    ck_assert_str_eq(tumorclass_last_error(), "tumorclass.schema is 2, this version reads 1");
    ck_assert_int_eq(READ(&metadata, "tumorclass.nrom", "zscore"), TUMORCLASS_UNSUPPORTED);
    ck_assert_str_eq(tumorclass_last_error(), "tumorclass.nrom is not a key of schema 1");
    ck_assert_int_eq(READ(&metadata, "tumorclassy", "x"), TUMORCLASS_OK);
    metadata_free(&metadata);
}
END_TEST

START_TEST(a_key_stands_once)
{
    struct metadata metadata;
    ck_assert_int_eq(READ(&metadata, "a", "1", "b", "2", "a", "1"), TUMORCLASS_BAD_MODEL);
    ck_assert_str_eq(tumorclass_last_error(), "a stands twice in the model's metadata");
    ck_assert_int_eq(memory_blocks_in_use(), 0);
}
END_TEST

/* metadata_fit after classes and codes, each or both NULL: absent. */
static tumorclass_status fit_classes(const char *classes, const char *codes, int64_t outputs)
{
    struct metadata metadata;
    const char *pairs[5] = { NULL };
    int n = 0;
    if (classes) pairs[n++] = "tumorclass.classes", pairs[n++] = classes;
    if (codes) pairs[n++] = "tumorclass.class_codes", pairs[n++] = codes;
    tumorclass_status status = read_pairs(&metadata, pairs);
    if (status == TUMORCLASS_OK) status = metadata_fit(&metadata, cube, outputs);
    metadata_free(&metadata);
    ck_assert_int_eq(memory_blocks_in_use(), 0);
    return status;
}

START_TEST(classes_and_codes_match_each_other_and_the_output)
{
    ck_assert_int_eq(fit_classes("a,b", "x,y", 2), TUMORCLASS_OK);
    ck_assert_int_eq(fit_classes("a,b", "x,y,z", 2), TUMORCLASS_BAD_MODEL);
    assert_sentence("tumorclass.class_codes has 3 names, tumorclass.classes 2");
    ck_assert_int_eq(fit_classes("a,b", NULL, 7), TUMORCLASS_BAD_MODEL);
    assert_sentence("the metadata names 2 classes, the model has 7 outputs");
    ck_assert_int_eq(fit_classes(NULL, "x,y", 3), TUMORCLASS_BAD_MODEL);
    ck_assert_int_eq(fit_classes(NULL, "x,y", 2), TUMORCLASS_OK);
    ck_assert_int_eq(fit_classes(NULL, NULL, 64), TUMORCLASS_OK);
    ck_assert_int_eq(fit_classes(NULL, NULL, 65), TUMORCLASS_UNSUPPORTED);
    ck_assert_int_eq(fit_classes(NULL, NULL, 1), TUMORCLASS_UNSUPPORTED);
    char many[300] = "";
    for (int i = 0; i < 65; i++) snprintf(many + strlen(many), 8, "%sn%d", i ? "," : "", i);
    ck_assert_int_eq(fit_classes(many, NULL, 65), TUMORCLASS_UNSUPPORTED);
}
END_TEST

START_TEST(no_two_classes_share_a_name)
{
    ck_assert_int_eq(fit_classes("a,A", NULL, 2), TUMORCLASS_BAD_MODEL);
    ck_assert_int_eq(fit_classes("a,b", "x,X", 2), TUMORCLASS_BAD_MODEL);
    ck_assert_int_eq(fit_classes("a,b", "B,x", 2), TUMORCLASS_BAD_MODEL);
    assert_sentence("\"b\" (x), has a name of another class");
    ck_assert_int_eq(fit_classes("a,b", "A,B", 2), TUMORCLASS_OK);
}
END_TEST

START_TEST(a_class_is_found_by_name_and_code_in_any_case)
{
    struct metadata metadata;
    ck_assert_int_eq(
        READ(&metadata, "tumorclass.classes", "high-grade glioma,healthy", "tumorclass.class_codes", "HGG,HLTH"),
        TUMORCLASS_OK);
    ck_assert_int_eq(metadata_fit(&metadata, cube, 2), TUMORCLASS_OK);
    ck_assert_int_eq(metadata_class(&metadata, "High-Grade Glioma"), 0);
    ck_assert_int_eq(metadata_class(&metadata, "hlth"), 1);
    ck_assert_int_eq(metadata_class(&metadata, "hlt"), -1);
    ck_assert_int_eq(metadata_class(&metadata, "healthy "), -1);
    ck_assert_int_eq(metadata_class(&metadata, ""), -1);
    metadata_free(&metadata);
}
END_TEST

START_TEST(shape_must_agree_with_the_graph)
{
    struct metadata metadata;
    ck_assert_int_eq(READ(&metadata, "tumorclass.input.shape", "8,8,9"), TUMORCLASS_OK);
    ck_assert_int_eq(metadata_fit(&metadata, cube, 2), TUMORCLASS_BAD_MODEL);
    ck_assert_str_eq(tumorclass_last_error(), "tumorclass.input.shape is 8,8,9, but the model's input is 8,8,8");
    metadata_free(&metadata);
}
END_TEST

START_TEST(numbers_are_exact_and_locale_has_no_say)
{
    static const char *const texts[] = { "0",
                                         "-0",
                                         "1",
                                         "1.5",
                                         "0.1",
                                         "123456789012345",
                                         "1e22",
                                         "1e-22",
                                         "3.25e-7",
                                         "2.5E+3",
                                         "0.000000001",
                                         "99.5",
                                         "1e300",
                                         "1e-300",
                                         "1.7976931348623157e308",
                                         "0.12345678901234567890123456789",
                                         "98765432109876543210987654321" };
    const bool german = setlocale(LC_ALL, "de_DE.UTF-8") != NULL;
    printf("locale with a decimal comma: %s\n", german ? "tried" : "not installed");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        double number = NAN;
        const char *end = number_read(&number, texts[i]);
        ck_assert_ptr_nonnull(end);
        ck_assert_int_eq(*end, 0);
        setlocale(LC_ALL, "C");
        const double expected = strtod(texts[i], NULL);
        if (german) setlocale(LC_ALL, "de_DE.UTF-8");
        if (i < 12)
            ck_assert_msg(!memcmp(&number, &expected, sizeof number), "%s is %.17g", texts[i], number);
        else
            ck_assert_double_eq_tol(number / expected, 1, 4e-15);
    }
    setlocale(LC_ALL, "C");
}
END_TEST

START_TEST(what_is_no_number_is_none)
{
    static const char *const texts[] = { "",    "-",   "+1",    ".5", "1.",  "e5", "1e",  "1e+",
                                         "nan", "inf", "1e400", " 1", "--1", "0x", "1.e5" };
    double number;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *end = number_read(&number, texts[i]);
        ck_assert_msg(!end || *end, "'%s' was read as %g", texts[i], number);
    }
    ck_assert_str_eq(number_read(&number, "12,5"), ",5");
    ck_assert_ptr_nonnull(number_read(&number, "1e-400")); /* as near as a double gets */
    ck_assert_double_eq(number, 0);
}
END_TEST

START_TEST(every_allocation_may_fail)
{
    static const char *const pairs[] = { "tumorclass.schema",
                                         "1",
                                         "tumorclass.classes",
                                         "a,b",
                                         "tumorclass.ood.centres",
                                         "1,2",
                                         "tumorclass.ood.deviations",
                                         "1,1",
                                         "tumorclass.ood.threshold",
                                         "1",
                                         "tumorclass.calibration.coverage",
                                         "0.9",
                                         "tumorclass.calibration.conformal",
                                         "1,1",
                                         "tumorclass.selftest",
                                         "1,2",
                                         NULL };
    int64_t nth = 1;
    for (;; nth++) {
        struct metadata metadata;
        memory_fail_at(nth);
        tumorclass_status status = read_pairs(&metadata, pairs);
        if (status == TUMORCLASS_OK) status = metadata_fit(&metadata, cube, 2);
        memory_fail_at(0);
        metadata_free(&metadata);
        ck_assert_int_eq(memory_blocks_in_use(), 0);
        if (status == TUMORCLASS_OK) break;
        ck_assert_int_eq(status, TUMORCLASS_OUT_OF_MEMORY);
    }
    ck_assert_int_eq(nth, 1 + 16 + 2 + 4 + 2 + 1); /* table, keys and values, classes, four lists, codes; then none */
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("metadata");
    tcase_add_test(cases, a_file_without_metadata_has_documented_defaults);
    tcase_add_test(cases, every_key_is_read);
    tcase_add_test(cases, what_is_said_about_trust_is_read);
    tcase_add_test(cases, what_is_said_about_trust_is_complete_and_fits);
    tcase_add_test(cases, a_table_claims_no_more_memory_than_its_text);
    tcase_add_test(cases, words_are_read_as_what_they_say);
    tcase_add_test(cases, a_bad_value_is_named_with_its_key);
    tcase_add_test(cases, what_a_later_version_wrote_is_unsupported);
    tcase_add_test(cases, a_key_stands_once);
    tcase_add_test(cases, classes_and_codes_match_each_other_and_the_output);
    tcase_add_test(cases, no_two_classes_share_a_name);
    tcase_add_test(cases, a_class_is_found_by_name_and_code_in_any_case);
    tcase_add_test(cases, shape_must_agree_with_the_graph);
    tcase_add_test(cases, numbers_are_exact_and_locale_has_no_say);
    tcase_add_test(cases, what_is_no_number_is_none);
    tcase_add_test(cases, every_allocation_may_fail);
    Suite *suite = suite_create("metadata");
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
