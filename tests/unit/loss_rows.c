/* loss: the row kernels of every instruction set that this processor runs, against double: odd sizes,
 * unaligned memory, in place, past the caches, extreme values; and their exp over the floats. With the
 * argument --all every float is tried. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/random.h"
#include "loss/row_kernels.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t exp_stride = 509; /* of the bits of the floats tried */

static float draw(uint64_t element, float scale) {
  mixent_random random = mixent_random_stream(3, "test", "");
  uint32_t words[4];
  mixent_random_block(&random, 0, element, words);
  return scale * (2 * mixent_uniform_float(words[0]) - 1);
}

static void test_exp_within_2_ulp(void **state) {
  (void)state;
  enum { COUNT = 4096 };
  static float x[COUNT], y[COUNT];
  const float lowest = -87;
  uint32_t last;
  memcpy(&last, &lowest, sizeof last);
  for (const mixent_row_kernels *const *k = mixent_row_kernels_available(); *k; k++) {
    double worst = 0;
    for (uint64_t bits = 0x80000000u; bits <= last;) {
      size_t count = 0;
      for (; count < COUNT && bits <= last; bits += exp_stride) {
        uint32_t word = (uint32_t)bits;
        memcpy(&x[count++], &word, sizeof word);
      }
      (*k)->exponentials(count, x, y);
      for (size_t i = 0; i < count; i++) {
        double wanted = exp((double)x[i]);
        worst = fmax(worst, fabs(y[i] - wanted) / ldexp(1, ilogb(wanted) - 23));
      }
    }
    print_message("%s: exp within %.3f units in the last place\n", (*k)->name, worst);
    assert_true(worst < 2);
    float edge[] = {0, -0.0f, -87.5f, -100, -INFINITY, NAN}, out[6];
    (*k)->exponentials(6, edge, out);
    assert_true(out[0] == 1 && out[1] == 1 && out[2] == 0 && out[3] == 0 && out[4] == 0 && isnan(out[5]));
  }
}

/* S less the ties, W and the gradient, in double; d is held at -100 as the kernels do. */
static void check_row(const mixent_row_kernels *kernels, size_t classes, const float *logits) {
  double maximum = -INFINITY, others = 0, weighted = 0, ties = 0;
  for (size_t j = 0; j < classes; j++) maximum = fmax(maximum, logits[j]);
  for (size_t j = 0; j < classes; j++) {
    double d = fmax((float)(logits[j] - (float)maximum), -100), e = d < -87 ? 0 : exp(d);
    if (d == 0)
      ties++;
    else
      others += e;
    weighted += e * d;
  }
  mixent_row_statistics row;
  kernels->statistics(classes, logits, &row);
  assert_true((double)row.maximum == maximum);
  assert_true(row.ties == ties);
  assert_true(fabs(row.others - others) <= 2e-6 * others);
  assert_true(fabs(row.weighted - weighted) <= 2e-6 * fabs(weighted));

  float constant = 0.7f, slope = -0.3f;
  float *room = malloc((classes + 40) * sizeof *room);
  assert_non_null(room);
  for (int way = 0; way < 3; way++) { /* plain, past the caches, in place */
    for (size_t j = 0; j < classes + 40; j++) room[j] = 77;
    float *gradient = room + classes * 7 % 33; /* any alignment */
    const float *from = logits;
    if (way == 2) from = memcpy(gradient, logits, classes * sizeof *gradient);
    kernels->gradient(classes, from, (float)maximum, constant, slope, way == 1, gradient);
    for (size_t j = 0; j < classes; j++) {
      double d = fmax((float)(logits[j] - (float)maximum), -100), e = d < -87 ? 0 : exp(d);
      double wanted = e * ((double)constant + (double)slope * d);
      assert_true(fabs(gradient[j] - wanted) <= 1e-6 * (fabs(wanted) + e));
    }
    for (float *p = room; p < gradient; p++) assert_true(*p == 77);
    for (float *p = gradient + classes; p < room + classes + 40; p++) assert_true(*p == 77);
  }
  free(room);
}

static void test_rows_equal_double(void **state) {
  (void)state;
  static float memory[3100];
  for (const mixent_row_kernels *const *k = mixent_row_kernels_available(); *k; k++)
    for (size_t turn = 0; turn < 300; turn++) {
      size_t classes = turn < 100 ? turn + 1 : 1 + (size_t)(fabsf(draw(turn, 1)) * 3000);
      float *logits = memory + turn % 17; /* any alignment */
      static const float scales[] = {0.01f, 1, 10, 1000, 1e30f};
      for (size_t j = 0; j < classes; j++) {
        logits[j] = draw(1000 * turn + j, scales[turn % 5]);
        if (turn % 7 == 3 && j % 3) logits[j] = -INFINITY;
        if (turn % 11 == 5) logits[j] = roundf(logits[j]); /* ties */
      }
      check_row(*k, classes, logits);
    }
}

static void test_rows_without_a_distribution(void **state) {
  (void)state;
  for (const mixent_row_kernels *const *k = mixent_row_kernels_available(); *k; k++)
    for (size_t classes = 1; classes < 70; classes += 3)
      for (int kind = 0; kind < 3; kind++) {
        float logits[70], gradient[70];
        for (size_t j = 0; j < classes; j++) logits[j] = kind == 2 ? -INFINITY : (float)j;
        if (kind == 0) logits[classes / 2] = NAN;
        if (kind == 1) logits[classes / 2] = INFINITY;
        mixent_row_statistics row;
        (*k)->statistics(classes, logits, &row);
        assert_true(isnan(row.ties + row.others) || isnan(row.weighted));
        (*k)->gradient(classes, logits, row.maximum, NAN, NAN, false, gradient);
        for (size_t j = 0; j < classes; j++) assert_true(isnan(gradient[j]));
      }
}

int main(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], "--all") == 0) exp_stride = 1;
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_exp_within_2_ulp),
      cmocka_unit_test(test_rows_equal_double),
      cmocka_unit_test(test_rows_without_a_distribution),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
