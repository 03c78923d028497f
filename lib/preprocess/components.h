/* Connected components of a mask: neighbours are voxels that share a face. */
#ifndef PREPROCESS_COMPONENTS_H
#define PREPROCESS_COMPONENTS_H
#include "base/work.h"

/* Leave 1 only in the largest component; of equal ones, that whose first voxel comes first. mask: [D][H][W]. */
tumorclass_status keep_largest_component(unsigned char *mask, const int64_t shape[3], const struct work *work);
/* Set what no path through zeros joins to the border of the volume. */
tumorclass_status fill_holes(unsigned char *mask, const int64_t shape[3], const struct work *work);
/* Peak bytes of either, at most. */
size_t components_memory(const int64_t shape[3]);

#endif
