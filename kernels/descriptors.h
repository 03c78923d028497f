/* cuDNN's backend descriptors, made in a row: after the first failure nothing more happens, and `status` says what it was.
 * All are destroyed together. */
#ifndef KERNELS_DESCRIPTORS_H
#define KERNELS_DESCRIPTORS_H
#include <cudnn_graph.h>
#include <stdbool.h>
#include <stdint.h>

enum { MOST_DESCRIPTORS = 160 };

struct descriptors {
    cudnnStatus_t status;
    int count;
    cudnnBackendDescriptor_t made[MOST_DESCRIPTORS];
};

cudnnBackendDescriptor_t descriptor_create(struct descriptors *d, cudnnBackendDescriptorType_t type);
void descriptor_set(struct descriptors *d, cudnnBackendDescriptor_t of, cudnnBackendAttributeName_t name,
                    cudnnBackendAttributeType_t type, int64_t count, const void *values);
void descriptor_set_integer(struct descriptors *d, cudnnBackendDescriptor_t of, cudnnBackendAttributeName_t name,
                            int64_t value);
void descriptor_set_descriptor(struct descriptors *d, cudnnBackendDescriptor_t of, cudnnBackendAttributeName_t name,
                               cudnnBackendDescriptor_t value);
void descriptor_finalize(struct descriptors *d, cudnnBackendDescriptor_t descriptor);
/* How many are in `values`, at most `most`; 0 after a failure. */
int64_t descriptor_get(struct descriptors *d, cudnnBackendDescriptor_t of, cudnnBackendAttributeName_t name,
                       cudnnBackendAttributeType_t type, int64_t most, void *values);
/* All from number `from` on, the last first. */
void descriptors_free(struct descriptors *d, int from);

#endif
