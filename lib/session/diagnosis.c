/* What a bug report needs: what this library is, what it runs on, and what it found there. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "base/files.h"
#include "base/memory.h"
#include "base/processors.h"
#include "cpu/tiers.h"
#include "model/model.h"
#include "network/plugin.h"

enum { MAX_FACTS = 24, TEXT_SIZE = 16384 };

struct tumorclass_diagnosis {
    tumorclass_property facts[MAX_FACTS];
    size_t count, used;
    char text[TEXT_SIZE]; /* all values with their zeros; what does not fit is cut off */
};

const char *tumorclass_instruction_set(int32_t index)
{
    const struct tier *tier = index < 0 ? NULL : tier_get(index);
    return tier ? tier->name : NULL;
}

static void add(tumorclass_diagnosis *diagnosis, const char *key, const char *format, ...) PRINTF_LIKE(3, 4);
static void add(tumorclass_diagnosis *diagnosis, const char *key, const char *format, ...)
{
    char *value = diagnosis->text + diagnosis->used;
    const size_t room = TEXT_SIZE - diagnosis->used;
    if (!room || diagnosis->count == MAX_FACTS) return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(value, room, format, arguments);
    va_end(arguments);
    diagnosis->used += strlen(value) + 1;
    diagnosis->facts[diagnosis->count++] = (tumorclass_property){ key, value };
}

static void add_build(tumorclass_diagnosis *diagnosis)
{
#ifdef __clang__
    static const char compiler[] = __VERSION__; /* begins with Clang */
#else
    static const char compiler[] = "GCC " __VERSION__;
#endif
    add(diagnosis, "library", "tumorclass %s", TUMORCLASS_VERSION_STRING);
    add(diagnosis, "compiler", "%s", compiler);
    add(diagnosis, "build", "%s", *TUMORCLASS_BUILD_TYPE ? TUMORCLASS_BUILD_TYPE : "of no type");
    add(diagnosis, "sanitizers", "%s", *TUMORCLASS_SANITIZERS ? TUMORCLASS_SANITIZERS : "none");
}

/* The first "model name" of /proc/cpuinfo. */
static void find_processor(char name[256])
{
    char text[4096];
    file_begin(text, sizeof text, "/proc/cpuinfo");
    const char *line = strstr(text, "model name");
    if (!line || sscanf(line, "model name : %255[^\n]", name) != 1) strcpy(name, "unknown");
}

static void add_machine(tumorclass_diagnosis *diagnosis)
{
    struct utsname system;
    char processor[256], sets[256] = "";
    if (uname(&system) >= 0) add(diagnosis, "system", "%s %s, %s", system.sysname, system.release, system.machine);
    find_processor(processor);
    add(diagnosis, "processor", "%s", processor);
    for (int32_t i = 0; tumorclass_instruction_set(i); i++) {
        const size_t length = strlen(sets);
        snprintf(sets + length, sizeof sets - length, "%s%s", i ? ", " : "", tumorclass_instruction_set(i));
    }
    add(diagnosis, "instruction_sets", "%s (the first is used)", sets);
}

static void add_threads(tumorclass_diagnosis *diagnosis)
{
    struct thread_limit limits[THREAD_LIMITS];
    thread_limits(limits);
    add(diagnosis, "threads", "%d, the least that the next four allow", (int)tumorclass_suggested_threads());
    for (int i = 0; i < THREAD_LIMITS; i++)
        if (limits[i].threads > 0)
            add(diagnosis, limits[i].name, "%lld", (long long)limits[i].threads);
        else
            add(diagnosis, limits[i].name, "not set");
}

static void add_memory(tumorclass_diagnosis *diagnosis)
{
    static const double mebi = 1 << 20;
    const int64_t limit = cgroup_least("memory.max");
    add(diagnosis, "memory", "%.0f MiB", (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE) / mebi);
    if (limit)
        add(diagnosis, "cgroup_v2_memory", "%.0f MiB", (double)limit / mebi);
    else
        add(diagnosis, "cgroup_v2_memory", "not set");
}

/* A plugin that is not there is a fact, as a model is. */
static tumorclass_status add_plugin(tumorclass_diagnosis *diagnosis)
{
    char text[2048];
    const struct plugin *plugin;
    const tumorclass_status status = plugin_load(&plugin);
    if (status == TUMORCLASS_OUT_OF_MEMORY) return status;
    if (status == TUMORCLASS_OK)
        plugin->describe(text, sizeof text);
    else
        snprintf(text, sizeof text, "none: %s", tumorclass_last_error());
    add(diagnosis, "plugins", "%s", text);
    return TUMORCLASS_OK;
}

/* OUT_OF_MEMORY is a failure; a model that is bad or not there is a fact. */
static tumorclass_status add_models(tumorclass_diagnosis *diagnosis)
{
    static const char *const names[MODEL_PLACES] = { "model_place_1", "model_place_2" };
    for (int32_t i = 0; i < MODEL_PLACES; i++) {
        char *path = model_place(i);
        if (!path) return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for a path");
        add(diagnosis, names[i], "%s%s", path, access(path, R_OK) == 0 ? "" : " (nothing to read there)");
        memory_free(path);
    }
    tumorclass_model *model;
    const tumorclass_status status = tumorclass_model_load(&model, NULL, NULL);
    if (status == TUMORCLASS_OK) {
        add(diagnosis, "model", "%s, %d classes%s", tumorclass_model_name(model),
            (int)tumorclass_model_class_count(model),
            model->metadata.untrained ? ", not trained: its answers mean nothing" : "");
        add(diagnosis, "model_sha256", "%s", tumorclass_model_sha256(model));
    } else {
        add(diagnosis, "model", "%s", tumorclass_last_error());
    }
    tumorclass_model_free(model);
    return status == TUMORCLASS_OUT_OF_MEMORY ? status : TUMORCLASS_OK;
}

tumorclass_status tumorclass_diagnosis_create(tumorclass_diagnosis **diagnosis)
{
    if (!diagnosis) return fail(TUMORCLASS_BAD_ARGUMENT, "diagnosis is NULL");
    *diagnosis = NULL;
    tumorclass_diagnosis *d = memory_zeroed(1, sizeof *d);
    if (!d) return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for a diagnosis");
    add_build(d);
    add_machine(d);
    add_threads(d);
    add_memory(d);
    tumorclass_status status = add_plugin(d);
    if (status == TUMORCLASS_OK) status = add_models(d);
    if (status != TUMORCLASS_OK) {
        tumorclass_diagnosis_free(d);
        return status;
    }
    *diagnosis = d;
    return TUMORCLASS_OK;
}

void tumorclass_diagnosis_free(tumorclass_diagnosis *diagnosis)
{
    memory_free(diagnosis);
}

const tumorclass_property *tumorclass_diagnosis_facts(const tumorclass_diagnosis *diagnosis, size_t *count)
{
    if (count) *count = diagnosis->count;
    return diagnosis->facts;
}
