/* A head of balls round one middle, to paint and to warp, and a lesion in it. */
#ifndef TUMORCLASS_TEST_SMALL_HEAD_H
#define TUMORCLASS_TEST_SMALL_HEAD_H
#include "paint.h"

enum { SIDE = 96, BOX = 32 };
extern uint8_t tissue[SIDE * SIDE * SIDE];
extern struct anatomy anatomy;
extern struct head head;
void setup_head(void);

/* The grid that has the anatomy's voxels, and the warp that changes nothing. */
extern const struct grid whole;
extern const struct warp identity;

size_t at(int i, int j, int k);
bool in_ball(const float p[3], float x, float y, float z, float radius);

/* A look without anything random in it. */
struct look plain_look(void);

/* A ball of radius 8 mm at 60, 48, 48 in a box of 32 mm, of the part `part` alone. */
extern uint8_t ball[BOX * BOX * BOX];
struct lesion ball_lesion(enum part part);

/* Paints the head with the lesion, not warped, on the grid `whole`. */
void must_paint(struct picture *picture, const struct lesion *lesion, const struct look *look, double strength);
#endif
