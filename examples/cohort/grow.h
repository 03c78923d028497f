/* What lesions are made with: shapes, distances, spreading through tissue, and pushing it aside. All in a box of the
 * anatomy's voxels. */
#ifndef COHORT_GROW_H
#define COHORT_GROW_H
#include "lesion.h"
#include "noise.h"

/* A box of a head's voxels, with the tissue in it; what lies beyond the head's grid is OUTSIDE. */
struct region {
    const struct head *head;
    int low[3], shape[3];
    size_t count;
    uint8_t *tissue;
};
bool region_create(struct region *region, const struct head *head, const float centre[3], double radius);
void region_free(struct region *region);
static inline void region_point(float point[3], const struct region *region, int i, int j, int k)
{
    point[0] = (float)(region->low[0] + i);
    point[1] = (float)(region->low[1] + j);
    point[2] = (float)(region->low[2] + k);
}

static inline size_t region_index(const struct region *region, int i, int j, int k)
{
    return ((size_t)k * (size_t)region->shape[1] + (size_t)j) * (size_t)region->shape[0] + (size_t)i;
}
/* Its tissue as the lesion displaced it: for what grows after push_aside. false: no memory. */
bool region_displace(struct region *region, const struct lesion *lesion);

/* A voxel of a place, all equally likely; a place without any gives the middle of the brain. */
void pick_place(float point[3], const struct anatomy *anatomy, enum place place, struct random *random);

/* Where a tumour of this class begins; HLTH: where one of any other class would. */
void pick_seed(float point[3], const struct head *head, enum entity entity, struct random *random);
/* The share of a ball, by samples, that lies in brain tissue; falx and tentorium in it count against it. */
double room_in_brain(const float centre[3], const struct head *head, double radius);
/* The best of six seeds, or the first with `enough` room for a ball. */
void pick_roomy_seed(float point[3], const struct head *head, enum entity entity, double radius, double enough,
                     struct random *random);
/* A byte map of an anatomy at the voxel nearest to a point; 0 beyond its grid. */
uint8_t map_at(const uint8_t *map, const struct anatomy *anatomy, const float point[3]);

/* mm to the next voxel where `set` is non-zero, exact up to `most`, which stands for all beyond (Felzenszwalb and
 * Huttenlocher 2012). false: no memory. */
bool distance_map(float *mm, const uint8_t *set, const int shape[3], double most);

/* An ellipsoid; axes are unit vectors, radii mm. */
struct ellipsoid {
    float centre[3], axis[3][3], radius[3];
};
void ellipsoid_draw(struct ellipsoid *ellipsoid, struct random *random, const float centre[3], double radius,
                    double elongation /* 1: a ball; 1.5: radii differ by up to that factor */);
/* About the distance in mm to the surface of a union of ellipsoids, negative inside, with its surface moved by noise of
 * the deviation `roughness` mm and grain `grain` mm (several octaves). field[region->count]. */
bool blob(float *field, const struct region *region, const struct ellipsoid *ellipsoids, int count, double roughness,
          double grain, struct random *random);

/* mm of travel from where `field` is 0 or less, each voxel costing cost[tissue] a mm (infinite: a wall), up to `most`.
 * field and travel may be the same. */
bool spread(float *travel, const struct region *region, const float *field, const float cost[TISSUES], double most);

/* A lesion's box, before anything is covered or pushed; without this it is that of the first region used. */
void lesion_box(struct lesion *lesion, const int low[3], const int shape[3]);
/* A part's cover, all 0 if it was not there yet. */
bool lesion_part(struct lesion *lesion, enum part part);
/* Cover a part where field (mm, negative inside) is below 0, with an edge that is `softness` mm wide; what
 * was covered already stays so. */
bool cover_part(struct lesion *lesion, enum part part, const struct region *region, const float *field,
                double softness);

/* Push tissue out of the lesion whose surface is field = 0: a share `share` of its volume is room that it made (1: it
 * displaced all that was there, 0.3: it mostly replaced it). The map preserves volume near the surface,
 * r' = cbrt(r^3 + share a^3), fades over `reach` radii, and stops at bone. The Jacobian of p -> p + push
 * stays above 0.2: a share above 0.75 or so is cut back. A further focus adds to what the others pushed. Nothing is
 * pushed by a field that is nowhere below 0. */
bool push_aside(struct lesion *lesion, const struct region *region, const float *field, double share, double reach);
/* The lesion's push at a point, joined linearly; 0 outside its box. */
void push_at(float push[3], const struct lesion *lesion, const float point[3]);
/* The same at `count` points from `point` on, 1 mm apart along x. */
void push_row(float (*push)[3], const struct lesion *lesion, const float point[3], size_t count);

static inline double ball_ml(double radius)
{
    return 4.18879e-3 * radius * radius * radius;
}
/* How a tumour lies in the brain. */
struct fit {
    double ml;       /* its volume */
    double softness; /* of the edge that it will be covered with: at the brain's own surface that stays sharp */
    double closing;  /* 0: CSF bounds it, but for thin sulci; from 0.5 on it presses CSF shut */
};
/* Fit a tumour into the brain: field becomes more than 0 outside brain tissue, beyond falx and tentorium, and in what is
 * reached from the seed by long detours only, and its surface moves, by a third of the radius at most, until it holds the volume. */
bool fit_in_brain(float *field, const struct region *region, const float seed[3], const struct fit *fit);
bool is_parenchyma(enum tissue tissue);

/* A wall that enhances round necrosis or a cyst. */
struct wall {
    double mm;         /* mean thickness */
    double unevenness; /* deviation of its logarithm, */
    double grain;      /* mm, of that */
    double ragged;     /* mm, deviation of the inner surface in its detail */
};
/* Cover PART_SOLID with the wall and PART_FLUID with what it encloses; nothing is enclosed by a wall that is thicker
 * than the tumour. */
bool cover_ring(struct lesion *lesion, const struct region *region, const float *field, const struct wall *wall,
                struct random *random);
/* Cover PART_OEDEMA: `reach` mm on from the tumour, more here and less there, along white matter. */
bool cover_oedema(struct lesion *lesion, const struct region *region, const float *field, double reach,
                  struct random *random);

/* How much of a voxel of the lesion's box is tumour (DULL, FLUID and SOLID), 0 to 255. */
unsigned tumour_share(const struct lesion *lesion, size_t voxel);
/* Volume and centre of the lesion from its parts: DULL, FLUID and SOLID. */
void measure_lesion(struct lesion *lesion);

#endif
