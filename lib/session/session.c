#include "session/session.h"
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "base/memory.h"
#include "cpu/tiers.h"

uint32_t tumorclass_version_number(void)
{
    return TUMORCLASS_VERSION_NUMBER;
}

double session_seconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* ---- Creating ---- */

static tumorclass_status check_instruction_set(int32_t instruction_set)
{
    int32_t count = 0;
    while (tier_get(count)) count++;
    if (instruction_set >= 0 && instruction_set <= count) return TUMORCLASS_OK;
    return fail(TUMORCLASS_BAD_ARGUMENT, "options.instruction_set is %d, this processor has %d", (int)instruction_set,
                (int)count);
}

static tumorclass_status check_options(const tumorclass_session_options *options)
{
    if (options->backend < TUMORCLASS_BACKEND_AUTO || options->backend > TUMORCLASS_BACKEND_CUDA)
        return fail(TUMORCLASS_BAD_ARGUMENT, "options.backend is %d, which is no backend", (int)options->backend);
    if (options->device < 0 && options->backend == TUMORCLASS_BACKEND_CUDA)
        return fail(TUMORCLASS_BAD_ARGUMENT, "options.device is %d, devices are counted from 0", (int)options->device);
    if (options->threads < 0 || options->threads > 1024)
        return fail(TUMORCLASS_BAD_ARGUMENT, "options.threads is %d, not in 0 to 1024", (int)options->threads);
    if (options->log_level < TUMORCLASS_LOG_WARNING || options->log_level > TUMORCLASS_LOG_DEBUG)
        return fail(TUMORCLASS_BAD_ARGUMENT, "options.log_level is %d, which is no level", (int)options->log_level);
    if (options->precision < TUMORCLASS_PRECISION_DEFAULT || options->precision > TUMORCLASS_PRECISION_TENSOR_FLOAT32)
        return fail(TUMORCLASS_NEWER_CALLER, "options.precision is %d, this library knows up to %d",
                    (int)options->precision, TUMORCLASS_PRECISION_TENSOR_FLOAT32);
    return check_instruction_set(options->instruction_set);
}

/* Their probabilities can be averaged only if they are of the same classes. */
static tumorclass_status check_classes(const tumorclass_model *model, const tumorclass_model *first)
{
    const int32_t count = first->metadata.class_count;
    if (model->metadata.class_count != count)
        return fail(TUMORCLASS_BAD_ARGUMENT, "%s has %d classes, %s has %d: they cannot answer together", model->name,
                    (int)model->metadata.class_count, first->name, (int)count);
    for (int32_t i = 0; i < count; i++)
        if (strcmp(model->metadata.codes[i], first->metadata.codes[i]) != 0)
            return fail(TUMORCLASS_BAD_ARGUMENT,
                        "class %d is %.100s in %s and %.100s in %s: they cannot answer together", (int)i,
                        model->metadata.codes[i], model->name, first->metadata.codes[i], first->name);
    return TUMORCLASS_OK;
}

static tumorclass_status check_models(tumorclass_model *const *models, size_t count)
{
    if (!models) return fail(TUMORCLASS_BAD_ARGUMENT, "models is NULL");
    if (count < 1 || count > MAX_MODELS)
        return fail(TUMORCLASS_BAD_ARGUMENT, "%zu models, not 1 to %d", count, MAX_MODELS);
    tumorclass_status status = TUMORCLASS_OK;
    for (size_t i = 0; i < count && status == TUMORCLASS_OK; i++)
        status = models[i] ? check_classes(models[i], models[0])
                           : fail(TUMORCLASS_BAD_ARGUMENT, "models[%zu] is NULL", i);
    return status;
}

static tumorclass_status retain_models(tumorclass_session *session, tumorclass_model *const *models, int32_t count)
{
    session->models = memory_zeroed((size_t)count, sizeof *session->models);
    if (!session->models) return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for %d models", (int)count);
    for (; session->model_count < count; session->model_count++)
        session->models[session->model_count].model = model_retain(models[session->model_count]);
    return TUMORCLASS_OK;
}

static void close_networks(tumorclass_session *session)
{
    for (int32_t i = 0; i < session->model_count; i++) {
        explainer_close(&session->models[i].explainer);
        network_free(session->models[i].network);
        session->models[i].network = NULL;
    }
}

static tumorclass_status open_networks(tumorclass_session *session, const struct backend *backend)
{
    tumorclass_status status = TUMORCLASS_OK;
    session->backend = backend;
    for (int32_t i = 0; i < session->model_count && status == TUMORCLASS_OK; i++) {
        struct ensemble_model *model = &session->models[i];
        status = network_create(&model->network, &model->model->graph, backend, &session->backend_options);
    }
    if (status != TUMORCLASS_OK) close_networks(session);
    return status;
}

/* devices: how many there are, 0 if that cannot be known. */
static tumorclass_status open_cuda(tumorclass_session *session, int32_t *devices)
{
    char why[512];
    const struct plugin *plugin;
    const int32_t wanted = session->backend_options.device;
    *devices = 0;
    tumorclass_status status = plugin_load(&plugin);
    if (status != TUMORCLASS_OK) return status;
    *devices = plugin->devices(why, sizeof why);
    if (!*devices) return fail(TUMORCLASS_NO_BACKEND, "%s", why);
    if (wanted >= *devices)
        return fail(TUMORCLASS_NO_BACKEND, "CUDA device %d was asked for, and there %s %d, counted from 0", (int)wanted,
                    *devices == 1 ? "is" : "are", (int)*devices);
    return open_networks(session, &plugin->backend);
}

/* AUTO takes the CPU where CUDA does not work; `why` is for people, and empty if nobody asked for CUDA. Where no device is
 * known to be, the words are the same whatever is missing: `doctor` has the rest. */
static tumorclass_status open_backend(tumorclass_session *session, tumorclass_backend backend, char why[160])
{
    int32_t devices;
    *why = '\0';
    if (backend == TUMORCLASS_BACKEND_CPU) return open_networks(session, &cpu_backend);
    const tumorclass_status status = open_cuda(session, &devices);
    if (status == TUMORCLASS_OK || backend == TUMORCLASS_BACKEND_CUDA) return status;
    snprintf(why, 160, devices ? " (no CUDA backend: %s)" : " (no CUDA backend here)", tumorclass_last_error());
    return open_networks(session, &cpu_backend);
}

static void describe_device(tumorclass_session *session, const char *why)
{
    const int32_t threads = pool_size(session->pool);
    snprintf(session->device, sizeof session->device, "%s, %s, %d thread%s%s", session->backend->name,
             network_device(session->models[0].network), (int)threads, threads == 1 ? "" : "s", why);
    log_message(&session->logger, TUMORCLASS_LOG_INFO, "%s", session->device);
}

static tumorclass_status open_session(tumorclass_session *session, tumorclass_model *const *models, int32_t count,
                                      const tumorclass_session_options *options)
{
    session->owner = getpid();
    session->logger = (struct logger){ options->log_level, options->log, options->log_user };
    session->monitor = (struct monitor){ &session->cancelled, options->progress, options->progress_user, .from = 0,
                                         .to = 1 };
    session->pool = pool_create(options->threads ? options->threads : tumorclass_suggested_threads());
    if (!session->pool) return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for a session's threads");
    const int32_t tier = options->instruction_set ? options->instruction_set - 1 : 0;
    session->backend_options = (struct backend_options){ session->pool, options->device, tier, options->precision };
    char why[160];
    tumorclass_status status = retain_models(session, models, count);
    if (status == TUMORCLASS_OK) status = open_backend(session, options->backend, why);
    if (status == TUMORCLASS_OK) describe_device(session, why);
    return status;
}

tumorclass_status tumorclass_session_create_ensemble(tumorclass_session **session, tumorclass_model *const *models,
                                                     size_t count, const tumorclass_session_options *options)
{
    if (!session) return fail(TUMORCLASS_BAD_ARGUMENT, "session is NULL");
    *session = NULL;
    tumorclass_session_options known;
    tumorclass_status status = check_models(models, count);
    if (status == TUMORCLASS_OK) status = read_options(&known, options, sizeof known, "session_options");
    if (status == TUMORCLASS_OK) status = check_options(&known);
    if (status != TUMORCLASS_OK) return status;

    tumorclass_session *s = memory_zeroed(1, sizeof *s);
    if (!s) return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for a session");
    atomic_init(&s->cancelled, 0);
    status = open_session(s, models, (int32_t)count, &known);
    if (status != TUMORCLASS_OK) {
        tumorclass_session_free(s);
        return status;
    }
    *session = s;
    return TUMORCLASS_OK;
}

tumorclass_status tumorclass_session_create(tumorclass_session **session, tumorclass_model *model,
                                            const tumorclass_session_options *options)
{
    if (session) *session = NULL;
    if (!model) return fail(TUMORCLASS_BAD_ARGUMENT, "model is NULL");
    return tumorclass_session_create_ensemble(session, &model, 1, options);
}

void tumorclass_session_free(tumorclass_session *session)
{
    if (!session) return;
    close_networks(session);
    for (int32_t i = 0; i < session->model_count; i++) tumorclass_model_free(session->models[i].model);
    memory_free(session->models);
    pool_free(session->pool);
    memory_free(session);
}

/* ---- Questions ---- */

tumorclass_backend tumorclass_session_backend(const tumorclass_session *session)
{
    return session->backend == &cpu_backend ? TUMORCLASS_BACKEND_CPU : TUMORCLASS_BACKEND_CUDA;
}

const char *tumorclass_session_device(const tumorclass_session *session)
{
    return session->device;
}

void tumorclass_session_cancel(tumorclass_session *session)
{
    if (session) atomic_store(&session->cancelled, 1);
}

size_t tumorclass_model_memory(const tumorclass_model *model)
{
    size_t bytes = 0;
    return cpu_measure(&bytes, &model->graph, 1, 0) == TUMORCLASS_OK ? bytes : SIZE_MAX;
}

static size_t held_memory(const tumorclass_session *session)
{
    size_t sum = 0;
    for (int32_t i = 0; i < session->model_count; i++)
        sum += network_memory(session->models[i].network) + network_memory(session->models[i].explainer.network);
    return sum;
}

/* Each model's preparation is gone, but for what its member keeps and the first one's foreground, when the next one's
 * begins. */
static size_t scan_memory(const tumorclass_session *session, const tumorclass_volume *volume)
{
    const size_t foreground = (size_t)volume_count(volume);
    size_t kept = 0, peak = 0;
    for (int32_t i = 0; i < session->model_count; i++) {
        const tumorclass_model *model = session->models[i].model;
        const size_t reached = kept + (i ? foreground : 0) + preprocess_memory(volume, &model->metadata.preprocess);
        kept += result_member_memory(model);
        if (reached > peak) peak = reached;
    }
    return kept + foreground > peak ? kept + foreground : peak;
}

size_t tumorclass_session_memory(const tumorclass_session *session, const tumorclass_volume *volume)
{
    const size_t held = held_memory(session);
    if (!volume) return held;
    if (volume_check(volume, "volume") != TUMORCLASS_OK) return SIZE_MAX;
    return held + scan_memory(session, volume);
}

/* ---- Entering and leaving ---- */

tumorclass_status session_enter(const tumorclass_session *session)
{
    if (!session) return fail(TUMORCLASS_BAD_ARGUMENT, "session is NULL");
    if (session->owner != getpid())
        return fail(TUMORCLASS_BAD_STATE,
                    "the session belongs to process %ld, this is its forked child %ld: create a "
                    "session after fork",
                    (long)session->owner, (long)getpid());
    if (session->broken) return fail(TUMORCLASS_BAD_STATE, "the session's device failed earlier: free the session");
    return TUMORCLASS_OK;
}

tumorclass_status session_leave(tumorclass_session *session, tumorclass_status status)
{
    if (status == TUMORCLASS_BACKEND_ERROR) session->broken = true;
    return status;
}
