/* The forms that kernels are called by: found by comparing lists of parameters as the demangler writes them. */
#include "emulation_form.h"
#include <cxxabi.h>
#include <cstdlib>
#include <string>

static emulation_form_of *forms;

void emulation_add_form(emulation_form_of *form)
{
    form->next = forms;
    forms = form;
}

/* "(float*, int)" of "void walk<float, 4>(float*, int)". */
static std::string parameters_of(const char *mangled)
{
    int status = 0;
    char *const text = abi::__cxa_demangle(mangled, nullptr, nullptr, &status);
    const std::string whole(text ? text : "");
    free(text);
    return whole.substr(whole.find('(') == std::string::npos ? whole.size() : whole.find('('));
}

const emulation_form_of *emulation_find_form(const char *name)
{
    const std::string wanted = parameters_of(name);
    const emulation_form_of *form = forms;
    while (form && parameters_of(form->type) != wanted) form = form->next;
    return form;
}
