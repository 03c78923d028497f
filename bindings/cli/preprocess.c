/* tumorclass preprocess: exactly what the network reads, as a file for training and for comparisons. */
#include <stdlib.h>
#include "engine.h"
#include "outputs.h"
#include "paths.h"
#include "terminal.h"

static tumorclass_status write_input(const char *pattern, const char *path, const tumorclass_image *input)
{
    char *output = expand_pattern(pattern, path);
    if (!output) return TUMORCLASS_OUT_OF_MEMORY;
    const tumorclass_status status = tumorclass_image_write(output, tumorclass_image_volume(input), 1, NULL);
    free(output);
    return status;
}

static int preprocess_scan(struct engine *engine, const struct options *options, const char *path, void *unused)
{
    (void)unused;
    struct scan scan;
    tumorclass_image *input = NULL;
    tumorclass_status status = scan_read(&scan, options, path);
    if (status == TUMORCLASS_OK) status = tumorclass_preprocess(engine->session, &input, scan.volume, &scan.options);
    int code = exit_code_of(status);
    if (code == ANSWERED) {
        status = write_input(options->output, path, input);
        if (status != TUMORCLASS_OK) code = OUTPUT_FAILED;
    }
    if (status != TUMORCLASS_OK) complain_about(scan.name, sentence_of(status));
    tumorclass_image_free(input);
    scan_free(&scan);
    return code;
}

int preprocess(const struct options *options)
{
    if (!options->output) {
        complain("preprocess needs --output OUT.nii.gz");
        return WRONG_USAGE;
    }
    const struct work work = { .scan = preprocess_scan };
    const int code = check_outputs(options);
    return code == ANSWERED ? run_scans(options, &work) : code;
}
