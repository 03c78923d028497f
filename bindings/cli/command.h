/* The command line: what a user types, and what a program reads. Includes the public header, never a room of lib. */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

/* How the command ends; the larger number wins when several apply. 128 + n: stopped by signal n. */
enum { ANSWERED = 0, SCAN_FAILED = 1, WRONG_USAGE = 2, MODEL_FAILED = 3, OUTPUT_FAILED = 4, INTERRUPTED = 128 };

struct options;

/* The commands; each returns one of the codes above. */
int classify(const struct options *options);
int preprocess(const struct options *options);
int batch(const struct options *options);
int info(const struct options *options);
int selftest(const struct options *options);
int doctor(const struct options *options);
/* Becomes the program tumorclass-evaluate, which reads its own options; comes back only with a code. */
int evaluate(char **arguments);

#endif
