/* Launches: nvcc's host code registers its kernels by name and launches them by the address of a stub. What runs is the
 * same kernel as a C++ compiler made it, found by that name in libkernels.so beside this library. */
#include "fake_device.h"
#include <cstring>
#include <dlfcn.h>
#include <map>
#include <memory>
#include <string>
#include "emulation_form.h"

struct launched_kernel {
    std::string name;
    void *function;
    const emulation_form_of *form;
};
static std::map<const void *, launched_kernel> kernels; /* by stub */

static void *library()
{
    static void *opened;
    Dl_info about;
    if (opened) return opened;
    dladdr(reinterpret_cast<void *>(&library), &about);
    const std::string here(about.dli_fname);
    opened = dlopen((here.substr(0, here.rfind('/') + 1) + "libkernels.so").c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!opened) fake_die("%s", dlerror());
    return opened;
}

static const launched_kernel &kernel_of(const void *stub)
{
    launched_kernel &kernel = kernels[stub];
    if (kernel.form) return kernel;
    const auto find = reinterpret_cast<const emulation_form_of *(*)(const char *)>(
        dlsym(library(), "emulation_find_form"));
    kernel.function = dlsym(library(), kernel.name.c_str());
    kernel.form = find ? find(kernel.name.c_str()) : nullptr;
    if (!kernel.function || !kernel.form) fake_die("kernel %s is not in libkernels.so", kernel.name.c_str());
    return kernel;
}

extern "C" {

static struct {
    dim3 grid, block;
    size_t shared;
    void *stream;
} configuration;

unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, size_t shared, struct CUstream_st *stream)
{
    fake_lock.lock(); /* until it is popped */
    configuration = { grid, block, shared, stream };
    return 0;
}

cudaError_t __cudaPopCallConfiguration(dim3 *grid, dim3 *block, size_t *shared, void *stream)
{
    *grid = configuration.grid;
    *block = configuration.block;
    *shared = configuration.shared;
    *static_cast<void **>(stream) = configuration.stream;
    fake_lock.unlock();
    return cudaSuccess;
}

cudaError_t __cudaGetKernel(cudaKernel_t *kernel, const void *stub)
{
    *kernel = reinterpret_cast<cudaKernel_t>(const_cast<void *>(stub));
    return cudaSuccess;
}

cudaError_t __cudaLaunchKernel(cudaKernel_t stub, dim3 grid, dim3 block, void **arguments, size_t shared,
                               cudaStream_t stream)
{
    const std::lock_guard<std::recursive_mutex> guard(fake_lock);
    if (fake_must_fail("a launch")) return fake_launch_failed();
    if (shared) fake_die("a launch with dynamic shared memory");
    const launched_kernel &kernel = kernel_of(reinterpret_cast<const void *>(stub));
    const std::shared_ptr<void> copied(kernel.form->copy(arguments), kernel.form->drop);
    const emulation_form_of *const form = kernel.form;
    void *const function = kernel.function;
    stream_enqueue(stream, [=] { form->run(function, copied.get(), grid, block); });
    return cudaSuccess;
}

void __cudaRegisterFunction(void **, const char *stub, char *, const char *name, int, uint3 *, uint3 *, dim3 *, dim3 *,
                            int *)
{
    kernels[stub].name = name;
}

void **__cudaRegisterFatBinary(void *binary)
{
    static void *last;
    last = binary;
    return &last;
}

void __cudaRegisterFatBinaryEnd(void **)
{
}

void __cudaUnregisterFatBinary(void **)
{
}

char __cudaInitModule(void **)
{
    return 1;
}
}
