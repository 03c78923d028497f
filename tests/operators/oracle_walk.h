/* The two halves of the oracle, and how both walk over tensors. */
#ifndef TESTS_ORACLE_WALK_H
#define TESTS_ORACLE_WALK_H
#include <math.h>
#include "oracle.h"

struct oracle {
    const struct graph *graph;
    const struct node *node;
    double *const *values;
    double largest;
    double mean, variance; /* instance norm: of the channel at hand */
};

static inline const struct shape *shape_of_value(const struct oracle *o, int32_t value)
{
    return &o->graph->values[value].shape;
}

static inline const struct shape *input_shape(const struct oracle *o, int i)
{
    return shape_of_value(o, o->node->inputs[i]);
}

static inline const double *input(const struct oracle *o, int i)
{
    return i < o->node->input_count && o->node->inputs[i] != NO_VALUE ? o->values[o->node->inputs[i]] : NULL;
}

static inline double noted(struct oracle *o, double x)
{
    if (isfinite(x) && fabs(x) > o->largest) o->largest = fabs(x);
    return x;
}

static inline void index_of(int64_t index[MAX_RANK], int64_t position, const struct shape *shape)
{
    for (int i = shape->rank - 1; i >= 0; i--) {
        index[i] = position % shape->extent[i];
        position /= shape->extent[i];
    }
}

static inline int64_t position_of(const int64_t index[MAX_RANK], const struct shape *shape)
{
    int64_t position = 0;
    for (int i = 0; i < shape->rank; i++) position = position * shape->extent[i] + index[i];
    return position;
}

/* The element of `shape` that numpy's broadcasting puts at `index` of `result`. */
static inline int64_t broadcast_position(const int64_t index[MAX_RANK], const struct shape *result,
                                         const struct shape *shape)
{
    int64_t own[MAX_RANK];
    for (int i = 0; i < shape->rank; i++) own[i] = shape->extent[i] == 1 ? 0 : index[i + result->rank - shape->rank];
    return position_of(own, shape);
}

static inline int64_t at5(const struct extents *e, int64_t n, int64_t c, int64_t z, int64_t y, int64_t x)
{
    return (((n * e->c + c) * e->d + z) * e->h + y) * e->w + x;
}

static inline bool inside(const struct extents *e, const int64_t place[3])
{
    return place[0] >= 0 && place[0] < e->d && place[1] >= 0 && place[1] < e->h && place[2] >= 0 && place[2] < e->w;
}

static inline void place_of(int64_t place[3], const struct window *window, const int64_t output[3],
                            const int64_t tap[3])
{
    for (int i = 0; i < 3; i++)
        place[i] = output[i] * window->stride[i] + tap[i] * window->dilation[i] - window->pad_before[i];
}

#define EACH_TAP(window)                                                                                               \
    for (tap[0] = 0; tap[0] < (window)->kernel[0]; tap[0]++)                                                           \
        for (tap[1] = 0; tap[1] < (window)->kernel[1]; tap[1]++)                                                       \
            for (tap[2] = 0; tap[2] < (window)->kernel[2]; tap[2]++)

/* The whole of dst, for the operations that end in _BACK; the node's activation is part of the operation. */
void oracle_back(double *dst, struct oracle *o);

#endif
