/* dump_image PATH: what the library reads from a NIfTI file, for nifti_read.py to hold against another reader.
 * Standard output: a line of three extents, twelve affine entries and the notes, then the intensities as float32, i
 * fastest. A refusal: the status' name, a tab and the sentence, and exit code 1. */
#include <stdio.h>
#include <stdlib.h>
#include "image/volume.h"

static int dump(const tumorclass_volume *volume)
{
    const int64_t *shape = volume->shape;
    printf("%lld %lld %lld", (long long)shape[0], (long long)shape[1], (long long)shape[2]);
    for (int n = 0; n < 12; n++) printf(" %.17g", volume->affine[n]);
    printf(" %u\n", (unsigned)volume->notes);

    float *line = malloc((size_t)shape[0] * sizeof *line);
    if (!line) return 2;
    for (int64_t k = 0; k < shape[2]; k++)
        for (int64_t j = 0; j < shape[1]; j++) {
            volume_read_line(line, volume, (const int64_t[]){ 0, j, k }, 0, shape[0]);
            fwrite(line, sizeof *line, (size_t)shape[0], stdout);
        }
    free(line);
    return fflush(stdout) || ferror(stdout) ? 2 : 0;
}

int main(int argument_count, char **arguments)
{
    if (argument_count != 2) return 2;
    tumorclass_image *image;
    const tumorclass_status status = tumorclass_image_read(&image, arguments[1], NULL);
    if (status != TUMORCLASS_OK) {
        printf("%s\t%s\n", tumorclass_status_name(status), tumorclass_last_error());
        return 1;
    }
    const int result = dump(tumorclass_image_volume(image));
    tumorclass_image_free(image);
    return result;
}
