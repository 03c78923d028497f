/* A tumour in a head: what its voxels are, how they look, and how it pushes the head aside.
 *
 * Points are those of anatomy.h, in the head as the tumour left it. A lesion lies in a box of the anatomy's voxels that
 * also holds all that it moves; the box may reach beyond the anatomy's grid. */
#ifndef COHORT_LESION_H
#define COHORT_LESION_H
#include "anatomy.h"

/* The classes, in the order of the published network. */
enum entity { HGG, LGG, METS, PA, AN, HLTH, MEN, ENTITIES };
extern const char *const entity_codes[ENTITIES]; /* "HGG" */

/* Painted in this order, each over those before it. */
enum part {
    PART_OEDEMA,
    PART_CLEFT, /* CSF between a tumour outside the brain and the brain */
    PART_BONE,  /* thickened under a meningioma */
    PART_TAIL,  /* dura that enhances beside it */
    PART_DULL,  /* tumour without enhancement */
    PART_FLUID, /* necrosis, cyst */
    PART_SOLID, /* tumour with enhancement */
    PARTS
};

/* Intensities as multiples of the head's white matter before contrast: at contrast strength s a part has the mean
 * level + s * uptake. */
struct part_look {
    float level, uptake;
    float texture; /* deviation of its smooth inner variation, as a share of the mean */
    float grain;   /* mm, of that variation */
    float keep;    /* share of the tissue's own intensity and pattern that shows through: 0 to 1 */
};

struct lesion {
    int low[3], shape[3];  /* box, voxels */
    uint8_t *cover[PARTS]; /* share of each voxel, 0 to 255; NULL: the lesion has no such part */
    int push_shape[3];     /* a coarser grid over the same box, */
    float push_step;       /* mm between its points, the first on the box's first voxel */
    float (*push)[3];      /* mm: the tissue at a point p comes from p + push; NULL: nothing moves */
    struct part_look look[PARTS];
    int foci;         /* separate tumours */
    float centre[3];  /* of the largest focus, mm */
    double volume_ml; /* tumour without oedema, tail and cleft */
};

/* Draw a tumour from STREAM_LESION and STREAM_LESION_LOOK. HLTH has none: an empty lesion, with the place where one
 * could have been as its centre, so that a slab can be laid there. false: no memory. */
bool lesion_create(struct lesion *lesion, const struct head *head, enum entity entity, uint64_t seed);
void lesion_free(struct lesion *lesion);

/* One for each class; they fill what lesion_create zeroed. false: no memory. */
bool grow_hgg(struct lesion *lesion, const struct head *head, struct random *random);
bool grow_lgg(struct lesion *lesion, const struct head *head, struct random *random);
bool grow_mets(struct lesion *lesion, const struct head *head, struct random *random);
bool grow_men(struct lesion *lesion, const struct head *head, struct random *random);
bool grow_pa(struct lesion *lesion, const struct head *head, struct random *random);
bool grow_an(struct lesion *lesion, const struct head *head, struct random *random);

#endif
