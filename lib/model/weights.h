/* weights: the numbers of an initializer or of a tensor attribute, whatever type and storage the file chose. */
#ifndef MODEL_WEIGHTS_H
#define MODEL_WEIGHTS_H
#include "model/onnx.h"

bool onnx_type_is_float(int32_t type);                  /* float, double, float16, bfloat16 */
bool onnx_type_is_integer(int32_t type);                /* signed, unsigned, bool */
const char *onnx_type_name(int32_t type);               /* "float16"; "type 99" is "unknown type" */
int64_t tensor_count(const struct onnx_tensor *tensor); /* elements, -1 if not representable */

/* Elements of a float tensor as float32, C order; a double beyond float32 becomes infinite. *data points into the file
 * where they lie there as aligned float32 (*owned is NULL), else into *owned, which is the caller's to memory_free.
 * `folder` is where external data may lie (NULL: nowhere). `max_bytes` is what the result may occupy: LIMIT beyond it.
 * On failure both are NULL. */
tumorclass_status tensor_floats(const float **data, float **owned, const struct onnx_tensor *tensor, const char *folder,
                                uint64_t max_bytes);

/* Elements of an integer tensor as int64; *values is the caller's to memory_free. */
tumorclass_status tensor_integers(int64_t **values, size_t *count, const struct onnx_tensor *tensor, const char *folder,
                                  uint64_t max_bytes);

#endif
