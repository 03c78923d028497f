/* One scan's answer on its way to the user: the map's file, the picture, the report. */
#ifndef CLI_ANSWER_H
#define CLI_ANSWER_H
#include "options.h"
#include "report.h"

/* All of it is borrowed but the two paths. */
struct answer {
    const tumorclass_image *image; /* the scan */
    const float *map;              /* report.map_count maps, one after another */
    struct report report;
    char *attention, *overlay; /* paths of the files; NULL: not asked for */
};

tumorclass_scan_options scan_options(const struct options *options);
tumorclass_attention_options attention_options(const struct options *options);
/* Do the options ask for a map, so that a network that gives none is a failure? */
bool asks_for_map(const struct options *options);
/* Which class the map is of: an index, TUMORCLASS_ALL_CLASSES or TUMORCLASS_PREDICTED_CLASS. ANSWERED, or WRONG_USAGE
 * after saying which classes there are. */
int find_map_class(int32_t *map_class, const struct options *options, const tumorclass_model *model);
/* How many maps that makes. */
int32_t map_count(int32_t map_class, const tumorclass_model *model);

/* Write the files that the options name after the scan at `path`. */
tumorclass_status answer_write(struct answer *answer, const struct options *options, const char *path);
void answer_free(struct answer *answer);

#endif
