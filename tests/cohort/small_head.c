#include "small_head.h"
#include "support.h"

uint8_t tissue[SIDE * SIDE * SIDE];
struct anatomy anatomy;
struct head head = { .anatomy = &anatomy, .tissue = tissue };

bool in_ball(const float p[3], float x, float y, float z, float radius)
{
    return (p[0] - x) * (p[0] - x) + (p[1] - y) * (p[1] - y) + (p[2] - z) * (p[2] - z) <= radius * radius;
}

/* Balls round the middle, from skin to white matter, and a few structures that enhance. */
void setup_head(void)
{
    static const struct {
        float radius;
        enum tissue tissue;
    } shells[] = { { 44, SKIN }, { 42, SOFT_TISSUE }, { 37, CORTICAL_BONE }, { 33, DURA },
                   { 32, CSF },  { 30, CORTEX },      { 26, WHITE },         { 9, VENTRICLE } };
    anatomy = (struct anatomy){ .shape = { SIDE, SIDE, SIDE }, .middle = 48, .tissue = tissue };
    for (int a = 0; a < 3; a++) {
        anatomy.head_low[a] = 4;
        anatomy.head_high[a] = 92;
        anatomy.brain_low[a] = 18;
        anatomy.brain_high[a] = 78;
    }
    for (size_t i = 0; i < sizeof tissue; i++) {
        float point[3];
        anatomy_point(point, &anatomy, i);
        tissue[i] = OUTSIDE;
        for (size_t s = 0; s < sizeof shells / sizeof *shells; s++)
            if (in_ball(point, 48, 48, 48, shells[s].radius)) tissue[i] = shells[s].tissue;
        if (in_ball(point, 48, 72, 48, 4)) tissue[i] = VEIN;
        if (in_ball(point, 48, 48, 30, 4)) tissue[i] = GLAND;
    }
}

const struct grid whole = { { SIDE, SIDE, SIDE }, { 0, 0, 0 }, 1 };
static float no_shift[8][3];
const struct warp identity = { { 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0 }, { { 2, 2, 2 }, { 0, 0, 0 }, 1 }, no_shift };

size_t at(int i, int j, int k)
{
    return ((size_t)k * SIDE + (size_t)j) * SIDE + (size_t)i;
}

struct look plain_look(void)
{
    struct look look = { .grain = { 2, 5, 15 }, .fat_share = 0.3f };
    for (int t = CAVITY; t < TISSUES; t++) look.mean[t] = 0.1f + 0.02f * (float)t;
    look.mean[WHITE] = 1;
    look.mean[SKIN] = look.mean[SOFT_TISSUE] = look.fat_mean = 0.5f;
    return look;
}

uint8_t ball[BOX * BOX * BOX];
struct lesion ball_lesion(enum part part)
{
    struct lesion lesion = { .low = { 44, 32, 32 }, .shape = { BOX, BOX, BOX }, .centre = { 60, 48, 48 } };
    for (int n = 0; n < BOX * BOX * BOX; n++) {
        const float point[3] = { (float)(n % BOX), (float)(n / BOX % BOX), (float)(n / BOX / BOX) };
        ball[n] = in_ball(point, 16, 16, 16, 8) ? 255 : 0;
    }
    lesion.cover[part] = ball;
    lesion.look[part] = (struct part_look){ .level = 0.5f, .uptake = 0.75f };
    return lesion;
}

void must_paint(struct picture *picture, const struct lesion *lesion, const struct look *look, double strength)
{
    ck_assert(picture_paint(picture, &whole, &head, lesion, &identity, look, strength, 7));
}
