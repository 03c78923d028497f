/* What a model file says about itself and about the scans it wants: metadata_props with keys "tumorclass.*".
 * docs/model-file.md is the list for people; this is its reader. */
#ifndef MODEL_METADATA_H
#define MODEL_METADATA_H
#include "base/status.h"

enum { MAX_CLASSES = 64 };
enum { GRID_STRETCH, GRID_SPACING };
enum { NORM_ZSCORE_FOREGROUND, NORM_ZSCORE, NORM_PERCENTILE, NORM_NONE };
enum { STRIPPED_ANY, STRIPPED_YES, STRIPPED_NO };

/* How a scan becomes the network's input. */
struct preprocess_spec {
    char orientation[4]; /* tensor axes D, H, W run towards these: "RAS" */
    int32_t grid;        /* GRID_STRETCH: the field of view to the shape; GRID_SPACING: millimetres are kept */
    double spacing[3];   /* GRID_SPACING, mm along D, H, W */
    int64_t shape[3];    /* D, H, W */
    int32_t norm;
    double percentiles[2]; /* NORM_PERCENTILE: these become 0 and 1 */
    bool clip;             /* NORM_PERCENTILE: limited to `bounds` */
    double bounds[2];
    bool has_background;   /* voxels outside the foreground become `background`; else they are normalised like all */
    double background;
    int32_t stripped; /* which heads the model was trained on */
};

/* Numbers of the file, in rows of one length. */
struct table {
    double *numbers; /* NULL: the file has none; owned */
    size_t rows, columns;
};

/* When to name several classes, or none. */
struct calibration {
    double coverage;          /* of the prediction set, 0 to 1; 0: there are no thresholds */
    struct table thresholds;  /* one a class: it is in the set if 1 - its probability is at most this */
    double least_probability; /* below this no class is named; 0: always one is */
};

/* Where the embeddings of the training scans lie. */
struct training_cloud {
    struct table centres;    /* one row for all, or one a class */
    struct table deviations; /* one row: how far they spread along each feature */
    double most;             /* unlikeness that most training scans stay under */
};

struct metadata {
    struct preprocess_spec preprocess;
    int32_t class_count;
    char *classes[MAX_CLASSES], *codes[MAX_CLASSES];
    double temperature;   /* 1 by default */
    bool untrained;       /* tumorclass.trained = no */
    bool incomplete;      /* no tumorclass.schema: defaults were used */
    const char *features; /* cam.layer, or NULL; points into properties */
    const char *fine;     /* cam.fine_layer, or NULL; points into properties */
    struct calibration calibration;
    struct training_cloud cloud;
    struct table selftest;           /* one row: logits of the phantom */
    tumorclass_property *properties; /* all of metadata_props, in the file's order; owned */
    size_t property_count;
};

struct onnx_model;
/* Bad values (a shape that does not parse, a grid that is none) are BAD_MODEL with key and value in the sentence;
 * unknown keys `tumorclass.*` and later schemas are UNSUPPORTED.
 * The class list is checked against the graph's output later, by metadata_fit. */
tumorclass_status metadata_read(struct metadata *metadata, const struct onnx_model *model);
/* Settle what depends on the graph: shape (input is N x 1 x D x H x W), number of classes; without a class list the
 * classes are "class 0", "class 1", ... */
tumorclass_status metadata_fit(struct metadata *metadata, const int64_t input_shape[3], int64_t outputs);
/* The class with that name or code, letter case ignored; -1 if there is none. After metadata_fit. */
int32_t metadata_class(const struct metadata *metadata, const char *name);
/* The value of the property "tumorclass." + name, or NULL. */
const char *metadata_value(const struct metadata *metadata, const char *name);
void metadata_free(struct metadata *metadata);

#endif
