/* Matrix product in float, row by row: out [m][n] = a [m][k] b [k][n]. A block of 4 rows and 3 vectors of columns stays in registers
 * while k goes by, in pieces of 256 so that their rows of b stay in the cache for all rows of a. */
#ifndef MIXENT_NET_KERNELS_MATRIX_H
#define MIXENT_NET_KERNELS_MATRIX_H

#include "net/kernels/kernels.h"
#include "net/kernels/vector.h"

enum { MATRIX_ROWS = 4, MATRIX_VECTORS = 3, MATRIX_DEPTH = 256 };

/* Rows [0, rows) and `columns` columns of one block; the columns that fill up the last vector are not stored. */
ALWAYS_INLINE void matrix_block(int rows, int vectors, int columns, int k, const float *a, size_t pitch_a,
                                const float *b, size_t pitch_b, bool add, float *out) {
  vector sums[MATRIX_ROWS][MATRIX_VECTORS];
  UNROLL for (int r = 0; r < rows; r++) UNROLL for (int v = 0; v < vectors; v++) sums[r][v] = spread(0);
  const bool whole = columns == vectors * LANES;
  for (int i = 0; i < k; i++) {
    const float *line = b + (size_t)i * pitch_b;
    vector values[MATRIX_VECTORS];
    UNROLL for (int v = 0; v < vectors; v++) {
      int left = columns - v * LANES;
      if (whole || left >= LANES) {
        values[v] = load(line + v * LANES);
      } else {
        values[v] = spread(0);
        if (left > 0) memcpy(&values[v], line + v * LANES, (size_t)left * sizeof *line);
      }
    }
    UNROLL for (int r = 0; r < rows; r++) {
      vector factor = spread(a[(size_t)r * pitch_a + (size_t)i]);
      UNROLL for (int v = 0; v < vectors; v++) sums[r][v] = fused(factor, values[v], sums[r][v]);
    }
  }
  for (int r = 0; r < rows; r++)
    for (int v = 0; v < vectors; v++) {
      float *to = out + (size_t)r * pitch_b + v * LANES, lanes[LANES];
      int left = columns - v * LANES < LANES ? columns - v * LANES : LANES;
      memcpy(lanes, &sums[r][v], sizeof lanes);
      for (int i = 0; i < left; i++) to[i] = add ? to[i] + lanes[i] : lanes[i];
    }
}

ALWAYS_INLINE void matrix_rows(int rows, int k, int n, const float *a, size_t pitch_a, const float *b,
                               bool add, float *out) {
  int column = 0;
  for (; column + MATRIX_VECTORS * LANES <= n; column += MATRIX_VECTORS * LANES)
    matrix_block(rows, MATRIX_VECTORS, MATRIX_VECTORS * LANES, k, a, pitch_a, b + column, (size_t)n, add,
                 out + column);
  if (column < n)
    matrix_block(rows, MATRIX_VECTORS, n - column, k, a, pitch_a, b + column, (size_t)n, add, out + column);
}

static void matrix_multiply(int m, int k, int n, const float *a, const float *b, float *out) {
  for (int begin = 0; begin < k; begin += MATRIX_DEPTH) {
    int depth = k - begin < MATRIX_DEPTH ? k - begin : MATRIX_DEPTH, row = 0;
    const float *lines = b + (size_t)begin * (size_t)n;
    for (; row + MATRIX_ROWS <= m; row += MATRIX_ROWS)
      matrix_rows(MATRIX_ROWS, depth, n, a + (size_t)row * (size_t)k + begin, (size_t)k, lines, begin > 0,
                  out + (size_t)row * (size_t)n);
    for (; row < m; row++)
      matrix_rows(1, depth, n, a + (size_t)row * (size_t)k + begin, (size_t)k, lines, begin > 0,
                  out + (size_t)row * (size_t)n);
  }
}

#endif
