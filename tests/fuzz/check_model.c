#include "check_model.h"
#include "base/memory.h"
#include "check_answer.h"
#include "model/model.h"

static bool is_small(const tumorclass_model *model)
{
    return tumorclass_model_memory(model) < 1 << 24 && graph_multiplications(&model->graph) < 200000;
}

static void check_loaded(tumorclass_model *model)
{
    static const int16_t voxels[64] = { [21] = 300, [22] = 500, [25] = 700, [26] = 900, [41] = 100, [42] = 400 };
    const tumorclass_volume volume = { .data = voxels,
                                       .dtype = TUMORCLASS_I16,
                                       .shape = { 4, 4, 4 },
                                       .strides = { 1, 4, 16 },
                                       .affine = { 30, 0, 0, -60, 0, 30, 0, -60, 0, 0, 30, -60 } };
    size_t count;
    int64_t shape[3];
    tumorclass_model_facts(model, &count);
    promise(count > 0, "a model has facts");
    tumorclass_model_input_shape(model, shape);
    for (int i = 0; i < 3; i++) promise(shape[i] > 0, "a model's shape is positive");
    if (!is_small(model)) return;
    tumorclass_session *session;
    tumorclass_session_options options = TUMORCLASS_SESSION_OPTIONS_INIT;
    options.threads = 1;
    const tumorclass_status status = tumorclass_session_create(&session, model, &options);
    promise_status(status, session);
    if (session) check_answer(session, model, &volume, NULL);
    tumorclass_session_free(session);
}

static tumorclass_status load(const void *data, size_t size, int64_t extent)
{
    tumorclass_model *model;
    tumorclass_model_options options = TUMORCLASS_MODEL_OPTIONS_INIT;
    options.max_bytes = 1 << 20;
    for (int i = 0; i < 3; i++) options.shape[i] = extent;
    const tumorclass_status status = tumorclass_model_load_memory(&model, data, size, &options);
    promise_status(status, model);
    if (model) check_loaded(model);
    tumorclass_model_free(model);
    return status;
}

tumorclass_status check_model(const void *data, size_t size)
{
    const int64_t blocks = memory_blocks_in_use();
    tumorclass_status status = load(data, size, 0);
    if (status == TUMORCLASS_UNSUPPORTED) status = load(data, size, 8); /* its shape may be open */
    promise(memory_blocks_in_use() == blocks, "everything is given back");
    return status;
}
