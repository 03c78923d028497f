/* The handle behind tumorclass_model: immutable once loaded, counted by its sessions and results. */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H
#include <stdatomic.h>
#include "base/files.h"
#include "model/graph.h"
#include "model/metadata.h"

enum { MODEL_FACTS = 16 };

struct tumorclass_model {
    atomic_int references;
    void *bytes; /* of the file: weights may lie in them */
    char *name;
    char sha256[65];
    struct graph graph;
    struct metadata metadata;
    tumorclass_property facts[MODEL_FACTS];
    size_t fact_count;
    char *fact_text; /* owns the values of facts */
};

tumorclass_model *model_retain(tumorclass_model *model); /* tumorclass_model_free releases */

/* Where the model that ships with the library is looked for, in this order; memory_free takes it back. "": unknown;
 * NULL: no memory. */
enum { MODEL_PLACES = 2 };
char *model_place(int32_t index);

#endif
