/* Random numbers that depend on a key and on nothing else: the same on every machine, for any number of threads.
 * Each question has a stream of its own, so that an answer more in one does not shift the others: a subject's
 * acquisition is the same whatever tumour it has, and its healthy twin the same head. */
#ifndef COHORT_RANDOM_H
#define COHORT_RANDOM_H
#include <stdbool.h>
#include <stdint.h>

enum stream {
    STREAM_PLAN,        /* which anatomy, which sizes */
    STREAM_HEAD,        /* gland, canals, dura of this head */
    STREAM_WARP,        /* its shape */
    STREAM_LOOK,        /* its tissues' intensities */
    STREAM_TEXTURE,     /* and their grain */
    STREAM_LESION,      /* place and shape of a tumour */
    STREAM_LESION_LOOK, /* and its intensities */
    STREAM_ACQUISITION, /* scanner, slices, stripping: never looks at the class */
    STREAM_NOISE        /* of the scanner */
};

struct random {
    uint64_t state[4];
};
struct random random_of(uint64_t seed, enum stream stream);

uint64_t random_bits(struct random *random);
double random_uniform(struct random *random, double low, double high);
double random_log_uniform(struct random *random, double low, double high); /* both positive */
double random_normal(struct random *random, double mean, double deviation);
int random_below(struct random *random, int count); /* 0 to count - 1 */
bool random_chance(struct random *random, double probability);
/* An index by its weight, 0 or more, not all 0. */
int random_choice(struct random *random, const double *weights, int count);
/* A direction, all equally likely. */
void random_direction(float direction[3], struct random *random);

#endif
