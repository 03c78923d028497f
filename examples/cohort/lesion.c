#include "lesion.h"
#include <stdlib.h>
#include "grow.h"

const char *const entity_codes[ENTITIES] = { "HGG", "LGG", "METS", "PA", "AN", "HLTH", "MEN" };

void lesion_free(struct lesion *lesion)
{
    for (int p = 0; p < PARTS; p++) free(lesion->cover[p]);
    free(lesion->push);
    *lesion = (struct lesion){ 0 };
}

unsigned tumour_share(const struct lesion *lesion, size_t voxel)
{
    static const enum part tumour[] = { PART_DULL, PART_FLUID, PART_SOLID };
    unsigned sum = 0;
    for (int p = 0; p < 3; p++)
        if (lesion->cover[tumour[p]]) sum += lesion->cover[tumour[p]][voxel];
    return sum < 255 ? sum : 255;
}

void measure_lesion(struct lesion *lesion)
{
    double sum[3] = { 0, 0, 0 }, count = 0;
    size_t n = 0;
    for (int k = 0; k < lesion->shape[2]; k++)
        for (int j = 0; j < lesion->shape[1]; j++)
            for (int i = 0; i < lesion->shape[0]; i++, n++) {
                const double share = tumour_share(lesion, n) / 255.0;
                if (share == 0) continue;
                count += share;
                sum[0] += share * i;
                sum[1] += share * j;
                sum[2] += share * k;
            }
    lesion->volume_ml = count / 1000;
    if (count == 0) return;
    for (int a = 0; a < 3; a++) lesion->centre[a] = (float)(lesion->low[a] + sum[a] / count);
}
