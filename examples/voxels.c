/* voxels: classify voxels that a program already has in memory, in its own layout, without a file.
 * Here: 16-bit, k fastest (C order), 1 x 1 x 2 mm, i towards the patient's left as most scanners store it. */
#include <stdio.h>
#include <stdlib.h>
#include <tumorclass/tumorclass.h>

enum { NI = 160, NJ = 192, NK = 80 };

/* A head-like ellipsoid with a bright spot: stands for what your software holds. */
static void draw(int16_t *voxels)
{
    for (int i = 0; i < NI; i++)
        for (int j = 0; j < NJ; j++)
            for (int k = 0; k < NK; k++) {
                const double x = (i - 80) / 70.0, y = (j - 96) / 85.0, z = (k - 40) / 36.0;
                const int inside = x * x + y * y + z * z < 1;
                const int spot = abs(i - 50) < 8 && abs(j - 100) < 8 && abs(k - 45) < 4;
                voxels[(i * NJ + j) * NK + k] = (int16_t)(inside ? 400 + 20 * (i % 7) + 500 * spot : 0);
            }
}

int main(void)
{
    int16_t *voxels = malloc(sizeof *voxels * NI * NJ * NK);
    if (!voxels) return EXIT_FAILURE;
    draw(voxels);
    const tumorclass_volume volume = {
        .data = voxels,
        .dtype = TUMORCLASS_I16,
        .shape = { NI, NJ, NK },
        .strides = { NJ * NK, NK, 1 },
        .affine = { -1, 0, 0, 80, /**/ 0, 1, 0, -96, /**/ 0, 0, 2, -80 },
    };

    tumorclass_model *model = NULL;
    tumorclass_session *session = NULL;
    tumorclass_result *result = NULL;
    tumorclass_status status = tumorclass_model_load(&model, NULL, NULL);
    if (!status) status = tumorclass_session_create(&session, model, NULL);
    if (!status) status = tumorclass_classify(session, &result, &volume, NULL);
    if (status) fprintf(stderr, "%s: %s\n", tumorclass_status_name(status), tumorclass_last_error());
    if (!status)
        printf("%s, on %s\n", tumorclass_model_class_name(model, tumorclass_result_class(result)),
               tumorclass_result_device(result));

    tumorclass_result_free(result);
    tumorclass_session_free(session);
    tumorclass_model_free(model);
    free(voxels);
    return status ? EXIT_FAILURE : EXIT_SUCCESS;
}
