/* dump_preprocess SCAN PREFIX D,H,W [--mask MASK] [--orientation RAS] [--spacing A,B,C] [--norm zscore|none|LOW,HIGH]
 *                 [--clip LOW,HIGH] [--background VALUE] [--threads N]
 *
 * Preprocesses a NIfTI file and writes PREFIX.input (float32), PREFIX.foreground (bytes, i fastest), and on standard
 * output what was found, a line "name value ..." each: what preprocess.py holds against its own statement. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "image/volume.h"
#include "preprocess/preprocess.h"

struct arguments {
    const char *scan, *prefix, *mask;
    struct preprocess_spec spec;
    int threads;
};

static bool read_norm(struct preprocess_spec *spec, const char *text)
{
    spec->norm = NORM_PERCENTILE;
    if (!strcmp(text, "zscore")) spec->norm = NORM_ZSCORE;
    if (!strcmp(text, "none")) spec->norm = NORM_NONE;
    return spec->norm != NORM_PERCENTILE || sscanf(text, "%lf,%lf", &spec->percentiles[0], &spec->percentiles[1]) == 2;
}

static bool read_option(struct arguments *arguments, int option, const char *text)
{
    struct preprocess_spec *spec = &arguments->spec;
    switch (option) {
    case 'm': arguments->mask = text; return true;
    case 'o': memcpy(spec->orientation, text, 4); return orientation_is_valid(text);
    case 's':
        spec->grid = GRID_SPACING;
        return sscanf(text, "%lf,%lf,%lf", &spec->spacing[0], &spec->spacing[1], &spec->spacing[2]) == 3;
    case 'n': return read_norm(spec, text);
    case 'c': spec->clip = true; return sscanf(text, "%lf,%lf", &spec->bounds[0], &spec->bounds[1]) == 2;
    case 'b': spec->has_background = true; return sscanf(text, "%lf", &spec->background) == 1;
    case 't': return sscanf(text, "%d", &arguments->threads) == 1;
    default: return false;
    }
}

static bool read_arguments(struct arguments *arguments, int argc, char **argv)
{
    static const struct option options[] = {
        { "mask", required_argument, NULL, 'm' },    { "orientation", required_argument, NULL, 'o' },
        { "spacing", required_argument, NULL, 's' }, { "norm", required_argument, NULL, 'n' },
        { "clip", required_argument, NULL, 'c' },    { "background", required_argument, NULL, 'b' },
        { "threads", required_argument, NULL, 't' }, { NULL, 0, NULL, 0 },
    };
    *arguments = (struct arguments){ .spec = { .orientation = "RAS" }, .threads = 1 };
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;)
        if (!read_option(arguments, option, optarg)) return false;
    if (argc - optind != 3) return false;
    arguments->scan = argv[optind];
    arguments->prefix = argv[optind + 1];
    long long shape[3];
    if (sscanf(argv[optind + 2], "%lld,%lld,%lld", &shape[0], &shape[1], &shape[2]) != 3) return false;
    for (int n = 0; n < 3; n++) arguments->spec.shape[n] = shape[n];
    return true;
}

static void print_numbers(const char *name, const double *values, int count)
{
    printf("%s", name);
    for (int i = 0; i < count; i++) printf(" %.17g", values[i]);
    printf("\n");
}

static void print_facts(const struct preparation *p)
{
    const struct preprocess_facts *facts = &p->facts;
    static const char *const ways[] = { "given", "background", "otsu", "all" };
    printf("foreground %s %s\n", ways[facts->foreground], ways[facts->foreground_tried]);
    print_numbers("share", &facts->foreground_share, 1);
    print_numbers("centre", facts->centre_mm, 3);
    print_numbers("background", &facts->background_value, 1);
    print_numbers("background_share", &facts->background_share, 1);
    print_numbers("threshold", &facts->threshold, 1);
    print_numbers("nonfinite", (const double[]){ (double)facts->nonfinite }, 1);
    print_numbers("range", (const double[]){ facts->minimum, facts->maximum }, 2);
    print_numbers("moments", (const double[]){ facts->mean, facts->deviation }, 2);
    print_numbers("percentiles", (const double[]){ facts->low, facts->high }, 2);
    print_numbers("to_network", p->to_network, 12);
    print_numbers("affine", p->affine, 12);
}

static tumorclass_status write_voxels(const char *prefix, const char *suffix, const void *data, size_t size)
{
    char path[4096];
    snprintf(path, sizeof path, "%s.%s", prefix, suffix);
    return tumorclass_write_file(path, data, size);
}

static tumorclass_status dump(const struct arguments *arguments, const tumorclass_volume *scan,
                              const tumorclass_volume *mask)
{
    struct pool *pool = pool_create(arguments->threads);
    struct preparation p;
    tumorclass_status status = preprocess_run(&p, scan, mask, &arguments->spec, pool, NULL);
    const int64_t *shape = arguments->spec.shape;
    if (status == TUMORCLASS_OK)
        status = write_voxels(arguments->prefix, "input", p.input,
                              (size_t)(shape[0] * shape[1] * shape[2]) * sizeof *p.input);
    if (status == TUMORCLASS_OK)
        status = write_voxels(arguments->prefix, "foreground", p.foreground, (size_t)volume_count(scan));
    if (status == TUMORCLASS_OK) print_facts(&p);
    preparation_free(&p);
    pool_free(pool);
    return status;
}

int main(int argc, char **argv)
{
    struct arguments arguments;
    if (!read_arguments(&arguments, argc, argv)) {
        fputs("usage: dump_preprocess SCAN PREFIX D,H,W [options]: see the source\n", stderr);
        return 64;
    }
    tumorclass_image *scan = NULL, *mask = NULL;
    tumorclass_status status = tumorclass_image_read(&scan, arguments.scan, NULL);
    if (status == TUMORCLASS_OK && arguments.mask) status = tumorclass_image_read(&mask, arguments.mask, NULL);
    if (status == TUMORCLASS_OK)
        status = dump(&arguments, tumorclass_image_volume(scan), mask ? tumorclass_image_volume(mask) : NULL);
    if (status != TUMORCLASS_OK) fprintf(stderr, "%s\n", tumorclass_last_error());
    tumorclass_image_free(scan);
    tumorclass_image_free(mask);
    return status == TUMORCLASS_OK ? 0 : 1;
}
