/* How a kernel is called whose parameters are known only by its name: one form for each list of parameters. */
#ifndef EMULATION_FORM_H
#define EMULATION_FORM_H
#include <cuda_runtime_api.h>

struct emulation_form_of {
    void *(*copy)(void **arguments); /* the values, as cudaLaunchKernel has them */
    void (*run)(void *kernel, void *copied, dim3 grid, dim3 block);
    void (*drop)(void *copied);
    const char *type;
    const emulation_form_of *next;
};
void emulation_add_form(emulation_form_of *form);
/* By a kernel's mangled name; NULL: no kernel with such parameters is launched anywhere. */
extern "C" const emulation_form_of *emulation_find_form(const char *name);

#endif
