/* One whole use of the library with the CUDA plugin, on the stand-in: a session, an answer, a map, and everything freed. */
#ifndef EMULATION_PLUGIN_ANSWER_H
#define EMULATION_PLUGIN_ANSWER_H
#include "support.h"
#include <string.h>
#include "base/status.h"
#include "small_model.h"

enum { SCAN_EXTENT = 16, SCAN_VOXELS = SCAN_EXTENT * SCAN_EXTENT * SCAN_EXTENT };

struct answer {
    float logits[SMALL_CLASSES], map[SCAN_VOXELS];
    char device[320];
};

static inline tumorclass_model *answering_model(void)
{
    tumorclass_model *model;
    struct bytes file = small_model(NULL);
    ck_assert_int_eq(tumorclass_model_load_memory(&model, file.data, file.size, NULL), TUMORCLASS_OK);
    bytes_free(&file);
    return model;
}

/* A ball with a bright corner. */
static inline tumorclass_volume answered_scan(void)
{
    static float voxels[SCAN_VOXELS];
    for (int i = 0; i < SCAN_VOXELS; i++) {
        const int x = i % SCAN_EXTENT - 8, y = i / SCAN_EXTENT % SCAN_EXTENT - 8, z = i / SCAN_EXTENT / SCAN_EXTENT - 8;
        const bool inside = x * x + y * y + z * z < 50;
        voxels[i] = inside ? 100 + (float)(i % 7) + (x > 2 && y > 2 ? 60 : 0) : 0;
    }
    tumorclass_volume volume = { .data = voxels, .dtype = TUMORCLASS_F32 };
    for (int axis = 0; axis < 3; axis++) {
        volume.shape[axis] = SCAN_EXTENT;
        volume.strides[axis] = axis == 0 ? SCAN_EXTENT * SCAN_EXTENT : axis == 1 ? SCAN_EXTENT : 1;
        volume.affine[5 * axis] = 10;
    }
    return volume;
}

static inline tumorclass_status answer_in_session(struct answer *answer, tumorclass_session *session)
{
    const tumorclass_volume scan = answered_scan();
    tumorclass_result *result;
    tumorclass_status status = tumorclass_classify(session, &result, &scan, NULL);
    if (status == TUMORCLASS_OK) {
        memcpy(answer->logits, tumorclass_result_logits(result, NULL), sizeof answer->logits);
        status = tumorclass_attention(session, answer->map, SCAN_VOXELS, NULL, result, TUMORCLASS_PREDICTED_CLASS,
                                      NULL);
    }
    tumorclass_result_free(result);
    return status;
}

static inline tumorclass_status answer_on(struct answer *answer, tumorclass_model *model, tumorclass_backend backend,
                                          tumorclass_precision precision)
{
    tumorclass_session *session;
    tumorclass_session_options options = TUMORCLASS_SESSION_OPTIONS_INIT;
    memset(answer, 0, sizeof *answer);
    options.backend = backend;
    options.precision = precision;
    options.threads = 1;
    tumorclass_status status = tumorclass_session_create(&session, model, &options);
    if (status != TUMORCLASS_OK) return status;
    snprintf(answer->device, sizeof answer->device, "%s", tumorclass_session_device(session));
    status = answer_in_session(answer, session);
    tumorclass_session_free(session);
    return status;
}

#endif
