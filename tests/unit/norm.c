/* Batch norm's kernels, every table that this processor runs, against the formulas in double: sizes that fill no vector,
 * any address, ties, infinities, NaN, denormal numbers; on a grid where float is exact nothing may differ.
 * Usage: test_norm [ROUNDS]; MIXENT_CPU names one table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "unit/kernel_arrays.h"

static int rounds = 150;

/* One line of batch norm with its values; `below` is the second row where windows of 2x2 are taken. */
typedef struct subject {
  const mixent_kernels *kernels;
  mixent_data_type type;
  kind kind;
  double tolerance;
  size_t pixels, width; /* of y; of x: the same, or with windows twice as wide */
  mixent_norm_line line;
  array mean, scale, shift, slope, offset; /* filled up to whole vectors */
  array x, below, dy;
} subject;

enum { WINDOW = 4 };

static size_t filled(const subject *s) {
  int lanes = s->kernels->lanes;
  return (size_t)((s->line.channels + lanes - 1) / lanes * lanes);
}

/* One number for each channel; after them NaN, which must not matter. */
static array draw_channels(const subject *s, bool zero, bool whole, numbers *numbers) {
  array a = make_array(MIXENT_TYPE_F32, filled(s), numbers);
  for (size_t c = 0; c < (size_t)s->line.channels; c++) {
    double value = s->kind == REAL ? draw_value(REAL, MIXENT_TYPE_F32, numbers)
                   : whole         ? draw(numbers, -2, 2)
                                   : (double)draw(numbers, -8, 8) / 8;
    mixent_put(a.values, c, zero ? 0 : value);
  }
  return a;
}

static int draw_channel_count(int lanes, numbers *numbers) {
  switch (draw(numbers, 0, 3)) {
  case 0: return draw(numbers, 1, 2);
  case 1: return draw(numbers, 1, 3) * lanes + draw(numbers, -1, 1);
  default: return draw(numbers, 1, 70);
  }
}

static subject make_subject(const mixent_kernels *kernels, bool bf16, bool windows, numbers *numbers) {
  subject s = {.kernels = kernels, .type = bf16 ? MIXENT_TYPE_BF16 : MIXENT_TYPE_F32};
  s.kind = (kind)draw(numbers, 0, KINDS - 1);
  s.tolerance = s.kind == REAL ? 1e-6 : 0;
  s.line.channels = draw_channel_count(kernels->lanes, numbers);
  s.line.relu = s.kind != REAL && draw(numbers, 0, 2) > 0; /* else rounding decides */
  s.pixels = (size_t)draw(numbers, 1, 7);
  s.width = windows ? 2 * s.pixels : s.pixels;
  s.mean = draw_channels(&s, s.kind == TINY, false, numbers);
  s.scale = draw_channels(&s, false, true, numbers);
  s.shift = draw_channels(&s, s.kind == TINY, false, numbers);
  s.slope = draw_channels(&s, false, true, numbers);
  s.offset = draw_channels(&s, s.kind == TINY, false, numbers);
  s.line.mean = s.mean.values.data;
  s.line.scale = s.scale.values.data;
  s.line.shift = s.shift.values.data;
  size_t values = s.width * (size_t)s.line.channels;
  s.x = draw_array(s.kind, s.type, values, numbers);
  s.below = draw_array(s.kind, s.type, values, numbers);
  s.dy = draw_array(GRID, s.type, s.pixels * (size_t)s.line.channels, numbers);
  for (size_t i = 0; s.kind == TINY && i < s.dy.count; i++) mixent_put(s.dy.values, i, draw(numbers, -1, 1));
  return s;
}

static void free_subject(subject *s) {
  array *arrays[] = {&s->mean, &s->scale, &s->shift, &s->slope, &s->offset, &s->x, &s->below, &s->dy};
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) free_array(arrays[i]);
}

static double distance_at(const subject *s, const array *x, size_t i) {
  return mixent_get(x->values, i) - (double)s->line.mean[i % (size_t)s->line.channels];
}

static double line_at(const subject *s, size_t c, double distance) {
  return (double)s->line.scale[c] * distance + (double)s->line.shift[c];
}

/* As net/graph/layers/relu.c has it. */
static double relu(const subject *s, double value) {
  return s->line.relu && value < 0 ? 0 : value;
}

static double relu_gradient(const subject *s, double value, double dy) {
  return !s->line.relu || value > 0 ? dy : 0;
}

static double gradient_at(const subject *s, size_t c, double g, double distance) {
  return (double)s->line.scale[c] * g + ((double)((const float *)s->slope.values.data)[c] * distance +
                                         (double)((const float *)s->offset.values.data)[c]);
}

static void check_value(const subject *s, const char *what, const array *got, size_t i, double wanted) {
  if (is_as_wanted(s->kernels, got->values, i, wanted, s->tolerance)) return;
  fail_msg("%s, %s, %s, kind %d, relu %d, %d channels, %d pixels: value %d is %.9g, not %.9g",
           s->kernels->name, s->type == MIXENT_TYPE_BF16 ? "bf16" : "float", what, (int)s->kind, s->line.relu,
           s->line.channels, (int)s->pixels, (int)i, mixent_get(got->values, i), wanted);
}

static void check_apply(const subject *s, numbers *numbers) {
  array y = make_array(s->type, s->x.count, numbers);
  s->kernels->norm->apply(&s->line, s->pixels, s->x.values.data, y.values.data);
  for (size_t i = 0; i < y.count; i++)
    check_value(s, "apply", &y, i,
                relu(s, line_at(s, i % (size_t)s->line.channels, distance_at(s, &s->x, i))));
  free_array(&y);
}

static void check_gradient(const subject *s, numbers *numbers) {
  array dx = make_array(s->type, s->x.count, numbers), outside = make_array(s->type, s->x.count, numbers);
  s->kernels->norm->gradient(&s->line, s->slope.values.data, s->offset.values.data, s->pixels,
                             s->x.values.data, s->dy.values.data, dx.values.data);
  s->kernels->norm->gradient_outside(&s->line, s->slope.values.data, s->offset.values.data, s->pixels,
                                     s->x.values.data, outside.values.data);
  for (size_t i = 0; i < dx.count; i++) {
    size_t c = i % (size_t)s->line.channels;
    double distance = distance_at(s, &s->x, i),
           g = relu_gradient(s, line_at(s, c, distance), mixent_get(s->dy.values, i));
    check_value(s, "gradient", &dx, i, gradient_at(s, c, g, distance));
    check_value(s, "gradient outside", &outside, i, gradient_at(s, c, 0, distance));
  }
  free_array(&dx);
  free_array(&outside);
}

/* The sums that a kernel adds to, and what they should become. */
typedef struct sums {
  array got[2];
  double wanted[2][80];
} sums;

static sums make_sums(const subject *s, numbers *numbers) {
  sums made = {0};
  for (int which = 0; which < 2; which++) {
    made.got[which] = draw_array(s->kind == TINY ? TINY : GRID, MIXENT_TYPE_F32, filled(s), numbers);
    for (size_t c = 0; c < (size_t)s->line.channels; c++)
      made.wanted[which][c] = mixent_get(made.got[which].values, c);
  }
  return made;
}

static void add_wanted(sums *sums, size_t c, double g, double distance) {
  sums->wanted[0][c] += g;
  sums->wanted[1][c] += g * distance;
}

static void check_sums(const subject *s, const char *what, sums *sums) {
  for (int which = 0; which < 2; which++) {
    for (size_t c = 0; c < (size_t)s->line.channels; c++)
      check_value(s, what, &sums->got[which], c, sums->wanted[which][c]);
    free_array(&sums->got[which]);
  }
}

static void check_plain_sums(const subject *s, numbers *numbers) {
  sums sums = make_sums(s, numbers);
  float *const to[] = {sums.got[0].values.data, sums.got[1].values.data};
  s->kernels->norm->sums(&s->line, s->pixels, s->x.values.data, s->dy.values.data, to);
  for (size_t i = 0; i < s->x.count; i++) {
    size_t c = i % (size_t)s->line.channels;
    double distance = distance_at(s, &s->x, i);
    add_wanted(&sums, c, relu_gradient(s, line_at(s, c, distance), mixent_get(s->dy.values, i)), distance);
  }
  check_sums(s, "sums", &sums);
}

/* Batch norm with another path: g where y, here any numbers, is above 0; the gradient comes in one array or in two. */
static void check_sums_of_paths(const subject *s, numbers *numbers) {
  sums sums = make_sums(s, numbers);
  float *const to[] = {sums.got[0].values.data, sums.got[1].values.data};
  bool two = draw(numbers, 0, 1);
  array y = draw_array(s->kind, s->type, s->x.count, numbers),
        more = draw_array(s->kind, s->type, s->x.count, numbers),
        g = make_array(s->type, s->x.count, numbers);
  s->kernels->norm->sums_add(&s->line, s->pixels, s->x.values.data, y.values.data, s->dy.values.data,
                             two ? more.values.data : NULL, g.values.data, to);
  for (size_t i = 0; i < s->x.count; i++) {
    double dy = mixent_get(s->dy.values, i) + (two ? mixent_get(more.values, i) : 0);
    double wanted = mixent_get(y.values, i) > 0 ? dy : 0;
    check_value(s, "gradient of both paths", &g, i, wanted);
    add_wanted(&sums, i % (size_t)s->line.channels, wanted, distance_at(s, &s->x, i));
  }
  check_sums(s, "sums of paths", &sums);
  free_array(&y);
  free_array(&more);
  free_array(&g);
}

/* The window that makes value `i` of y: where its four values are, and which is the maximum (net/graph/layers/max_pool.c). */
typedef struct window {
  const array *row[WINDOW];
  size_t at[WINDOW];
  double distance[WINDOW], best;
  int place;
} window;

static window window_of(const subject *s, size_t i) {
  size_t channels = (size_t)s->line.channels, c = i % channels, first = i / channels * 2 * channels + c;
  window w = {.row = {&s->x, &s->x, &s->below, &s->below},
              .at = {first, first + channels, first, first + channels}};
  for (int k = 0; k < WINDOW; k++) {
    w.distance[k] = distance_at(s, w.row[k], w.at[k]);
    double value = line_at(s, c, w.distance[k]);
    if (k == 0 || value > w.best || isnan(value)) w.best = value, w.place = k;
  }
  return w;
}

static void check_apply_pool(const subject *s, numbers *numbers) {
  array y = make_array(s->type, s->dy.count, numbers);
  s->kernels->norm->apply_pool(&s->line, s->pixels, s->x.values.data, s->below.values.data, y.values.data);
  for (size_t i = 0; i < y.count; i++) check_value(s, "apply pool", &y, i, relu(s, window_of(s, i).best));
  free_array(&y);
}

/* On the grid: elsewhere rounding decides which value is the maximum. */
static void check_sums_pool(const subject *s, numbers *numbers) {
  sums sums = make_sums(s, numbers);
  float *const to[] = {sums.got[0].values.data, sums.got[1].values.data};
  s->kernels->norm->sums_pool(&s->line, s->pixels, s->x.values.data, s->below.values.data, s->dy.values.data,
                              to);
  for (size_t i = 0; i < s->dy.count; i++) {
    window w = window_of(s, i);
    double g = relu_gradient(s, w.best, mixent_get(s->dy.values, i));
    for (int k = 0; k < WINDOW; k++)
      add_wanted(&sums, i % (size_t)s->line.channels, k == w.place ? g : 0, w.distance[k]);
  }
  check_sums(s, "sums pool", &sums);
}

static void check_gradient_pool(const subject *s, numbers *numbers) {
  array dx = make_array(s->type, s->x.count, numbers), below = make_array(s->type, s->x.count, numbers);
  s->kernels->norm->gradient_pool(&s->line, s->slope.values.data, s->offset.values.data, s->pixels,
                                  s->x.values.data, s->below.values.data, s->dy.values.data, dx.values.data,
                                  below.values.data);
  for (size_t i = 0; i < s->dy.count; i++) {
    window w = window_of(s, i);
    double g = relu_gradient(s, w.best, mixent_get(s->dy.values, i));
    for (int k = 0; k < WINDOW; k++)
      check_value(s, "gradient pool", k < 2 ? &dx : &below, w.at[k],
                  gradient_at(s, i % (size_t)s->line.channels, k == w.place ? g : 0, w.distance[k]));
  }
  free_array(&dx);
  free_array(&below);
}

static void check_table(const mixent_kernels *kernels, bool bf16, uint64_t seed) {
  numbers numbers = numbers_from(seed);
  subject plain = make_subject(kernels, bf16, false, &numbers);
  check_apply(&plain, &numbers);
  check_gradient(&plain, &numbers);
  check_plain_sums(&plain, &numbers);
  check_sums_of_paths(&plain, &numbers);
  free_subject(&plain);
  subject windows = make_subject(kernels, bf16, true, &numbers);
  check_apply_pool(&windows, &numbers);
  if (windows.kind != REAL) {
    check_sums_pool(&windows, &numbers);
    check_gradient_pool(&windows, &numbers);
  }
  free_subject(&windows);
}

static void test_lines_and_windows(void **state) {
  (void)state;
  for (int bf16 = 0; bf16 < 2; bf16++)
    for (int k = 0; kernels_at(bf16, k); k++)
      for (int round = 0; round < rounds; round++) check_table(kernels_at(bf16, k), bf16, (uint64_t)round);
}

/* Values of mean `mean` and about `deviation` about it. */
static void check_statistics(const mixent_kernels *kernels, bool bf16, size_t pixels, double mean,
                             double deviation, numbers *numbers) {
  int channels = draw_channel_count(kernels->lanes, numbers), lanes = kernels->lanes;
  size_t count = (size_t)((channels + lanes - 1) / lanes * lanes);
  array x = make_array(bf16 ? MIXENT_TYPE_BF16 : MIXENT_TYPE_F32, pixels * (size_t)channels, numbers);
  array means = make_array(MIXENT_TYPE_F32, count, numbers),
        squares = make_array(MIXENT_TYPE_F32, count, numbers);
  for (size_t i = 0; i < x.count; i++)
    mixent_put(x.values, i, mean + deviation * draw_value(REAL, MIXENT_TYPE_F32, numbers));
  kernels->norm->statistics(channels, pixels, x.values.data, means.values.data, squares.values.data);
  for (size_t c = 0; c < (size_t)channels; c++) {
    double sum = 0, square = 0, size = fabs(mean) + 8 * deviation;
    for (size_t p = 0; p < pixels; p++) sum += mixent_get(x.values, p * (size_t)channels + c);
    sum /= (double)pixels;
    for (size_t p = 0; p < pixels; p++)
      square += pow(mixent_get(x.values, p * (size_t)channels + c) - sum, 2);
    assert_true(mixent_get(squares.values, c) >= 0);
    double got = mixent_get(means.values, c), apart = mixent_get(squares.values, c) - square;
    /* the mean as near as a float comes; the squares up to sums of rounded numbers, if they are not all rounding */
    if (!(fabs(got - sum) <= 1.2e-7 * size) ||
        !(fabs(apart) <=
          (1e-6 + 3e-8 * (double)pixels) * square + (double)pixels * (pow(1.2e-7 * size, 2) + 1e-37)))
      fail_msg(
          "%s, %s: %d pixels, %d channels, mean %g, deviation %g: %.9g, not %.9g; squares %.9g, not %.9g",
          kernels->name, bf16 ? "bf16" : "float", (int)pixels, channels, mean, deviation, got, sum,
          apart + square, square);
  }
  free_array(&x);
  free_array(&means);
  free_array(&squares);
}

static void test_statistics(void **state) {
  (void)state;
  static const double means[] = {0, 1, -1000, 1e5, 1e-30}, deviations[] = {1, 0.01, 0, 1e-30};
  for (int bf16 = 0; bf16 < 2; bf16++)
    for (int k = 0; kernels_at(bf16, k); k++) {
      numbers numbers = numbers_from(1);
      for (int round = 0; round < rounds; round++)
        check_statistics(kernels_at(bf16, k), bf16, (size_t)(round % 4 ? draw(&numbers, 1, 50) : 1),
                         means[draw(&numbers, 0, 4)], deviations[draw(&numbers, 0, 3)], &numbers);
      /* as many as a block of one channel has: the sum alone loses three digits */
      for (int m = 0; m < 5 && rounds > 20; m++)
        check_statistics(kernels_at(bf16, k), bf16, 8193, means[m], 0.01, &numbers);
    }
}

static void test_statistics_see_what_is_not_finite(void **state) {
  (void)state;
  static const double special[] = {INFINITY, -INFINITY, NAN};
  for (int bf16 = 0; bf16 < 2; bf16++)
    for (int k = 0; kernels_at(bf16, k); k++)
      for (int i = 0; i < 3; i++) {
        enum { CHANNELS = 19, PIXELS = 5 };
        numbers numbers = numbers_from(2);
        array x = draw_array(GRID, bf16 ? MIXENT_TYPE_BF16 : MIXENT_TYPE_F32, CHANNELS * PIXELS, &numbers);
        float mean[32], squares[32];
        mixent_put(x.values, 2 * CHANNELS + 17, special[i]);
        kernels_at(bf16, k)->norm->statistics(CHANNELS, PIXELS, x.values.data, mean, squares);
        for (int c = 0; c < CHANNELS; c++) {
          assert_true(isfinite(mean[c]) == (c != 17));
          assert_true(isfinite(squares[c]) == (c != 17));
        }
        free_array(&x);
      }
}

int main(int argc, char **argv) {
  if (argc > 1) rounds = atoi(argv[1]);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_lines_and_windows),
      cmocka_unit_test(test_statistics),
      cmocka_unit_test(test_statistics_see_what_is_not_finite),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
