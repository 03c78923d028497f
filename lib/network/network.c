#include "network/network.h"
#include <math.h>
#include "base/memory.h"

struct network {
    const struct graph *graph;
    const struct backend *backend;
    void *state;
    network_observer *observer;
    void *observer_user;
};

tumorclass_status network_create(struct network **network, const struct graph *graph, const struct backend *backend,
                                 const struct backend_options *options)
{
    *network = NULL;
    struct network *n = memory_zeroed(1, sizeof *n);
    if (!n) return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for a network");
    n->graph = graph;
    n->backend = backend;
    const tumorclass_status status = backend->open(&n->state, graph, options);
    if (status != TUMORCLASS_OK) {
        memory_free(n);
        return status;
    }
    *network = n;
    return TUMORCLASS_OK;
}

void network_free(struct network *network)
{
    if (!network) return;
    network->backend->close(network->state);
    memory_free(network);
}

const char *network_device(const struct network *network)
{
    return network->backend->describe(network->state);
}

tumorclass_precision network_precision(const struct network *network)
{
    return network->backend->precision(network->state);
}

size_t network_memory(const struct network *network)
{
    return network ? network->backend->held(network->state) : 0;
}

void network_observe(struct network *network, network_observer *observer, void *user)
{
    network->observer = observer;
    network->observer_user = user;
}

static tumorclass_status run_node(struct network *network, int32_t index)
{
    tumorclass_status status = network->backend->run(network->state, index);
    if (status == TUMORCLASS_OK && network->observer)
        status = network->observer(network->observer_user, network, &network->graph->nodes[index]);
    return status;
}

tumorclass_status network_run(struct network *network, const float *input, const struct monitor *monitor)
{
    const struct graph *graph = network->graph;
    tumorclass_status status = network->backend->upload(network->state, graph->input, input);
    /* one more for each node, so that a network without convolutions makes progress as well */
    const double total = (double)graph_multiplications(graph) + graph->node_count;
    double done = 0;
    for (int32_t i = 0; i < graph->node_count && status == TUMORCLASS_OK; i++) {
        status = monitor_report(monitor, "network", done / total);
        if (status == TUMORCLASS_OK) status = run_node(network, i);
        done += (double)node_multiplications(graph, &graph->nodes[i]) + 1;
    }
    if (status == TUMORCLASS_OK) status = monitor_report(monitor, "network", 1);
    return status;
}

tumorclass_status network_write(struct network *network, int32_t value, const float *src)
{
    return network->backend->upload(network->state, value, src);
}

tumorclass_status network_read(struct network *network, float *dst, int32_t value)
{
    return network->backend->download(network->state, dst, value);
}

tumorclass_status network_check_range(const struct network *network, const float *values, int64_t count,
                                      const char *what)
{
    if (network_precision(network) != TUMORCLASS_PRECISION_HALF) return TUMORCLASS_OK;
    for (int64_t i = 0; i < count; i++)
        if (!isfinite(values[i]))
            return fail(TUMORCLASS_LIMIT, "%s is beyond the range of half precision: ask for float32 or bfloat16",
                        what);
    return TUMORCLASS_OK;
}
