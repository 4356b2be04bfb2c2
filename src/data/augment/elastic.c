/* The control points of an elastic displacement, and its cut along a line as cubics (uniform cubic B-splines
 * in both axes; de Boor, A Practical Guide to Splines, 1978). */
#include "data/augment/elastic.h"
#include "core/random.h"

enum { POINTS = MIXENT_ELASTIC_POINTS };

void mixent_elastic_draw(double reach, uint64_t seed, uint64_t epoch, uint64_t index,
                         float bend[2][POINTS][POINTS]) {
  enum { COUNT = 2 * POINTS * POINTS, BLOCKS = (COUNT + 3) / 4 };
  mixent_random random = mixent_random_stream(seed, "elastic", "");
  float *points = &bend[0][0][0];
  uint32_t word[4];
  for (uint64_t i = 0; i < COUNT; i++) {
    if (i % 4 == 0) mixent_random_block(&random, epoch, index * BLOCKS + i / 4, word);
    points[i] = (float)(reach * (word[i % 4] * 0x1p-31 - 1));
  }
}

/* The cubic in t, 0 to 1, between the second and the third of four control points. */
static void cubic_of_points(const double p[4], double out[4]) {
  out[0] = (p[0] + 4 * p[1] + p[2]) / 6;
  out[1] = (p[2] - p[0]) / 2;
  out[2] = (p[0] - 2 * p[1] + p[2]) / 2;
  out[3] = (p[3] - p[0] + 3 * (p[1] - p[2])) / 6;
}

void mixent_elastic_cut(const float bend[2][POINTS][POINTS], double y, mixent_elastic_line *out) {
  int cell = (int)y < MIXENT_ELASTIC_CELLS ? (int)y : MIXENT_ELASTIC_CELLS - 1;
  double t = y - cell, rest = 1 - t;
  const double share[4] = {rest * rest * rest / 6, (4 + t * t * (3 * t - 6)) / 6,
                           (4 + rest * rest * (3 * rest - 6)) / 6, t * t * t / 6};
  for (int axis = 0; axis < 2; axis++) {
    double points[POINTS] = {0};
    for (int row = 0; row < 4; row++)
      for (int i = 0; i < POINTS; i++) points[i] += share[row] * (double)bend[axis][cell + row][i];
    for (int i = 0; i < MIXENT_ELASTIC_CELLS; i++) cubic_of_points(points + i, out->cubic[i][axis]);
  }
}
