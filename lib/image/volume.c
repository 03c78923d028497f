#include "image/volume.h"
#include <assert.h>
#include <math.h>
#include <string.h>
#include "base/half.h"
#include "base/memory.h"

/* ---- Reading lines: dst[n] = slope * src[n * step] + intercept ---- */

#define DEFINE_READ(name, type, value_of)                                                                              \
    static void read_##name(float *dst, const void *data, int64_t step, int64_t count, double slope, double intercept) \
    {                                                                                                                  \
        const type *src = data;                                                                                        \
        if (step == 1)                                                                                                 \
            for (int64_t n = 0; n < count; n++) dst[n] = (float)(slope * (double)value_of(src[n]) + intercept);        \
        else                                                                                                           \
            for (int64_t n = 0; n < count; n++) dst[n] = (float)(slope * (double)value_of(src[n * step]) + intercept); \
    }

DEFINE_READ(i8, int8_t, )
DEFINE_READ(u8, uint8_t, )
DEFINE_READ(i16, int16_t, )
DEFINE_READ(u16, uint16_t, )
DEFINE_READ(i32, int32_t, )
DEFINE_READ(u32, uint32_t, )
DEFINE_READ(i64, int64_t, )
DEFINE_READ(u64, uint64_t, )
DEFINE_READ(f16, uint16_t, half_to_float)
DEFINE_READ(f32, float, )
DEFINE_READ(f64, double, )

static const struct {
    const char *name;
    size_t size;
    void (*read)(float *dst, const void *data, int64_t step, int64_t count, double slope, double intercept);
} types[] = {
    [TUMORCLASS_I8] = { "int8", 1, read_i8 },      [TUMORCLASS_U8] = { "uint8", 1, read_u8 },
    [TUMORCLASS_I16] = { "int16", 2, read_i16 },   [TUMORCLASS_U16] = { "uint16", 2, read_u16 },
    [TUMORCLASS_I32] = { "int32", 4, read_i32 },   [TUMORCLASS_U32] = { "uint32", 4, read_u32 },
    [TUMORCLASS_I64] = { "int64", 8, read_i64 },   [TUMORCLASS_U64] = { "uint64", 8, read_u64 },
    [TUMORCLASS_F16] = { "float16", 2, read_f16 }, [TUMORCLASS_F32] = { "float32", 4, read_f32 },
    [TUMORCLASS_F64] = { "float64", 8, read_f64 },
};

static bool is_dtype(tumorclass_dtype dtype)
{
    return dtype >= TUMORCLASS_I8 && dtype <= TUMORCLASS_F64;
}

size_t dtype_size(tumorclass_dtype dtype)
{
    return is_dtype(dtype) ? types[dtype].size : 0;
}

const char *dtype_name(tumorclass_dtype dtype)
{
    return is_dtype(dtype) ? types[dtype].name : "no data type";
}

void volume_read_line(float *dst, const tumorclass_volume *volume, const int64_t start[3], int axis, int64_t count)
{
    assert(start[axis] + count <= volume->shape[axis] && volume->memory == TUMORCLASS_MEMORY_HOST);
    const int64_t element = start[0] * volume->strides[0] + start[1] * volume->strides[1] +
                            start[2] * volume->strides[2];
    const char *data = (const char *)volume->data + element * (int64_t)types[volume->dtype].size;
    /* without scaling, 1 * x - 0.0 is x to the last bit, the sign of zero included */
    const double slope = volume->slope != 0 ? volume->slope : 1;
    const double intercept = volume->slope != 0 ? volume->intercept : -0.0;
    types[volume->dtype].read(dst, data, volume->strides[axis], count, slope, intercept);
}

/* ---- Checking a caller's volume ---- */

static tumorclass_status check_data(const tumorclass_volume *volume, const char *name)
{
    if (!is_dtype(volume->dtype))
        return fail(TUMORCLASS_BAD_ARGUMENT, "%s.dtype is %d, which is no data type", name, (int)volume->dtype);
    if (volume->memory != TUMORCLASS_MEMORY_HOST && volume->memory != TUMORCLASS_MEMORY_CUDA)
        return fail(TUMORCLASS_BAD_ARGUMENT, "%s.memory is %d, which is no kind of memory", name, (int)volume->memory);
    if (!volume->data) return fail(TUMORCLASS_BAD_ARGUMENT, "%s.data is NULL", name);
    if ((uintptr_t)volume->data % types[volume->dtype].size)
        return fail(TUMORCLASS_BAD_ARGUMENT, "%s.data is not aligned for %s", name, types[volume->dtype].name);
    if (volume->reserved)
        return fail(TUMORCLASS_BAD_ARGUMENT, "%s.reserved is %u, not 0", name, (unsigned)volume->reserved);
    return TUMORCLASS_OK;
}

/* No stride may reach over 2^60 bytes, so that no offset to a voxel overflows. */
static bool reaches_too_far(int64_t extent, int64_t stride)
{
    const int64_t limit = ((int64_t)1 << 57) / extent;
    return stride > limit || stride < -limit;
}

static tumorclass_status check_layout(const tumorclass_volume *volume, const char *name)
{
    for (int axis = 0; axis < 3; axis++)
        if (volume->shape[axis] < 1)
            return fail(TUMORCLASS_BAD_ARGUMENT, "%s.shape[%d] is %lld, not at least 1", name, axis,
                        (long long)volume->shape[axis]);
    const int64_t count = multiply_extents(volume->shape, 3);
    if (count < 0 || count >= (int64_t)1 << 40)
        return fail(TUMORCLASS_BAD_ARGUMENT, "%s.shape is %lld x %lld x %lld, over 2^40 voxels", name,
                    (long long)volume->shape[0], (long long)volume->shape[1], (long long)volume->shape[2]);
    for (int axis = 0; axis < 3; axis++)
        if (reaches_too_far(volume->shape[axis], volume->strides[axis]))
            return fail(TUMORCLASS_BAD_ARGUMENT, "%s.strides[%d] is %lld, which with shape[%d] = %lld is out of memory",
                        name, axis, (long long)volume->strides[axis], axis, (long long)volume->shape[axis]);
    return TUMORCLASS_OK;
}

static tumorclass_status check_values(const tumorclass_volume *volume, const char *name)
{
    double inverse[12];
    for (int n = 0; n < 12; n++)
        if (!isfinite(volume->affine[n])) return fail(TUMORCLASS_BAD_ARGUMENT, "%s.affine[%d] is not finite", name, n);
    if (!affine_invert(inverse, volume->affine))
        return fail(TUMORCLASS_BAD_ARGUMENT, "%s.affine cannot be inverted: its determinant is %g", name,
                    affine_determinant(volume->affine));
    if (!isfinite(volume->slope) || (volume->slope != 0 && !isfinite(volume->intercept)))
        return fail(TUMORCLASS_BAD_ARGUMENT, "%s.slope is %g and %s.intercept is %g, not both finite", name,
                    volume->slope, name, volume->intercept);
    return TUMORCLASS_OK;
}

tumorclass_status volume_check(const tumorclass_volume *volume, const char *name)
{
    if (!volume) return fail(TUMORCLASS_BAD_ARGUMENT, "%s is NULL", name);
    tumorclass_status status = check_data(volume, name);
    if (status == TUMORCLASS_OK) status = check_layout(volume, name);
    if (status == TUMORCLASS_OK) status = check_values(volume, name);
    return status;
}

int64_t volume_count(const tumorclass_volume *volume)
{
    return multiply_extents(volume->shape, 3);
}
