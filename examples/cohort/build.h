/* How an anatomy is made from a label map: the steps of anatomy_read, and what they share. */
#ifndef COHORT_BUILD_H
#define COHORT_BUILD_H
#include "label_map.h"

struct build {
    struct label_map map; /* cropped, the anatomy's grid */
    struct anatomy *anatomy;
    size_t count;  /* voxels */
    size_t lowest; /* slice with a label */
    /* mm to the nearest voxel, up to FAR. */
    float *left, *right; /* of the cerebrum's hemispheres */
    float *cerebellum;
    float *stem;     /* brain stem and diencephalon */
    float *callosum; /* in the midline */
    float *skull;    /* bone, and what is outside it */
    uint8_t *inside; /* joined to the brain within the skull */
};
enum { FAR = 20 };

static inline int label_at(const struct build *build, int i, int j, int k)
{
    const int *shape = build->map.shape;
    if (i < 0 || j < 0 || k < 0 || i >= shape[0] || j >= shape[1] || k >= shape[2]) return 0;
    return build->map.label[anatomy_index(build->anatomy, i, j, k)];
}

/* mm to the voxels where `belongs`; NULL: no memory. To be freed. */
typedef bool voxel_test(const struct build *build, size_t index);
float *distance_to(const struct build *build, voxel_test *belongs, double most);
/* Spread the marks to all allowed voxels that faces join to them. */
bool flood(uint8_t *mark, const uint8_t *allowed, const int shape[3]);
/* The indices where `belongs`; false: no memory. */
bool list_voxels(struct voxel_list *list, const struct build *build, voxel_test *belongs);

/* Each step writes a sentence to stderr when it fails. */
bool find_landmarks(struct build *build); /* middle, chiasm, sella, infundibulum, carotids, boxes */
bool find_angles(struct build *build);    /* angle, porus, nerve root of both sides */
bool make_sites(struct build *build);     /* cavernous sinus, dura, falx, tentorium, surfaces */
bool list_places(struct build *build);
bool no_memory(const struct build *build); /* says so; false */

/* The middle one of `count` values, which are sorted. */
float median(float *values, size_t count);

#endif
