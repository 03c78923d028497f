/* Attention maps: each member's on the cells of a level, brought to the scan's voxels, and their mean. */
#include <stdio.h>
#include <string.h>
#include "base/memory.h"
#include "session/session.h"

/* One member's raw map: how it is made, and how its cells lie in the scan. */
struct cell_map {
    tumorclass_attention_method method;
    int32_t level; /* 0: CAM's */
    struct feature_grid grid;
    float *cells;
    int64_t count;
};

/* A call's maps of one class: working memory for as many members as there are. */
struct mapping_work {
    tumorclass_session *session;
    const tumorclass_result *result;
    tumorclass_attention_options options;
    struct cell_map *members;
    float *rectified; /* one member's cells once more */
    float *voxels;    /* one member's map on the scan; NULL for one member */
};

/* ---- What is asked for ---- */

static tumorclass_status check_options(tumorclass_attention_options *known, const tumorclass_attention_options *options)
{
    const tumorclass_status status = read_options(known, options, sizeof *known, "attention_options");
    if (status != TUMORCLASS_OK) return status;
    if (known->reserved)
        return fail(TUMORCLASS_NEWER_CALLER, "attention_options.reserved is %d, this library knows only 0",
                    (int)known->reserved);
    if (known->scale != TUMORCLASS_ATTENTION_UNIT && known->scale != TUMORCLASS_ATTENTION_RAW)
        return fail(TUMORCLASS_BAD_ARGUMENT, "attention_options.scale is %d, which is no scale", (int)known->scale);
    if (known->method < TUMORCLASS_ATTENTION_AUTO || known->method > TUMORCLASS_ATTENTION_HIRESCAM)
        return fail(TUMORCLASS_BAD_ARGUMENT, "attention_options.method is %d, which is no method", (int)known->method);
    if (known->level < 0) return fail(TUMORCLASS_BAD_ARGUMENT, "attention_options.level is %d", (int)known->level);
    if (known->level && known->method == TUMORCLASS_ATTENTION_CAM)
        return fail(TUMORCLASS_BAD_ARGUMENT, "CAM is made in front of the global average pool: it has no level %d",
                    (int)known->level);
    return TUMORCLASS_OK;
}

/* Turn AUTO and level 0 into what this model does; `method` CAM has level 0. */
static tumorclass_status choose(tumorclass_attention_method *method, int32_t *level, struct ensemble_model *model,
                                const tumorclass_session *session, const tumorclass_attention_options *options)
{
    const struct graph *graph = &model->model->graph;
    *method = options->method == TUMORCLASS_ATTENTION_AUTO ? TUMORCLASS_ATTENTION_HIRESCAM : options->method;
    *level = options->level ? options->level : tumorclass_model_default_level(model->model);
    tumorclass_status status = TUMORCLASS_OK;
    if (*method != TUMORCLASS_ATTENTION_CAM) {
        if (*level < 1 || *level > graph->level_count)
            status = fail(options->level && graph->level_count ? TUMORCLASS_BAD_ARGUMENT : TUMORCLASS_UNSUPPORTED,
                          "%s has %d levels, so no attention map at level %d", model->model->name,
                          (int)graph->level_count, (int)*level);
        else
            status = explainer_open(model, session, *method, *level);
    }
    const bool falls_back = options->method == TUMORCLASS_ATTENTION_AUTO && !options->level;
    if (*method != TUMORCLASS_ATTENTION_CAM && !(status == TUMORCLASS_UNSUPPORTED && falls_back)) return status;
    *method = TUMORCLASS_ATTENTION_CAM;
    *level = 0;
    if (graph->features != NO_VALUE) return TUMORCLASS_OK;
    return fail(TUMORCLASS_UNSUPPORTED,
                "%s has no global average pool in front of its last dense layer: it gives no attention map",
                model->model->name);
}

/* The session's model that a member ran on; NULL: none. */
static struct ensemble_model *model_of(tumorclass_session *session, const struct member *member)
{
    for (int32_t i = 0; i < session->model_count; i++)
        if (session->models[i].model == member->model) return &session->models[i];
    return NULL;
}

static tumorclass_status check_result(tumorclass_session *session, const tumorclass_result *result)
{
    if (!result) return fail(TUMORCLASS_BAD_ARGUMENT, "result is NULL");
    for (int32_t i = 0; i < result->member_count; i++)
        if (!model_of(session, &result->members[i]))
            return fail(TUMORCLASS_BAD_ARGUMENT, "the result is of model %s, the session of %s",
                        result->members[i].model->name, session->models[0].model->name);
    return TUMORCLASS_OK;
}

static tumorclass_status check_class(const tumorclass_result *result, int32_t class_index, const float *map,
                                     size_t count)
{
    const int32_t classes = result->members[0].model->metadata.class_count;
    if (!map) return fail(TUMORCLASS_BAD_ARGUMENT, "map is NULL");
    if (class_index < TUMORCLASS_PREDICTED_CLASS || class_index >= classes)
        return fail(TUMORCLASS_BAD_ARGUMENT, "class_index is %d, the model has %d classes", (int)class_index,
                    (int)classes);
    const size_t voxels = (size_t)volume_count(&result->scan);
    const size_t wanted = class_index == TUMORCLASS_ALL_CLASSES ? voxels * (size_t)classes : voxels;
    if (count != wanted)
        return fail(TUMORCLASS_BAD_ARGUMENT, "map holds %zu values, the scan needs %zu", count, wanted);
    return TUMORCLASS_OK;
}

/* ---- Cells ---- */

/* Which method and level a member's model takes, and room for the cells there. */
static tumorclass_status prepare_cells(struct cell_map *map, struct mapping_work *work, const struct member *member)
{
    struct ensemble_model *model = model_of(work->session, member);
    tumorclass_status status = choose(&map->method, &map->level, model, work->session, &work->options);
    if (status != TUMORCLASS_OK) return status;
    const struct graph *graph = &model->model->graph;
    const struct placement placement = graph_place(graph, map->level ? graph->levels[map->level - 1] : graph->features);
    map->grid = member->grid;
    memcpy(map->grid.first, placement.first, sizeof placement.first);
    memcpy(map->grid.step, placement.step, sizeof placement.step);
    if (map->level) tumorclass_model_level_shape(model->model, map->level, map->grid.extent);
    map->count = multiply_extents(map->grid.extent, 3);
    map->cells = memory_allocate((size_t)map->count, sizeof *map->cells);
    return map->cells ? TUMORCLASS_OK : fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for an attention map");
}

static tumorclass_status make_cells(struct cell_map *map, struct mapping_work *work, const struct member *member,
                                    int32_t class_index, const struct monitor *monitor)
{
    struct ensemble_model *model = model_of(work->session, member);
    const struct graph *graph = &model->model->graph;
    if (map->level) {
        const tumorclass_status status = explainer_open(model, work->session, map->method, map->level);
        if (status != TUMORCLASS_OK) return status;
        return explainer_run(map->cells, &model->explainer, member, class_index, monitor);
    }
    attention_cam(map->cells, &map->grid, graph->values[graph->head_weight].constant, class_index, 1);
    return TUMORCLASS_OK;
}

/* A copy without what is negative. */
static tumorclass_status rectified_cells(struct cell_map *rectified, struct mapping_work *work,
                                         const struct cell_map *map)
{
    memory_free(work->rectified);
    work->rectified = memory_allocate((size_t)map->count, sizeof *work->rectified);
    if (!work->rectified) return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for an attention map");
    *rectified = *map;
    rectified->cells = work->rectified;
    memcpy(rectified->cells, map->cells, (size_t)map->count * sizeof *map->cells);
    attention_rectify(rectified->cells, rectified->count);
    return TUMORCLASS_OK;
}

/* ---- Voxels ---- */

static void add_voxels(float *sum, const float *voxels, size_t count, bool first, bool last, float members)
{
    for (size_t i = 0; i < count; i++) {
        sum[i] = first ? voxels[i] : sum[i] + voxels[i];
        if (last) sum[i] /= members;
    }
}

/* The mean of the members' maps on the scan. */
static tumorclass_status project_members(float *dst, struct mapping_work *work, bool unit,
                                         const struct monitor *monitor)
{
    const tumorclass_result *result = work->result;
    const int32_t members = result->member_count;
    const size_t voxels = (size_t)volume_count(&result->scan);
    tumorclass_status status = TUMORCLASS_OK;
    for (int32_t i = 0; i < members && status == TUMORCLASS_OK; i++) {
        struct cell_map map = work->members[i];
        const double width = monitor->to - monitor->from;
        const struct monitor part = monitor_part(monitor, monitor->from + width * i / members,
                                                 monitor->from + width * (i + 1) / members);
        float *own = members == 1 ? dst : work->voxels;
        if (unit) status = rectified_cells(&map, work, &work->members[i]);
        if (status == TUMORCLASS_OK)
            status = attention_project(own, map.cells, &map.grid, &result->scan, work->session->pool, &part);
        if (status == TUMORCLASS_OK && unit) attention_unit(own, (int64_t)voxels);
        if (status == TUMORCLASS_OK && members > 1)
            add_voxels(dst, own, voxels, i == 0, i + 1 == members, (float)members);
    }
    if (status == TUMORCLASS_OK && unit && members > 1) attention_unit(dst, (int64_t)voxels);
    return status;
}

/* One class. The summary is of the unit map, so that is made first where the raw one is wanted. */
static tumorclass_status map_class(float *map, tumorclass_attention_summary *summary, struct mapping_work *work,
                                   int32_t class_index, const struct monitor *monitor)
{
    const int32_t members = work->result->member_count;
    const double width = monitor->to - monitor->from, cells_end = monitor->from + width / 2;
    const bool raw = work->options.scale == TUMORCLASS_ATTENTION_RAW, unit = summary || !raw;
    tumorclass_status status = TUMORCLASS_OK;
    for (int32_t i = 0; i < members && status == TUMORCLASS_OK; i++) {
        const struct monitor part = monitor_part(monitor, monitor->from + width / 2 * i / members,
                                                 monitor->from + width / 2 * (i + 1) / members);
        status = make_cells(&work->members[i], work, &work->result->members[i], class_index, &part);
    }
    const double unit_end = !unit ? cells_end : raw ? monitor->from + width * 0.75 : monitor->to;
    const struct monitor unit_part = monitor_part(monitor, cells_end, unit_end),
                         raw_part = monitor_part(monitor, unit_end, monitor->to);
    if (status == TUMORCLASS_OK && unit) status = project_members(map, work, true, &unit_part);
    if (status == TUMORCLASS_OK && summary)
        attention_summarize(summary, map, work->result->preparation.foreground, &work->result->scan);
    if (status == TUMORCLASS_OK && raw) status = project_members(map, work, false, &raw_part);
    return status;
}

static tumorclass_status begin(struct mapping_work *work)
{
    const int32_t members = work->result->member_count;
    work->members = memory_zeroed((size_t)members, sizeof *work->members);
    if (members > 1) work->voxels = memory_allocate((size_t)volume_count(&work->result->scan), sizeof *work->voxels);
    if (!work->members || (members > 1 && !work->voxels))
        return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for an attention map");
    tumorclass_status status = TUMORCLASS_OK;
    for (int32_t i = 0; i < members && status == TUMORCLASS_OK; i++)
        status = prepare_cells(&work->members[i], work, &work->result->members[i]);
    return status;
}

static void end(struct mapping_work *work)
{
    for (int32_t i = 0; work->members && i < work->result->member_count; i++) memory_free(work->members[i].cells);
    memory_free(work->members);
    memory_free(work->rectified);
    memory_free(work->voxels);
}

tumorclass_status tumorclass_attention(tumorclass_session *session, float *map, size_t count,
                                       tumorclass_attention_summary *summary, const tumorclass_result *result,
                                       int32_t class_index, const tumorclass_attention_options *options)
{
    struct mapping_work work = { .session = session, .result = result };
    tumorclass_status status = session_enter(session);
    if (status == TUMORCLASS_OK) status = check_options(&work.options, options);
    if (status == TUMORCLASS_OK) status = check_result(session, result);
    if (status == TUMORCLASS_OK) status = check_class(result, class_index, map, count);
    if (status != TUMORCLASS_OK) return status;

    const bool all = class_index == TUMORCLASS_ALL_CLASSES;
    const int32_t maps = all ? result->members[0].model->metadata.class_count : 1;
    const int32_t first = all ? 0 : class_index == TUMORCLASS_PREDICTED_CLASS ? result->class_index : class_index;
    const size_t voxels = count / (size_t)maps;
    status = begin(&work);
    for (int32_t i = 0; i < maps && status == TUMORCLASS_OK; i++) {
        const struct monitor monitor = monitor_part(&session->monitor, (double)i / maps, (i + 1.0) / maps);
        status = map_class(map + (size_t)i * voxels, summary ? summary + i : NULL, &work, first + i, &monitor);
    }
    if (status == TUMORCLASS_OK) status = monitor_report(&session->monitor, "attention", 1);
    end(&work);
    return session_leave(session, status);
}

/* "HiResCAM, level 3 of 5 (32 x 32 x 32 cells)" */
static tumorclass_status describe(char *text, size_t size, struct ensemble_model *model,
                                  const tumorclass_session *session, const tumorclass_attention_options *options)
{
    static const char *const names[] = { "", "CAM", "Grad-CAM", "HiResCAM" };
    tumorclass_attention_method method;
    int32_t level;
    const tumorclass_status status = choose(&method, &level, model, session, options);
    if (status != TUMORCLASS_OK) return status;
    const struct graph *graph = &model->model->graph;
    const int64_t *cells = graph->values[level ? graph->levels[level - 1] : graph->features].shape.extent + 2;
    char place[48] = "";
    if (level) snprintf(place, sizeof place, ", level %d of %d", (int)level, (int)graph->level_count);
    snprintf(text, size, "%s%s (%lld x %lld x %lld cells)", names[method], place, (long long)cells[0],
             (long long)cells[1], (long long)cells[2]);
    return TUMORCLASS_OK;
}

tumorclass_status tumorclass_attention_describe(tumorclass_session *session, char *text, size_t size,
                                                const tumorclass_attention_options *options)
{
    if (!text || !size) return fail(TUMORCLASS_BAD_ARGUMENT, "text has no room");
    *text = '\0';
    char first[128] = "", own[128] = "";
    bool differ = false;
    tumorclass_attention_options known;
    tumorclass_status status = session_enter(session);
    if (status == TUMORCLASS_OK) status = check_options(&known, options);
    if (status != TUMORCLASS_OK) return status;
    for (int32_t i = 0; i < session->model_count && status == TUMORCLASS_OK; i++) {
        status = describe(i ? own : first, sizeof first, &session->models[i], session, &known);
        differ = differ || (i && strcmp(own, first) != 0);
    }
    if (status != TUMORCLASS_OK) return session_leave(session, status);
    if (session->model_count == 1)
        snprintf(text, size, "%s", first);
    else
        snprintf(text, size, "%s, mean of %d models%s", first, (int)session->model_count,
                 differ ? " with maps of their own kinds" : "");
    return TUMORCLASS_OK;
}
