#include "model/metadata.h"
#include "model/onnx.h"
#include "model/trust.h"
#include "base/memory.h"
#include "base/numbers.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- Values ---- */

/* "a,b,c": exactly `count` numbers. Returns where the last ends, or NULL. */
static const char *read_numbers(double *numbers, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++) {
        if (i && *text++ != ',') return NULL;
        text = number_read(&numbers[i], text);
        if (!text) return NULL;
    }
    return text;
}

static bool is_numbers(double *numbers, size_t count, const char *text)
{
    const char *end = read_numbers(numbers, count, text);
    return end && !*end;
}

/* What follows `word` and a space in `text`, or NULL. */
static const char *after_word(const char *text, const char *word)
{
    const size_t length = strlen(word);
    return strncmp(text, word, length) || text[length] != ' ' ? NULL : text + length + 1;
}

static int32_t index_of(const char *const *words, int32_t count, const char *text)
{
    for (int32_t i = 0; i < count; i++)
        if (!strcmp(words[i], text)) return i;
    return -1;
}

/* ---- Keys: each reads its value and says whether that was one ---- */

static bool read_schema(struct metadata *metadata, const char *value)
{
    metadata->incomplete = false;
    return !strcmp(value, "1");
}

static bool read_orientation(struct metadata *metadata, const char *value)
{
    static const char letters[] = "RLAPSI";
    int seen[3] = { 0, 0, 0 };
    if (strlen(value) != 3) return false;
    for (int i = 0; i < 3; i++) {
        const char *letter = strchr(letters, value[i]);
        if (letter) seen[(letter - letters) / 2]++;
    }
    memcpy(metadata->preprocess.orientation, value, sizeof metadata->preprocess.orientation);
    return seen[0] == 1 && seen[1] == 1 && seen[2] == 1;
}

static bool read_grid(struct metadata *metadata, const char *value)
{
    struct preprocess_spec *spec = &metadata->preprocess;
    if (!strcmp(value, "stretch")) return true;
    spec->grid = GRID_SPACING;
    value = after_word(value, "spacing");
    return value && is_numbers(spec->spacing, 3, value) && spec->spacing[0] > 0 && spec->spacing[1] > 0 &&
           spec->spacing[2] > 0;
}

static bool read_shape(struct metadata *metadata, const char *value)
{
    double extents[3];
    if (!is_numbers(extents, 3, value)) return false;
    for (int i = 0; i < 3; i++) {
        if (extents[i] < 1 || extents[i] > 4096 || extents[i] != floor(extents[i])) return false;
        metadata->preprocess.shape[i] = (int64_t)extents[i];
    }
    return true;
}

static bool read_stripped(struct metadata *metadata, const char *value)
{
    static const char *const words[] = { [STRIPPED_ANY] = "any", [STRIPPED_YES] = "yes", [STRIPPED_NO] = "no" };
    metadata->preprocess.stripped = index_of(words, 3, value);
    return metadata->preprocess.stripped >= 0;
}

/* "", " clip" or " clip a,b", behind the percentiles. */
static bool read_clip(struct preprocess_spec *spec, const char *text)
{
    spec->clip = *text;
    spec->bounds[0] = 0;
    spec->bounds[1] = 1;
    if (!*text || !strcmp(text, " clip")) return true;
    text = after_word(text, " clip");
    return text && is_numbers(spec->bounds, 2, text) && spec->bounds[0] < spec->bounds[1];
}

static bool read_norm(struct metadata *metadata, const char *value)
{
    static const char *const words[] = {
        [NORM_ZSCORE_FOREGROUND] = "zscore-foreground",
        [NORM_ZSCORE] = "zscore",
        [NORM_PERCENTILE] = "percentile",
        [NORM_NONE] = "none",
    };
    struct preprocess_spec *spec = &metadata->preprocess;
    const char *percentiles = after_word(value, words[NORM_PERCENTILE]);
    spec->norm = percentiles ? NORM_PERCENTILE : index_of(words, 4, value);
    if (!percentiles) return spec->norm >= 0 && spec->norm != NORM_PERCENTILE;

    const double *range = spec->percentiles;
    const char *end = read_numbers(spec->percentiles, 2, percentiles);
    return end && read_clip(spec, end) && 0 <= range[0] && range[0] < range[1] && range[1] <= 100;
}

static bool read_background(struct metadata *metadata, const char *value)
{
    metadata->preprocess.has_background = true;
    return is_numbers(&metadata->preprocess.background, 1, value);
}

static bool read_layer(struct metadata *metadata, const char *value)
{
    metadata->features = value;
    return *value;
}

static bool read_fine_layer(struct metadata *metadata, const char *value)
{
    metadata->fine = value;
    return *value;
}

static bool read_temperature(struct metadata *metadata, const char *value)
{
    return is_numbers(&metadata->temperature, 1, value) && metadata->temperature > 0;
}

static bool read_share(double *share, const char *value)
{
    return is_numbers(share, 1, value) && *share > 0 && *share < 1;
}

static bool read_coverage(struct metadata *metadata, const char *value)
{
    return read_share(&metadata->calibration.coverage, value);
}

static bool read_abstain(struct metadata *metadata, const char *value)
{
    return read_share(&metadata->calibration.least_probability, value);
}

static bool read_threshold(struct metadata *metadata, const char *value)
{
    return is_numbers(&metadata->cloud.most, 1, value) && metadata->cloud.most > 0;
}

static bool read_trained(struct metadata *metadata, const char *value)
{
    metadata->untrained = !strcmp(value, "no");
    return metadata->untrained || !strcmp(value, "yes");
}

static const struct key {
    const char *name;
    bool (*read)(struct metadata *metadata, const char *value); /* NULL: for people, or read elsewhere */
    const char *expected;
} keys[] = {
    { "schema", read_schema, "1" },
    { "classes", NULL, NULL },
    { "class_codes", NULL, NULL },
    { "input.orientation", read_orientation, "three of the letters R L A P S I, one for each axis" },
    { "input.grid", read_grid, "\"stretch\", or \"spacing\" and three numbers of millimetres: \"spacing 1,1,1\"" },
    { "input.shape", read_shape, "three whole numbers from 1 to 4096: \"128,128,128\"" },
    { "input.stripped", read_stripped, "\"yes\", \"no\" or \"any\"" },
    { "norm", read_norm,
      "\"zscore-foreground\", \"zscore\", \"none\", or \"percentile\" and two rising percentages: \"percentile 1,99\", "
      "\"percentile 1,99 clip\", \"percentile 1,99 clip 0,1.3\"" },
    { "background", read_background, "a number" },
    { "cam.layer", read_layer, "the name of a tensor" },
    { "cam.fine_layer", read_fine_layer, "the name of a tensor" },
    { "calibration.temperature", read_temperature, "a positive number" },
    { "calibration.coverage", read_coverage, "a number above 0 and below 1" },
    { "calibration.conformal", NULL, NULL },
    { "calibration.abstain", read_abstain, "a number above 0 and below 1" },
    { "ood.centres", NULL, NULL },
    { "ood.deviations", NULL, NULL },
    { "ood.threshold", read_threshold, "a positive number" },
    { "selftest", NULL, NULL },
    { "trained", read_trained, "\"yes\" or \"no\"" },
    { "license", NULL, NULL },
    { "authors", NULL, NULL },
    { "citation", NULL, NULL },
    { "intended_use", NULL, NULL },
    { "training_data", NULL, NULL },
    { "metrics", NULL, NULL },
};

static const char prefix[] = "tumorclass.";

/* The property's key without the prefix; NULL if it is not one of ours. */
static const char *own_key(const tumorclass_property *property)
{
    return strncmp(property->key, prefix, sizeof prefix - 1) ? NULL : property->key + sizeof prefix - 1;
}

static tumorclass_status read_property(struct metadata *metadata, const tumorclass_property *property)
{
    const char *name = own_key(property);
    if (!name) return TUMORCLASS_OK;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (strcmp(keys[i].name, name)) continue;
        if (!keys[i].read || keys[i].read(metadata, property->value)) return TUMORCLASS_OK;
        return fail(TUMORCLASS_BAD_MODEL, "%s is \"%.100s\", but should be %s", property->key, property->value,
                    keys[i].expected);
    }
    return fail(TUMORCLASS_UNSUPPORTED, "%s is not a key of schema 1", property->key);
}

/* A number above 1 alone: a file made for a later version. */
static tumorclass_status check_schema(const struct metadata *metadata)
{
    double schema;
    for (size_t i = 0; i < metadata->property_count; i++) {
        const tumorclass_property *property = &metadata->properties[i];
        const char *name = own_key(property);
        if (name && !strcmp(name, "schema") && is_numbers(&schema, 1, property->value) && schema > 1)
            return fail(TUMORCLASS_UNSUPPORTED, "%s is %.100s, this version reads 1", property->key, property->value);
    }
    return TUMORCLASS_OK;
}

/* ---- Class names ---- */

const char *metadata_value(const struct metadata *metadata, const char *name)
{
    for (size_t i = 0; i < metadata->property_count; i++) {
        const char *own = own_key(&metadata->properties[i]);
        if (own && !strcmp(own, name)) return metadata->properties[i].value;
    }
    return NULL;
}

/* "a,b,c" into copies; *count is how many. */
static tumorclass_status split_names(char *names[MAX_CLASSES], int32_t *count, const char *list, const char *key)
{
    *count = 0;
    for (const char *name = list;; name++) {
        const size_t length = strcspn(name, ",");
        if (!length) return fail(TUMORCLASS_BAD_MODEL, "tumorclass.%s is \"%.100s\", with a name left out", key, list);
        if (*count == MAX_CLASSES)
            return fail(TUMORCLASS_UNSUPPORTED, "tumorclass.%s has more than %d names", key, MAX_CLASSES);
        names[*count] = memory_substring(name, length);
        if (!names[(*count)++]) return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for class names");
        name += length;
        if (!*name) return TUMORCLASS_OK;
    }
}

static tumorclass_status read_classes(struct metadata *metadata)
{
    const char *classes = metadata_value(metadata, "classes"), *codes = metadata_value(metadata, "class_codes");
    int32_t code_count = 0;
    tumorclass_status status = TUMORCLASS_OK;
    if (classes) status = split_names(metadata->classes, &metadata->class_count, classes, "classes");
    if (status == TUMORCLASS_OK && codes) status = split_names(metadata->codes, &code_count, codes, "class_codes");
    if (status == TUMORCLASS_OK && codes && !classes) metadata->class_count = code_count;
    if (status == TUMORCLASS_OK && codes && code_count != metadata->class_count)
        return fail(TUMORCLASS_BAD_MODEL, "tumorclass.class_codes has %d names, tumorclass.classes %d", (int)code_count,
                    (int)metadata->class_count);
    return status;
}

/* ---- The whole ---- */

static tumorclass_status copy_properties(struct metadata *metadata, const struct onnx_model *model)
{
    metadata->properties = memory_zeroed(model->property_count, sizeof *metadata->properties);
    if (!metadata->properties) return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for the model's metadata");
    for (size_t i = 0; i < model->property_count; i++) {
        tumorclass_property *property = &metadata->properties[metadata->property_count++];
        property->key = memory_substring(model->keys[i].data, model->keys[i].size);
        property->value = memory_substring(model->values[i].data, model->values[i].size);
        if (!property->key || !property->value)
            return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for the model's metadata");
        for (size_t k = 0; k < i; k++)
            if (!strcmp(metadata->properties[k].key, property->key))
                return fail(TUMORCLASS_BAD_MODEL, "%.100s stands twice in the model's metadata", property->key);
    }
    return TUMORCLASS_OK;
}

tumorclass_status metadata_read(struct metadata *metadata, const struct onnx_model *model)
{
    *metadata = (struct metadata){
        .preprocess = { .orientation = "RAS" }, .temperature = 1, .incomplete = true, /* the rest: zero is default */
    };
    tumorclass_status status = copy_properties(metadata, model);
    if (status == TUMORCLASS_OK) status = check_schema(metadata);
    for (size_t i = 0; i < metadata->property_count && status == TUMORCLASS_OK; i++)
        status = read_property(metadata, &metadata->properties[i]);
    if (status == TUMORCLASS_OK) status = read_classes(metadata);
    if (status == TUMORCLASS_OK) status = trust_read(metadata);
    if (status != TUMORCLASS_OK) metadata_free(metadata);
    return status;
}

/* Names that the file does not give: "class 0", and as codes the names. */
static bool name_class(struct metadata *metadata, int32_t index)
{
    char name[32];
    snprintf(name, sizeof name, "class %d", (int)index);
    if (!metadata->classes[index]) metadata->classes[index] = memory_string(name);
    if (metadata->classes[index] && !metadata->codes[index])
        metadata->codes[index] = memory_string(metadata->classes[index]);
    return metadata->codes[index];
}

static tumorclass_status fit_classes(struct metadata *metadata, int64_t outputs)
{
    if (outputs < 2 || outputs > MAX_CLASSES)
        return fail(TUMORCLASS_UNSUPPORTED, "the model has %lld outputs, not 2 to %d", (long long)outputs, MAX_CLASSES);
    if (metadata->class_count && metadata->class_count != outputs)
        return fail(TUMORCLASS_BAD_MODEL, "the metadata names %d classes, the model has %lld outputs",
                    (int)metadata->class_count, (long long)outputs);
    metadata->class_count = (int32_t)outputs;
    for (int32_t i = 0; i < metadata->class_count; i++)
        if (!name_class(metadata, i)) return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for class names");
    for (int32_t i = 0; i < metadata->class_count; i++)
        if (metadata_class(metadata, metadata->classes[i]) != i || metadata_class(metadata, metadata->codes[i]) != i)
            return fail(TUMORCLASS_BAD_MODEL, "class %d, \"%.100s\" (%.100s), has a name of another class", (int)i,
                        metadata->classes[i], metadata->codes[i]);
    return TUMORCLASS_OK;
}

tumorclass_status metadata_fit(struct metadata *metadata, const int64_t input_shape[3], int64_t outputs)
{
    int64_t *shape = metadata->preprocess.shape;
    for (int i = 0; i < 3; i++)
        if (shape[0] && shape[i] != input_shape[i])
            return fail(TUMORCLASS_BAD_MODEL,
                        "tumorclass.input.shape is %lld,%lld,%lld, but the model's input is %lld,%lld,%lld",
                        (long long)shape[0], (long long)shape[1], (long long)shape[2], (long long)input_shape[0],
                        (long long)input_shape[1], (long long)input_shape[2]);
    memcpy(shape, input_shape, sizeof metadata->preprocess.shape);
    const tumorclass_status status = fit_classes(metadata, outputs);
    return status == TUMORCLASS_OK ? trust_fit(metadata) : status;
}

/* ASCII letters only: the same in every locale. */
static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool same_name(const char *a, const char *b)
{
    while (*a && lower(*a) == lower(*b)) a++, b++;
    return !*a && !*b;
}

int32_t metadata_class(const struct metadata *metadata, const char *name)
{
    for (int32_t i = 0; i < metadata->class_count; i++)
        if (same_name(metadata->classes[i], name) || same_name(metadata->codes[i], name)) return i;
    return -1;
}

void metadata_free(struct metadata *metadata)
{
    trust_free(metadata);
    for (size_t i = 0; i < metadata->property_count; i++) {
        memory_free((void *)(uintptr_t)metadata->properties[i].key);
        memory_free((void *)(uintptr_t)metadata->properties[i].value);
    }
    memory_free(metadata->properties);
    for (int32_t i = 0; i < MAX_CLASSES; i++) {
        memory_free(metadata->classes[i]);
        memory_free(metadata->codes[i]);
    }
    *metadata = (struct metadata){ .class_count = 0 };
}
