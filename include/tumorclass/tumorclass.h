/** @file tumorclass.h  Classify a post-contrast T1 MRI of a head, and show what the answer rests on.
 *
 *  Research use, not for diagnosis.
 *
 *  Threads: a model and an image are immutable and may be shared; a session is used by one thread at a time
 *           (tumorclass_session_cancel alone may come from another thread or from a signal handler).
 *  Memory:  whatever a function hands out through a `**` parameter, the matching _free takes back, in any order (but a
 *           stream before its session), NULL included. What a handle's getter returns lives as long as the handle. Every pointer you pass is finished
 *           with when the call returns (a session's callbacks: when the session is freed).
 *  Failure: a call that fails sets its handle output to NULL and leaves other outputs without meaning;
 *           tumorclass_last_error() says why, with names and numbers.
 *  Fork:    a session used in a forked child is refused with TUMORCLASS_BAD_STATE. */
#ifndef TUMORCLASS_H
#define TUMORCLASS_H
#include <stddef.h>
#include <stdint.h>
#include "tumorclass/export.h"  /* TUMORCLASS_API, generated */
#include "tumorclass/version.h" /* TUMORCLASS_VERSION_NUMBER, generated */
#ifdef __cplusplus
extern "C" {
#endif

/* ---- Library ---------------------------------------------------------------------------------------------------- */

TUMORCLASS_API uint32_t tumorclass_version_number(void); /**< major * 1000000 + minor * 1000 + patch */

typedef int32_t tumorclass_status;
enum {
    TUMORCLASS_OK = 0,
    TUMORCLASS_BAD_ARGUMENT = 1,
    TUMORCLASS_OUT_OF_MEMORY = 2, /**< host or device */
    TUMORCLASS_IO_ERROR = 3,      /**< a file could not be read or written */
    TUMORCLASS_BAD_IMAGE = 4,     /**< it could be read, and is not a NIfTI volume that can be used */
    TUMORCLASS_BAD_MODEL = 5,     /**< it could be read, and is not a valid model */
    TUMORCLASS_UNSUPPORTED = 6,   /**< valid, but with an operator or a feature this library does not have */
    TUMORCLASS_NEWER_CALLER = 7,  /**< an options struct asks for more than this library knows */
    TUMORCLASS_NO_BACKEND = 8,    /**< not built in, or no usable device */
    TUMORCLASS_BACKEND_ERROR = 9, /**< the device failed; only _free is safe now */
    TUMORCLASS_LIMIT = 10,        /**< larger than a limit of the options */
    TUMORCLASS_REFUSED = 11,      /**< strict mode: a quality check failed */
    TUMORCLASS_CANCELLED = 12,
    TUMORCLASS_BAD_STATE = 13 /**< a handle used where it cannot be, as after fork */
};
TUMORCLASS_API const char *tumorclass_status_name(tumorclass_status status); /**< NULL past the last one */
/** Why this thread's last failed call failed; empty before the first failure. Valid until the thread's next failure. */
TUMORCLASS_API const char *tumorclass_last_error(void);

/** The number of threads that suits this process: CPU affinity, cgroup (v2) quota, OMP_NUM_THREADS and SLURM_CPUS_PER_TASK
 *  are honoured, whichever is least. At least 1. */
TUMORCLASS_API int32_t tumorclass_suggested_threads(void);

/** One named fact. Layout frozen. */
typedef struct tumorclass_property {
    const char *key;
    const char *value;
} tumorclass_property;

/** The instruction sets that this library has code for and this processor can run, the fastest first: "AVX-512";
 *  NULL past the last. */
TUMORCLASS_API const char *tumorclass_instruction_set(int32_t index);

/** What to write into a bug report: version, compiler, processor, instruction sets, threads and what limits them,
 *  plugins and models that were found. */
typedef struct tumorclass_diagnosis tumorclass_diagnosis;
TUMORCLASS_API tumorclass_status tumorclass_diagnosis_create(tumorclass_diagnosis **diagnosis);
TUMORCLASS_API void tumorclass_diagnosis_free(tumorclass_diagnosis *diagnosis);
TUMORCLASS_API const tumorclass_property *tumorclass_diagnosis_facts(const tumorclass_diagnosis *diagnosis,
                                                                     size_t *count);

/* ---- Voxels ----------------------------------------------------------------------------------------------------- */

typedef int32_t tumorclass_dtype;
enum {
    TUMORCLASS_I8 = 1,
    TUMORCLASS_U8 = 2,
    TUMORCLASS_I16 = 3,
    TUMORCLASS_U16 = 4,
    TUMORCLASS_I32 = 5,
    TUMORCLASS_U32 = 6,
    TUMORCLASS_I64 = 7,
    TUMORCLASS_U64 = 8,
    TUMORCLASS_F16 = 9,
    TUMORCLASS_F32 = 10,
    TUMORCLASS_F64 = 11
};
typedef int32_t tumorclass_memory;
enum { TUMORCLASS_MEMORY_HOST = 0, TUMORCLASS_MEMORY_CUDA = 1 };

/** What a file's reader noticed about a volume; each becomes a quality warning. Zero for voxels of your own. */
enum {
    TUMORCLASS_NOTE_NO_ORIENTATION = 1,   /**< neither sform nor qform: axes taken as RAS, origin unknown */
    TUMORCLASS_NOTE_FORMS_DISAGREE = 2,   /**< sform and qform are both set and differ */
    TUMORCLASS_NOTE_EXTRA_DIMENSIONS = 4, /**< more than one volume in the file: the first was taken */
    TUMORCLASS_NOTE_BAD_FORM = 8          /**< a transform was set but cannot be inverted, and was passed over */
};

/** Voxels, borrowed, with the grid they stand on. Layout frozen for the life of the major version.
 *  A voxel's intensity is slope * stored + intercept, as in NIfTI. In every field but data, dtype, shape, strides
 *  and affine, zero is the default. */
typedef struct tumorclass_volume {
    const void *data;
    tumorclass_dtype dtype;   /**< native byte order, aligned for the type */
    tumorclass_memory memory; /**< where data points */
    int64_t shape[3];         /**< voxels along i, j, k; each at least 1 */
    int64_t strides[3];       /**< in elements, may be negative: C order, Fortran order and slices pass as they are */
    double affine[12];        /**< 3 x 4, row by row: voxel (i, j, k) to RAS+ millimetres */
    double slope;             /**< 0: intensities are as stored (and intercept is not used) */
    double intercept;
    uint32_t notes; /**< TUMORCLASS_NOTE_ bits */
    uint32_t reserved;
} tumorclass_volume;

/* ---- Images: NIfTI files ---------------------------------------------------------------------------------------- */

/** Grows only at its end. In every field, now and later, zero means the default. */
typedef struct tumorclass_image_options {
    size_t struct_size;  /**< set by the initializer */
    uint64_t max_voxels; /**< 0: 512 Mi voxels */
    uint64_t max_bytes;  /**< 0: 4 GiB of voxel data, after decompression */
} tumorclass_image_options;
/* clang-format off */
#define TUMORCLASS_IMAGE_OPTIONS_INIT { sizeof(tumorclass_image_options), 0, 0 }
/* clang-format on */

typedef struct tumorclass_image tumorclass_image;
/** Read NIfTI-1 or -2 (.nii, .nii.gz, .hdr/.img with or without .gz; of a pair, either name will do), any byte order,
 *  any real data type. The affine is the sform if set and invertible, else the qform, else the voxel sizes.
 *  IO_ERROR, BAD_IMAGE, UNSUPPORTED (complex, RGB), LIMIT, OUT_OF_MEMORY. */
TUMORCLASS_API tumorclass_status tumorclass_image_read(tumorclass_image **image, const char *path,
                                                       const tumorclass_image_options *options /* or NULL */);
TUMORCLASS_API void tumorclass_image_free(tumorclass_image *image);
TUMORCLASS_API const tumorclass_volume *tumorclass_image_volume(const tumorclass_image *image);
/** The base name of the file; "" for an image that was not read. */
TUMORCLASS_API const char *tumorclass_image_name(const tumorclass_image *image);
/** What the header says, for people: format, data type, dimensions, voxel size, orientation, units, ...
 *  Nothing that could name a patient. */
TUMORCLASS_API const tumorclass_property *tumorclass_image_header(const tumorclass_image *image, size_t *count);
/** Write `count` volumes of one shape and data type as one NIfTI file (count > 1: 4-D); .nii or .nii.gz.
 *  `like`, if not NULL, is the image whose grid they share: its qform, sform, codes, units and version are kept, and
 *  the volumes' affines are not looked at; else the first volume's affine is written. A regular file appears whole or not at all. */
TUMORCLASS_API tumorclass_status tumorclass_image_write(const char *path, const tumorclass_volume *volumes,
                                                        size_t count, const tumorclass_image *like /* or NULL */);
/** Write bytes as every output of this library is written: to a temporary name beside `path`, synced, renamed;
 *  "-", devices and FIFOs are written directly. */
TUMORCLASS_API tumorclass_status tumorclass_write_file(const char *path, const void *data, size_t size);

/* ---- Models: ONNX files ----------------------------------------------------------------------------------------- */

/** Grows only at its end. In every field, now and later, zero means the default. */
typedef struct tumorclass_model_options {
    size_t struct_size; /**< set by the initializer */
    uint64_t max_bytes; /**< 0: 2 GiB of weights, external ones included */
    int64_t shape[3];   /**< spatial input shape (D, H, W), for a file whose own is symbolic and names none */
} tumorclass_model_options;
/* clang-format off */
#define TUMORCLASS_MODEL_OPTIONS_INIT { sizeof(tumorclass_model_options), 0, { 0, 0, 0 } }
/* clang-format on */

typedef struct tumorclass_model tumorclass_model;
/** Load an ONNX model; path NULL: the one that ships with the library. */
TUMORCLASS_API tumorclass_status tumorclass_model_load(tumorclass_model **model, const char *path /* or NULL */,
                                                       const tumorclass_model_options *options /* or NULL */);
/** The same from memory, which is copied. External data is refused. */
TUMORCLASS_API tumorclass_status tumorclass_model_load_memory(tumorclass_model **model, const void *data, size_t size,
                                                              const tumorclass_model_options *options /* or NULL */);
/** The model lives on until its last session and result are freed. */
TUMORCLASS_API void tumorclass_model_free(tumorclass_model *model);
/** The base name of the file; "" if loaded from memory. */
TUMORCLASS_API const char *tumorclass_model_name(const tumorclass_model *model);
TUMORCLASS_API const char *tumorclass_model_sha256(const tumorclass_model *model); /**< 64 hexadecimal digits */
TUMORCLASS_API int32_t tumorclass_model_class_count(const tumorclass_model *model);
/** "high-grade glioma", and the code "HGG"; NULL out of range. */
TUMORCLASS_API const char *tumorclass_model_class_name(const tumorclass_model *model, int32_t index);
TUMORCLASS_API const char *tumorclass_model_class_code(const tumorclass_model *model, int32_t index);
/** The class with that name or code, letter case ignored; -1 if there is none. */
TUMORCLASS_API int32_t tumorclass_model_class_index(const tumorclass_model *model, const char *name);
TUMORCLASS_API void tumorclass_model_input_shape(const tumorclass_model *model, int64_t shape[3]); /**< D, H, W */
/** The file's metadata_props, `tumorclass.*` and others, in the file's order. */
TUMORCLASS_API const tumorclass_property *tumorclass_model_metadata(const tumorclass_model *model, size_t *count);
/** Facts about the network for people: operators, parameters, operations a scan, ... */
TUMORCLASS_API const tumorclass_property *tumorclass_model_facts(const tumorclass_model *model, size_t *count);
/** Bytes of activations and working memory that one session of this model holds on the CPU with one thread; SIZE_MAX:
 *  unknown, since there is no memory to find out or there are more than a size_t holds. */
TUMORCLASS_API size_t tumorclass_model_memory(const tumorclass_model *model);
/** Where fine attention maps can be made: the levels of the network, from 1, the finest, to the count, the coarsest; a
 *  level is the last tensor of one spatial size that all that follows goes through. 0: the network has none. */
TUMORCLASS_API int32_t tumorclass_model_level_count(const tumorclass_model *model);
/** The level that attention maps use by default: as the file says, else the coarsest with at least 24 cells along each
 *  axis, else 1. 0: none. */
TUMORCLASS_API int32_t tumorclass_model_default_level(const tumorclass_model *model);
/** Cells (D, H, W) of a level; zeros out of range. */
TUMORCLASS_API void tumorclass_model_level_shape(const tumorclass_model *model, int32_t level, int64_t shape[3]);

/* ---- Sessions --------------------------------------------------------------------------------------------------- */

typedef int32_t tumorclass_backend;
enum { TUMORCLASS_BACKEND_AUTO = 0, TUMORCLASS_BACKEND_CPU = 1, TUMORCLASS_BACKEND_CUDA = 2 };
typedef int32_t tumorclass_log_level;
enum { TUMORCLASS_LOG_WARNING = 0, TUMORCLASS_LOG_INFO = 1, TUMORCLASS_LOG_DEBUG = 2 };

/** Both are called on the thread that called the library, and on no other. */
typedef void (*tumorclass_log_fn)(void *user, tumorclass_log_level level, const char *message);
/** `fraction` of the whole call, 0 to 1, never falling; `stage` a word such as "preprocess". */
typedef void (*tumorclass_progress_fn)(void *user, const char *stage, double fraction);

/** What a CUDA device computes with; the CPU has float32 always. HALF and BFLOAT16 store tensors so and add up in float32;
 *  TENSOR_FLOAT32 is float32 whose convolutions are multiplied on tensor cores, with ten bits of mantissa. */
typedef int32_t tumorclass_precision;
enum {
    TUMORCLASS_PRECISION_DEFAULT = 0, /**< HALF */
    TUMORCLASS_PRECISION_HALF = 1,
    TUMORCLASS_PRECISION_BFLOAT16 = 2,
    TUMORCLASS_PRECISION_FLOAT32 = 3,
    TUMORCLASS_PRECISION_TENSOR_FLOAT32 = 4
};

/** Grows only at its end. In every field, now and later, zero means the default. */
typedef struct tumorclass_session_options {
    size_t struct_size;             /**< set by the initializer */
    tumorclass_backend backend;     /**< AUTO: CUDA if it works, else CPU; CUDA: that, or an error */
    int32_t device;                 /**< which CUDA device */
    int32_t threads;                /**< CPU threads; 0: tumorclass_suggested_threads() */
    tumorclass_log_level log_level; /**< the most talkative level that reaches log */
    tumorclass_log_fn log;          /**< NULL: silent */
    void *log_user;
    tumorclass_progress_fn progress; /**< NULL: none */
    void *progress_user;
    int32_t instruction_set; /**< 0: the fastest; n: the n-th of tumorclass_instruction_set, counted from 1. Answers are
                              *   the same to rounding, and the same bits only on one instruction set */
    tumorclass_precision precision;
} tumorclass_session_options;
/* clang-format off */
#define TUMORCLASS_SESSION_OPTIONS_INIT { sizeof(tumorclass_session_options), 0, 0, 0, 0, NULL, NULL, NULL, NULL, 0, 0 }
/* clang-format on */

typedef struct tumorclass_session tumorclass_session;
TUMORCLASS_API tumorclass_status tumorclass_session_create(tumorclass_session **session, tumorclass_model *model,
                                                           const tumorclass_session_options *options /* or NULL */);
/** A session of several models that answer together: probabilities, logits and maps are the means of theirs. Each has
 *  the class codes of the first, in its order; anything else is BAD_ARGUMENT. `count` is 1 to 64. */
TUMORCLASS_API tumorclass_status
tumorclass_session_create_ensemble(tumorclass_session **session, tumorclass_model *const *models, size_t count,
                                   const tumorclass_session_options *options /* or NULL */);
TUMORCLASS_API void tumorclass_session_free(tumorclass_session *session);
TUMORCLASS_API tumorclass_backend tumorclass_session_backend(const tumorclass_session *session);
/** What really runs, and why: "CPU, 2 threads, AVX-512 (no CUDA plugin found)". */
TUMORCLASS_API const char *tumorclass_session_device(const tumorclass_session *session);
/** Bytes that the session holds, and, if a volume is given, those that classifying it adds at its peak;
 *  known before the first run. The first fine attention map adds a backward pass, which is counted once it is there;
 *  flips, which are not counted, keep one more input and its features each. SIZE_MAX if a field of the volume is bad: tumorclass_last_error() says which. */
TUMORCLASS_API size_t tumorclass_session_memory(const tumorclass_session *session,
                                                const tumorclass_volume *volume /* or NULL */);
/** Stop the call that runs in this session, or, if none does, the next one; it returns TUMORCLASS_CANCELLED.
 *  From any thread and from a signal handler. */
TUMORCLASS_API void tumorclass_session_cancel(tumorclass_session *session);

/* ---- From a volume to an answer --------------------------------------------------------------------------------- */

/** Axes of the network's input along which to flip it. */
enum { TUMORCLASS_FLIP_LEFT_RIGHT = 1, TUMORCLASS_FLIP_BACK_FRONT = 2, TUMORCLASS_FLIP_DOWN_UP = 4 };

/** Grows only at its end. In every field, now and later, zero means the default. */
typedef struct tumorclass_scan_options {
    size_t struct_size; /**< set by the initializer */
    const tumorclass_volume
        *mask;      /**< foreground (brain): non-zero voxels, on the scan's grid (shape, and affine to half a
                                    *   voxel; an affine of zeros: the scan's); NULL: found */
    int32_t strict; /**< non-zero: a failed quality check is TUMORCLASS_REFUSED, not a warning */
    uint32_t flips; /**< TUMORCLASS_FLIP_ bits: test-time augmentation. The network sees the scan as it is and flipped
                     *   along these axes, in every combination; the answer is the mean. preprocess ignores them */
} tumorclass_scan_options;
/* clang-format off */
#define TUMORCLASS_SCAN_OPTIONS_INIT { sizeof(tumorclass_scan_options), NULL, 0, 0 }
/* clang-format on */

/** The network's input for this volume, exactly: float32, shape (D, H, W) of the model, with the affine of that grid. */
TUMORCLASS_API tumorclass_status tumorclass_preprocess(tumorclass_session *session, tumorclass_image **input,
                                                       const tumorclass_volume *volume,
                                                       const tumorclass_scan_options *options /* or NULL */);

typedef struct tumorclass_result tumorclass_result;
TUMORCLASS_API tumorclass_status tumorclass_classify(tumorclass_session *session, tumorclass_result **result,
                                                     const tumorclass_volume *volume,
                                                     const tumorclass_scan_options *options /* or NULL */);
TUMORCLASS_API void tumorclass_result_free(tumorclass_result *result);

/** A quality check that the scan failed. Layout frozen. */
typedef struct tumorclass_qc {
    const char *code;    /**< as in docs/method.md, "no_orientation" */
    const char *message; /**< a sentence for people */
    double value;        /**< what was measured, */
    double threshold;    /**< and what it was held against */
} tumorclass_qc;
/** Layout frozen. */
typedef struct tumorclass_timing {
    const char *stage;
    double seconds;
} tumorclass_timing;

TUMORCLASS_API int32_t tumorclass_result_class(const tumorclass_result *result); /**< the most probable one */
/** One value per class; probabilities sum to 1 and are softmax(logits / temperature). Of several members: the means of
 *  their probabilities, logits and, for those of the first model, embeddings. */
TUMORCLASS_API const float *tumorclass_result_probabilities(const tumorclass_result *result, size_t *count);
TUMORCLASS_API const float *tumorclass_result_logits(const tumorclass_result *result, size_t *count);
/** The pooled features in front of the last dense layer; NULL and a count of 0 if the network has none. */
TUMORCLASS_API const float *tumorclass_result_embedding(const tumorclass_result *result, size_t *count);
TUMORCLASS_API const tumorclass_qc *tumorclass_result_qc(const tumorclass_result *result, size_t *count);
TUMORCLASS_API const tumorclass_timing *tumorclass_result_timings(const tumorclass_result *result, size_t *count);
/** Library, model, preprocessing parameters, device: all that is needed to get the same answer again. */
TUMORCLASS_API const tumorclass_property *tumorclass_result_provenance(const tumorclass_result *result, size_t *count);
TUMORCLASS_API const char *tumorclass_result_device(const tumorclass_result *result);
/** The classes by falling probability: the k most probable are the first k. */
TUMORCLASS_API const int32_t *tumorclass_result_ranking(const tumorclass_result *result, size_t *count);

/** How far to trust the class. Layout frozen. */
typedef struct tumorclass_confidence {
    double entropy; /**< of the probabilities, in nats: 0 is certain, log(classes) says nothing */
    double margin;  /**< between the two largest probabilities, 0 to 1 */
    double
        coverage; /**< share of scans like those of the calibration whose class is in the prediction set; 0: no set */
    double unlikeness;      /**< distance of the embedding from the training scans'; docs/method.md has the formula */
    double most_unlikeness; /**< above this a quality warning says so; 0: the model has no such statistics */
    double reserved[3];
} tumorclass_confidence;
TUMORCLASS_API void tumorclass_result_confidence(const tumorclass_result *result, tumorclass_confidence *confidence);
/** The classes that cannot be excluded (class-conditional conformal prediction), by falling probability. May be empty.
 *  NULL and a count of 0 if the model has no thresholds, or the result is an ensemble's of several models. */
TUMORCLASS_API const int32_t *tumorclass_result_prediction_set(const tumorclass_result *result, size_t *count);
/** Why no class should be named, in a sentence; NULL: one may be. */
TUMORCLASS_API const char *tumorclass_result_abstention(const tumorclass_result *result);

/** The runs whose mean the answer is: one for each model and flip; at least 1. */
TUMORCLASS_API int32_t tumorclass_result_member_count(const tumorclass_result *result);
/** "model.onnx", "model.onnx, flipped left-right"; NULL out of range. */
TUMORCLASS_API const char *tumorclass_result_member_name(const tumorclass_result *result, int32_t member);
/** One member's probabilities, one a class; NULL out of range. */
TUMORCLASS_API const float *tumorclass_result_member_probabilities(const tumorclass_result *result, int32_t member,
                                                                   size_t *count);
/** The standard deviation of each class's probability over the members (divided by their number); zeros for one. */
TUMORCLASS_API const float *tumorclass_result_spread(const tumorclass_result *result, size_t *count);

/* ---- Attention --------------------------------------------------------------------------------------------------- */

typedef int32_t tumorclass_attention_scale;
enum {
    TUMORCLASS_ATTENTION_UNIT = 0, /**< the rectified map, its least and largest value on the scan mapped to 0 and 1 */
    TUMORCLASS_ATTENTION_RAW = 1   /**< in units of the logit; CAM: spatial mean over the feature grid + bias = logit */
};
/** With A the activations of a level, g the gradient of the class's logit by them, n its cells, k its channels: */
typedef int32_t tumorclass_attention_method;
enum {
    TUMORCLASS_ATTENTION_AUTO = 0,    /**< HIRESCAM at the default level; CAM where the network has no gradient there */
    TUMORCLASS_ATTENTION_CAM = 1,     /**< sum_k weight_k A_k in front of the global average pool (Zhou et al. 2016) */
    TUMORCLASS_ATTENTION_GRADCAM = 2, /**< sum_k (sum over cells of g_k) A_k (Selvaraju et al. 2017) */
    TUMORCLASS_ATTENTION_HIRESCAM = 3 /**< n sum_k g_k A_k, cell by cell (Draelos and Carin 2020) */
};
/** Grows only at its end. In every field, now and later, zero means the default. */
typedef struct tumorclass_attention_options {
    size_t struct_size; /**< set by the initializer */
    tumorclass_attention_scale scale;
    tumorclass_attention_method method;
    int32_t level; /**< of tumorclass_model_level_count, for GRADCAM and HIRESCAM; 0: the default one */
    int32_t reserved;
} tumorclass_attention_options;
/* clang-format off */
#define TUMORCLASS_ATTENTION_OPTIONS_INIT { sizeof(tumorclass_attention_options), 0, 0, 0, 0 }
/* clang-format on */

/** Where a map is strong. All on the unit map, whatever scale is asked for. Layout frozen. */
typedef struct tumorclass_attention_summary {
    double peak_mm[3];     /**< RAS+ millimetres of the voxel with the largest value */
    double centre_mm[3];   /**< centre of mass */
    int64_t peak_voxel[3]; /**< the same peak as (i, j, k) of the scan */
    double inside;         /**< share of the map's sum within the foreground, 0 to 1 */
    double reserved[3];
} tumorclass_attention_summary;

enum { TUMORCLASS_ALL_CLASSES = -1, TUMORCLASS_PREDICTED_CLASS = -2 };
/** A class's attention map on the scan's own voxels.
 *  @param map      float[count], i fastest, the scan's shape; for ALL_CLASSES one such map after another
 *  @param count    voxels of the scan, times the number of classes for ALL_CLASSES; anything else is BAD_ARGUMENT
 *  @param summary  NULL, or one struct (for ALL_CLASSES one per class)
 *  @param result   of models of this session; of another it is BAD_ARGUMENT
 *  UNSUPPORTED if the network has no such map: CAM needs a global average pool in front of the last dense layer, the
 *  others a gradient for every operation behind the level. For each class a default level costs a part of a forward
 *  pass, another level more than one. */
TUMORCLASS_API tumorclass_status tumorclass_attention(tumorclass_session *session, float *map, size_t count,
                                                      tumorclass_attention_summary *summary /* or NULL */,
                                                      const tumorclass_result *result, int32_t class_index,
                                                      const tumorclass_attention_options *options /* or NULL */);
/** What a map of these options is made of, for reports: "HiResCAM, level 3 of 5 (32 x 32 x 32 cells)". */
TUMORCLASS_API tumorclass_status tumorclass_attention_describe(
    tumorclass_session *session, char *text, size_t size, const tumorclass_attention_options *options /* or NULL */);

/* ---- Streams: many scans, reading overlapped with running -------------------------------------------------------- */

/** Grows only at its end. In every field, now and later, zero means the default. */
typedef struct tumorclass_stream_options {
    size_t struct_size; /**< set by the initializer */
    int32_t readers;    /**< threads that read and decompress files; 0: 1 */
    int32_t ahead;      /**< scans in memory at most, from the start of their reading to their answer's taking, beside
                         *   the one that runs; 0: 2 */
    const tumorclass_image_options *image; /**< limits of each file; NULL: the defaults */
} tumorclass_stream_options;
/* clang-format off */
#define TUMORCLASS_STREAM_OPTIONS_INIT { sizeof(tumorclass_stream_options), 0, 0, NULL }
/* clang-format on */

/** Grows only at its end. */
typedef struct tumorclass_stream_item {
    size_t struct_size;                  /**< set by the initializer */
    const char *path;                    /**< a NIfTI file (copied); or NULL, and */
    const tumorclass_volume *volume;     /**< voxels, borrowed until the item's answer comes */
    const char *mask_path;               /**< a NIfTI file with the mask (copied), in place of scan->mask; NULL: none */
    const tumorclass_scan_options *scan; /**< copied, its mask's voxels borrowed until the answer comes; or NULL */
    const tumorclass_attention_options *attention; /**< copied; NULL: no map */
    int32_t attention_class;                       /**< with attention: a class, ALL_CLASSES or PREDICTED_CLASS */
    int32_t reserved;
    void *user; /**< comes back in the answer */
} tumorclass_stream_item;
/* clang-format off */
#define TUMORCLASS_STREAM_ITEM_INIT { sizeof(tumorclass_stream_item), NULL, NULL, NULL, NULL, NULL, 0, 0, NULL }
/* clang-format on */

/** What became of one item; all of it lives until the next call of this stream. Layout frozen. */
typedef struct tumorclass_stream_answer {
    uint64_t index; /**< of the item, in the order of pushing, from 0 */
    void *user;
    tumorclass_status status;
    tumorclass_status
        attention_status;            /**< not OK: there is a result and no map; UNSUPPORTED: the network gives none */
    const char *error;               /**< why status, or attention_status, is not OK; "" */
    const char *name;                /**< base name of the file; "" for a volume */
    const tumorclass_image *image;   /**< the file as read; NULL for a volume, and after a failure to read */
    const tumorclass_result *result; /**< NULL after a failure */
    const float *map;                /**< NULL: none; else as tumorclass_attention fills it */
    size_t map_size;                 /**< floats in map */
    const tumorclass_attention_summary *summaries; /**< one for each class of map */
    double read_seconds, run_seconds, attention_seconds;
    double reserved[3];
} tumorclass_stream_answer;

typedef struct tumorclass_stream tumorclass_stream;
/** The session belongs to the stream until that is freed, which must be before the session is; its progress and log callbacks are not called meanwhile.
 *  Where the system starts no thread the same work is done in tumorclass_stream_next. One thread at a time uses a stream
 *  (tumorclass_stream_cancel alone may come from another); in a forked child it is refused with BAD_STATE. */
TUMORCLASS_API tumorclass_status tumorclass_stream_create(tumorclass_stream **stream, tumorclass_session *session,
                                                          const tumorclass_stream_options *options /* or NULL */);
/** Waits for the scan that runs (cancel to make that short); items without an answer are dropped. */
TUMORCLASS_API void tumorclass_stream_free(tumorclass_stream *stream);
/** Queue one item; does not wait. A file that cannot be read is no failure of this call but of its answer. */
TUMORCLASS_API tumorclass_status tumorclass_stream_push(tumorclass_stream *stream, const tumorclass_stream_item *item);
/** Items pushed whose answer has not come yet. */
TUMORCLASS_API size_t tumorclass_stream_pending(const tumorclass_stream *stream);
/** The answer of the oldest pending item, bit for bit as if it had run alone; waits for it. BAD_STATE if none is
 *  pending. The status returned is that of the stream; the item's own is in the answer. */
TUMORCLASS_API tumorclass_status tumorclass_stream_next(tumorclass_stream *stream, tumorclass_stream_answer *answer);
/** All pending items end with CANCELLED, the one that runs too, and so do all that are pushed later. Files that are
 *  being read are read to their end. From any thread and from a signal handler. */
TUMORCLASS_API void tumorclass_stream_cancel(tumorclass_stream *stream);

/* ---- Known answers ----------------------------------------------------------------------------------------------- */

/** The synthetic scan that the known answers in model files are of: a head-like int16 volume made with whole numbers
 *  alone, so the same bits everywhere. */
TUMORCLASS_API tumorclass_status tumorclass_phantom(tumorclass_image **image);
/** Layout frozen. */
typedef struct tumorclass_selftest_report {
    double logit_error; /**< largest difference of a logit from the model file's, by the largest of those */
    double logit_tolerance;
    double map_error; /**< largest difference of CAM's spatial mean + bias from the logit, by the largest logit */
    double map_tolerance;
    double reserved[4];
} tumorclass_selftest_report;
/** Classify the phantom and compare with what the model file says comes out. BACKEND_ERROR if it does not: the sentence
 *  has the numbers, and the report is filled in; UNSUPPORTED if the file has no known answer. */
TUMORCLASS_API tumorclass_status tumorclass_session_selftest(tumorclass_session *session,
                                                             tumorclass_selftest_report *report);

#ifdef __cplusplus
}
#endif
#endif
