#include "descriptors.h"

cudnnBackendDescriptor_t descriptor_create(struct descriptors *d, cudnnBackendDescriptorType_t type)
{
    cudnnBackendDescriptor_t made = NULL;
    if (d->status == CUDNN_STATUS_SUCCESS && d->count == MOST_DESCRIPTORS) d->status = CUDNN_STATUS_INTERNAL_ERROR;
    if (d->status != CUDNN_STATUS_SUCCESS) return NULL;
    d->status = cudnnBackendCreateDescriptor(type, &made);
    if (d->status == CUDNN_STATUS_SUCCESS) d->made[d->count++] = made;
    return made;
}

void descriptor_set(struct descriptors *d, cudnnBackendDescriptor_t of, cudnnBackendAttributeName_t name,
                    cudnnBackendAttributeType_t type, int64_t count, const void *values)
{
    if (d->status == CUDNN_STATUS_SUCCESS) d->status = cudnnBackendSetAttribute(of, name, type, count, values);
}

void descriptor_set_integer(struct descriptors *d, cudnnBackendDescriptor_t of, cudnnBackendAttributeName_t name,
                            int64_t value)
{
    descriptor_set(d, of, name, CUDNN_TYPE_INT64, 1, &value);
}

void descriptor_set_descriptor(struct descriptors *d, cudnnBackendDescriptor_t of, cudnnBackendAttributeName_t name,
                               cudnnBackendDescriptor_t value)
{
    descriptor_set(d, of, name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &value);
}

void descriptor_finalize(struct descriptors *d, cudnnBackendDescriptor_t descriptor)
{
    if (d->status == CUDNN_STATUS_SUCCESS) d->status = cudnnBackendFinalize(descriptor);
}

int64_t descriptor_get(struct descriptors *d, cudnnBackendDescriptor_t of, cudnnBackendAttributeName_t name,
                       cudnnBackendAttributeType_t type, int64_t most, void *values)
{
    int64_t count = 0;
    if (d->status == CUDNN_STATUS_SUCCESS) d->status = cudnnBackendGetAttribute(of, name, type, most, &count, values);
    if (d->status != CUDNN_STATUS_SUCCESS) return 0;
    return count < most ? count : most; /* cuDNN counts all that there are */
}

void descriptors_free(struct descriptors *d, int from)
{
    while (d->count > from) cudnnBackendDestroyDescriptor(d->made[--d->count]);
}
