/* Inside the stand-in for cuDNN: descriptors, and what runs a finished plan. */
#ifndef FAKE_CUDNN_H
#define FAKE_CUDNN_H
#include <cudnn_graph.h>
#include <map>
#include <memory>
#include <vector>

struct fake_descriptor;
typedef std::shared_ptr<fake_descriptor> fake_descriptor_ptr;

/* An attribute as it was set: bytes, or descriptors, which live on when their owner destroys them. */
struct fake_attribute {
    int64_t count;
    std::vector<char> bytes;
    std::vector<fake_descriptor_ptr> descriptors;
};

struct fake_descriptor {
    cudnnBackendDescriptorType_t type;
    std::map<int, fake_attribute> attributes;
    bool finalized;
    int engine; /* of an engine and of what it is in */
};

template <class T>
static inline T attribute(const fake_descriptor &d, cudnnBackendAttributeName_t name, T otherwise = T())
{
    const auto found = d.attributes.find(name);
    return found == d.attributes.end() ? otherwise : *reinterpret_cast<const T *>(found->second.bytes.data());
}

static inline std::vector<int64_t> integers(const fake_descriptor &d, cudnnBackendAttributeName_t name)
{
    const auto found = d.attributes.find(name);
    if (found == d.attributes.end()) return {};
    const int64_t *const first = reinterpret_cast<const int64_t *>(found->second.bytes.data());
    return { first, first + found->second.count };
}

static inline const fake_descriptor *part(const fake_descriptor &d, cudnnBackendAttributeName_t name)
{
    const auto found = d.attributes.find(name);
    return found == d.attributes.end() ? nullptr : found->second.descriptors[0].get();
}

struct fake_tensor {
    std::vector<int64_t> extent, stride; /* N, C, D, H, W */
    cudnnDataType_t type;
    int64_t uid;
    bool is_virtual;
};
fake_tensor tensor_of(const fake_descriptor &d);
int64_t tensor_elements(const fake_tensor &tensor); /* from the first to the last */
size_t type_size(cudnnDataType_t type);

/* Of a graph: every operation in turn, with the tensors' memory by uid. */
void fake_execute(const fake_descriptor &graph, const std::map<int64_t, void *> &memory);

#endif
