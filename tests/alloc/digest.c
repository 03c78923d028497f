#include "digest.h"
#include "support.h"
#include <string.h>
#include "base/files.h"
#include "base/memory.h"
#include "image/volume.h"

const uint64_t start = UINT64_C(14695981039346656037);

uint64_t mix(uint64_t digest, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    for (size_t i = 0; i < size; i++) digest = (digest ^ bytes[i]) * UINT64_C(1099511628211);
    return digest;
}

static uint64_t mix_text(uint64_t digest, const char *text)
{
    return text ? mix(digest, text, strlen(text) + 1) : mix(digest, "\1", 1);
}

uint64_t mix_properties(uint64_t digest, const tumorclass_property *properties, size_t count)
{
    for (size_t i = 0; i < count; i++) digest = mix_text(mix_text(digest, properties[i].key), properties[i].value);
    return mix(digest, &count, sizeof count);
}

uint64_t model_digest(const tumorclass_model *of)
{
    size_t count;
    uint64_t digest = mix_text(mix_text(start, tumorclass_model_name(of)), tumorclass_model_sha256(of));
    for (int32_t i = 0; i < tumorclass_model_class_count(of); i++) {
        digest = mix_text(digest, tumorclass_model_class_name(of, i));
        digest = mix_text(digest, tumorclass_model_class_code(of, i));
    }
    const tumorclass_property *properties = tumorclass_model_metadata(of, &count);
    digest = mix_properties(digest, properties, count);
    properties = tumorclass_model_facts(of, &count);
    return mix_properties(digest, properties, count);
}

uint64_t image_digest(const tumorclass_image *image)
{
    size_t count;
    const tumorclass_volume *volume = tumorclass_image_volume(image);
    const tumorclass_property *header = tumorclass_image_header(image, &count);
    uint64_t digest = mix_properties(mix_text(start, tumorclass_image_name(image)), header, count);
    digest = mix(digest, volume->affine, sizeof volume->affine);
    return mix(digest, volume->data, (size_t)volume_count(volume) * dtype_size(volume->dtype));
}

uint64_t result_digest(const tumorclass_result *result)
{
    size_t count;
    const float *values = tumorclass_result_probabilities(result, &count);
    uint64_t digest = mix(start, values, count * sizeof *values);
    values = tumorclass_result_logits(result, &count);
    digest = mix(digest, values, count * sizeof *values);
    values = tumorclass_result_embedding(result, &count);
    digest = mix(digest, values, count * sizeof *values);
    const tumorclass_qc *qc = tumorclass_result_qc(result, &count);
    for (size_t i = 0; i < count; i++) digest = mix_text(mix_text(digest, qc[i].code), qc[i].message);
    const tumorclass_property *provenance = tumorclass_result_provenance(result, &count);
    ck_assert_ptr_nonnull(tumorclass_result_device(result));
    return mix_properties(digest, provenance, count);
}

uint64_t file_digest(const char *path)
{
    void *data;
    size_t size;
    ck_assert_int_eq(file_load(&data, &size, path, SIZE_MAX), TUMORCLASS_OK);
    const uint64_t digest = mix(start, data, size);
    memory_free(data);
    return digest;
}
