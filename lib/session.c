/* The public entry points that need more than one room: sessions, and the way from a volume to an answer. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "base/log.h"
#include "base/memory.h"
#include "cpu/cpu_backend.h"
#include "image/image.h"
#include "network/network.h"
#include "result/result.h"

struct tumorclass_session {
    tumorclass_model *model; /* retained */
    struct pool *pool;
    struct network *network;
    struct logger logger;
    struct monitor monitor;
    atomic_int cancelled;
    pid_t owner; /* threads and devices do not survive fork */
    bool broken; /* the device failed: nothing but free is safe */
    char device[160];
};

/* preprocess takes this share of a classification, the network the rest: progress is smooth enough with a guess */
static const double preprocess_share = 0.15;

uint32_t tumorclass_version_number(void)
{
    return TUMORCLASS_VERSION_NUMBER;
}

static double seconds_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* ---- Sessions ---- */

static tumorclass_status check_session_options(const tumorclass_session_options *options)
{
    if (options->backend < TUMORCLASS_BACKEND_AUTO || options->backend > TUMORCLASS_BACKEND_CUDA)
        return fail(TUMORCLASS_BAD_ARGUMENT, "options.backend is %d, which is no backend", (int)options->backend);
    if (options->threads < 0 || options->threads > 1024)
        return fail(TUMORCLASS_BAD_ARGUMENT, "options.threads is %d, not in 0 to 1024", (int)options->threads);
    if (options->log_level < TUMORCLASS_LOG_WARNING || options->log_level > TUMORCLASS_LOG_DEBUG)
        return fail(TUMORCLASS_BAD_ARGUMENT, "options.log_level is %d, which is no level", (int)options->log_level);
    if (options->backend == TUMORCLASS_BACKEND_CUDA)
        return fail(TUMORCLASS_NO_BACKEND, "CUDA was asked for, and this version has no CUDA backend yet");
    return TUMORCLASS_OK;
}

static tumorclass_status open_session(tumorclass_session *session, const tumorclass_session_options *options)
{
    session->owner = getpid();
    session->logger = (struct logger){ options->log_level, options->log, options->log_user };
    session->monitor = (struct monitor){ &session->cancelled, options->progress, options->progress_user, .from = 0,
                                         .to = 1 };
    session->pool = pool_create(options->threads ? options->threads : tumorclass_suggested_threads());
    if (!session->pool) return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for a session's threads");

    const struct backend_options backend_options = { session->pool, options->device };
    const tumorclass_status status = network_create(&session->network, &session->model->graph, &cpu_backend,
                                                    &backend_options);
    if (status != TUMORCLASS_OK) return status;
    const int32_t threads = pool_size(session->pool);
    snprintf(session->device, sizeof session->device, "%s, %s, %d thread%s%s", cpu_backend.name,
             network_device(session->network), (int)threads, threads == 1 ? "" : "s",
             options->backend == TUMORCLASS_BACKEND_AUTO ? " (this version has no CUDA backend)" : "");
    log_message(&session->logger, TUMORCLASS_LOG_INFO, "%s", session->device);
    return TUMORCLASS_OK;
}

tumorclass_status tumorclass_session_create(tumorclass_session **session, tumorclass_model *model,
                                            const tumorclass_session_options *options)
{
    if (!session) return fail(TUMORCLASS_BAD_ARGUMENT, "session is NULL");
    *session = NULL;
    if (!model) return fail(TUMORCLASS_BAD_ARGUMENT, "model is NULL");

    tumorclass_session_options known;
    tumorclass_status status = read_options(&known, options, sizeof known, "session_options");
    if (status == TUMORCLASS_OK) status = check_session_options(&known);
    if (status != TUMORCLASS_OK) return status;

    tumorclass_session *s = memory_zeroed(1, sizeof *s);
    if (!s) return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for a session");
    atomic_init(&s->cancelled, 0);
    s->model = model_retain(model);
    status = open_session(s, &known);
    if (status != TUMORCLASS_OK) {
        tumorclass_session_free(s);
        return status;
    }
    *session = s;
    return TUMORCLASS_OK;
}

void tumorclass_session_free(tumorclass_session *session)
{
    if (!session) return;
    network_free(session->network);
    pool_free(session->pool);
    tumorclass_model_free(session->model);
    memory_free(session);
}

tumorclass_backend tumorclass_session_backend(const tumorclass_session *session)
{
    (void)session; /* the only one of this version */
    return TUMORCLASS_BACKEND_CPU;
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
    return cpu_backend.measure(&bytes, &model->graph, 1) == TUMORCLASS_OK ? bytes : SIZE_MAX;
}

size_t tumorclass_session_memory(const tumorclass_session *session, const tumorclass_volume *volume)
{
    size_t bytes = 0;
    if (cpu_backend.measure(&bytes, &session->model->graph, pool_size(session->pool)) != TUMORCLASS_OK) return SIZE_MAX;
    if (!volume) return bytes;
    if (volume_check(volume, "volume") != TUMORCLASS_OK) return SIZE_MAX;
    return bytes + preprocess_memory(volume, &session->model->metadata.preprocess);
}

static tumorclass_status enter(const tumorclass_session *session)
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

/* ---- From a volume to the network's input ---- */

static tumorclass_status check_volume(const tumorclass_volume *volume, const char *name)
{
    const tumorclass_status status = volume_check(volume, name);
    if (status == TUMORCLASS_OK && volume->memory != TUMORCLASS_MEMORY_HOST)
        return fail(TUMORCLASS_BAD_ARGUMENT, "%s lies in CUDA memory, and this session runs on the CPU", name);
    return status;
}

/* A mask made of another copy of the scan, in another orientation, must not be taken voxel by voxel. */
static tumorclass_status check_mask_grid(const tumorclass_volume *mask, const tumorclass_volume *volume)
{
    for (int i = 0; i < 3; i++)
        if (mask->shape[i] != volume->shape[i])
            return fail(TUMORCLASS_BAD_ARGUMENT, "mask has %lld voxels along axis %d, the scan has %lld",
                        (long long)mask->shape[i], i, (long long)volume->shape[i]);
    const double apart = affine_distance(mask->affine, volume->affine, volume->shape);
    const double step = fmin(volume_step_mm(volume, 0), fmin(volume_step_mm(volume, 1), volume_step_mm(volume, 2)));
    if (!(apart <= 0.5 * step))
        return fail(TUMORCLASS_BAD_ARGUMENT,
                    "mask lies on another grid: a corner is %.4g mm from the scan's, which is over half a voxel of "
                    "%.4g mm",
                    apart, step);
    return TUMORCLASS_OK;
}

static tumorclass_status check_mask(const tumorclass_volume *mask, const tumorclass_volume *volume)
{
    bool placed_itself = false;
    for (int i = 0; i < 12; i++) placed_itself = placed_itself || mask->affine[i] != 0;
    tumorclass_volume placed = *mask;
    if (!placed_itself) memcpy(placed.affine, volume->affine, sizeof placed.affine);
    const tumorclass_status status = check_volume(&placed, "mask");
    return status == TUMORCLASS_OK ? check_mask_grid(&placed, volume) : status;
}

static tumorclass_status check_scan(tumorclass_scan_options *known, const tumorclass_volume *volume,
                                    const tumorclass_scan_options *options)
{
    tumorclass_status status = read_options(known, options, sizeof *known, "scan_options");
    if (status == TUMORCLASS_OK && known->flips)
        status = fail(TUMORCLASS_NEWER_CALLER, "scan_options.flips is %u, this library has none",
                      (unsigned)known->flips);
    if (status == TUMORCLASS_OK) status = check_volume(volume, "volume");
    if (status == TUMORCLASS_OK && known->mask) status = check_mask(known->mask, volume);
    return status;
}

/* The first sentence is enough to know what to mend; the rest are counted. */
static tumorclass_status refuse(const tumorclass_result *result)
{
    const tumorclass_qc *first = &result->qc[0];
    return fail(TUMORCLASS_REFUSED, "strict mode: %s: %s (%.6g, threshold %.6g)%s", first->code, first->message,
                first->value, first->threshold, result->qc_count > 1 ? ", and further checks failed" : "");
}

/* Preprocess into a new result, check the quality of what came out, and write down how it was made. `share`: of the
 * whole call. */
static tumorclass_status prepare(tumorclass_result **result, tumorclass_session *session,
                                 const tumorclass_volume *volume, const tumorclass_scan_options *options, double share)
{
    const double start = seconds_now();
    const struct monitor monitor = monitor_part(&session->monitor, 0, share);
    tumorclass_status status = result_create(result, session->model, volume);
    if (status != TUMORCLASS_OK) return status;

    tumorclass_result *r = *result;
    status = preprocess_run(&r->preparation, volume, options->mask, &session->model->metadata.preprocess, session->pool,
                            &monitor);
    if (status != TUMORCLASS_OK) return status;
    memcpy(r->grid.to_network, r->preparation.to_network, sizeof r->grid.to_network);
    result_time(r, "preprocess", seconds_now() - start);
    status = qc_check(r);
    if (status != TUMORCLASS_OK) return status;
    for (size_t i = 0; i < r->qc_count; i++)
        log_message(&session->logger, TUMORCLASS_LOG_WARNING, "%s: %s", r->qc[i].code, r->qc[i].message);
    if (options->strict && r->qc_count) return refuse(r);
    provenance_record(r);
    result_device(r, session->device);
    return TUMORCLASS_OK;
}

static tumorclass_status input_image(tumorclass_image **image, const tumorclass_result *result)
{
    const int64_t *shape = result->grid.input_shape;
    const tumorclass_status status = image_create(image, shape, result->preparation.affine);
    if (status != TUMORCLASS_OK) return status;
    memcpy(image_voxels(*image), result->preparation.input,
           (size_t)multiply_extents(shape, 3) * sizeof *result->preparation.input);
    return TUMORCLASS_OK;
}

tumorclass_status tumorclass_preprocess(tumorclass_session *session, tumorclass_image **input,
                                        const tumorclass_volume *volume, const tumorclass_scan_options *options)
{
    if (!input) return fail(TUMORCLASS_BAD_ARGUMENT, "input is NULL");
    *input = NULL;
    tumorclass_scan_options known;
    tumorclass_status status = enter(session);
    if (status == TUMORCLASS_OK) status = check_scan(&known, volume, options);
    if (status != TUMORCLASS_OK) return status;

    tumorclass_result *result;
    status = prepare(&result, session, volume, &known, 1);
    if (status == TUMORCLASS_OK) status = input_image(input, result);
    tumorclass_result_free(result);
    return status;
}

/* ---- Classification ---- */

static tumorclass_status read_network(tumorclass_result *result, struct network *network)
{
    const struct graph *graph = &result->model->graph;
    tumorclass_status status = network_read(network, result->logits, graph->output);
    if (status == TUMORCLASS_OK && result->features) status = network_read(network, result->features, graph->features);
    if (status == TUMORCLASS_OK && result->embedding)
        status = network_read(network, result->embedding, graph->embedding);
    return status;
}

static tumorclass_status run_network(tumorclass_result *result, tumorclass_session *session)
{
    const double start = seconds_now();
    const struct monitor monitor = monitor_part(&session->monitor, preprocess_share, 1);
    tumorclass_status status = network_run(session->network, result->preparation.input, &monitor);
    if (status == TUMORCLASS_OK) status = read_network(result, session->network);
    if (status == TUMORCLASS_BACKEND_ERROR) session->broken = true;
    if (status != TUMORCLASS_OK) return status;
    memory_free(result->preparation.input);
    result->preparation.input = NULL;
    result_time(result, "network", seconds_now() - start);
    return result_settle(result);
}

tumorclass_status tumorclass_classify(tumorclass_session *session, tumorclass_result **result,
                                      const tumorclass_volume *volume, const tumorclass_scan_options *options)
{
    if (!result) return fail(TUMORCLASS_BAD_ARGUMENT, "result is NULL");
    *result = NULL;
    tumorclass_scan_options known;
    tumorclass_status status = enter(session);
    if (status == TUMORCLASS_OK) status = check_scan(&known, volume, options);
    if (status != TUMORCLASS_OK) return status;

    tumorclass_result *r;
    status = prepare(&r, session, volume, &known, preprocess_share);
    if (status == TUMORCLASS_OK) status = run_network(r, session);
    if (status != TUMORCLASS_OK) {
        tumorclass_result_free(r);
        return status;
    }
    *result = r;
    return TUMORCLASS_OK;
}

/* ---- Attention ---- */

static tumorclass_status check_attention(const tumorclass_session *session, const float *map, size_t count,
                                         const tumorclass_result *result, int32_t class_index)
{
    if (!map) return fail(TUMORCLASS_BAD_ARGUMENT, "map is NULL");
    if (!result) return fail(TUMORCLASS_BAD_ARGUMENT, "result is NULL");
    if (result->model != session->model)
        return fail(TUMORCLASS_BAD_ARGUMENT, "the result is of model %s, the session of %s", result->model->name,
                    session->model->name);
    const int32_t classes = result->model->metadata.class_count;
    if (class_index < TUMORCLASS_ALL_CLASSES || class_index >= classes)
        return fail(TUMORCLASS_BAD_ARGUMENT, "class_index is %d, the model has %d classes", (int)class_index,
                    (int)classes);
    if (!result->features)
        return fail(TUMORCLASS_UNSUPPORTED,
                    "%s has no global average pool in front of its last dense layer: it gives no attention map",
                    result->model->name);
    const size_t voxels = (size_t)volume_count(&result->scan);
    const size_t wanted = class_index == TUMORCLASS_ALL_CLASSES ? voxels * (size_t)classes : voxels;
    if (count != wanted)
        return fail(TUMORCLASS_BAD_ARGUMENT, "map holds %zu values, the scan needs %zu", count, wanted);
    return TUMORCLASS_OK;
}

/* One class, on the scan's voxels; `cells` is working memory for the feature grid. */
static tumorclass_status map_class(float *map, float *cells, tumorclass_attention_summary *summary,
                                   const tumorclass_session *session, const tumorclass_result *result,
                                   int32_t class_index, tumorclass_attention_scale scale, const struct monitor *monitor)
{
    const struct graph *graph = &result->model->graph;
    const float *weight = graph->values[graph->head_weight].constant;
    const int64_t cell_count = multiply_extents(result->grid.extent, 3);
    const bool raw = scale == TUMORCLASS_ATTENTION_RAW, unit = summary || !raw;
    const double middle = !raw ? monitor->to : unit ? (monitor->from + monitor->to) / 2 : monitor->from;
    const struct monitor unit_part = monitor_part(monitor, monitor->from, middle),
                         raw_part = monitor_part(monitor, middle, monitor->to);
    tumorclass_status status = TUMORCLASS_OK;
    if (unit) {
        attention_cam(cells, &result->grid, weight, class_index, 1);
        attention_unit(cells, cell_count);
        status = attention_project(map, cells, &result->grid, &result->scan, session->pool, &unit_part);
        if (status == TUMORCLASS_OK && summary)
            attention_summarize(summary, map, result->preparation.foreground, &result->scan);
    }
    if (status == TUMORCLASS_OK && raw) {
        attention_cam(cells, &result->grid, weight, class_index, 1);
        status = attention_project(map, cells, &result->grid, &result->scan, session->pool, &raw_part);
    }
    return status;
}

static tumorclass_status read_attention_options(tumorclass_attention_options *known,
                                                const tumorclass_attention_options *options)
{
    const tumorclass_status status = read_options(known, options, sizeof *known, "attention_options");
    if (status != TUMORCLASS_OK) return status;
    if (known->reserved)
        return fail(TUMORCLASS_NEWER_CALLER, "attention_options.reserved is %d, this library knows only 0",
                    (int)known->reserved);
    if (known->scale != TUMORCLASS_ATTENTION_UNIT && known->scale != TUMORCLASS_ATTENTION_RAW)
        return fail(TUMORCLASS_BAD_ARGUMENT, "attention_options.scale is %d, which is no scale", (int)known->scale);
    return TUMORCLASS_OK;
}

tumorclass_status tumorclass_attention(tumorclass_session *session, float *map, size_t count,
                                       tumorclass_attention_summary *summary, const tumorclass_result *result,
                                       int32_t class_index, const tumorclass_attention_options *options)
{
    tumorclass_attention_options known;
    tumorclass_status status = enter(session);
    if (status == TUMORCLASS_OK) status = read_attention_options(&known, options);
    if (status == TUMORCLASS_OK) status = check_attention(session, map, count, result, class_index);
    if (status != TUMORCLASS_OK) return status;

    float *cells = memory_allocate((size_t)multiply_extents(result->grid.extent, 3), sizeof *cells);
    if (!cells) return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for an attention map");
    const bool all = class_index == TUMORCLASS_ALL_CLASSES;
    const int32_t maps = all ? result->model->metadata.class_count : 1;
    const size_t voxels = count / (size_t)maps;
    for (int32_t i = 0; i < maps && status == TUMORCLASS_OK; i++) {
        const struct monitor monitor = monitor_part(&session->monitor, (double)i / maps, (i + 1.0) / maps);
        status = map_class(map + (size_t)i * voxels, cells, summary ? summary + i : NULL, session, result,
                           all ? i : class_index, known.scale, &monitor);
    }
    if (status == TUMORCLASS_OK) status = monitor_report(&session->monitor, "attention", 1);
    memory_free(cells);
    return status;
}
