/* Lines "key=value" as the metadata of a model, and each value as a number. */
#include <math.h>
#include <string.h>
#include "base/memory.h"
#include "base/numbers.h"
#include "fuzz.h"
#include "model/metadata.h"
#include "model/onnx.h"
#include "model/trust.h"

enum { LINES = 64, ROOM = 4096 };

struct lines {
    char text[ROOM]; /* each line ends with a zero */
    struct text keys[LINES], values[LINES];
    size_t count;
};

static void split(struct lines *lines, const uint8_t *data, size_t size)
{
    const size_t length = size < ROOM ? size : ROOM - 1;
    memcpy(lines->text, data, length);
    lines->text[length] = 0;
    lines->count = 0;
    for (char *line = lines->text, *end = line + length; line < end && lines->count < LINES; line++) {
        const size_t all = strcspn(line, "\n"), key = strcspn(line, "=\n");
        const size_t value = key < all ? key + 1 : all;
        lines->keys[lines->count] = (struct text){ line, key };
        lines->values[lines->count++] = (struct text){ line + value, all - value };
        line += all;
        *line = 0;
    }
}

static void check_number(const char *text)
{
    double number;
    const char *end = number_read(&number, text);
    promise(!end || (end > text && end <= text + strlen(text) && isfinite(number)), "a number is one and ends");
}

static void check_spec(const struct preprocess_spec *spec)
{
    promise(strlen(spec->orientation) == 3, "orientation has three letters");
    for (int i = 0; i < 3; i++) {
        promise(spec->shape[i] >= 0 && spec->shape[i] <= 4096, "shape is 0 or up to 4096");
        promise(spec->grid != GRID_SPACING || spec->spacing[i] > 0, "spacing is positive");
    }
    promise(spec->norm != NORM_PERCENTILE || spec->percentiles[0] < spec->percentiles[1], "percentiles rise");
}

static void check_fitted(const struct metadata *metadata)
{
    for (int32_t i = 0; i < metadata->class_count; i++) {
        promise(metadata_class(metadata, metadata->classes[i]) == i, "a class is found by its name");
        promise(metadata_class(metadata, metadata->codes[i]) == i, "a class is found by its code");
    }
    promise(metadata_class(metadata, "\n") == -1, "no class is called so");
    const bool wide = trust_fit_embedding(metadata, 2) == TUMORCLASS_OK;
    promise(!wide || !metadata->cloud.centres.numbers || metadata->cloud.centres.columns == 2,
            "centres have as many features as the graph");
}

static void check_metadata(struct onnx_model *model)
{
    struct metadata metadata;
    if (metadata_read(&metadata, model) != TUMORCLASS_OK) {
        promise(*tumorclass_last_error(), "a failure has a sentence");
        return;
    }
    check_spec(&metadata.preprocess);
    promise(metadata.temperature > 0, "temperature is positive");
    const bool named = metadata.preprocess.shape[0] != 0;
    const int64_t any[3] = { 8, 9, 10 };
    int64_t shape[3];
    memcpy(shape, named ? metadata.preprocess.shape : any, sizeof shape);
    if (metadata_fit(&metadata, shape, metadata.class_count ? metadata.class_count : 3) == TUMORCLASS_OK)
        check_fitted(&metadata);
    metadata_free(&metadata);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct lines lines;
    const int64_t blocks = memory_blocks_in_use();
    split(&lines, data, size);
    struct onnx_model model = { .keys = lines.keys, .values = lines.values, .property_count = lines.count };
    for (size_t i = 0; i < lines.count; i++) check_number(lines.values[i].data);
    check_metadata(&model);
    promise(memory_blocks_in_use() == blocks, "everything is given back");
    return 0;
}
