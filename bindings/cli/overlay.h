/* The picture of an answer: three planes through the map's peak, the map in colour over the scan in grey. */
#ifndef CLI_OVERLAY_H
#define CLI_OVERLAY_H
#include <stdbool.h>
#include <stddef.h>
#include "tumorclass/tumorclass.h"

struct overlay {
    const tumorclass_volume *scan, *map; /* on one grid */
    const tumorclass_attention_summary *summary;
    const char *scan_name, *class_name, *class_code;
    double probability;
    bool untrained;
};

/* A PNG in memory, to be freed; NULL: no memory. */
unsigned char *overlay_draw(const struct overlay *overlay, size_t *size);

#endif
