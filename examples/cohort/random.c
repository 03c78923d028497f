#include "random.h"
#include <assert.h>
#include <math.h>

/* SplitMix64 (Steele, Lea and Flood 2014): turns counters into well-mixed words. */
static uint64_t mix(uint64_t *counter)
{
    uint64_t word = *counter += 0x9e3779b97f4a7c15u;
    word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9u;
    word = (word ^ (word >> 27)) * 0x94d049bb133111ebu;
    return word ^ (word >> 31);
}

struct random random_of(uint64_t seed, enum stream stream)
{
    uint64_t counter = seed, key = mix(&counter) + (uint64_t)stream;
    struct random random;
    for (int i = 0; i < 4; i++) random.state[i] = mix(&key);
    return random;
}

static uint64_t rotate(uint64_t word, int by)
{
    return word << by | word >> (64 - by);
}

/* xoshiro256** (Blackman and Vigna 2018). */
uint64_t random_bits(struct random *random)
{
    uint64_t *s = random->state;
    const uint64_t bits = rotate(s[1] * 5, 7) * 9, shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate(s[3], 45);
    return bits;
}

double random_uniform(struct random *random, double low, double high)
{
    return low + (high - low) * ((double)(random_bits(random) >> 11) * 0x1p-53);
}

double random_log_uniform(struct random *random, double low, double high)
{
    assert(low > 0 && high > 0);
    return exp(random_uniform(random, log(low), log(high)));
}

/* Box and Muller 1958; the second value is not kept, so that each call takes two words. */
double random_normal(struct random *random, double mean, double deviation)
{
    const double radius = sqrt(-2 * log(1 - random_uniform(random, 0, 1)));
    return mean + deviation * radius * cos(6.283185307179586 * random_uniform(random, 0, 1));
}

int random_below(struct random *random, int count)
{
    assert(count > 0);
    return (int)random_uniform(random, 0, count);
}

bool random_chance(struct random *random, double probability)
{
    return random_uniform(random, 0, 1) < probability;
}

int random_choice(struct random *random, const double *weights, int count)
{
    double sum = 0;
    for (int i = 0; i < count; i++) sum += weights[i];
    assert(sum > 0);
    double left = random_uniform(random, 0, sum);
    int last = 0;
    for (int i = 0; i < count; i++) {
        if (weights[i] <= 0) continue;
        if (left < weights[i]) return i;
        left -= weights[i];
        last = i;
    }
    return last;
}

void random_direction(float direction[3], struct random *random)
{
    const double z = random_uniform(random, -1, 1), angle = random_uniform(random, 0, 6.283185307179586);
    const double radius = sqrt(1 - z * z);
    direction[0] = (float)(radius * cos(angle));
    direction[1] = (float)(radius * sin(angle));
    direction[2] = (float)z;
}
