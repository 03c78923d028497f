/* tumorclass doctor: what belongs into a bug report. */
#include <stdio.h>
#include "command.h"
#include "json.h"
#include "options.h"
#include "terminal.h"

int doctor(const struct options *options)
{
    tumorclass_diagnosis *diagnosis;
    if (tumorclass_diagnosis_create(&diagnosis) != TUMORCLASS_OK) {
        complain("%s", tumorclass_last_error());
        return MODEL_FAILED;
    }
    size_t count;
    const tumorclass_property *facts = tumorclass_diagnosis_facts(diagnosis, &count);
    if (options->json) {
        json_line(stdout, json_properties(facts, count));
    } else {
        puts("What to write into a bug report. It names folders of this machine, no scan.");
        put_properties("Facts", facts, count);
    }
    tumorclass_diagnosis_free(diagnosis);
    return ANSWERED;
}
