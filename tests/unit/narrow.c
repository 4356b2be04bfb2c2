/* The kernels of convolutions of few input channels, every table that this processor runs, against sums in double:
 * all sizes, any address, infinities, NaN, denormal numbers; on a grid where float is exact nothing may differ.
 * Usage: test_narrow [ROUNDS]; MIXENT_CPU names one table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "unit/kernel_arrays.h"

static int rounds = 200;

typedef struct subject {
  const mixent_kernels *kernels;
  mixent_data_type type;
  kind kind;
  mixent_narrow shape;
  size_t taps;
  array image, weights, bias;
} subject;

static array draw_filled(const subject *s, size_t lines, kind kind, numbers *numbers) {
  array a = make_array(MIXENT_TYPE_F32, lines * (size_t)s->shape.filled, numbers);
  for (size_t i = 0; i < a.count; i++) /* what fills a line up stays NaN */
    if (i % (size_t)s->shape.filled < (size_t)s->shape.outputs)
      mixent_put(a.values, i,
                 kind == TINY ? draw(numbers, -2, 2) : draw_value(kind, MIXENT_TYPE_F32, numbers));
  return a;
}

static subject make_subject(const mixent_kernels *kernels, bool bf16, numbers *numbers) {
  subject s = {.kernels = kernels, .type = bf16 ? MIXENT_TYPE_BF16 : MIXENT_TYPE_F32};
  int lanes = kernels->lanes;
  s.kind = (kind)draw(numbers, 0, TINY);
  mixent_narrow *shape = &s.shape;
  shape->kernel = draw(numbers, 1, 7);
  shape->stride = draw(numbers, 1, 3);
  shape->inputs = shape->kernel == 1 ? draw(numbers, 1, 16) : draw(numbers, 1, 4);
  shape->outputs =
      draw(numbers, 0, 1) ? draw(numbers, 1, 70) : draw(numbers, 1, 3) * lanes + draw(numbers, -1, 1);
  shape->filled = (shape->outputs + lanes - 1) / lanes * lanes;
  shape->width = draw(numbers, 1, 11);
  size_t line = (size_t)(((shape->width - 1) * shape->stride + shape->kernel) * shape->inputs);
  shape->pitch = line + (size_t)draw(numbers, 0, 5);
  s.taps = (size_t)(shape->kernel * shape->kernel * shape->inputs);
  s.image = draw_array(s.kind, MIXENT_TYPE_F32, (size_t)(shape->kernel - 1) * shape->pitch + line, numbers);
  s.weights = draw_filled(&s, s.taps, s.kind == SPECIAL ? GRID : s.kind, numbers);
  s.bias = draw_filled(&s, 1, GRID, numbers);
  for (size_t k = 0; s.kind == TINY && k < (size_t)shape->outputs; k++) mixent_put(s.bias.values, k, 0);
  return s;
}

static void free_subject(subject *s) {
  free_array(&s->image);
  free_array(&s->weights);
  free_array(&s->bias);
}

/* The pixel that a tap of output `p` of the row looks at. */
static double pixel_at(const subject *s, int p, size_t tap) {
  size_t line = (size_t)(s->shape.kernel * s->shape.inputs);
  return mixent_get(s->image.values, tap / line * s->shape.pitch + tap % line +
                                         (size_t)(p * s->shape.stride * s->shape.inputs));
}

static void check_value(const subject *s, const char *what, const array *got, size_t i, double wanted) {
  if (is_as_wanted(s->kernels, got->values, i, wanted, 0)) return;
  const mixent_narrow *h = &s->shape;
  fail_msg(
      "%s, %s, %s, kind %d: kernel %d, stride %d, %d to %d channels, width %d: value %d is %.9g, not %.9g",
      s->kernels->name, s->type == MIXENT_TYPE_BF16 ? "bf16" : "float", what, (int)s->kind, h->kernel,
      h->stride, h->inputs, h->outputs, h->width, (int)i, mixent_get(got->values, i), wanted);
}

/* An output before its ReLU. */
static double sum_at(const subject *s, size_t p, size_t k, bool with_bias) {
  double sum = with_bias ? mixent_get(s->bias.values, k) : 0;
  for (size_t tap = 0; tap < s->taps; tap++)
    sum += pixel_at(s, (int)p, tap) * mixent_get(s->weights.values, tap * (size_t)s->shape.filled + k);
  return sum;
}

static void check_forward(const subject *s, numbers *numbers) {
  bool relu = draw(numbers, 0, 1), with_bias = draw(numbers, 0, 2) > 0;
  size_t outputs = (size_t)s->shape.outputs;
  array out = make_array(s->type, (size_t)s->shape.width * outputs, numbers);
  s->kernels->narrow->forward(&s->shape, s->image.values.data, s->weights.values.data,
                              with_bias ? s->bias.values.data : NULL, relu, out.values.data);
  for (size_t i = 0; i < out.count; i++) {
    double sum = sum_at(s, i / outputs, i % outputs, with_bias);
    check_value(s, "forward", &out, i, relu && sum < 0 ? 0 : sum);
  }
  free_array(&out);
}

static void check_through_relu(const subject *s, numbers *numbers) {
  bool with_bias = draw(numbers, 0, 2) > 0;
  size_t outputs = (size_t)s->shape.outputs;
  array dy = draw_array(s->kind, s->type, (size_t)s->shape.width * outputs, numbers),
        g = make_array(s->type, dy.count, numbers);
  s->kernels->narrow->through_relu(&s->shape, s->image.values.data, s->weights.values.data,
                                   with_bias ? s->bias.values.data : NULL, dy.values.data, g.values.data);
  for (size_t i = 0; i < g.count; i++)
    check_value(s, "through the ReLU", &g, i,
                sum_at(s, i / outputs, i % outputs, with_bias) > 0 ? mixent_get(dy.values, i) : 0);
  free_array(&dy);
  free_array(&g);
}

/* Tap t of the window of output p; the number after the taps is 1. */
static double window_at(const subject *s, int p, size_t t) {
  return t < s->taps ? pixel_at(s, p, t) : 1;
}

static void check_moments(const subject *s, numbers *numbers) {
  size_t across = mixent_narrow_across(s->taps, s->kernels->lanes);
  array window = make_array(MIXENT_TYPE_F32, across, numbers),
        sums = draw_array(s->kind == TINY ? TINY : GRID, MIXENT_TYPE_F32, (s->taps + 1) * across, numbers);
  double *wanted = malloc(sums.count * sizeof *wanted);
  assert_true(wanted != NULL);
  for (size_t i = 0; i < sums.count; i++) {
    wanted[i] = mixent_get(sums.values, i);
    for (int p = 0; p < s->shape.width && i % across <= s->taps; p++)
      wanted[i] += window_at(s, p, i / across) * window_at(s, p, i % across);
  }
  s->kernels->narrow->moments(&s->shape, s->image.values.data, window.values.data, sums.values.data);
  for (size_t i = 0; i < sums.count; i++)
    if (i % across <= s->taps) check_value(s, "moments", &sums, i, wanted[i]);
  free(wanted);
  free_array(&window);
  free_array(&sums);
}

static void check_weights(const subject *s, numbers *numbers) {
  size_t outputs = (size_t)s->shape.outputs, filled = (size_t)s->shape.filled;
  array gradient =
      draw_array(s->kind == SPECIAL ? SPECIAL : GRID, s->type, (size_t)s->shape.width * outputs, numbers);
  for (size_t i = 0; s->kind == TINY && i < gradient.count; i++)
    mixent_put(gradient.values, i, draw(numbers, -2, 2));
  kind start = s->kind == TINY ? TINY : GRID;
  array sums = draw_array(start, MIXENT_TYPE_F32, s->taps * filled, numbers),
        bias_sums = draw_array(start, MIXENT_TYPE_F32, filled, numbers);
  double *wanted = malloc((s->taps + 1) * filled * sizeof *wanted);
  assert_true(wanted != NULL);
  for (size_t i = 0; i < (s->taps + 1) * filled; i++) {
    size_t tap = i / filled, k = i % filled;
    wanted[i] = tap < s->taps ? mixent_get(sums.values, i) : mixent_get(bias_sums.values, k);
    for (size_t p = 0; p < (size_t)s->shape.width && k < outputs; p++)
      wanted[i] +=
          mixent_get(gradient.values, p * outputs + k) * (tap < s->taps ? pixel_at(s, (int)p, tap) : 1);
  }
  s->kernels->narrow->weights(&s->shape, s->image.values.data, gradient.values.data, sums.values.data,
                              bias_sums.values.data);
  for (size_t i = 0; i < (s->taps + 1) * filled; i++)
    if (i % filled < outputs) {
      if (i / filled < s->taps)
        check_value(s, "weights", &sums, i, wanted[i]);
      else
        check_value(s, "bias", &bias_sums, i % filled, wanted[i]);
    }
  free(wanted);
  free_array(&gradient);
  free_array(&sums);
  free_array(&bias_sums);
}

static void test_rows(void **state) {
  (void)state;
  for (int bf16 = 0; bf16 < 2; bf16++)
    for (int k = 0; kernels_at(bf16, k); k++)
      for (int round = 0; round < rounds; round++) {
        numbers numbers = numbers_from((uint64_t)round);
        subject s = make_subject(kernels_at(bf16, k), bf16, &numbers);
        check_forward(&s, &numbers);
        check_weights(&s, &numbers);
        check_through_relu(&s, &numbers);
        check_moments(&s, &numbers);
        free_subject(&s);
      }
}

int main(int argc, char **argv) {
  if (argc > 1) rounds = atoi(argv[1]);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_rows),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
