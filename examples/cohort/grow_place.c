#include <string.h>
#include "grow.h"

void pick_place(float point[3], const struct anatomy *anatomy, enum place place, struct random *random)
{
    const struct voxel_list *list = &anatomy->place[place];
    const double draw = random_uniform(random, 0, 1);
    if (list->count) {
        anatomy_point(point, anatomy, list->index[(size_t)(draw * (double)list->count)]);
        return;
    }
    for (int a = 0; a < 3; a++) point[a] = (anatomy->brain_low[a] + anatomy->brain_high[a]) / 2;
}

/* How often each class begins in each place. The gland and the angles are no places: they are landmarks. */
static const double weights[ENTITIES][PLACES] = {
    [HGG] = { [PLACE_DEEP_WHITE] = 70,
              [PLACE_CALLOSUM] = 10,
              [PLACE_JUNCTION] = 11,
              [PLACE_DEEP_GREY] = 6,
              [PLACE_CEREBELLUM] = 3 },
    [LGG] = { [PLACE_CORTEX] = 76,
              [PLACE_JUNCTION] = 10,
              [PLACE_DEEP_WHITE] = 8,
              [PLACE_DEEP_GREY] = 4,
              [PLACE_CEREBELLUM] = 2 },
    [METS] = { [PLACE_JUNCTION] = 74, [PLACE_CEREBELLUM] = 17, [PLACE_DEEP_WHITE] = 5, [PLACE_DEEP_GREY] = 4 },
    [MEN] = { [PLACE_CONVEXITY] = 35, [PLACE_PARASAGITTAL] = 30, [PLACE_SKULL_BASE] = 25, [PLACE_TENTORIUM] = 10 },
};

void pick_seed(float point[3], const struct head *head, enum entity entity, struct random *random)
{
    static const enum entity tumours[] = { HGG, LGG, METS, PA, AN, MEN };
    if (entity == HLTH) entity = tumours[random_below(random, 6)];
    if (entity == PA)
        memcpy(point, head->gland, sizeof head->gland);
    else if (entity == AN)
        memcpy(point, head->anatomy->angle[random_below(random, SIDES)], 3 * sizeof *point);
    else
        pick_place(point, head->anatomy, (enum place)random_choice(random, weights[entity], PLACES), random);
}
