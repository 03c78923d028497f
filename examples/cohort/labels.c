#include "label_map.h"

enum { LABELS = 531 };

/* FreeSurfer's numbers, and those of SimNIBS's head models from 501 on: left, right where there are two. */
static const uint8_t tissues[LABELS] = {
    [2] = WHITE,
    [41] = WHITE,
    [3] = CORTEX,
    [42] = CORTEX,
    [4] = VENTRICLE,
    [43] = VENTRICLE,
    [5] = VENTRICLE,
    [44] = VENTRICLE,
    [7] = CEREBELLAR_WHITE,
    [46] = CEREBELLAR_WHITE,
    [8] = CEREBELLAR_CORTEX,
    [47] = CEREBELLAR_CORTEX,
    [10] = THALAMUS,
    [49] = THALAMUS,
    [11] = CAUDATE,
    [50] = CAUDATE,
    [12] = PUTAMEN,
    [51] = PUTAMEN,
    [13] = PALLIDUM,
    [52] = PALLIDUM,
    [14] = VENTRICLE,
    [15] = VENTRICLE,
    [72] = VENTRICLE,
    [16] = BRAIN_STEM,
    [17] = HIPPOCAMPUS,
    [53] = HIPPOCAMPUS,
    [18] = HIPPOCAMPUS,
    [54] = HIPPOCAMPUS,
    [26] = HIPPOCAMPUS,
    [58] = HIPPOCAMPUS,
    [24] = CSF,
    [520] = CSF,
    [25] = WHITE_LESION,
    [57] = WHITE_LESION,
    [28] = DIENCEPHALON,
    [60] = DIENCEPHALON,
    [30] = PERIVASCULAR,
    [62] = PERIVASCULAR,
    [85] = CHIASM,
    [136] = CHOROID_PLEXUS,
    [163] = CHOROID_PLEXUS,
    [137] = CHOROID_PLEXUS,
    [164] = CHOROID_PLEXUS,
    [501] = CAVITY,
    [502] = ARTERY,
    [514] = VEIN,
    [506] = EYE,
    [508] = EYE_MUSCLE,
    [530] = OPTIC_NERVE,
    [507] = SOFT_TISSUE,
    [509] = MUCOSA,
    [511] = SKIN,
    [512] = CORD,
    [515] = CORTICAL_BONE,
    [516] = MARROW,
};

enum tissue tissue_of_label(int label)
{
    if (label == 0 || label == 517) return OUTSIDE;
    return label > 0 && label < LABELS && tissues[label] ? (enum tissue)tissues[label] : TISSUES;
}

bool is_brain(enum tissue tissue)
{
    return tissue >= WHITE && tissue <= CHOROID_PLEXUS;
}

bool is_skull(enum tissue tissue)
{
    return tissue == CORTICAL_BONE || tissue == MARROW || tissue == CAVITY;
}
