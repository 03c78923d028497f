/* The backward pass of one model, made when it is first asked for and kept until another is. */
#include <string.h>
#include "base/memory.h"
#include "gradient/gradient.h"
#include "session/session.h"

void explainer_close(struct explainer *explainer)
{
    network_free(explainer->network);
    graph_free(&explainer->graph);
    explainer->network = NULL;
    explainer->method = TUMORCLASS_ATTENTION_AUTO;
}

tumorclass_status explainer_open(struct ensemble_model *model, const tumorclass_session *session,
                                 tumorclass_attention_method method, int32_t level)
{
    struct explainer *explainer = &model->explainer;
    if (explainer->method == method && explainer->level == level) return TUMORCLASS_OK;
    explainer_close(explainer);

    const struct graph *source = &model->model->graph;
    const int32_t at = source->levels[level - 1];
    explainer->from_input = at != source->fine;
    tumorclass_status status = gradient_graph(&explainer->graph, source, explainer->from_input ? source->input : at, at,
                                              method);
    if (status == TUMORCLASS_OK) {
        status = network_create(&explainer->network, &explainer->graph, session->backend, &session->backend_options);
        /* a device that cannot run it is no network without gradients, for which there would be another map */
        if (status == TUMORCLASS_UNSUPPORTED) status = fail_within(TUMORCLASS_NO_BACKEND, "no attention map");
    }
    if (status != TUMORCLASS_OK) {
        explainer_close(explainer);
        return status;
    }
    explainer->method = method;
    explainer->level = level;
    return TUMORCLASS_OK;
}

tumorclass_status explainer_run(float *cells, struct explainer *explainer, const struct member *member,
                                int32_t class_index, const struct monitor *monitor)
{
    float seed[MAX_CLASSES] = { 0 };
    seed[class_index] = 1;
    tumorclass_status status = network_write(explainer->network, explainer->graph.seed, seed);
    if (status == TUMORCLASS_OK)
        status = network_run(explainer->network, explainer->from_input ? member->input : member->fine, monitor);
    const int32_t map = explainer->graph.output;
    if (status == TUMORCLASS_OK) status = network_read(explainer->network, cells, map);
    if (status != TUMORCLASS_OK) return status;
    return network_check_range(explainer->network, cells, shape_count(&explainer->graph.values[map].shape),
                               "the attention map");
}
