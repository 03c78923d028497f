#include <assert.h>
#include <string.h>
#include "grow.h"

bool lesion_create(struct lesion *lesion, const struct head *head, enum entity entity, uint64_t seed)
{
    static bool (*const grow[ENTITIES])(struct lesion *lesion, const struct head *head, struct random *random) = {
        [HGG] = grow_hgg, [LGG] = grow_lgg, [METS] = grow_mets, [PA] = grow_pa, [AN] = grow_an, [MEN] = grow_men
    };
    struct random random = random_of(seed, STREAM_LESION);
    memset(lesion, 0, sizeof *lesion);
    if (entity == HLTH) {
        pick_seed(lesion->centre, head, HLTH, &random);
        return true;
    }
    assert(grow[entity]);
    if (grow[entity](lesion, head, &random)) return true;
    lesion_free(lesion);
    return false;
}
