/* Directions of matrices, then one pass over all elements, as for any optimiser. */
#include "optimize/muon.h"
#include "optimize/types.h"

#include <math.h>
#include <string.h>

enum { ITERATIONS = 3 };
static const float by_x = 3.4445F, by_a = -4.7750F, by_aa = 2.0315F;

static size_t smaller(size_t a, size_t b) {
  return a < b ? a : b;
}

size_t mixent_muon_room(const mixent_optimizer_segment *segments, size_t count) {
  size_t most = 0;
  for (size_t s = 0; s < count; s++) {
    if (!segments[s].rows) continue;
    size_t side = smaller(segments[s].rows, segments[s].count / segments[s].rows);
    size_t room = 3 * segments[s].count + 2 * side * side;
    most = room > most ? room : most;
  }
  return most;
}

static double norm_of(const float *x, size_t count) {
  double sum = 0;
  for (size_t i = 0; i < count; i++) sum += (double)x[i] * (double)x[i];
  return sqrt(sum);
}

/* out [columns, rows] */
static void transpose(size_t rows, size_t columns, const float *x, float *out) {
  for (size_t r = 0; r < rows; r++)
    for (size_t c = 0; c < columns; c++) out[c * rows + r] = x[r * columns + c];
}

void mixent_muon_orthogonalise(mixent_matrix_multiply *multiply, size_t rows, size_t columns, float *x,
                               float *room) {
  bool tall = rows > columns;
  size_t m = smaller(rows, columns), count = rows * columns, n = tall ? rows : columns;
  float *wide = room, *turned = wide + count, *product = turned + count, *a = product + count,
        *aa = a + m * m;
  float scale = (float)(1 / (norm_of(x, count) + 1e-7));
  if (tall)
    transpose(rows, columns, x, wide);
  else
    memcpy(wide, x, count * sizeof *wide);
  for (size_t i = 0; i < count; i++) wide[i] *= scale;
  for (int step = 0; step < ITERATIONS; step++) {
    transpose(m, n, wide, turned);
    multiply((int)m, (int)n, (int)m, wide, turned, a);
    multiply((int)m, (int)m, (int)m, a, a, aa);
    for (size_t i = 0; i < m * m; i++) aa[i] = by_a * a[i] + by_aa * aa[i];
    multiply((int)m, (int)m, (int)n, aa, wide, product);
    for (size_t i = 0; i < count; i++) wide[i] = by_x * wide[i] + product[i];
  }
  if (tall)
    transpose(m, n, wide, x);
  else
    memcpy(x, wide, count * sizeof *x);
}

void mixent_muon_directions(const mixent_optimizer *optimizer, float *theta, const float *gradient,
                            float *state) {
  for (size_t s = 0; s < optimizer->segment_count; s++) {
    const mixent_optimizer_segment *segment = &optimizer->segments[s];
    if (!segment->rows) continue;
    float *weights = theta + segment->offset, *direction = optimizer->direction + segment->offset;
    const float *slope = gradient + segment->offset;
    float *velocity = state + segment->offset;
    double scale = sqrt((double)segment->rows) / (norm_of(weights, segment->count) + 1e-7);
    for (size_t i = 0; i < segment->count; i++) {
      weights[i] = (float)(scale * (double)weights[i]);
      double moved = optimizer->momentum * (double)velocity[i] + (double)slope[i];
      velocity[i] = (float)moved;
      direction[i] = (float)(optimizer->nesterov ? (double)slope[i] + optimizer->momentum * moved : moved);
    }
    mixent_muon_orthogonalise(optimizer->multiply, segment->rows, segment->count / segment->rows, direction,
                              optimizer->room);
  }
}

/* theta -= lr direction, for matrices; SGD for the others. */
static void update(const mixent_optimizer *optimizer, const mixent_optimizer_range *run,
                   float *restrict theta, const float *restrict gradient, float *const state[]) {
  if (!run->direction) {
    mixent_optimizer_sgd.update(optimizer, run, theta, gradient, state);
    return;
  }
  for (size_t i = 0; i < run->count; i++)
    theta[i] = (float)((double)theta[i] - run->learning_rate * (double)run->direction[i]);
}

static void respond(const mixent_optimizer *optimizer, const mixent_optimizer_range *run, const float *theta,
                    const float *gradient, float *const state[], float *response) {
  mixent_optimizer_sgd.respond(optimizer, run, theta, gradient, state, response);
}

static void update_double(const mixent_optimizer *optimizer, const mixent_optimizer_range *run, double *theta,
                          const double *gradient, double *const state[]) {
  mixent_optimizer_sgd.update_double(optimizer, run, theta, gradient, state);
}

const mixent_optimizer_type mixent_optimizer_muon = {
    .name = "muon",
    .summary = "momentum made orthogonal for convolutions, sgd for the rest",
    .state_names = {"momentum_buffer"},
    .state_arrays = 1,
    .update = update,
    .respond = respond,
    .update_double = update_double,
};
