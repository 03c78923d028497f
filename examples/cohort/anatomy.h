/* A head without a tumour: tissues on a grid of 1 mm, and the places that lesions start from.
 *
 * A point of a head is given in mm, right-front-up, from the centre of the grid's first voxel: so the voxel (i, j, k)
 * lies at (i, j, k), with i to the right, j to the front, k up, and i fastest in memory. */
#ifndef COHORT_ANATOMY_H
#define COHORT_ANATOMY_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "random.h"

/* What a voxel of a head is. The label maps' left and right are one; those from DURA on are constructed. */
enum tissue {
    OUTSIDE, /* the air round the head */
    CAVITY,  /* air, or bone without marrow, inside it */
    WHITE,
    CORTEX,
    VENTRICLE,
    CEREBELLAR_WHITE,
    CEREBELLAR_CORTEX,
    THALAMUS,
    CAUDATE,
    PUTAMEN,
    PALLIDUM,
    HIPPOCAMPUS, /* and amygdala, accumbens */
    BRAIN_STEM,
    DIENCEPHALON,
    CHIASM,
    WHITE_LESION, /* of age */
    PERIVASCULAR,
    CHOROID_PLEXUS,
    CSF,
    ARTERY,
    VEIN,
    EYE,
    EYE_MUSCLE,
    OPTIC_NERVE,
    SOFT_TISSUE, /* muscle and fat */
    MUCOSA,
    SKIN,
    CORTICAL_BONE,
    MARROW,
    CORD,
    DURA,
    FALX,
    TENTORIUM,
    GLAND, /* pituitary */
    STALK,
    CAVERNOUS_SINUS,
    CANAL, /* internal auditory: CSF in bone */
    NERVE, /* in the canal and across the angle */
    TISSUES
};
bool is_brain(enum tissue tissue); /* cerebrum, cerebellum, brain stem; with ventricles and choroid plexus */
bool is_skull(enum tissue tissue); /* CORTICAL_BONE, MARROW, CAVITY */

/* Voxels of a head, by their index. */
struct voxel_list {
    uint32_t *index;
    size_t count;
};

/* Where lesions start (the rules of docs/cohort.md), in voxels. */
enum place {
    PLACE_DEEP_WHITE,   /* cerebral white matter 3-25 mm from cortex */
    PLACE_CALLOSUM,     /* white matter within 12 mm of it */
    PLACE_CORTEX,       /* frontal, temporal, insular cortex and the white matter under it */
    PLACE_JUNCTION,     /* cerebral white matter within 4 mm of cortex */
    PLACE_CEREBELLUM,   /* its white matter and cortex */
    PLACE_DEEP_GREY,    /* thalamus, basal ganglia, brain stem */
    PLACE_CONVEXITY,    /* dura over the cerebrum */
    PLACE_PARASAGITTAL, /* falx, and dura beside the superior sagittal sinus */
    PLACE_SKULL_BASE,   /* dura of sphenoid wing, olfactory groove, planum and tuberculum */
    PLACE_TENTORIUM,    /* tentorium, and dura of the cerebellopontine angle and the posterior fossa */
    PLACES
};

enum side { LEFT, RIGHT, SIDES };

/* Surfaces that no two heads have alike: where the anatomy's voxels near them are, and how far from them. */
enum surface {
    SURFACE_DURA,      /* CSF beside the skull: mm from bone */
    SURFACE_FALX,      /* between the hemispheres: from the falx's middle, negative on the left */
    SURFACE_TENTORIUM, /* from the tentorium's middle, negative below */
    SURFACE_VENTRICLE, /* of a lateral ventricle: mm into the white matter, negative inside the ventricle */
    SURFACE_PIA,       /* cortex: mm from the CSF on it */
    SURFACE_WHITE,     /* white matter: mm from the cortex on it */
    SURFACES
};
struct near_surface {
    uint32_t *index;
    int8_t *offset; /* in sixteenths of a mm */
    size_t count;
};

struct anatomy {
    char name[32];     /* "01": of training_seg_01 */
    bool without_neck; /* cropped at the skull base */
    int shape[3];
    uint8_t *tissue; /* enum tissue, before a head's own constructions: without GLAND, STALK, CANAL and NERVE */
    /* Distances in half mm, up to 127 mm; to the next voxel of that kind, 0 inside it. */
    uint8_t *to_skull;  /* bone, and what is outside it */
    uint8_t *to_cortex; /* CORTEX and HIPPOCAMPUS */
    struct voxel_list place[PLACES];
    struct voxel_list dura; /* where dura, falx and tentorium can be drawn: candidates, thicker than they are */
    struct near_surface near[SURFACES];
    /* Landmarks, mm: all to the end of the struct. */
    float middle; /* x of the midline */
    float chiasm[3];
    float sella[3];                                               /* the floor of the pit */
    float infundibulum[3];                                        /* floor of the third ventricle: the stalk's root */
    float carotid[SIDES][3];                                      /* cavernous */
    float angle[SIDES][3];                                        /* cerebellopontine */
    float porus[SIDES][3];                                        /* where the canal opens */
    float nerve_root[SIDES][3];                                   /* on the brain stem, of the nerve in it */
    float brain_low[3], brain_high[3], head_low[3], head_high[3]; /* boxes */
};

/* From a label map as SynthSeg's training maps are (docs/cohort.md), NIfTI. false: after a sentence on stderr. */
bool anatomy_read(struct anatomy *anatomy, const char *path);
/* The same, kept in a file that is read in a moment. A file of another version or map is refused. */
bool anatomy_save(const struct anatomy *anatomy, const char *path);
bool anatomy_load(struct anatomy *anatomy, const char *path);
void anatomy_free(struct anatomy *anatomy);

static inline size_t anatomy_index(const struct anatomy *anatomy, int i, int j, int k)
{
    return ((size_t)k * (size_t)anatomy->shape[1] + (size_t)j) * (size_t)anatomy->shape[0] + (size_t)i;
}
static inline void anatomy_point(float point[3], const struct anatomy *anatomy, size_t index)
{
    const size_t nx = (size_t)anatomy->shape[0], ny = (size_t)anatomy->shape[1];
    point[0] = (float)(index % nx);
    point[1] = (float)(index / nx % ny);
    point[2] = (float)(index / nx / ny);
}

/* One head of an anatomy: with the structures that no label map has and every head differs in, drawn from STREAM_HEAD.
 * They are there in every head, whatever its class: what normally enhances must not give a class away. */
struct head {
    const struct anatomy *anatomy;
    uint8_t *tissue; /* of the anatomy's shape, with all constructions */
    float gland[3];  /* centre, */
    float gland_radius[3];
    float canal[SIDES][2][3]; /* from the porus to the fundus */
    float canal_radius[SIDES];
};
bool head_create(struct head *head, const struct anatomy *anatomy, uint64_t seed); /* false: no memory */
void head_free(struct head *head);

#endif
