/* smooth kernels: GELU, SiLU and their slopes against the functions in double, on every instruction set, of any number of elements. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel_tables.h"
#include "net/graph/layer.h"
#include <math.h>

enum { COUNT = 4001 };

static float x[COUNT], dy[COUNT], y[COUNT], dx[COUNT];
static uint16_t x_half[COUNT], dy_half[COUNT], y_half[COUNT], dx_half[COUNT];

static double value_of(mixent_smooth kind, double at) {
  return kind == MIXENT_GELU ? at * 0.5 * erfc(-at * M_SQRT1_2) : at / (1 + exp(-at));
}

/* By a finite difference of the formula, far from rounding. */
static double slope_of(mixent_smooth kind, double at) {
  const double step = 1e-4;
  return (value_of(kind, at + step) - value_of(kind, at - step)) / (2 * step);
}

static void fill(void) {
  for (int i = 0; i < COUNT; i++) {
    float value = (float)(i - COUNT / 2) * 0.01F;
    x_half[i] = mixent_bf16_from_float(value);
    dy_half[i] = mixent_bf16_from_float((float)(i % 7) - 3);
    x[i] = mixent_bf16_to_float(x_half[i]), dy[i] = mixent_bf16_to_float(dy_half[i]);
  }
}

static void check(const mixent_kernels *kernels, bool bf16, mixent_smooth kind, int count) {
  kernels->smooth->forward(kind, count, bf16 ? (void *)x_half : x, bf16 ? (void *)y_half : y);
  kernels->smooth->backward(kind, count, bf16 ? (void *)x_half : x, bf16 ? (void *)dy_half : dy,
                            bf16 ? (void *)dx_half : dx);
  for (int i = 0; i < count; i++) {
    double value = (double)(bf16 ? mixent_bf16_to_float(y_half[i]) : y[i]);
    double gradient = (double)(bf16 ? mixent_bf16_to_float(dx_half[i]) : dx[i]);
    double at = (double)x[i], wanted = value_of(kind, at), slope = slope_of(kind, at) * (double)dy[i];
    double rounding = bf16 ? 0x1p-8 : 0;
    if (!(fabs(value - wanted) <= 4e-7 * (1 + fabs(at)) + rounding * fabs(wanted)) ||
        !(fabs(gradient - slope) <= 3e-6 + rounding * fabs(slope)))
      fail_msg("%s: of %g: %.9g is not %.9g, or %.9g is not %.9g", kernels->name, at, value, wanted, gradient,
               slope);
  }
}

static void test_formulas(void **state) {
  (void)state;
  fill();
  for (int bf16 = 0; bf16 < 2; bf16++)
    for (int k = 0; kernels_at(bf16, k); k++)
      for (mixent_smooth kind = MIXENT_GELU; kind <= MIXENT_SILU; kind++) {
        check(kernels_at(bf16, k), bf16, kind, COUNT);
        for (int count = 1; count < 20; count++) check(kernels_at(bf16, k), bf16, kind, count);
      }
}

static void test_edges(void **state) {
  (void)state;
  const float inputs[] = {NAN, 0, 1e-30F, 1e30F, -1e30F, 100, -100};
  for (int k = 0; kernels_at(false, k); k++)
    for (mixent_smooth kind = MIXENT_GELU; kind <= MIXENT_SILU; kind++) {
      float values[7], slopes[7], ones[7] = {1, 1, 1, 1, 1, 1, 1};
      kernels_at(false, k)->smooth->forward(kind, 7, inputs, values);
      kernels_at(false, k)->smooth->backward(kind, 7, inputs, ones, slopes);
      assert_true(isnan(values[0]) && isnan(slopes[0]));
      assert_true(values[1] == 0 && fabsf(slopes[1] - 0.5F) < 1e-6F);
      assert_true(values[3] == inputs[3] && values[5] == 100 && slopes[3] == 1 && slopes[5] == 1);
      assert_true(fabsf(values[6]) < 1e-30F && fabsf(slopes[6]) < 1e-30F);
      assert_true(isfinite(values[4]) && isfinite(slopes[4]));
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_formulas), cmocka_unit_test(test_edges)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
