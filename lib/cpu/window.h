/* Windows over the spatial axes, as convolution and pooling have them. */
#ifndef CPU_WINDOW_H
#define CPU_WINDOW_H
#include "cpu/step.h"

/* Rounded up; b > 0. */
static inline int64_t divide_up(int64_t a, int64_t b)
{
    return a > 0 ? (a - 1) / b + 1 : a / b;
}

/* From a window's first tap to its last. */
static inline int64_t reach(const struct window *window, int axis)
{
    return (window->kernel[axis] - 1) * window->dilation[axis];
}

struct range {
    int64_t begin, end;
};

/* Taps of a window at output `index` whose place is in [low, high). */
static inline struct range taps_inside(const struct window *window, int axis, int64_t index, int64_t low, int64_t high)
{
    const int64_t dilation = window->dilation[axis];
    const int64_t first = index * window->stride[axis] - window->pad_before[axis];
    struct range taps = { 0, window->kernel[axis] };
    if (first < low) taps.begin = least(taps.end, divide_up(low - first, dilation));
    if (first + reach(window, axis) >= high) taps.end = most(taps.begin, divide_up(high - first, dilation));
    return taps;
}

/* How many taps of the window at `index` an average counts along one axis: those inside the input or, if padding
 * counts, inside the padded input. */
static inline int64_t taps_counted(const struct node *node, int axis, int64_t index, int64_t extent)
{
    const struct window *window = &node->pool.window;
    const int64_t before = window->pad_before[axis], after = window->pad_after[axis];
    const struct range taps = node->pool.count_padding ? taps_inside(window, axis, index, -before, extent + after)
                                                       : taps_inside(window, axis, index, 0, extent);
    return taps.end - taps.begin;
}

/* The windows whose tap `tap` lies on one of `extent` elements, of `count` windows. */
static inline struct range windows_inside(const struct window *window, int axis, int64_t tap, int64_t extent,
                                          int64_t count)
{
    const int64_t first = tap * window->dilation[axis] - window->pad_before[axis], stride = window->stride[axis];
    return (struct range){ first < 0 ? divide_up(-first, stride) : 0,
                           first < extent ? least(count, divide_up(extent - first, stride)) : 0 };
}

/* The window whose tap `tap` lies on the input's element `index`, of `count` windows; -1 if there is none. */
static inline int64_t window_of(const struct window *window, int axis, int64_t index, int64_t tap, int64_t count)
{
    const int64_t first = index + window->pad_before[axis] - tap * window->dilation[axis];
    if (first < 0 || first % window->stride[axis] || first / window->stride[axis] >= count) return -1;
    return first / window->stride[axis];
}

#endif
