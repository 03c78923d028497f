#include "acquire.h"
#include <stdlib.h>
#include "storage.h"

/* What stripping and defacing leave, or NULL in *kept where all stays. */
static bool cut_away(uint8_t **kept, const struct acquisition *acquisition, const struct picture *picture,
                     struct random *random)
{
    const int *shape = picture->grid.shape;
    *kept = NULL;
    if (acquisition->stripping == STRIP_NONE && !acquisition->defaced) return true;
    *kept = malloc((size_t)shape[0] * (size_t)shape[1] * (size_t)shape[2]);
    if (!*kept) return false;
    if (!strip(*kept, picture, acquisition->stripping, random)) {
        free(*kept);
        return false;
    }
    if (acquisition->defaced) deface(*kept, picture, random);
    return true;
}

bool scan_acquire(struct scan *scan, const struct acquisition *acquisition, const struct picture *picture,
                  uint64_t seed)
{
    struct random random = random_of(seed, STREAM_NOISE);
    uint8_t *kept;
    if (!cut_away(&kept, acquisition, picture, &random)) return false;
    struct slices slices;
    const bool measured = slices_measure(&slices, acquisition, picture, kept, &random);
    free(kept);
    if (!measured) return false;
    const bool stored = scan_store(scan, acquisition, &slices, picture->centre);
    slices_free(&slices);
    return stored;
}
