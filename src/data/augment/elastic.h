/* A smooth random displacement: in each axis a cubic B-spline over a coarse grid of control points, so that no
 * point moves further than the control points do. Read along horizontal lines. */
#ifndef MIXENT_DATA_AUGMENT_ELASTIC_H
#define MIXENT_DATA_AUGMENT_ELASTIC_H

#include "mixent/data.h"

/* Control points for (seed, epoch, index), each coordinate uniform in [-reach, reach]. */
void mixent_elastic_draw(double reach, uint64_t seed, uint64_t epoch, uint64_t index,
                         float bend[2][MIXENT_ELASTIC_POINTS][MIXENT_ELASTIC_POINTS]);

/* The displacement along a line of constant y: per axis and cell the cubic in the place x within the cell. */
typedef struct mixent_elastic_line {
  double cubic[MIXENT_ELASTIC_CELLS][2][4];
} mixent_elastic_line;

/* y in cells, within [0, MIXENT_ELASTIC_CELLS]. */
void mixent_elastic_cut(const float bend[2][MIXENT_ELASTIC_POINTS][MIXENT_ELASTIC_POINTS], double y,
                        mixent_elastic_line *out);

/* move[0], move[1]: along x and y; x in cells, within [0, MIXENT_ELASTIC_CELLS). */
static inline void mixent_elastic_at(const mixent_elastic_line *line, double x, double move[2]) {
  int cell = (int)x;
  double t = x - cell;
  for (int axis = 0; axis < 2; axis++) {
    const double *c = line->cubic[cell][axis];
    move[axis] = c[0] + t * (c[1] + t * (c[2] + t * c[3]));
  }
}

#endif
