/* A graph, ready to run. */
#ifndef NETWORK_NETWORK_H
#define NETWORK_NETWORK_H
#include "base/monitor.h"
#include "network/backend.h"

struct network;

tumorclass_status network_create(struct network **network, const struct graph *graph, const struct backend *backend,
                                 const struct backend_options *options);
void network_free(struct network *network);
const char *network_device(const struct network *network); /* the backend's describe */
tumorclass_precision network_precision(const struct network *network);
size_t network_memory(const struct network *network); /* bytes; 0 of NULL */

/* Run every node on `input` (float32, the input value's shape). Cancel and progress between nodes, weighted by their
 * multiplications. */
tumorclass_status network_run(struct network *network, const float *input, const struct monitor *monitor);
/* Before a run: a graph's second input. */
tumorclass_status network_write(struct network *network, int32_t value, const float *src);
/* After a run: the graph's output, features or embedding. */
tumorclass_status network_read(struct network *network, float *dst, int32_t value);

/* LIMIT if one of the values is not finite where float32's would be: "the answer is beyond the range of half precision".
 * What is infinite in float32 itself is left to whoever asks. */
tumorclass_status network_check_range(const struct network *network, const float *values, int64_t count,
                                      const char *what);

/* For tests: called after each node of a run, when its output may be read. */
typedef tumorclass_status network_observer(void *user, struct network *network, const struct node *node);
void network_observe(struct network *network, network_observer *observer, void *user);

#endif
