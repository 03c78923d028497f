/* The CUDA runtime, as far as the plugin calls it. */
#include "fake_streams.h"
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

std::recursive_mutex fake_lock;
static fake_machine machine;
static void (*report_of_cudnn)(char *text, size_t size);
static thread_local cudaError_t last_error;
static long until_failure;
static bool broken;
static thread_local int current_device;
static const char *failed = "";

void fake_die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "fake CUDA device: ");
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    va_end(arguments);
    abort();
}

/* ---- What a test asks ---- */

static size_t number_of(const char *name, size_t otherwise)
{
    const char *const text = getenv(name);
    return text ? strtoull(text, nullptr, 10) : otherwise;
}

__attribute__((constructor)) static void begin()
{
    machine = { (int)number_of("FAKE_CUDA_DEVICES", 1), (int)number_of("FAKE_CUDA_DRIVER", 13000),
                number_of("FAKE_CUDA_MIB", 4096) << 20, number_of("FAKE_CUDNN_VERSION", 91900),
                number_of("FAKE_CUDNN_CUDART", 13010),  (int)number_of("FAKE_CUDA_CAPABILITY", 75) };
    const char *const order = getenv("FAKE_CUDA_ORDER");
    if (order)
        fake_set_order(!strcmp(order, "eager") ? FAKE_EAGER : !strcmp(order, "random") ? FAKE_RANDOM : FAKE_LAZY, 1);
    until_failure = (long)number_of("FAKE_CUDA_FAIL_AT", 0);
}

fake_machine *fake_has(void)
{
    return &machine;
}

long fake_fail_at(long nth)
{
    const long before = until_failure;
    until_failure = nth;
    broken = false;
    last_error = cudaSuccess;
    return before;
}

const char *fake_failed_call(void)
{
    return failed;
}

void fake_report_also(void (*report)(char *text, size_t size))
{
    report_of_cudnn = report;
}

const char *fake_leaks(void)
{
    static char text[256];
    *text = '\0';
    memory_report(text, sizeof text);
    streams_report(text, sizeof text);
    if (report_of_cudnn) report_of_cudnn(text, sizeof text);
    return text;
}

int fake_current_device()
{
    return current_device;
}

void fake_leave_error(cudaError_t error)
{
    last_error = error;
}

bool fake_broken()
{
    return broken;
}

bool fake_must_fail(const char *call, bool breaks_device)
{
    streams_tick();
    if (broken) return true;
    if (until_failure <= 0 || --until_failure) return false;
    failed = call;
    broken = breaks_device;
    return true;
}

/* ---- The runtime's calls ---- */

static cudaError_t reported(cudaError_t error)
{
    if (error != cudaSuccess) last_error = error;
    return error;
}

cudaError_t fake_launch_failed()
{
    return reported(broken ? cudaErrorIllegalAddress : cudaErrorLaunchOutOfResources);
}

#define ENTER const std::lock_guard<std::recursive_mutex> guard(fake_lock)
/* The call may fail, and then with this error. */
#define MAY_FAIL(error)                                                                                                \
    ENTER;                                                                                                             \
    if (fake_must_fail(__func__)) return reported(fake_broken() ? cudaErrorIllegalAddress : error)
#define MAY_BREAK                                                                                                      \
    ENTER;                                                                                                             \
    if (fake_must_fail(__func__, true)) return reported(cudaErrorIllegalAddress)

extern "C" {

const char *cudaGetErrorName(cudaError_t error)
{
    return error == cudaErrorMemoryAllocation ? "cudaErrorMemoryAllocation" : "cudaError";
}

const char *cudaGetErrorString(cudaError_t error)
{
    static thread_local char text[64];
    if (error == cudaErrorMemoryAllocation) return "out of memory";
    snprintf(text, sizeof text, "error %d of the fake device", (int)error);
    return text;
}

cudaError_t cudaGetLastError(void)
{
    ENTER;
    const cudaError_t error = last_error;
    last_error = broken ? cudaErrorIllegalAddress : cudaSuccess;
    return error;
}

cudaError_t cudaDriverGetVersion(int *version)
{
    *version = fake_has()->driver;
    return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int *version)
{
    *version = CUDART_VERSION;
    return cudaSuccess;
}

/* The count is left as it is where there is no driver. */
cudaError_t cudaGetDeviceCount(int *count)
{
    MAY_FAIL(cudaErrorInitializationError);
    if (fake_has()->driver < 13000) return reported(cudaErrorInsufficientDriver);
    *count = fake_has()->devices;
    return reported(fake_has()->devices ? cudaSuccess : cudaErrorNoDevice);
}

cudaError_t cudaSetDevice(int device)
{
    MAY_FAIL(cudaErrorInitializationError);
    if (device < 0 || device >= fake_has()->devices) return reported(cudaErrorInvalidDevice);
    current_device = device;
    return cudaSuccess;
}

cudaError_t cudaGetDevice(int *device)
{
    MAY_FAIL(cudaErrorInitializationError);
    *device = current_device;
    return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *properties, int device)
{
    MAY_FAIL(cudaErrorInvalidDevice);
    if (device < 0 || device >= fake_has()->devices) return reported(cudaErrorInvalidDevice);
    memset(properties, 0, sizeof *properties);
    snprintf(properties->name, sizeof properties->name, "fake device (CPU emulation)");
    properties->major = fake_has()->capability / 10;
    properties->minor = fake_has()->capability % 10;
    properties->totalGlobalMem = fake_has()->memory;
    return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t *available, size_t *total)
{
    MAY_FAIL(cudaErrorInvalidValue);
    *available = fake_has()->memory - device_memory_used();
    *total = fake_has()->memory;
    return cudaSuccess;
}

cudaError_t cudaMalloc(void **block, size_t size)
{
    MAY_FAIL(cudaErrorMemoryAllocation);
    *block = size ? device_allocate(size) : nullptr;
    return reported(size && !*block ? cudaErrorMemoryAllocation : cudaSuccess);
}

/* It waits for the device. */
cudaError_t cudaFree(void *block)
{
    ENTER;
    if (!block) return cudaSuccess;
    streams_drain();
    device_release(block);
    return cudaSuccess;
}

cudaError_t cudaMallocHost(void **block, size_t size)
{
    MAY_FAIL(cudaErrorMemoryAllocation);
    *block = pinned_allocate(size);
    return cudaSuccess;
}

cudaError_t cudaFreeHost(void *block)
{
    ENTER;
    if (!block) return cudaSuccess;
    streams_drain();
    pinned_release(block);
    return cudaSuccess;
}

static uint64_t digest(const void *from, size_t size)
{
    uint64_t sum = 1469598103934665603u;
    for (size_t i = 0; i < size; i++) sum = (sum ^ static_cast<const unsigned char *>(from)[i]) * 1099511628211u;
    return sum;
}

/* When the copy's turn comes: of memory that is not pinned nobody promises more either. */
static void enqueue_from_host(void *dst, const void *src, size_t size, cudaStream_t stream)
{
    const uint64_t before = digest(src, size);
    stream_enqueue(stream, [=] {
        if (digest(src, size) != before) fake_die("memory of the host was changed before its copy was done");
        memcpy(dst, src, size);
    });
}

static void enqueue_to_host(void *dst, const void *src, size_t size, cudaStream_t stream)
{
    const bool waits = !is_pinned(dst, size);
    if (!waits) host_hide(dst, size);
    stream_enqueue(stream, [=] {
        host_show(dst, size);
        memcpy(dst, src, size);
    });
    if (waits) stream_drain(stream);
}

cudaError_t cudaMemcpyAsync(void *dst, const void *src, size_t size, enum cudaMemcpyKind kind, cudaStream_t stream)
{
    MAY_FAIL(cudaErrorInvalidValue);
    const bool up = kind == cudaMemcpyHostToDevice, down = kind == cudaMemcpyDeviceToHost;
    if (!size) return cudaSuccess;
    if (!up && !down) fake_die("a copy of another kind than from or to the host");
    if (!on_device(up ? dst : src, size) || in_device_range(up ? src : dst)) return reported(cudaErrorInvalidValue);
    if (up)
        enqueue_from_host(dst, src, size, stream);
    else
        enqueue_to_host(dst, src, size, stream);
    return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void *dst, int value, size_t size, cudaStream_t stream)
{
    MAY_FAIL(cudaErrorInvalidValue);
    if (!on_device(dst, size)) return reported(cudaErrorInvalidValue);
    stream_enqueue(stream, [=] { memset(dst, value, size); });
    return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned)
{
    MAY_FAIL(cudaErrorMemoryAllocation);
    *stream = stream_create();
    return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream)
{
    ENTER;
    stream_destroy(stream);
    return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream)
{
    MAY_BREAK;
    stream_drain(stream);
    return cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned)
{
    MAY_FAIL(cudaErrorMemoryAllocation);
    *event = event_create();
    return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t event)
{
    ENTER;
    event_destroy(event);
    return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream)
{
    MAY_FAIL(cudaErrorInvalidResourceHandle);
    event_record(event, stream);
    return cudaSuccess;
}

cudaError_t cudaEventSynchronize(cudaEvent_t event)
{
    MAY_BREAK;
    event_wait(event);
    return cudaSuccess;
}
}
