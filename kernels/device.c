#define _GNU_SOURCE /* dladdr */
#include "device.h"
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Convolutions in half precision come out wrong of 9.8 to 9.14, those of TF32 up to 9.15. */
enum { LEAST_CUDNN = 91500, LEAST_CUDNN_TENSOR_FLOAT = 91600, LEAST_CAPABILITY = 75 };

/* ---- Failures ---- */

tumorclass_status cuda_check(cudaError_t error, const char *what)
{
    if (error == cudaSuccess) return TUMORCLASS_OK;
    cudaGetLastError(); /* it would be reported once more, by the next launch */
    const bool memory = error == cudaErrorMemoryAllocation;
    return fail(memory ? TUMORCLASS_OUT_OF_MEMORY : TUMORCLASS_BACKEND_ERROR, "CUDA cannot %s: %s (%s)", what,
                cudaGetErrorString(error), cudaGetErrorName(error));
}

tumorclass_status cudnn_check(cudnnStatus_t error, const char *what)
{
    if (error == CUDNN_STATUS_SUCCESS) return TUMORCLASS_OK;
    char more[256] = "";
    cudnnGetLastErrorString(more, sizeof more);
    cudaGetLastError();
    const bool memory = error == CUDNN_STATUS_ALLOC_FAILED;
    return fail(memory ? TUMORCLASS_OUT_OF_MEMORY : TUMORCLASS_BACKEND_ERROR, "cuDNN cannot %s: %s%s%s", what,
                cudnnGetErrorString(error), *more ? ": " : "", more);
}

/* ---- Versions ---- */

static void cuda_version(char text[32], int version)
{
    snprintf(text, 32, "%d.%d", version / 1000, version % 1000 / 10);
}

static void cudnn_version(char text[32], size_t version)
{
    snprintf(text, 32, "%zu.%zu.%zu", version / 10000, version / 100 % 100, version % 100);
}

/* The cuDNN in the process need not be the one beside the runtime: other libraries bring their own. */
static tumorclass_status check_cudnn(bool tensor_float)
{
    char found[32], wanted[32], built[32], runs[32];
    const size_t version = cudnnGetVersion(), least = tensor_float ? LEAST_CUDNN_TENSOR_FLOAT : LEAST_CUDNN;
    cudnn_version(found, version);
    cudnn_version(wanted, least);
    if (version < least)
        return fail(version < LEAST_CUDNN ? TUMORCLASS_NO_BACKEND : TUMORCLASS_UNSUPPORTED,
                    "cuDNN is of version %s, and %s or later is needed: those before compute "
                    "wrong convolutions%s",
                    found, wanted, tensor_float ? " in TF32" : "");
    const int major = (int)(cudnnGetCudartVersion() / 1000);
    cuda_version(built, (int)cudnnGetCudartVersion());
    cuda_version(runs, CUDART_VERSION);
    if (major == CUDART_VERSION / 1000) return TUMORCLASS_OK;
    return fail(TUMORCLASS_NO_BACKEND, "cuDNN %s is built for CUDA %s, and this plugin for CUDA %s", found, built,
                runs);
}

/* ---- Devices ---- */

int32_t device_count(char *why, size_t size)
{
    int count = 0, driver = 0;
    char has[32], wants[32];
    *why = '\0';
    const cudaError_t error = cudaGetDeviceCount(&count);
    cudaGetLastError();
    if (error == cudaSuccess && count > 0) return count;
    if (cudaDriverGetVersion(&driver) != cudaSuccess) driver = 0;
    cudaGetLastError();
    cuda_version(has, driver);
    cuda_version(wants, CUDART_VERSION);
    if (!driver)
        snprintf(why, size, "there is no NVIDIA driver");
    else if (error == cudaErrorInsufficientDriver)
        snprintf(why, size, "the NVIDIA driver knows CUDA %s, and CUDA %s is needed: a newer driver is", has, wants);
    else if (error == cudaSuccess || error == cudaErrorNoDevice)
        snprintf(why, size, "there is no CUDA device");
    else
        snprintf(why, size, "CUDA does not start: %s", cudaGetErrorString(error));
    return 0;
}

static tumorclass_status check_capability(int32_t device)
{
    struct cudaDeviceProp properties;
    const tumorclass_status status = cuda_check(cudaGetDeviceProperties(&properties, device), "describe the device");
    if (status != TUMORCLASS_OK) return status;
    if (10 * properties.major + properties.minor >= LEAST_CAPABILITY) return TUMORCLASS_OK;
    return fail(TUMORCLASS_NO_BACKEND, "CUDA device %d, %s, has compute capability %d.%d, and 7.5 is needed",
                (int)device, properties.name, properties.major, properties.minor);
}

tumorclass_status device_use(int32_t device, bool tensor_float)
{
    tumorclass_status status = check_cudnn(tensor_float);
    if (status == TUMORCLASS_OK) status = cuda_check(cudaSetDevice(device), "use the device");
    if (status == TUMORCLASS_OK) status = check_capability(device);
    return status;
}

/* ---- For a bug report ---- */

static void append(char *text, size_t size, const char *format, ...) PRINTF_LIKE(3, 4);
static void append(char *text, size_t size, const char *format, ...)
{
    const size_t used = strlen(text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text + used, size - used, format, arguments);
    va_end(arguments);
}

/* The file that a function of a library was loaded from. */
static const char *file_of(void (*function)(void))
{
    Dl_info about;
    void *address;
    memcpy(&address, &function, sizeof address);
    return dladdr(address, &about) && about.dli_fname ? about.dli_fname : "an unknown file";
}

static void append_device(char *text, size_t size, int32_t device)
{
    struct cudaDeviceProp properties;
    if (cudaGetDeviceProperties(&properties, device) != cudaSuccess) {
        append(text, size, "; device %d cannot be described: %s", (int)device, cudaGetErrorString(cudaGetLastError()));
        return;
    }
    append(text, size, "; device %d: %s, sm_%d%d, %zu MiB", (int)device, properties.name, properties.major,
           properties.minor, properties.totalGlobalMem >> 20);
}

void device_describe(char *text, size_t size)
{
    char why[512], version[32], built[32];
    int runtime = 0, driver = 0;
    cudaRuntimeGetVersion(&runtime);
    cudaDriverGetVersion(&driver);
    cudaGetLastError();
    snprintf(text, size, "libtumorclass-cuda.so %s", TUMORCLASS_VERSION_STRING);
    cuda_version(version, runtime);
    append(text, size, "; CUDA runtime %s (%s)", version, file_of((void (*)(void))cudaRuntimeGetVersion));
    cuda_version(version, driver);
    append(text, size, "; driver for CUDA %s", driver ? version : "none");
    cudnn_version(version, cudnnGetVersion());
    cuda_version(built, (int)cudnnGetCudartVersion());
    append(text, size, "; cuDNN %s for CUDA %s (%s)", version, built, file_of((void (*)(void))cudnnGetVersion));
    const int32_t count = device_count(why, sizeof why);
    if (!count) append(text, size, "; no device: %s", why);
    for (int32_t device = 0; device < count; device++) append_device(text, size, device);
    if (check_cudnn(false) != TUMORCLASS_OK) append(text, size, "; this cuDNN is not used: see its version");
}
