/* Which voxels are the head, when nobody has said so. */
#ifndef PREPROCESS_FOREGROUND_H
#define PREPROCESS_FOREGROUND_H
#include "preprocess/preprocess.h"
#include "preprocess/voxels.h"

/* The value that more than half of the voxels on the six faces have, into facts->background_value and
 * background_share (0: there is none). Values that are not finite count as one: NaN. */
void find_background(struct preprocess_facts *facts, const struct voxels *voxels);

/* Set voxels->inside, 1 where finite on entry, and the facts on how it was found. After find_background. */
tumorclass_status find_foreground(struct preprocess_facts *facts, struct voxels *voxels, const struct work *work);

#endif
