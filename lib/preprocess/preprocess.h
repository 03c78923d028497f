/* preprocess: from a scan to the network's input, as the model's metadata says. Plain C: the specification that every
 * device's form is held against (docs/method.md says the same in words). Includes base, image and model/metadata.h. */
#ifndef PREPROCESS_PREPROCESS_H
#define PREPROCESS_PREPROCESS_H
#include "base/monitor.h"
#include "image/volume.h"
#include "model/metadata.h"

enum { FOREGROUND_GIVEN, FOREGROUND_BACKGROUND_VALUE, FOREGROUND_OTSU, FOREGROUND_ALL };

/* What preprocessing found and did: for QC and provenance. */
struct preprocess_facts {
    int32_t foreground;       /* how it was found; FOREGROUND_ALL: the way tried gave too little or too much */
    int32_t foreground_tried; /* FOREGROUND_ALL: which way that was; else the same as foreground */
    double foreground_share;  /* of all voxels, 0 to 1, before FOREGROUND_ALL */
    double centre_mm[3];      /* mean position of the foreground's voxels, RAS+ */
    double background_value;  /* FOREGROUND_BACKGROUND_VALUE: that value; NaN: not finite */
    double background_share;  /* share of the six faces that has it; 0: no value has more than half of them */
    double threshold;         /* FOREGROUND_OTSU */
    int64_t nonfinite;        /* voxels that are NaN or infinite; they count as outside, and become background */
    double minimum, maximum;  /* of the finite voxels */
    bool whole;               /* the statistics below are over all finite voxels: NORM_ZSCORE, or the foreground has
                                 one value only; else over the foreground */
    double mean, deviation;
    double low, high;      /* NORM_PERCENTILE: the two intensities */
    double coverage_mm[3]; /* field of view along the model's axes D, H, W */
    double step_mm[3];     /* voxel size along them */
};

struct preparation {
    float *input;              /* [D][H][W] */
    unsigned char *foreground; /* 1 inside; the scan's shape, i fastest */
    double to_network[12];     /* scan voxel (i, j, k) to tensor index (d, h, w), both at voxel centres, continuous */
    double affine[12];         /* tensor index to RAS+ millimetres */
    struct preprocess_facts facts;
};

/* `volume` and `mask` (or NULL) are checked and of one shape. BAD_IMAGE if no finite voxel differs from another. */
tumorclass_status preprocess_run(struct preparation *preparation, const tumorclass_volume *volume,
                                 const tumorclass_volume *mask, const struct preprocess_spec *spec, struct pool *pool,
                                 const struct monitor *monitor);
void preparation_free(struct preparation *preparation); /* its buffers; zero is fine */
/* Peak bytes of preprocess_run, those that remain in the preparation included. */
size_t preprocess_memory(const tumorclass_volume *volume, const struct preprocess_spec *spec);

#endif
