/* The layout that compiled callers rely on, on every 64-bit platform. A line here is never changed, only added. */
#include "tumorclass/tumorclass.h"

#define SAME(expression, value) _Static_assert((expression) == (value), #expression)
#define OFFSET(type, field, value) SAME(offsetof(type, field), value)

SAME(sizeof(tumorclass_status), 4);
SAME(sizeof(void *), 8);

SAME(sizeof(tumorclass_property), 16);
OFFSET(tumorclass_property, value, 8);

SAME(sizeof(tumorclass_volume), 184);
OFFSET(tumorclass_volume, dtype, 8);
OFFSET(tumorclass_volume, memory, 12);
OFFSET(tumorclass_volume, shape, 16);
OFFSET(tumorclass_volume, strides, 40);
OFFSET(tumorclass_volume, affine, 64);
OFFSET(tumorclass_volume, slope, 160);
OFFSET(tumorclass_volume, intercept, 168);
OFFSET(tumorclass_volume, notes, 176);

SAME(sizeof(tumorclass_image_options), 24);
OFFSET(tumorclass_image_options, max_voxels, 8);
OFFSET(tumorclass_image_options, max_bytes, 16);

SAME(sizeof(tumorclass_model_options), 40);
OFFSET(tumorclass_model_options, max_bytes, 8);
OFFSET(tumorclass_model_options, shape, 16);

SAME(sizeof(tumorclass_session_options), 56);
OFFSET(tumorclass_session_options, backend, 8);
OFFSET(tumorclass_session_options, device, 12);
OFFSET(tumorclass_session_options, threads, 16);
OFFSET(tumorclass_session_options, log_level, 20);
OFFSET(tumorclass_session_options, log, 24);
OFFSET(tumorclass_session_options, log_user, 32);
OFFSET(tumorclass_session_options, progress, 40);
OFFSET(tumorclass_session_options, progress_user, 48);

SAME(sizeof(tumorclass_scan_options), 24);
OFFSET(tumorclass_scan_options, mask, 8);
OFFSET(tumorclass_scan_options, strict, 16);

SAME(sizeof(tumorclass_qc), 32);
OFFSET(tumorclass_qc, message, 8);
OFFSET(tumorclass_qc, value, 16);
OFFSET(tumorclass_qc, threshold, 24);

SAME(sizeof(tumorclass_timing), 16);
OFFSET(tumorclass_timing, seconds, 8);

SAME(sizeof(tumorclass_attention_options), 16);
OFFSET(tumorclass_attention_options, scale, 8);

SAME(sizeof(tumorclass_attention_summary), 104);
OFFSET(tumorclass_attention_summary, centre_mm, 24);
OFFSET(tumorclass_attention_summary, peak_voxel, 48);
OFFSET(tumorclass_attention_summary, inside, 72);

SAME(TUMORCLASS_OK, 0);
SAME(TUMORCLASS_BAD_ARGUMENT, 1);
SAME(TUMORCLASS_OUT_OF_MEMORY, 2);
SAME(TUMORCLASS_IO_ERROR, 3);
SAME(TUMORCLASS_BAD_IMAGE, 4);
SAME(TUMORCLASS_BAD_MODEL, 5);
SAME(TUMORCLASS_UNSUPPORTED, 6);
SAME(TUMORCLASS_NEWER_CALLER, 7);
SAME(TUMORCLASS_NO_BACKEND, 8);
SAME(TUMORCLASS_BACKEND_ERROR, 9);
SAME(TUMORCLASS_LIMIT, 10);
SAME(TUMORCLASS_REFUSED, 11);
SAME(TUMORCLASS_CANCELLED, 12);
SAME(TUMORCLASS_BAD_STATE, 13);

SAME(TUMORCLASS_I8, 1);
SAME(TUMORCLASS_U8, 2);
SAME(TUMORCLASS_I16, 3);
SAME(TUMORCLASS_U16, 4);
SAME(TUMORCLASS_I32, 5);
SAME(TUMORCLASS_U32, 6);
SAME(TUMORCLASS_I64, 7);
SAME(TUMORCLASS_U64, 8);
SAME(TUMORCLASS_F16, 9);
SAME(TUMORCLASS_F32, 10);
SAME(TUMORCLASS_F64, 11);
