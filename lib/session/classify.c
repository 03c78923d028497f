/* From a volume to the network's input, and on to an answer. */
#include <string.h>
#include "base/memory.h"
#include "image/image.h"
#include "session/session.h"

/* preprocess takes this share of a classification, the network the rest: progress is smooth enough with a guess */
static const double preprocess_share = 0.15;

/* The first sentence is enough to know what to mend; the rest are counted. */
static tumorclass_status refuse(const tumorclass_result *result)
{
    const tumorclass_qc *first = &result->qc[0];
    return fail(TUMORCLASS_REFUSED, "strict mode: %s: %s (%.6g, threshold %.6g)%s", first->code, first->message,
                first->value, first->threshold, result->qc_count > 1 ? ", and further checks failed" : "");
}

static tumorclass_status warn(const tumorclass_session *session, const tumorclass_result *result, size_t from,
                              bool strict)
{
    for (size_t i = from; i < result->qc_count; i++)
        log_message(&session->logger, TUMORCLASS_LOG_WARNING, "%s: %s", result->qc[i].code, result->qc[i].message);
    return strict && result->qc_count ? refuse(result) : TUMORCLASS_OK;
}

/* ---- Preparation ---- */

/* The tensor's axis that runs left to right, back to front or down to up; `flip` is one bit. */
static int flipped_axis(uint32_t flip, const char orientation[4])
{
    static const char *const letters[] = { "RL", "AP", "SI" };
    const char *pair = letters[flip == TUMORCLASS_FLIP_LEFT_RIGHT ? 0 : flip == TUMORCLASS_FLIP_BACK_FRONT ? 1 : 2];
    int axis = 0;
    while (axis < 2 && !strchr(pair, orientation[axis])) axis++;
    return axis;
}

/* dst[d][h][w] = src with the axes of `flips` run backwards; and where a scan's voxel then lies. */
static void flip_input(struct member *member, const struct member *plain)
{
    const struct preprocess_spec *spec = &member->model->metadata.preprocess;
    const int64_t *shape = spec->shape;
    bool back[3] = { false, false, false };
    for (uint32_t flip = 1; flip <= TUMORCLASS_FLIP_DOWN_UP; flip <<= 1)
        if (member->flips & flip) back[flipped_axis(flip, spec->orientation)] = true;
    float *dst = member->input;
    for (int64_t d = 0; d < shape[0]; d++)
        for (int64_t h = 0; h < shape[1]; h++) {
            const int64_t plane = back[0] ? shape[0] - 1 - d : d, line = back[1] ? shape[1] - 1 - h : h;
            const float *src = plain->input + (plane * shape[1] + line) * shape[2];
            for (int64_t w = 0; w < shape[2]; w++) *dst++ = src[back[2] ? shape[2] - 1 - w : w];
        }
    for (int axis = 0; axis < 3; axis++) {
        double *row = member->grid.to_network + (ptrdiff_t)4 * axis;
        for (int n = 0; back[axis] && n < 4; n++) row[n] = -row[n];
        if (back[axis]) row[3] += (double)(shape[axis] - 1);
    }
}

static tumorclass_status add_flipped(tumorclass_result *result, const struct member *plain, uint32_t flips)
{
    struct member *member;
    const int64_t count = multiply_extents(plain->model->metadata.preprocess.shape, 3);
    const tumorclass_status status = result_add_member(result, &member, plain->model, flips);
    if (status != TUMORCLASS_OK) return status;
    member->input = memory_allocate((size_t)count, sizeof *member->input);
    if (!member->input) return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for a flipped input");
    memcpy(member->grid.to_network, plain->grid.to_network, sizeof member->grid.to_network);
    flip_input(member, plain);
    return TUMORCLASS_OK;
}

/* The members of one model take over what its preparation made. */
static tumorclass_status add_members(tumorclass_result *result, struct preparation *preparation,
                                     tumorclass_model *model, uint32_t flips)
{
    struct member *plain;
    tumorclass_status status = result_add_member(result, &plain, model, 0);
    if (status != TUMORCLASS_OK) return status;
    plain->input = preparation->input;
    preparation->input = NULL;
    memcpy(plain->grid.to_network, preparation->to_network, sizeof plain->grid.to_network);
    for (uint32_t flip = 1; flip <= flips && status == TUMORCLASS_OK; flip++)
        if (!(flip & ~flips)) status = add_flipped(result, plain, flip);
    return status;
}

static tumorclass_status prepare_model(tumorclass_result *result, const tumorclass_session *session,
                                       tumorclass_model *model, const tumorclass_volume *volume,
                                       const tumorclass_scan_options *options, const struct monitor *monitor)
{
    struct preparation preparation;
    tumorclass_status status = preprocess_run(&preparation, volume, options->mask, &model->metadata.preprocess,
                                              session->pool, monitor);
    if (status == TUMORCLASS_OK) status = qc_check(result, model, &preparation);
    if (status == TUMORCLASS_OK) status = add_members(result, &preparation, model, options->flips);
    if (status != TUMORCLASS_OK || result->preparation.foreground)
        preparation_free(&preparation);
    else
        result->preparation = preparation;
    return status;
}

static int32_t view_count(uint32_t flips)
{
    int32_t count = 1;
    for (; flips; flips &= flips - 1) count *= 2;
    return count;
}

/* A new result with an input for each of the first `models`, the quality of the scan checked, and how it was made
 * written down. `share`: of the whole call. On failure *result may be half made. */
static tumorclass_status prepare(tumorclass_result **result, tumorclass_session *session, int32_t models,
                                 const tumorclass_volume *volume, const tumorclass_scan_options *options, double share)
{
    const double start = session_seconds();
    tumorclass_status status = result_create(result, volume, models * view_count(options->flips));
    for (int32_t i = 0; i < models && status == TUMORCLASS_OK; i++) {
        const struct monitor monitor = monitor_part(&session->monitor, share * i / models, share * (i + 1) / models);
        status = prepare_model(*result, session, session->models[i].model, volume, options, &monitor);
    }
    if (status != TUMORCLASS_OK) return status;
    result_time(*result, "preprocess", session_seconds() - start);
    status = warn(session, *result, 0, options->strict);
    if (status != TUMORCLASS_OK) return status;
    provenance_record(*result, options->flips, network_precision(session->models[0].network));
    result_device(*result, session->device);
    return TUMORCLASS_OK;
}

static tumorclass_status input_image(tumorclass_image **image, const tumorclass_result *result)
{
    const struct member *member = &result->members[0];
    const int64_t *shape = member->grid.input_shape;
    const tumorclass_status status = image_create(image, shape, result->preparation.affine);
    if (status == TUMORCLASS_OK)
        memcpy(image_voxels(*image), member->input, (size_t)multiply_extents(shape, 3) * sizeof *member->input);
    return status;
}

tumorclass_status tumorclass_preprocess(tumorclass_session *session, tumorclass_image **input,
                                        const tumorclass_volume *volume, const tumorclass_scan_options *options)
{
    if (!input) return fail(TUMORCLASS_BAD_ARGUMENT, "input is NULL");
    *input = NULL;
    tumorclass_scan_options known;
    tumorclass_status status = scan_check(&known, session, volume, options);
    if (status != TUMORCLASS_OK) return status;

    tumorclass_result *result;
    known.flips = 0;
    status = prepare(&result, session, 1, volume, &known, 1);
    if (status == TUMORCLASS_OK) status = input_image(input, result);
    tumorclass_result_free(result);
    return status;
}

/* ---- Classification ---- */

static tumorclass_status read_network(struct member *member, struct network *network)
{
    const struct graph *graph = &member->model->graph;
    tumorclass_status status = network_read(network, member->logits, graph->output);
    if (status == TUMORCLASS_OK)
        status = network_check_range(network, member->logits, shape_count(&graph->values[graph->output].shape),
                                     "the answer");
    if (status == TUMORCLASS_OK && member->features) status = network_read(network, member->features, graph->features);
    if (status == TUMORCLASS_OK && member->fine) status = network_read(network, member->fine, graph->fine);
    if (status == TUMORCLASS_OK && member->embedding)
        status = network_read(network, member->embedding, graph->embedding);
    return status;
}

static tumorclass_status run_networks(tumorclass_result *result, tumorclass_session *session)
{
    const double start = session_seconds(), share = (1 - preprocess_share) / result->member_count;
    const int32_t views = result->member_count / session->model_count;
    tumorclass_status status = TUMORCLASS_OK;
    for (int32_t i = 0; i < result->member_count && status == TUMORCLASS_OK; i++) {
        struct network *network = session->models[i / views].network;
        const double from = preprocess_share + i * share;
        const bool last = i + 1 == result->member_count;
        const struct monitor monitor = monitor_part(&session->monitor, from, last ? 1 : from + share);
        status = network_run(network, result->members[i].input, &monitor);
        if (status == TUMORCLASS_OK) status = read_network(&result->members[i], network);
    }
    if (status != TUMORCLASS_OK) return status;
    result_time(result, "network", session_seconds() - start);
    return result_settle(result);
}

tumorclass_status tumorclass_classify(tumorclass_session *session, tumorclass_result **result,
                                      const tumorclass_volume *volume, const tumorclass_scan_options *options)
{
    if (!result) return fail(TUMORCLASS_BAD_ARGUMENT, "result is NULL");
    *result = NULL;
    tumorclass_scan_options known;
    tumorclass_status status = scan_check(&known, session, volume, options);
    if (status != TUMORCLASS_OK) return status;

    tumorclass_result *r;
    status = prepare(&r, session, session->model_count, volume, &known, preprocess_share);
    const size_t warned = r ? r->qc_count : 0;
    if (status == TUMORCLASS_OK) status = run_networks(r, session);
    if (status == TUMORCLASS_OK) status = warn(session, r, warned, known.strict);
    if (status != TUMORCLASS_OK) {
        tumorclass_result_free(r);
        return session_leave(session, status);
    }
    *result = r;
    return TUMORCLASS_OK;
}
