/* dst[.., m, n] = alpha * sum over k of a[.., m, k] b[.., k, n] + beta * bias: a warp for each element of dst, its lanes
 * along k. For the small matrices behind a network's last convolution; the large products are convolutions. */
#include "storage.h"
#include "kernels.h"

enum { THREADS = 256, LANES = 32, WARPS = THREADS / LANES };

template <class Storage>
__global__ void multiply(Storage *dst, const Storage *a, const Storage *b, const Storage *bias, gpu_product product,
                         unsigned count)
{
    const unsigned lane = threadIdx.x % LANES, output = blockIdx.x * WARPS + threadIdx.x / LANES;
    unsigned index = output < count ? output : 0;
    int at[GPU_OPERANDS] = {};
    for (int axis = product.loop.axes - 1; axis >= 0; axis--) {
        const int along = (int)(index % (unsigned)product.loop.extent[axis]);
        for (int operand = 0; operand < GPU_OPERANDS; operand++)
            at[operand] += along * product.loop.stride[operand][axis];
        index /= (unsigned)product.loop.extent[axis];
    }
    float sum = 0;
    for (int k = (int)lane; k < product.k; k += LANES)
        sum = fmaf(to_float(a[at[GPU_A] + k * product.step_a]), to_float(b[at[GPU_B] + k * product.step_b]), sum);
    for (int reach = LANES / 2; reach > 0; reach /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, reach);
    if (lane > 0 || output >= count) return;
    sum *= product.alpha;
    if (bias) sum = fmaf(product.beta, to_float(bias[at[GPU_SLOPE]]), sum);
    store_as(dst + at[GPU_DST], sum);
}

template <class Storage>
static cudaError_t run(void *dst, const void *a, const void *b, const void *bias, const gpu_product *product,
                       cudaStream_t stream)
{
    int64_t count = 1;
    for (int axis = 0; axis < product->loop.axes; axis++) count *= product->loop.extent[axis];
    return gpu_launch(multiply<Storage>, dim3((unsigned)((count + WARPS - 1) / WARPS)), dim3(THREADS), stream,
                      static_cast<Storage *>(dst), static_cast<const Storage *>(a), static_cast<const Storage *>(b),
                      static_cast<const Storage *>(bias), *product, (unsigned)count);
}

cudaError_t gpu_matmul(void *dst, const void *a, const void *b, const void *bias, const gpu_product *product,
                       gpu_storage storage, cudaStream_t stream)
{
    typedef cudaError_t form(void *, const void *, const void *, const void *, const gpu_product *, cudaStream_t);
    static form *const forms[GPU_STORAGES] = { run<float>, run<__half>, run<__nv_bfloat16> };
    return forms[storage](dst, a, b, bias, product, stream);
}
