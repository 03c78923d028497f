/* What a clinic and its scanner make of a head: planes, slices, slabs, stripping, artefacts, numbers in a file.
 * All of it is drawn from STREAM_ACQUISITION without looking at the class, or the scanner would give it away. */
#ifndef COHORT_ACQUIRE_H
#define COHORT_ACQUIRE_H
#include "paint.h"
#include "tumorclass/tumorclass.h"

/* Kinds of T1 acquisitions. The last is drawn for the external test alone. */
enum family {
    FAMILY_ISOTROPIC,      /* 3-D gradient echo, 0.7-1.2 mm */
    FAMILY_ATLAS,          /* the same on a 1 mm atlas grid, skull-stripped, often normalised already */
    FAMILY_THICK,          /* 2-D spin echo, whole head, 0.4-1 mm with 3-8 mm slices and gaps */
    FAMILY_SLAB,           /* the same, 4-24 slices round the place of interest */
    FAMILY_VOLUME,         /* 3-D with slices of 1-3 mm */
    FAMILY_FAT_SUPPRESSED, /* left out of training: fat-suppressed, coronal or axial, 2-4 mm */
    FAMILIES
};
extern const char *const family_names[FAMILIES];

enum stripping { STRIP_NONE, STRIP_WELL, STRIP_TIGHT, STRIP_LOOSE, STRIP_RAGGED, STRIP_KINDS };
extern const char *const stripping_names[STRIP_KINDS];

struct acquisition {
    enum family family;
    int plane;        /* 0 axial, 1 coronal, 2 sagittal: which way the slices lie */
    float in_plane;   /* mm between voxels */
    float between;    /* mm between slices, */
    float thickness;  /* and how thick each is: less than that with gaps */
    int slices;       /* of a slab; 0: the whole head */
    float off_centre; /* of a slab, as a share of its height */
    float tilt[3];    /* degrees, of the slices against the head */
    enum stripping stripping;
    bool defaced;
    float strength;            /* of contrast */
    float grey_white, fat;     /* look_draw's */
    float blur;                /* mm, standard deviation, in plane */
    float bias, bias_grain;    /* coil: deviation of the log field, and mm */
    float noise;               /* deviation, as a share of white matter */
    float ghost, gibbs, gamma; /* strength, strength, exponent */
    int bits;                  /* 8, 16: integer; 32: float */
    float scale;               /* stored units a white matter */
    int normalised;            /* 0 no, 1 z-scored over the foreground, 2 to 0..1 */
    int axes[3], flips[3];     /* stored order and directions of the voxel axes */
    bool reversed;             /* the slices' order is not what the affine says */
    bool mislabelled;          /* the affine names another plane */
    bool phantom_form;         /* qform only, sform only, both */
};
/* What a study may draw: training leaves families out, a fixed grid overrides the geometry. */
struct acquisition_rules {
    bool family[FAMILIES];
    double finest;     /* mm: voxels are not drawn smaller than that; 0: as they are */
    int fixed_shape;   /* with fixed_step: every scan is this cube, axial, whole head; 0: drawn */
    double fixed_step; /* mm */
};
/* `contrast` is the probability that an agent was given; all else is drawn without the class. */
void acquisition_draw(struct acquisition *acquisition, const struct acquisition_rules *rules, double contrast,
                      uint64_t seed);

/* The grid that a picture needs for this acquisition. */
struct grid acquisition_grid(const struct acquisition *acquisition, const struct anatomy *anatomy,
                             const struct warp *warp, const float centre[3] /* scanner's space */);

/* A scan as a file holds it, and its lesion mask on the same grid; voxels are owned, x of the file fastest. */
struct scan {
    tumorclass_volume volume, mask; /* mask: U8, 0, 1 tumour, 2 oedema */
    void *voxels;
    uint8_t *mask_voxels;
    double lesion_ml; /* what of the tumour is in the scan */
    double centre[3]; /* mm of the volume's affine; of the tumour that is in the scan, or the phantom place */
};
bool scan_acquire(struct scan *scan, const struct acquisition *acquisition, const struct picture *picture,
                  uint64_t seed); /* false: no memory */
void scan_free(struct scan *scan);

/* Which of a picture's voxels a stripping keeps: 1 kept, 0 not. Computed from what a tool sees: so it may take a part
 * of a tumour outside the brain, or leave dura and eyes. */
bool strip(uint8_t *keep, const struct picture *picture, enum stripping stripping, struct random *random);

#endif
