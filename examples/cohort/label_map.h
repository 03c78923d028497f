/* Label maps: whole heads of which every voxel has the number of what it is (docs/cohort.md lists them). */
#ifndef COHORT_LABEL_MAP_H
#define COHORT_LABEL_MAP_H
#include "anatomy.h"

/* 1 mm voxels, right-front-up, i fastest. */
struct label_map {
    char name[64]; /* of the file, for messages */
    int shape[3];
    uint16_t *label;
};
/* All labels are known ones. false: after a sentence on stderr. */
bool label_map_read(struct label_map *map, const char *path);
void label_map_free(struct label_map *map);
/* Only the head, with a margin, and not more of the neck than clinical scans show. */
bool label_map_crop(struct label_map *map, bool *without_neck);

/* Left and right are one; 0 is OUTSIDE. TISSUES for an unknown label. */
enum tissue tissue_of_label(int label);

/* The optic chiasm; where it is too small to trust, its usual place before the diencephalon. false: neither. */
bool find_chiasm(float chiasm[3], const struct label_map *map);

static inline size_t label_map_count(const struct label_map *map)
{
    return (size_t)map->shape[0] * (size_t)map->shape[1] * (size_t)map->shape[2];
}

#endif
