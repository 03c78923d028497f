#include <math.h>
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

uint8_t map_at(const uint8_t *map, const struct anatomy *anatomy, const float point[3])
{
    int at[3];
    for (int a = 0; a < 3; a++) {
        at[a] = (int)lroundf(point[a]);
        if (at[a] < 0 || at[a] >= anatomy->shape[a]) return 0;
    }
    return map[anatomy_index(anatomy, at[0], at[1], at[2])];
}

double room_in_brain(const float centre[3], const struct head *head, double radius)
{
    double sum = 0;
    int count = 0;
    for (int n = 0; n < 125; n++) {
        const int along[3] = { n % 5 - 2, n / 5 % 5 - 2, n / 25 - 2 };
        float point[3], squares = 0;
        for (int a = 0; a < 3; a++) {
            point[a] = centre[a] + (float)(along[a] * radius / 2.2);
            squares += (float)(along[a] * along[a]);
        }
        if (squares > 5) continue;
        const enum tissue tissue = (enum tissue)map_at(head->tissue, head->anatomy, point);
        sum += is_parenchyma(tissue) ? 1 : tissue == FALX || tissue == TENTORIUM ? -2 : 0;
        count++;
    }
    return sum / count;
}

void pick_roomy_seed(float point[3], const struct head *head, enum entity entity, double radius, double enough,
                     struct random *random)
{
    double best = -INFINITY;
    for (int attempt = 0; attempt < 6 && best < enough; attempt++) {
        float tried[3];
        pick_seed(tried, head, entity, random);
        const double room = room_in_brain(tried, head, radius);
        if (room <= best) continue;
        best = room;
        memcpy(point, tried, sizeof tried);
    }
}
