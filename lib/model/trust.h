/* What a model file says about how far to trust its answers: when to name several classes or none, where the scans that
 * it was trained on lie, and what comes out for the phantom. Part of metadata. */
#ifndef MODEL_TRUST_H
#define MODEL_TRUST_H
#include "model/metadata.h"

/* The keys that hold tables: calibration.conformal, ood.centres and .deviations, selftest. BAD_MODEL for a value that is
 * none, and for any key of trust without those that it needs. */
tumorclass_status trust_read(struct metadata *metadata);
/* Their counts against the classes: part of metadata_fit. */
tumorclass_status trust_fit(const struct metadata *metadata);
/* And against the graph's embedding of `width` features; 0: it has none. */
tumorclass_status trust_fit_embedding(const struct metadata *metadata, int64_t width);
void trust_free(struct metadata *metadata);

#endif
