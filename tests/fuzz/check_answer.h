/* Classifies a volume and asks for its attention map, and holds both against what the library promises. */
#ifndef TESTS_FUZZ_CHECK_ANSWER_H
#define TESTS_FUZZ_CHECK_ANSWER_H
#include "fuzz.h"

tumorclass_status check_answer(tumorclass_session *session, const tumorclass_model *model,
                               const tumorclass_volume *volume, const tumorclass_scan_options *options);

#endif
