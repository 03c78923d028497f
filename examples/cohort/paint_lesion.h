/* Painting of a lesion over a head, voxel by voxel. */
#ifndef COHORT_PAINT_LESION_H
#define COHORT_PAINT_LESION_H
#include "lesion.h"

struct lesion_painter {
    const struct lesion *lesion;
    const float *lattice; /* texture.h's */
    float level[PARTS];   /* without contrast, in the picture's units, */
    float uptake[PARTS];  /* and what contrast adds */
    double voxels;        /* of tumour, painted so far */
};
void lesion_painter_init(struct lesion_painter *painter, const struct lesion *lesion, float white, double strength,
                         const float *lattice);

/* Whether a head's point lies in the lesion's box, which also holds all that it moves. */
static inline bool lesion_holds(const struct lesion_painter *painter, const float point[3])
{
    const struct lesion *lesion = painter->lesion;
    bool inside = true;
    for (int a = 0; a < 3; a++) {
        const float x = point[a] - (float)lesion->low[a];
        inside = inside && x >= 0 && x <= (float)(lesion->shape[a] - 1);
    }
    return inside;
}
/* For points in the box. Where the tissue at a point comes from. */
void lesion_source(float source[3], const struct lesion_painter *painter, const float point[3]);
/* Paint the parts over a value. What the voxel is: 0; 1 tumour; 2 oedema. */
uint8_t lesion_paint(float *value, struct lesion_painter *painter, const float point[3]);

#endif
