/* The map and the picture that a batch writes for each scan: where they go, and whether they are there. */
#ifndef CLI_BATCH_FILES_H
#define CLI_BATCH_FILES_H
#include "answer.h"
#include "scans.h"

/* Can they be written, each to a file of its own that is no input? ANSWERED, or another code after saying why. */
int check_batch_files(const struct options *options, const struct scans *scans);
tumorclass_status write_batch_files(struct answer *answer, const struct options *options,
                                    const struct found_scan *scan);
/* Were they written, as far as they are asked for? */
bool has_batch_files(const struct options *options, const struct found_scan *scan);

#endif
