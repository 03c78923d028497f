/* Inside the stand-in: memory and queues, for the runtime and for cuDNN. */
#ifndef FAKE_DEVICE_H
#define FAKE_DEVICE_H
#include <cuda_runtime_api.h>
#include <functional>
#include <mutex>
#include "fake.h"

extern std::recursive_mutex fake_lock; /* held by every call */

[[noreturn]] void fake_die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Whether this call, which may fail, is the one that must: each passes here once. `broken`: all later ones fail too. */
bool fake_must_fail(const char *call, bool breaks_device = false);
bool fake_broken();
int fake_current_device();                /* this thread's */
void fake_leave_error(cudaError_t error); /* as a library may that uses the runtime */
cudaError_t fake_launch_failed();         /* keeps the error for cudaGetLastError */

/* cuDNN's part of fake_leaks. */
void fake_report_also(void (*report)(char *text, size_t size));

/* ---- Memory ---- */
void *device_allocate(size_t size); /* NULL: there is not so much */
void device_release(void *block);
bool on_device(const void *at, size_t size); /* within one allocation */
bool in_device_range(const void *at);        /* where allocations are, or were */
void *pinned_allocate(size_t size);
void pinned_release(void *block);
bool is_pinned(const void *at, size_t size);
void host_hide(void *at, size_t size); /* not to be read until it is shown */
void host_show(void *at, size_t size);
void device_window(bool open); /* an operation of the device begins, ends */
size_t device_memory_used();
void memory_report(char *text, size_t size);

/* ---- Queues ---- */
void stream_enqueue(cudaStream_t stream, std::function<void()> operation);
void stream_drain(cudaStream_t stream);
void streams_drain();
void streams_report(char *text, size_t size);

#endif
