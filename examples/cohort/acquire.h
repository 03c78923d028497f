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

enum normalisation {
    NORMALISED_NOT,
    NORMALISED_ALL,    /* z-scored: the background has the value that 0 becomes */
    NORMALISED_INSIDE, /* z-scored, the background of a stripped scan left at 0 */
    NORMALISED_UNIT,   /* to 0..1 */
    NORMALISATIONS
};

/* The world's axis (0 right, 1 front, 2 up) along which i, j and k run in each plane, where nothing is tilted. */
extern const int plane_axes[3][3];

/* Where a scan's voxels lie in the scanner's space: i and j in a slice, k from slice to slice. */
struct frame {
    int shape[3];
    float first[3];   /* centre of voxel (0, 0, 0), mm */
    float step[3][3]; /* mm from a voxel to the next along i, j and k, at right angles to each other */
};

struct acquisition {
    enum family family;
    int plane;         /* 0 axial, 1 coronal, 2 sagittal: which way the slices lie */
    int cube;          /* voxels along each axis where the rules fix them; 0: as many as are needed */
    float in_plane;    /* mm between voxels */
    float between;     /* mm between slices, */
    float thickness;   /* and how thick each is (full width at half maximum): less than that with gaps */
    int slices;        /* of a slab; 0: the whole head */
    float off_centre;  /* of a slab against the place of interest, as a share of its height */
    float tilt[3];     /* degrees, of the slices against the head, about the axes to the right, front and up */
    bool straightened; /* the affine does not know of the tilt */
    float field[2];    /* mm in plane, along i and j; */
    float shift[2];    /* mm, of its middle against the head's, to the right and front */
    float margin;      /* mm of air above the head and beside the outer slices */
    float coverage;    /* of the slices of a whole head: 0 the brain alone, 1 all of the head */
    enum stripping stripping;
    bool defaced;
    bool cropped;           /* stripped, and cut to the brain */
    float strength;         /* of contrast */
    float grey_white, fat;  /* look_draw's */
    float blur;             /* mm, standard deviation, in plane, beside that of the voxels */
    float bias, bias_grain; /* coil: deviation of the log field, and mm */
    float noise;            /* deviation in each of the two channels, as a share of white matter */
    float ghost;            /* strength of copies */
    int ghosts;             /* that many to a field of view */
    float gibbs;            /* share of a kernel that rings, 0 to 1 */
    float gamma;            /* exponent */
    int bits;               /* 8, 16: integer; 32: float */
    float scale;            /* stored units a white matter */
    enum normalisation normalised;
    int axes[3];        /* which of the frame's axes each stored axis is, */
    bool flips[3];      /* and whether it runs against it */
    bool reversed;      /* the slices' order is not what the affine says */
    bool mislabelled;   /* the affine names another plane */
    struct frame frame; /* by acquisition_grid */
};
/* What a study may draw: training leaves families out, a fixed grid overrides the geometry. */
struct acquisition_rules {
    bool family[FAMILIES];
    bool strip; /* every scan is stripped (or not) as `stripping` says; false: drawn */
    enum stripping stripping;
    double finest;     /* mm: voxels are not drawn smaller than that; 0: as they are */
    int fixed_shape;   /* with fixed_step: every scan is this cube, axial, whole head, RAS; 0: drawn */
    double fixed_step; /* mm */
};
/* `contrast` is the probability that an agent was given; all else is drawn without the class. */
void acquisition_draw(struct acquisition *acquisition, const struct acquisition_rules *rules, double contrast,
                      uint64_t seed);

/* Lay the scan's voxels (acquisition->frame) over a head; a slab, round the place of interest `centre` (scanner's
 * space). Gives the grid that a picture needs for them: the part of the head in them, and the air at its border. */
struct grid acquisition_grid(struct acquisition *acquisition, const struct anatomy *anatomy, const struct warp *warp,
                             const float centre[3]);

/* A scan as a file holds it, and its lesion mask on the same grid; voxels are owned, x of the file fastest. */
struct scan {
    tumorclass_volume volume, mask; /* mask: U8, 0, 1 tumour, 2 oedema */
    void *voxels;
    uint8_t *mask_voxels;
    double lesion_ml; /* what of the tumour is in the scan */
    double centre[3]; /* mm of the volume's affine; of a tumour's voxel near its middle, or the phantom place */
};
/* A tumour's voxels are those that it fills by half; one that fills no voxel, as in slices thicker than itself, has
 * those that it fills by half as much as any. Noise and stripping are drawn from STREAM_NOISE.
 * false: no memory, and nothing to free. */
bool scan_acquire(struct scan *scan, const struct acquisition *acquisition, const struct picture *picture,
                  uint64_t seed);
void scan_free(struct scan *scan);

/* Which of a picture's voxels a stripping keeps: 1 kept, 0 not. Computed from what a tool sees: so it may take a part
 * of a tumour outside the brain, or leave dura and eyes. STRIP_NONE keeps all. false: no memory. */
bool strip(uint8_t *keep, const struct picture *picture, enum stripping stripping, struct random *random);
/* Take the face out: what lies in front of and below a slanted plane that spares the brain. */
void deface(uint8_t *keep, const struct picture *picture, struct random *random);

#endif
