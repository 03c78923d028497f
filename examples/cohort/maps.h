/* The label maps in a folder, or what was prepared from them. */
#ifndef COHORT_MAPS_H
#define COHORT_MAPS_H
#include "anatomy.h"

struct map {
    char name[32]; /* of the anatomy: "01" */
    char *path;
    bool prepared; /* an .anatomy file, not a label map */
};
struct maps {
    struct map *items; /* by name; a prepared one stands for its label map */
    int count;
};

/* ANSWERED, or another code after saying why; free them either way. */
int maps_find(struct maps *maps, const char *folder);
void maps_free(struct maps *maps);
/* false: after a sentence. */
bool map_load(struct anatomy *anatomy, const struct map *map);

#endif
