/* What single kinds of layers promise beyond their gradients: ties, orders, running statistics, dropout
 * masks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/layer_subject.h"

/* Of equal values the first in row-major order takes the gradient; a NaN wins. */
static void test_max_pool_ties(void **state) {
  (void)state;
  subject s = make_one("max_pool", "{size: 2}", 1, 0, (shape){1, 3, 5});
  double *x = s.call.inputs[0].data, *dx = s.call.input_gradients[0].data, *dy = s.call.output_gradient.data;
  const double values[15] = {1, 7, 0, 0, 99, 7, 7, NAN, 0, 99, 99, 99, 99, 99, 99};
  memcpy(x, values, sizeof values);
  dy[0] = 3, dy[1] = 5;
  assert_int_equal(output_size(&s), 2); /* rounded down: the last line and column are not read */
  forward(&s);
  assert_true(mixent_get(s.call.output, 0) == 7);
  assert_true(isnan(mixent_get(s.call.output, 1)));
  backward(&s);
  for (int i = 0; i < 15; i++) assert_true(dx[i] == (i == 1 ? 3 : i == 7 ? 5 : 0));
  drop(&s);
  s = make_one("max_pool", "{size: 1, stride: 2}", 1, 0, (shape){1, 3, 3});
  for (int i = 0; i < 9; i++) ((double *)s.call.inputs[0].data)[i] = i;
  forward(&s);
  const double corners[] = {0, 2, 6, 8};
  assert_int_equal(output_size(&s), 4);
  assert_memory_equal(s.call.output.data, corners, sizeof corners);
  drop(&s);
}

static void test_orders(void **state) {
  (void)state;
  subject s = make_one("flatten", "", 2, 0, (shape){3, 2, 2});
  double *x = s.call.inputs[0].data, *y = s.call.output.data;
  for (int i = 0; i < 24; i++) x[i] = i;
  forward(&s);
  const double expected[] = {0,  3,  6,  9,  1,  4,  7,  10, 2,  5,  8,  11,
                             12, 15, 18, 21, 13, 16, 19, 22, 14, 17, 20, 23};
  assert_memory_equal(y, expected, sizeof expected);
  drop(&s);

  s = make("concat", "", 2, MIXENT_TYPE_F64, 0, 2, (shape[]){{1, 1, 1}, {2, 1, 1}});
  memcpy(s.call.inputs[0].data, (double[]){1, 2}, 16);
  memcpy(s.call.inputs[1].data, (double[]){3, 4, 5, 6}, 32);
  forward(&s);
  assert_memory_equal(s.call.output.data, ((double[]){1, 3, 4, 2, 5, 6}), 48);
  drop(&s);

  /* softmax (1/2, 1/2) and (3/4, 1/4); one that is sure beyond doubles gives no infinity */
  s = make("mean_probability", "", 2, MIXENT_TYPE_F64, 0, 2, (shape[]){{2, 1, 1}, {2, 1, 1}});
  memcpy(s.call.inputs[0].data, (double[]){7, 7, 2000, 0}, 32);
  memcpy(s.call.inputs[1].data, (double[]){log(3), 0, 2000, 0}, 32);
  forward(&s);
  const double *mean = s.call.output.data;
  assert_true(fabs(mean[0] - log(0.625)) < 1e-15 && fabs(mean[1] - log(0.375)) < 1e-15);
  assert_true(mean[2] == 0 && isfinite(mean[3]) && mean[3] < -700);
  drop(&s);

  s = make("add", "", 1, MIXENT_TYPE_F64, 0, 2, (shape[]){{6, 1, 1}, {2, 1, 1}});
  memcpy(s.call.inputs[0].data, (double[]){1, 2, 3, 4, 5, 6}, 48);
  memcpy(s.call.inputs[1].data, (double[]){10, 20}, 16);
  forward(&s);
  assert_memory_equal(s.call.output.data, ((double[]){1, 2, 13, 24, 5, 6}), 48);
  drop(&s);

  s = make_one("split", "{begin: 1, end: 3}", 2, 0, (shape){4, 1, 1});
  memcpy(s.call.inputs[0].data, (double[]){1, 2, 3, 4, 5, 6, 7, 8}, 64);
  forward(&s);
  assert_memory_equal(s.call.output.data, ((double[]){2, 3, 6, 7}), 32);
  drop(&s);

  s = make_one("relu", "", 1, 0, (shape){3, 1, 1});
  memcpy(s.call.inputs[0].data, (double[]){-1, NAN, 2}, 24);
  forward(&s);
  assert_true(mixent_get(s.call.output, 0) == 0 && isnan(mixent_get(s.call.output, 1)));
  drop(&s);
}

/* Mean and biased variance of channel c of an array with the layer's shape. */
static void moments(const subject *s, mixent_typed_array array, size_t c, double *mean, double *variance) {
  size_t channels = (size_t)s->layer->channels, pixels = output_size(s) / channels;
  *mean = *variance = 0;
  for (size_t p = 0; p < pixels; p++) *mean += mixent_get(array, p * channels + c) / (double)pixels;
  for (size_t p = 0; p < pixels; p++)
    *variance += pow(mixent_get(array, p * channels + c) - *mean, 2) / (double)pixels;
}

static void test_batch_norm_training(void **state) {
  (void)state;
  numbers numbers = numbers_from(5);
  for (uint64_t round = 0; round < 10; round++) {
    shape map = {draw_integer(&numbers, 1, 40), draw_integer(&numbers, 1, 4), draw_integer(&numbers, 1, 4)};
    subject s = make_one("batch_norm", "", draw_integer(&numbers, 3, 5), round, map);
    check_gradients(&s);
    size_t channels = (size_t)map.channels;
    double pixels = (double)output_size(&s) / map.channels; /* exact */
    for (size_t c = 0; c < channels; c++) {
      mixent_put(s.call.statistics[0], c, 2);
      mixent_put(s.call.statistics[1], c, 3);
    }
    forward(&s);
    for (size_t c = 0; c < channels; c++) {
      double mean, variance, out_mean, out_variance, gamma = mixent_get(s.call.parameters[0], c);
      moments(&s, s.call.inputs[0], c, &mean, &variance);
      moments(&s, s.call.output, c, &out_mean, &out_variance);
      assert_true(fabs(out_mean - mixent_get(s.call.parameters[1], c)) < 1e-10);
      assert_true(fabs(out_variance - gamma * gamma * variance / (variance + 1e-5)) < 1e-10);
      assert_true(fabs(mixent_get(s.call.statistics[0], c) - (0.9 * 2 + 0.1 * mean)) < 1e-12);
      double unbiased = variance * pixels / (pixels - 1);
      assert_true(fabs(mixent_get(s.call.statistics[1], c) - (0.9 * 3 + 0.1 * unbiased)) < 1e-12);
    }
    drop(&s);
  }
  /* a single value: variance 0, and nothing that is not a number */
  subject s = make_one("batch_norm", "", 1, 0, (shape){2, 1, 1});
  forward(&s);
  backward(&s);
  for (size_t c = 0; c < 2; c++) {
    assert_true(mixent_get(s.call.output, c) == mixent_get(s.call.parameters[1], c));
    assert_true(isfinite(mixent_get(s.call.statistics[1], c)));
    assert_true(mixent_get(s.call.input_gradients[0], c) == 0);
  }
  drop(&s);
}

static void test_batch_norm_estimate_and_evaluate(void **state) {
  (void)state;
  enum { CALLS = 5 };
  subject s = make_one("batch_norm", "", 3, 6, (shape){19, 2, 3});
  size_t channels = 19;
  double mean_sum[19] = {0}, variance_sum[19] = {0}, pixels = (double)output_size(&s) / 19;
  poison(s.call.statistics[0], channels); /* the first call forgets what was there */
  poison(s.call.statistics[1], channels);
  s.call.mode = MIXENT_ESTIMATE;
  for (uint64_t step = 0; step < CALLS; step++) {
    numbers numbers = numbers_from(100 + step);
    fill(s.call.inputs[0], input_size(&s, 0), &numbers);
    s.call.step = step;
    forward(&s);
    for (size_t c = 0; c < channels; c++) {
      double mean, variance, out_mean, out_variance;
      moments(&s, s.call.inputs[0], c, &mean, &variance);
      moments(&s, s.call.output, c, &out_mean, &out_variance);
      mean_sum[c] += mean, variance_sum[c] += variance * pixels / (pixels - 1);
      assert_true(fabs(out_mean - mixent_get(s.call.parameters[1], c)) <
                  1e-10); /* the batch's own statistics */
      assert_true(fabs(mixent_get(s.call.statistics[0], c) - mean_sum[c] / (double)(step + 1)) < 1e-12);
      assert_true(fabs(mixent_get(s.call.statistics[1], c) - variance_sum[c] / (double)(step + 1)) < 1e-12);
    }
  }
  s.call.mode = MIXENT_EVALUATE;
  forward(&s);
  for (size_t i = 0; i < output_size(&s); i++) {
    size_t c = i % channels;
    double deviation = sqrt(variance_sum[c] / CALLS + 1e-5);
    double y = mixent_get(s.call.parameters[0], c) * (mixent_get(s.call.inputs[0], i) - mean_sum[c] / CALLS) /
                   deviation +
               mixent_get(s.call.parameters[1], c);
    assert_true(fabs(mixent_get(s.call.output, i) - y) < 1e-12);
    assert_true(fabs(mixent_get(s.call.statistics[0], c) - mean_sum[c] / CALLS) < 1e-12); /* left alone */
  }
  drop(&s);
}

static void test_dropout(void **state) {
  (void)state;
  const double rate = 0.3;
  subject s = make_one("dropout", "{rate: 0.3}", 40, 11, (shape){101, 3, 3});
  size_t count = output_size(&s), kept = 0;
  uint8_t *mask = calloc(count, 1);
  mixent_threads_set(3);
  forward(&s);
  for (size_t i = 0; i < count; i++) {
    double x = mixent_get(s.call.inputs[0], i), y = mixent_get(s.call.output, i);
    mask[i] = y != 0; /* inputs are never 0 */
    assert_true(y == 0 || fabs(y - x / (1 - rate)) < 1e-12);
    kept += mask[i];
  }
  assert_true(fabs((double)kept / (double)count - (1 - rate)) <
              4.5 * sqrt(rate * (1 - rate) / (double)count));
  backward(&s);
  for (size_t i = 0; i < count; i++)
    assert_true(mixent_get(s.call.input_gradients[0], i) ==
                (mask[i] ? mixent_get(s.call.output_gradient, i) * (1 / (1 - rate)) : 0));

  mixent_threads_set(1); /* neither threads nor the number of rows matter; step, seed and name do */
  size_t row = mixent_layer_row(s.layer);
  s.call.rows = 7;
  forward(&s);
  for (size_t i = 0; i < 7 * row; i++) assert_int_equal(mixent_get(s.call.output, i) != 0, mask[i]);
  for (int change = 0; change < 3; change++) {
    s.call.step = change == 0, s.call.seed = change == 1 ? 12 : 11;
    s.graph->layers[1].name[0] = change == 2 ? 'D' : 'd';
    size_t agree = 0;
    forward(&s);
    for (size_t i = 0; i < 7 * row; i++) agree += (mixent_get(s.call.output, i) != 0) == mask[i];
    double expected = rate * rate + (1 - rate) * (1 - rate), n = 7 * (double)row;
    assert_true(fabs((double)agree / n - expected) < 4.5 * sqrt(0.25 / n));
  }
  for (int mode = 0; mode < 2; mode++) {
    s.call.mode = mode ? MIXENT_EVALUATE : MIXENT_ESTIMATE;
    poison(s.call.output, count);
    forward(&s);
    assert_memory_equal(s.call.output.data, s.call.inputs[0].data, 7 * row * sizeof(double));
  }
  free(mask);
  drop(&s);
}

int main(void) {
  mixent_threads_set(1);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_max_pool_ties),
      cmocka_unit_test(test_orders),
      cmocka_unit_test(test_batch_norm_training),
      cmocka_unit_test(test_batch_norm_estimate_and_evaluate),
      cmocka_unit_test(test_dropout),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
