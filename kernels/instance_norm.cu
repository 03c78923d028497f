/* dst = activation((src - mean) / sqrt(variance + epsilon) * scale[c] + shift[c] + residual), mean and variance over the
 * positions of each n and c. src is read twice and dst is written once: 3 values a voxel and channel, 4 with a residual. */
#include "epilogue.h"
#include "moments.h"

/* Without planes, src * scale + shift. Grid: positions x groups of channels, n. */
template <class Storage, int Width>
__global__ void normalize(Storage *dst, const Storage *src, const plane *planes, const float *scale, const float *shift,
                          int positions, int channels, gpu_epilogue epilogue)
{
    const unsigned groups = (unsigned)(channels / Width), index = blockIdx.x * THREADS + threadIdx.x;
    if (index >= groups * (unsigned)positions) return;
    const int channel = (int)(index % groups) * Width;
    const int64_t at = ((int64_t)blockIdx.y * positions * groups + index) * Width;
    const bool one_slope = epilogue.slopes == 1;
    float x[Width];
    load_channels<Storage, Width>(x, src + at);
    for (int v = 0; v < Width; v++) {
        const int c = channel + v;
        const plane of = planes ? planes[(int64_t)blockIdx.y * channels + c] : plane{ 0, 1 };
        x[v] = fmaf(x[v] - of.mean, of.sharpness * scale[c], shift[c]);
    }
    finish<Storage, Width>(dst, x, epilogue, at, one_slope ? 0 : channel, one_slope ? 0 : 1);
}

/* A batch norm takes no moments, and has no workspace. */
template <class Storage, int Width>
static cudaError_t run(void *dst, const void *src, const float *scale, const float *shift, float epsilon,
                       const gpu_tensor *tensor, const gpu_epilogue *epilogue, void *workspace, cudaStream_t stream)
{
    plane *const planes = static_cast<plane *>(workspace);
    if (planes) {
        moments *const slabs = reinterpret_cast<moments *>(planes + tensor->n * tensor->channels);
        const cudaError_t status = measure_planes<Storage, Width>(planes, slabs, src, epsilon, tensor, stream);
        if (status != cudaSuccess) return status;
    }
    const int64_t threads = tensor->positions * (tensor->channels / Width);
    const dim3 grid((unsigned)((threads + THREADS - 1) / THREADS), (unsigned)tensor->n);
    return gpu_launch(normalize<Storage, Width>, grid, dim3(THREADS), stream, static_cast<Storage *>(dst),
                      static_cast<const Storage *>(src), planes, scale, shift, (int)tensor->positions, tensor->channels,
                      *epilogue);
}

size_t gpu_instance_norm_workspace(const gpu_tensor *tensor)
{
    const tiling t = tiling_of(tensor);
    return (size_t)tensor->n * (size_t)tensor->channels * (sizeof(plane) + sizeof(moments) * (size_t)t.slabs);
}

cudaError_t gpu_instance_norm(void *dst, const void *src, const float *scale, const float *shift, float epsilon,
                              const gpu_tensor *tensor, const gpu_epilogue *epilogue, void *workspace,
                              cudaStream_t stream)
{
    typedef cudaError_t form(void *, const void *, const float *, const float *, float, const gpu_tensor *,
                             const gpu_epilogue *, void *, cudaStream_t);
    static form *const forms[GPU_STORAGES][2] = {
        { run<float, 1>, run<float, 4> },
        { run<__half, 1>, run<__half, 8> },
        { run<__nv_bfloat16, 1>, run<__nv_bfloat16, 8> },
    };
    return forms[tensor->storage][tiling_of(tensor).width > 1](dst, src, scale, shift, epsilon, tensor, epilogue,
                                                               workspace, stream);
}

cudaError_t gpu_scale_shift(void *dst, const void *src, const float *scale, const float *shift,
                            const gpu_tensor *tensor, const gpu_epilogue *epilogue, cudaStream_t stream)
{
    return gpu_instance_norm(dst, src, scale, shift, 0, tensor, epilogue, NULL, stream);
}
