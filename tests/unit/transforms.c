/* Winograd's tables and transforms (net/kernels/points.h, transform.h): in exact numbers every F(m, 3) is the
 * convolution of a filter of three taps, and each transform of gradients is the transpose of its partner. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "net/kernels/transform.h"

/* The transforms of one table, as the kernels call them: with the table a constant. */
typedef void transform(const vector *in, int stride, vector *out, int out_stride);
typedef struct table {
  int outputs;
  const points *points;
  transform *data, *filter, *values, *gradient, *filter_gradient;
} table;

#define DEFINE(m, name, function)                                                                            \
  static void name##_##m(const vector *in, int stride, vector *out, int out_stride) {                        \
    function(&points_##m, in, stride, out, out_stride);                                                      \
  }
#define DEFINE_ALL(m)                                                                                        \
  DEFINE(m, data, transform_data)                                                                            \
  DEFINE(m, filter, transform_filter)                                                                        \
  DEFINE(m, values, transform_outputs)                                                                       \
  DEFINE(m, gradient, transform_gradient)                                                                    \
  DEFINE(m, filter_gradient, transform_filter_gradient)
DEFINE_ALL(2)
DEFINE_ALL(3)
DEFINE_ALL(4)
DEFINE_ALL(7)

#define TABLE(m)                                                                                             \
  { m, &points_##m, data_##m, filter_##m, values_##m, gradient_##m, filter_gradient_##m }
static const table tables[] = {TABLE(2), TABLE(3), TABLE(4), TABLE(7)};
enum { TABLES = sizeof tables / sizeof *tables, TAPS = 3 };

/* The polynomial whose coefficients are given, lowest first. */
static double evaluate(const float *coefficients, int count, double y) {
  double sum = 0;
  for (int i = count; i-- > 0;) sum = sum * y + (double)coefficients[i];
  return sum;
}

/* R is the product of y - a^2 over the pairs, Q of one pair that over the others: both exactly, as every number in the
 * tables is a small fraction of a power of two. */
static void test_tables_hold_their_polynomials(void **state) {
  (void)state;
  for (int t = 0; t < TABLES; t++) {
    const points *p = tables[t].points;
    assert_int_equal(p->outputs, tables[t].outputs);
    assert_int_equal(points_count(p), 1 + 2 * p->pairs + p->infinity);
    for (int at = -MOST_PAIRS; at <= MOST_PAIRS;
         at++) { /* more places than a polynomial of that degree has zeros */
      double y = at + 0.5, all = 1;
      for (int i = 0; i < p->pairs; i++) {
        double others = 1;
        for (int j = 0; j < p->pairs; j++)
          if (j != i) others *= y - (double)p->a[j] * (double)p->a[j];
        assert_true(evaluate(p->q[i], p->pairs, y) == others);
        all *= y - (double)p->a[i] * (double)p->a[i];
      }
      assert_true(evaluate(p->r, p->pairs + 1, y) == all);
    }
    for (int i = 0; i < p->pairs; i++) {
      double y = (double)p->a[i] * (double)p->a[i], slope = 2 * y * evaluate(p->q[i], p->pairs, y);
      assert_true(fabs((double)points_slope(p, i) - slope) < 1e-6 * fabs(slope));
      assert_true(p->a[i] > 0);
      for (int j = 0; j < i; j++) assert_true(p->a[i] != p->a[j]);
    }
  }
}

/* A transform's matrix: what it makes of each unit vector. */
typedef struct matrix {
  int rows, columns;
  double at[MOST_POINTS][MOST_POINTS];
} matrix;

static matrix matrix_of(transform *transform, int rows, int columns, int stride) {
  matrix m = {.rows = rows, .columns = columns};
  for (int c = 0; c < columns; c++) {
    vector in[2 * MOST_POINTS] = {0}, out[2 * MOST_POINTS];
    in[c * stride] = spread(1);
    transform(in, stride, out, 3 - stride);
    for (int r = 0; r < rows; r++)
      for (int l = 0; l < (int)LANES; l++) {
        m.at[r][c] = (double)out[r * (3 - stride)][l];
        assert_true(out[r * (3 - stride)][l] == out[r * (3 - stride)][0]);
      }
  }
  return m;
}

static void assert_transposed(const matrix *a, const matrix *b) {
  assert_true(a->rows == b->columns && a->columns == b->rows);
  for (int r = 0; r < a->rows; r++)
    for (int c = 0; c < a->columns; c++) assert_true(a->at[r][c] == b->at[c][r]);
}

/* sum over points of outputs[j][p] filter[p][t] data[p][d] is 1 where d = j + t, else 0. */
static void assert_convolves(const matrix *out, const matrix *filter, const matrix *data) {
  for (int j = 0; j < out->rows; j++)
    for (int t = 0; t < TAPS; t++)
      for (int d = 0; d < data->columns; d++) {
        double sum = 0, size = 1;
        for (int p = 0; p < data->rows; p++) {
          double product = out->at[j][p] * filter->at[p][t] * data->at[p][d];
          sum += product, size += fabs(product);
        }
        if (fabs(sum - (d == j + t)) > 2e-7 * size)
          fail_msg("F(%d, 3): output %d has %.9g of value %d through tap %d", out->rows, j, sum, d, t);
      }
}

/* The steps from one value to the next are 1 and 2, or 2 and 1. */
static void test_transforms_convolve(void **state) {
  (void)state;
  for (int t = 0; t < TABLES; t++)
    for (int stride = 1; stride <= 2; stride++) {
      const table *f = &tables[t];
      int m = f->outputs, n = points_count(f->points);
      matrix data = matrix_of(f->data, n, n, stride), filter = matrix_of(f->filter, n, TAPS, stride),
             out = matrix_of(f->values, m, n, stride), gradient = matrix_of(f->gradient, n, m, stride),
             filter_gradient = matrix_of(f->filter_gradient, TAPS, n, stride);
      assert_convolves(&out, &filter, &data);
      assert_transposed(&gradient, &out);
      assert_transposed(&filter_gradient, &filter);
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_tables_hold_their_polynomials),
      cmocka_unit_test(test_transforms_convolve),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
