/* matrix kernels: the product against plain loops, on every instruction set, for sizes around those of blocks and vectors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel_tables.h"
#include <math.h>

enum { MOST = 300 };

static float a[MOST * MOST], b[MOST * MOST], out[MOST * MOST + 1];

static void check(const mixent_kernels *kernels, int m, int k, int n) {
  const size_t last = (size_t)m * (size_t)n;
  for (size_t i = 0; i <= last; i++) out[i] = 77;
  kernels->multiply(m, k, n, a, b, out);
  for (int row = 0; row < m; row++)
    for (int column = 0; column < n; column++) {
      double sum = 0;
      for (int i = 0; i < k; i++) sum += (double)a[row * k + i] * (double)b[i * n + column];
      double found = (double)out[row * n + column];
      if (!(fabs(found - sum) < 1e-4))
        fail_msg("%s: %d %d %d: %g is not %g", kernels->name, m, k, n, found, sum);
    }
  assert_true(out[last] == 77);
}

static void test_product(void **state) {
  (void)state;
  static const int sizes[][3] = {{1, 1, 1},    {4, 9, 48},    {5, 3, 7},    {8, 256, 96},
                                 {9, 257, 97}, {13, 300, 50}, {3, 270, 15}, {64, 64, 64}};
  for (int i = 0; i < MOST * MOST; i++)
    a[i] = (float)(i * 37 % 101) / 50 - 1, b[i] = (float)(i * 53 % 89) / 44 - 1;
  for (int bf16 = 0; bf16 < 2; bf16++)
    for (int k = 0; kernels_at(bf16, k); k++)
      for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        check(kernels_at(bf16, k), sizes[s][0], sizes[s][1], sizes[s][2]);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_product)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
