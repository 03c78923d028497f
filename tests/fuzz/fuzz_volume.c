/* The bytes as a volume of the caller's, of any type, layout, affine and voxels, through one of four kinds of
 * preprocessing and a small network. */
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "check_answer.h"
#include "image/volume.h"
#include "tiny_model.h"

enum { MODELS = 4, MOST_EXTENT = 14 };
static const char *const specs[MODELS][2][2] = {
    { { "tumorclass.norm", "zscore-foreground" }, { "tumorclass.input.grid", "stretch" } },
    { { "tumorclass.norm", "percentile 1,99 clip" }, { "tumorclass.input.grid", "spacing 2,3,4" } },
    { { "tumorclass.norm", "none" }, { "tumorclass.background", "-1" } },
    { { "tumorclass.norm", "zscore" }, { "tumorclass.input.orientation", "PIL" } },
};
static tumorclass_model *models[MODELS];
static tumorclass_session *sessions[MODELS];

static void free_sessions(void)
{
    for (int i = 0; i < MODELS; i++) {
        tumorclass_session_free(sessions[i]);
        tumorclass_model_free(models[i]);
    }
}

/* A session makes what a map needs with its first one, and keeps it: after this its memory stays the same. */
static void warm_up(int index)
{
    static const uint8_t voxels[8] = { 0, 1, 2, 3, 4, 5, 6, 7 };
    const tumorclass_volume volume = { .data = voxels,
                                       .dtype = TUMORCLASS_U8,
                                       .shape = { 2, 2, 2 },
                                       .strides = { 1, 2, 4 },
                                       .affine = { 50, 0, 0, 0, 0, 50, 0, 0, 0, 0, 50, 0 } };
    promise(!check_answer(sessions[index], models[index], &volume, NULL), "a good volume is classified");
}

static void create_session(int index)
{
    struct bytes bytes = tiny_model(NULL);
    for (int i = 0; i < 2; i++) {
        struct bytes entry = { 0 };
        field_text(&entry, 1, specs[index][i][0]);
        field_text(&entry, 2, specs[index][i][1]);
        field_message(&bytes, 14, entry);
    }
    tumorclass_session_options options = TUMORCLASS_SESSION_OPTIONS_INIT;
    options.threads = 1;
    promise(!tumorclass_model_load_memory(&models[index], bytes.data, bytes.size, NULL), "a good model loads");
    promise(!tumorclass_session_create(&sessions[index], models[index], &options), "a good model runs");
    bytes_free(&bytes);
    warm_up(index);
}

/* ---- Bytes to fields ---- */

struct source {
    const uint8_t *next;
    size_t left;
};

static uint8_t take(struct source *source)
{
    if (!source->left) return 0;
    source->left--;
    return *source->next++;
}

static int64_t take_wide(struct source *source)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++) value = value << 8 | take(source);
    return (int64_t)value;
}

/* Mostly a number of ordinary size, else any double. */
static double take_number(struct source *source)
{
    const int byte = take(source);
    if (byte < 240) return 0.25 * (byte - 120);
    const int64_t bits = take_wide(source);
    double any;
    memcpy(&any, &bits, sizeof any);
    return any;
}

static void take_layout(tumorclass_volume *volume, struct source *source)
{
    static const int orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
    const uint8_t layout = take(source);
    int64_t stride = 1 + layout / 48 % 3;
    for (int i = 0; i < 3; i++) {
        const int axis = orders[layout % 6][i];
        volume->shape[axis] = 1 + take(source) % MOST_EXTENT;
        volume->strides[axis] = layout / 6 >> i & 1 ? -stride : stride;
        stride *= volume->shape[axis];
    }
    if (layout == 255) volume->strides[take(source) % 3] = 0; /* one voxel for all */
    if (layout == 254) volume->strides[take(source) % 3] = take_wide(source);
    if (layout == 253) volume->shape[take(source) % 3] = take_wide(source);
}

static tumorclass_volume take_volume(struct source *source)
{
    tumorclass_volume volume = { .dtype = take(source) % 16, .memory = take(source) == 77 };
    take_layout(&volume, source);
    volume.slope = take_number(source);
    volume.intercept = take_number(source);
    volume.notes = take(source) % 16;
    for (int i = 0; i < 12; i++) volume.affine[i] = take_number(source);
    return volume;
}

/* A block of the very size that the strides reach, filled over and over with what bytes are left. False: none needed,
 * since the volume will be refused, or too large to have. */
static bool lend_voxels(tumorclass_volume *volume, void **block, const struct source *source)
{
    int64_t low = 0, high = 0;
    *block = malloc(16);
    volume->data = *block;
    if (volume_check(volume, "volume") != TUMORCLASS_OK) return true;
    for (int i = 0; i < 3; i++) {
        const int64_t reach = volume->strides[i] * (volume->shape[i] - 1);
        *(reach < 0 ? &low : &high) += reach;
    }
    if (high - low > 1 << 16 || volume_count(volume) > 1 << 16) return false;
    const size_t each = dtype_size(volume->dtype), size = (size_t)(high - low + 1) * each;
    free(*block);
    *block = malloc(size);
    for (size_t i = 0; i < size; i++) ((uint8_t *)*block)[i] = source->left ? source->next[i % source->left] : 0;
    volume->data = (char *)*block - low * (int64_t)each;
    return true;
}

/* ---- The target ---- */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct source source = { data, size };
    if (!sessions[0]) {
        for (int i = 0; i < MODELS; i++) create_session(i);
        atexit(free_sessions);
    }
    const int64_t blocks = memory_blocks_in_use();
    const uint8_t choice = take(&source), mask_choice = take(&source);
    tumorclass_volume volume = take_volume(&source), mask = mask_choice % 4 == 1 ? take_volume(&source) : volume;
    tumorclass_scan_options options = TUMORCLASS_SCAN_OPTIONS_INIT;
    if (mask_choice % 4 < 2) options.mask = &mask;
    options.strict = mask_choice / 4 % 8 == 1;
    options.flips = choice / MODELS % 8;
    void *voxels, *mask_voxels;
    const bool lent = lend_voxels(&volume, &voxels, &source), mask_lent = lend_voxels(&mask, &mask_voxels, &source);
    if (lent && mask_lent) check_answer(sessions[choice % MODELS], models[choice % MODELS], &volume, &options);
    free(voxels);
    free(mask_voxels);
    promise(memory_blocks_in_use() == blocks, "everything is given back");
    return 0;
}
