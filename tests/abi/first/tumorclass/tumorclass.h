/** @file tumorclass.h  Classify a post-contrast T1 MRI of a head, and show what the answer rests on.
 *
 *  Research use, not for diagnosis.
 *
 *  Threads: a model and an image are immutable and may be shared; a session is used by one thread at a time
 *           (tumorclass_session_cancel alone may come from another thread or from a signal handler).
 *  Memory:  whatever a function hands out through a `**` parameter, the matching _free takes back, in any order, NULL
 *           included. What a handle's getter returns lives as long as the handle. Every pointer you pass is finished
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
/** Bytes of activations and working memory that one session of this model holds on the CPU with one thread. */
TUMORCLASS_API size_t tumorclass_model_memory(const tumorclass_model *model);

/* ---- Sessions --------------------------------------------------------------------------------------------------- */

typedef int32_t tumorclass_backend;
enum { TUMORCLASS_BACKEND_AUTO = 0, TUMORCLASS_BACKEND_CPU = 1, TUMORCLASS_BACKEND_CUDA = 2 };
typedef int32_t tumorclass_log_level;
enum { TUMORCLASS_LOG_WARNING = 0, TUMORCLASS_LOG_INFO = 1, TUMORCLASS_LOG_DEBUG = 2 };

/** Both are called on the thread that called the library, and on no other. */
typedef void (*tumorclass_log_fn)(void *user, tumorclass_log_level level, const char *message);
/** `fraction` of the whole call, 0 to 1, never falling; `stage` a word such as "preprocess". */
typedef void (*tumorclass_progress_fn)(void *user, const char *stage, double fraction);

/** Grows only at its end. In every field, now and later, zero means the default. */
typedef struct tumorclass_session_options {
    size_t struct_size;             /**< set by the initializer */
    tumorclass_backend backend;     /**< AUTO: CUDA if it works, else CPU; CUDA: that, or NO_BACKEND */
    int32_t device;                 /**< which CUDA device */
    int32_t threads;                /**< CPU threads; 0: tumorclass_suggested_threads() */
    tumorclass_log_level log_level; /**< the most talkative level that reaches log */
    tumorclass_log_fn log;          /**< NULL: silent */
    void *log_user;
    tumorclass_progress_fn progress; /**< NULL: none */
    void *progress_user;
} tumorclass_session_options;
/* clang-format off */
#define TUMORCLASS_SESSION_OPTIONS_INIT { sizeof(tumorclass_session_options), 0, 0, 0, 0, NULL, NULL, NULL, NULL }
/* clang-format on */

typedef struct tumorclass_session tumorclass_session;
TUMORCLASS_API tumorclass_status tumorclass_session_create(tumorclass_session **session, tumorclass_model *model,
                                                           const tumorclass_session_options *options /* or NULL */);
TUMORCLASS_API void tumorclass_session_free(tumorclass_session *session);
TUMORCLASS_API tumorclass_backend tumorclass_session_backend(const tumorclass_session *session);
/** What really runs, and why: "CPU, 2 threads, AVX-512 (no CUDA plugin found)". */
TUMORCLASS_API const char *tumorclass_session_device(const tumorclass_session *session);
/** Bytes that the session holds, and, if a volume is given, those that classifying it adds at its peak;
 *  known before the first run. SIZE_MAX if a field of the volume is bad: tumorclass_last_error() says which. */
TUMORCLASS_API size_t tumorclass_session_memory(const tumorclass_session *session,
                                                const tumorclass_volume *volume /* or NULL */);
/** Stop the call that runs in this session, or, if none does, the next one; it returns TUMORCLASS_CANCELLED.
 *  From any thread and from a signal handler. */
TUMORCLASS_API void tumorclass_session_cancel(tumorclass_session *session);

/* ---- From a volume to an answer --------------------------------------------------------------------------------- */

/** Grows only at its end. In every field, now and later, zero means the default. */
typedef struct tumorclass_scan_options {
    size_t struct_size; /**< set by the initializer */
    const tumorclass_volume
        *mask;      /**< foreground (brain): non-zero voxels, on the scan's grid (shape, and affine to half a
                                    *   voxel; an affine of zeros: the scan's); NULL: found */
    int32_t strict; /**< non-zero: a failed quality check is TUMORCLASS_REFUSED, not a warning */
    int32_t reserved;
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
/** One value per class; probabilities sum to 1 and are softmax(logits / temperature). */
TUMORCLASS_API const float *tumorclass_result_probabilities(const tumorclass_result *result, size_t *count);
TUMORCLASS_API const float *tumorclass_result_logits(const tumorclass_result *result, size_t *count);
/** The pooled features in front of the last dense layer; count 0 if the network has none. */
TUMORCLASS_API const float *tumorclass_result_embedding(const tumorclass_result *result, size_t *count);
TUMORCLASS_API const tumorclass_qc *tumorclass_result_qc(const tumorclass_result *result, size_t *count);
TUMORCLASS_API const tumorclass_timing *tumorclass_result_timings(const tumorclass_result *result, size_t *count);
/** Library, model, preprocessing parameters, device: all that is needed to get the same answer again. */
TUMORCLASS_API const tumorclass_property *tumorclass_result_provenance(const tumorclass_result *result, size_t *count);
TUMORCLASS_API const char *tumorclass_result_device(const tumorclass_result *result);

/* ---- Attention --------------------------------------------------------------------------------------------------- */

typedef int32_t tumorclass_attention_scale;
enum {
    TUMORCLASS_ATTENTION_UNIT = 0, /**< the rectified map, its least and largest value mapped to 0 and 1 */
    TUMORCLASS_ATTENTION_RAW = 1   /**< in units of the logit: spatial mean over the feature grid + bias = logit */
};
/** Grows only at its end. In every field, now and later, zero means the default. */
typedef struct tumorclass_attention_options {
    size_t struct_size; /**< set by the initializer */
    tumorclass_attention_scale scale;
    int32_t reserved;
} tumorclass_attention_options;
/* clang-format off */
#define TUMORCLASS_ATTENTION_OPTIONS_INIT { sizeof(tumorclass_attention_options), 0, 0 }
/* clang-format on */

/** Where a map is strong. All on the unit map, whatever scale is asked for. Layout frozen. */
typedef struct tumorclass_attention_summary {
    double peak_mm[3];     /**< RAS+ millimetres of the voxel with the largest value */
    double centre_mm[3];   /**< centre of mass */
    int64_t peak_voxel[3]; /**< the same peak as (i, j, k) of the scan */
    double inside;         /**< share of the map's sum within the foreground, 0 to 1 */
    double reserved[3];
} tumorclass_attention_summary;

enum { TUMORCLASS_ALL_CLASSES = -1 };
/** Class activation map (Zhou et al. 2016; Grad-CAM at the global average pool equals it) on the scan's own voxels.
 *  @param map      float[count], i fastest, the scan's shape; for ALL_CLASSES one such map after another
 *  @param count    voxels of the scan, times the number of classes for ALL_CLASSES; anything else is BAD_ARGUMENT
 *  @param summary  NULL, or one struct (for ALL_CLASSES one per class)
 *  @param result   of a session of the same model; another is BAD_ARGUMENT
 *  UNSUPPORTED if the network has no global average pool in front of its last dense layer. */
TUMORCLASS_API tumorclass_status tumorclass_attention(tumorclass_session *session, float *map, size_t count,
                                                      tumorclass_attention_summary *summary /* or NULL */,
                                                      const tumorclass_result *result, int32_t class_index,
                                                      const tumorclass_attention_options *options /* or NULL */);

#ifdef __cplusplus
}
#endif
#endif
