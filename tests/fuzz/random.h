/* Choices of a mutation: the same for the same seed, everywhere. */
#ifndef TESTS_FUZZ_RANDOM_H
#define TESTS_FUZZ_RANDOM_H
#include <stddef.h>
#include <stdint.h>

struct random {
    uint64_t state;
};

/* 0 to count - 1; splitmix64 (Steele, Lea and Flood 2014). */
static inline uint64_t choose(struct random *random, uint64_t count)
{
    uint64_t z = random->state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return (z ^ z >> 31) % count;
}

/* A whole number of the kind that programs get wrong: small, near a power of two, near a limit, or any. */
static inline int64_t odd_integer(struct random *random)
{
    const int64_t near = (int64_t)choose(random, 3) - 1;
    switch (choose(random, 5)) {
    case 0: return (int64_t)choose(random, 20) - 4;
    case 1: return (int64_t)((UINT64_C(1) << choose(random, 64)) + (uint64_t)near);
    case 2: return -(int64_t)((UINT64_C(1) << choose(random, 63)) + (uint64_t)near);
    case 3: return (int64_t)choose(random, 1 << 16);
    default: return (int64_t)choose(random, UINT64_MAX);
    }
}

static inline double odd_number(struct random *random)
{
    static const double numbers[] = { 0,    -0.0,  1,     -1,     0.5,    2,     1e-6,   1e6, 1e-30,   1e30,
                                      1e38, 1e-38, 1e300, 1e-300, 3.5e38, 4e-46, 5e-324, 255, 32767.5, -1e9 };
    const size_t count = sizeof numbers / sizeof *numbers;
    switch (choose(random, 5)) {
    case 0: return (double)odd_integer(random);
    case 1: return 0.0 / (numbers[0] + 0); /* NaN */
    case 2: return (choose(random, 2) ? 1 : -1) / (numbers[0] + 0);
    default: return numbers[choose(random, count)];
    }
}

#endif
