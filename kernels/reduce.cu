/* dst[kept axes] = mean, maximum or sum of src over the reduced axes. A maximum with a NaN in it is NaN.
 *
 * Two kernels: 32 outputs by 8 rows of a slab of elements each, in double; then the slabs of each output in order. Every
 * element is read once. */
#include "storage.h"
#include "kernels.h"

enum { THREADS = 256, OUTPUTS = 32, ROWS = THREADS / OUTPUTS, SLAB = 256 * ROWS };

__device__ static inline double join(double a, double b, gpu_reduction_kind kind)
{
    if (kind != GPU_MAXIMUM) return a + b;
    return b > a || isnan(b) ? b : a;
}

__device__ static inline int walked(const gpu_loop &loop, int operand, unsigned index)
{
    int at = 0;
    for (int axis = loop.axes - 1; axis > 0; axis--) {
        at += (int)(index % (unsigned)loop.extent[axis]) * loop.stride[operand][axis];
        index /= (unsigned)loop.extent[axis];
    }
    return at + (int)index * loop.stride[operand][0];
}

/* dst[slab][output]. Grid: slabs x outputs, since either can be many. */
template <class Storage>
__global__ void reduce_slabs(double *dst, const Storage *src, gpu_reduction reduction, int outputs, int elements,
                             int slabs)
{
    GPU_SHARED(double, kept, THREADS);
    const int thread = (int)threadIdx.x, row = thread / OUTPUTS;
    const int slab = (int)(blockIdx.x % (unsigned)slabs), tile = (int)(blockIdx.x / (unsigned)slabs);
    const int output = tile * OUTPUTS + thread % OUTPUTS, first = slab * SLAB;
    const int last = elements - first < SLAB ? elements : first + SLAB;
    double known = reduction.kind == GPU_MAXIMUM ? -INFINITY : 0;
    if (output < outputs) {
        const Storage *const from = src + walked(reduction.kept, GPU_A, (unsigned)output);
        for (int e = first + row; e < last; e += ROWS)
            known = join(known, (double)to_float(from[walked(reduction.reduced, GPU_A, (unsigned)e)]), reduction.kind);
    }
    kept[thread] = known;
    __syncthreads();
    if (row > 0 || output >= outputs) return;
    for (int r = 1; r < ROWS; r++) known = join(known, kept[thread + r * OUTPUTS], reduction.kind);
    dst[(int64_t)slab * outputs + output] = known;
}

template <class Storage>
__global__ void join_reduced(Storage *dst, const double *src, gpu_reduction reduction, int outputs, int elements,
                             int slabs)
{
    const int output = (int)(blockIdx.x * THREADS + threadIdx.x);
    if (output >= outputs) return;
    double known = src[output];
    for (int s = 1; s < slabs; s++) known = join(known, src[(int64_t)s * outputs + output], reduction.kind);
    if (reduction.kind == GPU_MEAN) known /= elements;
    store_as(dst + walked(reduction.kept, GPU_DST, (unsigned)output), (float)known);
}

static int count_of(const gpu_loop *loop)
{
    int count = 1;
    for (int axis = 0; axis < loop->axes; axis++) count *= loop->extent[axis];
    return count;
}

static int slabs_of(const gpu_reduction *reduction)
{
    return (count_of(&reduction->reduced) + SLAB - 1) / SLAB;
}

size_t gpu_reduce_workspace(const gpu_reduction *reduction)
{
    return sizeof(double) * (size_t)count_of(&reduction->kept) * (size_t)slabs_of(reduction);
}

template <class Storage>
static cudaError_t run(void *dst, const void *src, const gpu_reduction *given, void *workspace, cudaStream_t stream)
{
    gpu_reduction reduction = *given;
    gpu_loop_collapse(&reduction.kept);
    gpu_loop_collapse(&reduction.reduced);
    double *const partial = static_cast<double *>(workspace);
    const int outputs = count_of(&reduction.kept), elements = count_of(&reduction.reduced),
              slabs = slabs_of(&reduction);
    const dim3 grid((unsigned)((outputs + OUTPUTS - 1) / OUTPUTS) * (unsigned)slabs);
    const cudaError_t status = gpu_launch(reduce_slabs<Storage>, grid, dim3(THREADS), stream, partial,
                                          static_cast<const Storage *>(src), reduction, outputs, elements, slabs);
    if (status != cudaSuccess) return status;
    return gpu_launch(join_reduced<Storage>, dim3((unsigned)((outputs + THREADS - 1) / THREADS)), dim3(THREADS), stream,
                      static_cast<Storage *>(dst), partial, reduction, outputs, elements, slabs);
}

cudaError_t gpu_reduce(void *dst, const void *src, const gpu_reduction *reduction, gpu_storage storage, void *workspace,
                       cudaStream_t stream)
{
    typedef cudaError_t form(void *, const void *, const gpu_reduction *, void *, cudaStream_t);
    static form *const forms[GPU_STORAGES] = { run<float>, run<__half>, run<__nv_bfloat16> };
    return forms[storage](dst, src, reduction, workspace, stream);
}

/* ---- The gradient of a maximum ---- */

/* The larger value, and of equal ones the first; or the last NaN, as on the CPU. index -1: none. */
struct candidate {
    float value;
    int index;
};

__device__ static inline candidate better(candidate a, candidate b)
{
    if (a.index < 0 || b.index < 0) return a.index < 0 ? b : a;
    if (a.value == b.value) return a.index < b.index ? a : b;
    if (isnan(a.value) && isnan(b.value)) return a.index > b.index ? a : b;
    if (isnan(a.value)) return a;
    return b.value > a.value || isnan(b.value) ? b : a;
}

/* One block an output: who gave the maximum has all of g, the others nothing. */
template <class Storage>
__global__ void give_to_largest(Storage *dst, const Storage *g, const Storage *x, gpu_reduction reduction, int elements)
{
    GPU_SHARED(candidate, kept, THREADS);
    const int thread = (int)threadIdx.x, from = walked(reduction.kept, GPU_A, blockIdx.x);
    candidate best = { 0, -1 };
    for (int e = thread; e < elements; e += THREADS)
        best = better(best, { to_float(x[from + walked(reduction.reduced, GPU_A, (unsigned)e)]), e });
    kept[thread] = best;
    for (int reach = THREADS / 2; reach > 0; reach /= 2) {
        __syncthreads();
        if (thread < reach) kept[thread] = better(kept[thread], kept[thread + reach]);
    }
    __syncthreads();
    const float given = to_float(g[walked(reduction.kept, GPU_DST, blockIdx.x)]);
    for (int e = thread; e < elements; e += THREADS)
        store_as(dst + from + walked(reduction.reduced, GPU_A, (unsigned)e), e == kept[0].index ? given : 0);
}

template <class Storage>
static cudaError_t run_back(void *dst, const void *g, const void *x, const gpu_reduction *reduction,
                            cudaStream_t stream)
{
    gpu_reduction collapsed = *reduction;
    gpu_loop_collapse(&collapsed.kept);
    gpu_loop_collapse(&collapsed.reduced);
    return gpu_launch(give_to_largest<Storage>, dim3((unsigned)count_of(&collapsed.kept)), dim3(THREADS), stream,
                      static_cast<Storage *>(dst), static_cast<const Storage *>(g), static_cast<const Storage *>(x),
                      collapsed, count_of(&collapsed.reduced));
}

cudaError_t gpu_maximum_back(void *dst, const void *g, const void *x, const gpu_reduction *reduction,
                             gpu_storage storage, cudaStream_t stream)
{
    typedef cudaError_t form(void *, const void *, const void *, const gpu_reduction *, cudaStream_t);
    static form *const forms[GPU_STORAGES] = { run_back<float>, run_back<__half>, run_back<__nv_bfloat16> };
    return forms[storage](dst, g, x, reduction, stream);
}
