/* external: weights that lie in a file beside the model. */
#ifndef MODEL_EXTERNAL_H
#define MODEL_EXTERNAL_H
#include "model/onnx.h"

/* A copy of the tensor's `size` bytes, the caller's to memory_free. The file must be inside `folder`, links followed;
 * NULL: there is no folder to look in. */
tumorclass_status external_read(void **data, const struct onnx_tensor *tensor, const char *folder, size_t size);

#endif
