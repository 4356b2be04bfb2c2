/* loss: exp and ln of the row kernels within 2 units in the last place, on every instruction set this
 * processor has. Usage: test_loss_functions [--all]: of every float instead of a sample. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "loss/rows/rows.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t stride = 9973; /* of the floats looked at, by their bits */

/* |got - wanted| in units of the last place of a float (or double) of wanted's size. */
static double ulps(long double got, long double wanted, int digits) {
  int exponent = wanted == 0 ? -126 : ilogbl(wanted);
  if (exponent < -126 && digits == 24) exponent = -126;
  return (double)(fabsl(got - wanted) / ldexpl(1, exponent - digits + 1));
}

static float float_of(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

enum { RUN = 1000 };

/* The worst error over the floats with bits from `first` to `last`. */
static double worst_of(void (*function)(size_t, const void *, void *), double (*exact)(double),
                       uint64_t first, uint64_t last) {
  double worst = 0;
  float x[RUN], y[RUN];
  for (uint64_t bits = first; bits <= last;) {
    size_t count = 0;
    for (; count < RUN && bits <= last; bits += stride) x[count++] = float_of((uint32_t)bits);
    function(count, x, y);
    for (size_t i = 0; i < count; i++) worst = fmax(worst, ulps(y[i], exact(x[i]), 24));
  }
  return worst;
}

static void test_of_floats(void **state) {
  (void)state;
  for (const mixent_row_kernels *const *const *set = mixent_row_kernels_available(); *set; set++) {
    const mixent_row_kernels *kernels = (*set)[MIXENT_FLOAT32];
    /* where the result is a normal float: from -0 down to -87.3; all positive floats, the smallest subnormal
     * and the largest too */
    double exp_worst = worst_of(kernels->exponentials, exp, 0x80000000u, 0xc2aeac4fu);
    double near_worst = worst_of(kernels->near_exponentials, exp, 0x80000000u, 0xc2ae0000u); /* -87 */
    double log_worst = worst_of(kernels->logarithms, log, 1, 0x7f7fffffu);
    print_message("%-6s float: exp within %.3f, near 0 %.3f, ln within %.3f units in the last place\n",
                  kernels->name, exp_worst, near_worst, log_worst);
    assert_true(exp_worst < 2 && near_worst < 2 && log_worst < 2);
    const float below[] = {-88, -100, -1e30f, -INFINITY, NAN}, edge[] = {0, -0.0f, -1, INFINITY, NAN, 1};
    float out[6];
    kernels->near_exponentials(6, edge, out);
    assert_true(out[0] == 1 && out[1] == 1 && isnan(out[4]));
    kernels->exponentials(5, below, out);
    for (int i = 0; i < 4; i++) assert_true(out[i] == 0);
    assert_true(isnan(out[4]));
    kernels->logarithms(6, edge, out);
    assert_true(out[0] == -INFINITY && out[1] == -INFINITY && isnan(out[2]) && out[3] == INFINITY &&
                isnan(out[4]) && out[5] == 0);
  }
}

/* Beside the C library's, which are within 0.52 units themselves: not its long double ones, for what emulators make of x87 is worse. */
static void test_of_doubles(void **state) {
  (void)state;
  enum { COUNT = 200000 };
  double *x = malloc(COUNT * sizeof *x), *y = malloc(COUNT * sizeof *y);
  for (const mixent_row_kernels *const *const *set = mixent_row_kernels_available(); *set; set++) {
    const mixent_row_kernels *kernels = (*set)[MIXENT_FLOAT64];
    double exp_worst = 0, log_worst = 0;
    for (int i = 0; i < COUNT; i++) x[i] = -708.0 * i / COUNT * (i % 3 ? 1 : i % 1000 * 1e-6);
    kernels->exponentials(COUNT, x, y);
    for (int i = 0; i < COUNT; i++) exp_worst = fmax(exp_worst, ulps(y[i], exp(x[i]), 53));
    for (int i = 0; i < COUNT; i++)
      x[i] = i % 2 ? 1 + (i - COUNT / 2) * 3e-6 : ldexp(1 + i / (double)COUNT, i % 2098 - 1074);
    kernels->logarithms(COUNT, x, y);
    for (int i = 0; i < COUNT; i++) log_worst = fmax(log_worst, ulps(y[i], log(x[i]), 53));
    print_message("%-6s double: exp within %.3f, ln within %.3f units in the last place of the C library's\n",
                  kernels->name, exp_worst, log_worst);
    assert_true(exp_worst < 1.48 && log_worst < 1.48);
  }
  free(x), free(y);
}

int main(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], "--all") == 0) stride = 1;
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_of_floats), cmocka_unit_test(test_of_doubles)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
