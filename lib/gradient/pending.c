/* Until the room is there: delete this file with the first of its own. */
#include "gradient/gradient.h"

tumorclass_status gradient_graph(struct graph *graph, const struct graph *source, int32_t start, int32_t at,
                                 tumorclass_attention_method method)
{
    (void)graph, (void)start, (void)at, (void)method;
    return fail(TUMORCLASS_UNSUPPORTED, "no gradient of '%s' yet", source->values[source->output].name);
}
