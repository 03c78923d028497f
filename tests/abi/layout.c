/* The layout that compiled callers rely on, on every 64-bit platform. A line here is never changed, only added; but the
 * size of an options struct grows with each release that adds fields to its end. */
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

SAME(sizeof(tumorclass_session_options), 64);
OFFSET(tumorclass_session_options, backend, 8);
OFFSET(tumorclass_session_options, device, 12);
OFFSET(tumorclass_session_options, threads, 16);
OFFSET(tumorclass_session_options, log_level, 20);
OFFSET(tumorclass_session_options, log, 24);
OFFSET(tumorclass_session_options, log_user, 32);
OFFSET(tumorclass_session_options, progress, 40);
OFFSET(tumorclass_session_options, progress_user, 48);
OFFSET(tumorclass_session_options, instruction_set, 56); /* where 0.1 ended */

SAME(sizeof(tumorclass_scan_options), 24);
OFFSET(tumorclass_scan_options, mask, 8);
OFFSET(tumorclass_scan_options, strict, 16);
OFFSET(tumorclass_scan_options, flips, 20);

SAME(sizeof(tumorclass_qc), 32);
OFFSET(tumorclass_qc, message, 8);
OFFSET(tumorclass_qc, value, 16);
OFFSET(tumorclass_qc, threshold, 24);

SAME(sizeof(tumorclass_timing), 16);
OFFSET(tumorclass_timing, seconds, 8);

SAME(sizeof(tumorclass_attention_options), 24);
OFFSET(tumorclass_attention_options, scale, 8);
OFFSET(tumorclass_attention_options, method, 12);
OFFSET(tumorclass_attention_options, level, 16); /* where 0.1 ended */

SAME(sizeof(tumorclass_attention_summary), 104);
OFFSET(tumorclass_attention_summary, centre_mm, 24);
OFFSET(tumorclass_attention_summary, peak_voxel, 48);
OFFSET(tumorclass_attention_summary, inside, 72);

SAME(sizeof(tumorclass_confidence), 64);
OFFSET(tumorclass_confidence, margin, 8);
OFFSET(tumorclass_confidence, coverage, 16);
OFFSET(tumorclass_confidence, unlikeness, 24);
OFFSET(tumorclass_confidence, most_unlikeness, 32);

SAME(sizeof(tumorclass_stream_options), 24);
OFFSET(tumorclass_stream_options, readers, 8);
OFFSET(tumorclass_stream_options, ahead, 12);
OFFSET(tumorclass_stream_options, image, 16);

SAME(sizeof(tumorclass_stream_item), 64);
OFFSET(tumorclass_stream_item, path, 8);
OFFSET(tumorclass_stream_item, volume, 16);
OFFSET(tumorclass_stream_item, mask_path, 24);
OFFSET(tumorclass_stream_item, scan, 32);
OFFSET(tumorclass_stream_item, attention, 40);
OFFSET(tumorclass_stream_item, attention_class, 48);
OFFSET(tumorclass_stream_item, user, 56);

SAME(sizeof(tumorclass_stream_answer), 128);
OFFSET(tumorclass_stream_answer, user, 8);
OFFSET(tumorclass_stream_answer, status, 16);
OFFSET(tumorclass_stream_answer, attention_status, 20);
OFFSET(tumorclass_stream_answer, error, 24);
OFFSET(tumorclass_stream_answer, name, 32);
OFFSET(tumorclass_stream_answer, image, 40);
OFFSET(tumorclass_stream_answer, result, 48);
OFFSET(tumorclass_stream_answer, map, 56);
OFFSET(tumorclass_stream_answer, map_size, 64);
OFFSET(tumorclass_stream_answer, summaries, 72);
OFFSET(tumorclass_stream_answer, read_seconds, 80);
OFFSET(tumorclass_stream_answer, run_seconds, 88);
OFFSET(tumorclass_stream_answer, attention_seconds, 96);

SAME(sizeof(tumorclass_selftest_report), 64);
OFFSET(tumorclass_selftest_report, logit_tolerance, 8);
OFFSET(tumorclass_selftest_report, map_error, 16);
OFFSET(tumorclass_selftest_report, map_tolerance, 24);

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

SAME(TUMORCLASS_FLIP_LEFT_RIGHT, 1);
SAME(TUMORCLASS_FLIP_BACK_FRONT, 2);
SAME(TUMORCLASS_FLIP_DOWN_UP, 4);

SAME(TUMORCLASS_ATTENTION_AUTO, 0);
SAME(TUMORCLASS_ATTENTION_CAM, 1);
SAME(TUMORCLASS_ATTENTION_GRADCAM, 2);
SAME(TUMORCLASS_ATTENTION_HIRESCAM, 3);
SAME(TUMORCLASS_ALL_CLASSES, -1);
SAME(TUMORCLASS_PREDICTED_CLASS, -2);
