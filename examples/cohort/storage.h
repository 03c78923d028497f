/* From what a scanner measured to numbers in a file, in the file's order. Inside acquire alone. */
#ifndef COHORT_STORAGE_H
#define COHORT_STORAGE_H
#include "slices.h"

/* Fills voxels, mask, affine, lesion_ml and centre. `place`: the centre of a scan without tumour, mm in the scanner's
 * space. Changes the slices' values. false: no memory. */
bool scan_store(struct scan *scan, const struct acquisition *acquisition, struct slices *slices, const float place[3]);

#endif
