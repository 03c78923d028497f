/* classify SCAN.nii.gz [MAP.nii.gz]: one scan, its classes, and where the answer comes from.
 *     cc classify.c $(pkg-config --cflags --libs tumorclass) */
#include <stdio.h>
#include <stdlib.h>
#include <tumorclass/tumorclass.h>

static int stop(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, tumorclass_last_error());
    return EXIT_FAILURE;
}

/* The attention map of the class found, on the scan's own grid. */
static int write_map(const char *path, tumorclass_session *session, const tumorclass_result *result,
                     const tumorclass_image *scan)
{
    tumorclass_volume volume = *tumorclass_image_volume(scan);
    const size_t count = (size_t)(volume.shape[0] * volume.shape[1] * volume.shape[2]);
    tumorclass_attention_summary summary;
    float *map = malloc(count * sizeof *map);
    if (!map) return stop("no memory");
    if (tumorclass_attention(session, map, count, &summary, result, tumorclass_result_class(result), NULL)) {
        free(map);
        return stop("attention");
    }
    printf("attention peaks at %.0f, %.0f, %.0f mm\n", summary.peak_mm[0], summary.peak_mm[1], summary.peak_mm[2]);

    volume = (tumorclass_volume){
        .data = map,
        .dtype = TUMORCLASS_F32,
        .shape = { volume.shape[0], volume.shape[1], volume.shape[2] },
        .strides = { 1, volume.shape[0], volume.shape[0] * volume.shape[1] },
    };
    const tumorclass_status status = tumorclass_image_write(path, &volume, 1, scan);
    free(map);
    return status ? stop(path) : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    if (argc != 2 && argc != 3) return fprintf(stderr, "usage: classify SCAN.nii.gz [MAP.nii.gz]\n"), 2;

    tumorclass_image *scan;
    tumorclass_model *model;
    tumorclass_session *session;
    tumorclass_result *result;
    if (tumorclass_image_read(&scan, argv[1], NULL)) return stop(argv[1]);
    if (tumorclass_model_load(&model, NULL, NULL)) return stop("model");
    if (tumorclass_session_create(&session, model, NULL)) return stop("session");
    if (tumorclass_classify(session, &result, tumorclass_image_volume(scan), NULL)) return stop(argv[1]);

    size_t count;
    const float *probabilities = tumorclass_result_probabilities(result, &count);
    for (size_t i = 0; i < count; i++)
        printf("%-20s %6.2f %%\n", tumorclass_model_class_name(model, (int32_t)i), 100 * probabilities[i]);
    const tumorclass_qc *qc = tumorclass_result_qc(result, &count);
    for (size_t i = 0; i < count; i++) printf("warning: %s\n", qc[i].message);
    const int code = argc == 3 ? write_map(argv[2], session, result, scan) : EXIT_SUCCESS;
    puts("Research use, not for diagnosis.");

    tumorclass_result_free(result);
    tumorclass_session_free(session);
    tumorclass_model_free(model);
    tumorclass_image_free(scan);
    return code;
}
