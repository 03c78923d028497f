/* Where a run's outputs go, checked before any work is done. */
#ifndef CLI_OUTPUTS_H
#define CLI_OUTPUTS_H
#include "options.h"

/* Are the outputs named as they can be written, all different, and none of them an input?
 * ANSWERED, or WRONG_USAGE or OUTPUT_FAILED after saying why. */
int check_outputs(const struct options *options);

#endif
