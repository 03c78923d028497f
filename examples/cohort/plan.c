#include "plan.h"
#include <string.h>

const char *const split_names[SPLITS] = { "train", "validation", "internal", "external" };

/* Maps 03, 04, 07, 09, 13 and 20 end at the skull base, the others below the chin. Landmarks lie oddly in 05, 11 and 14:
 * no split has all three, nor a test two of them. */
enum split anatomy_split(const char *name)
{
    static const struct {
        enum split split;
        const char *names;
    } splits[] = {
        { TRAIN, "01 03 04 05 06 08 10 11 12 15 17 19 20" },
        { VALIDATION, "02 13" },
        { INTERNAL, "07 14 18" },
        { EXTERNAL, "09 16" },
    };
    const bool numbered = strlen(name) == 2 && !strchr(name, ' ');
    for (size_t i = 0; numbered && i < sizeof splits / sizeof *splits; i++)
        if (strstr(splits[i].names, name)) return splits[i].split;
    return (enum split) - 1;
}

int plan_size(const struct plan *plan)
{
    int size = 0;
    for (int entity = 0; entity < ENTITIES; entity++) size += plan->counts[entity];
    return size;
}

/* Each in turn goes to the class that is furthest behind its share: count * (n + 1) / size - dealt, compared in whole
 * numbers. */
void plan_entities(uint8_t *entities, const struct plan *plan)
{
    const int size = plan_size(plan);
    int dealt[ENTITIES] = { 0 };
    for (int n = 0; n < size; n++) {
        int furthest = 0;
        int64_t most = INT64_MIN;
        for (int entity = 0; entity < ENTITIES; entity++) {
            const int64_t behind = (int64_t)plan->counts[entity] * (n + 1) - (int64_t)dealt[entity] * size;
            if (dealt[entity] == plan->counts[entity] || behind <= most) continue;
            most = behind;
            furthest = entity;
        }
        dealt[furthest]++;
        entities[n] = (uint8_t)furthest;
    }
}

/* A seed that follows from two numbers and tells nothing of either. */
static uint64_t seed_of(uint64_t seed, uint64_t number)
{
    struct random random = random_of(seed, STREAM_PLAN);
    random = random_of(random_bits(&random) ^ number, STREAM_PLAN);
    return random_bits(&random);
}

void plan_subject(struct subject *subject, const struct plan *plan, int number, enum entity entity)
{
    const uint64_t seed = seed_of(seed_of(plan->seed, (uint64_t)plan->split), (uint64_t)number);
    struct random random = random_of(seed, STREAM_PLAN);
    *subject = (struct subject){ .number = number,
                                 .seed = seed,
                                 .entity = entity,
                                 .split = plan->split,
                                 .anatomy = random_below(&random, plan->anatomies) };
}

void plan_acquisition(struct acquisition_rules *rules, double *contrast, const struct plan *plan,
                      const struct subject *subject)
{
    struct random random = random_of(seed_of(subject->seed, 0), STREAM_PLAN);
    const bool left_out = plan->split == EXTERNAL && random_chance(&random, 0.25);
    *rules = (struct acquisition_rules){ .strip = plan->strip,
                                         .stripping = plan->stripping,
                                         .finest = plan->finest,
                                         .fixed_shape = plan->fixed_shape,
                                         .fixed_step = plan->fixed_step };
    for (int family = 0; family < FAMILIES; family++)
        rules->family[family] = plan->only_family ? family == (int)plan->family
                                                  : left_out == (family == FAMILY_FAT_SUPPRESSED);
    *contrast = subject->entity == HLTH ? plan->healthy_contrast : plan->contrast;
}

uint64_t scan_seed(const struct subject *subject, int attempt)
{
    const int again = (attempt - 1) / ATTEMPTS;
    return again ? seed_of(subject->seed, (uint64_t)again) : subject->seed;
}

uint64_t lesion_seed(const struct subject *subject, int attempt)
{
    return attempt > 1 ? seed_of(subject->seed, UINT64_C(1) << 32 | (uint64_t)attempt) : subject->seed;
}
