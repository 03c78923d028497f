/* What every operation means, stated in double precision, element by element, straight from its definition. Slow, and
 * shares nothing with the code under test. */
#ifndef TESTS_ORACLE_H
#define TESTS_ORACLE_H
#include "model/graph.h"

/* dst: the node's output; values: all that it reads, in double, by value. *largest: the largest magnitude that went
 * into a sum on the way, before activation: what a rounding error is measured against. */
void oracle_node(double *dst, double *largest, const struct graph *graph, const struct node *node,
                 double *const *values);

#endif
