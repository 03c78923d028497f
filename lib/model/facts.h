/* facts: what a model is, in a few lines for people. */
#ifndef MODEL_FACTS_H
#define MODEL_FACTS_H
#include "model/model.h"
#include "model/onnx.h"

/* Fill model->facts from its graph and the file that it came from. */
tumorclass_status facts_collect(struct tumorclass_model *model, const struct onnx_model *onnx);

/* And what is known once its levels are. */
void facts_add_levels(struct tumorclass_model *model);

#endif
