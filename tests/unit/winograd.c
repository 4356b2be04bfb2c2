/* Winograd's convolutions against sums in double: every kernel this processor runs, every way to cut a map, all passes,
 * random shapes with odd sizes and channels; the values are the same bits from one thread and several.
 * Usage: test_winograd [SHAPES]; MIXENT_CPU names one table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/memory.h"
#include "core/random.h"
#include "core/threads.h"
#include "net/graph/layer.h"
#include "net/winograd/convolution.h"
#include "unit/kernel_tables.h"
#include <math.h>
#include <stdlib.h>

static int shapes = 12;

static uint32_t draw(uint64_t seed, uint64_t element, uint32_t below) {
  mixent_random random = mixent_random_stream(seed, "winograd", "");
  uint32_t words[4];
  mixent_random_block(&random, 0, element, words);
  return words[0] % below;
}

static void *allocate(size_t bytes) {
  void *memory;
  assert_int_equal(mixent_allocate(bytes, &memory), MIXENT_OK);
  return memory;
}

/* Random values as a layer holds them; `at` gets them as doubles. */
static void *make_values(const mixent_winograd_shape *shape, size_t count, uint64_t seed, double *at) {
  mixent_typed_array array = {allocate(count * 4), shape->bf16 ? MIXENT_TYPE_BF16 : MIXENT_TYPE_F32};
  for (size_t i = 0; i < count; i++) {
    mixent_put(array, i, (double)draw(seed, i, 2001) / 1000 - 1);
    at[i] = mixent_get(array, i);
  }
  return array.data;
}

static float *make_floats(size_t count, uint64_t seed, double scale) {
  float *values = allocate(count * sizeof *values);
  for (size_t i = 0; i < count; i++) values[i] = (float)(scale * ((double)draw(seed, i, 2001) / 1000 - 1));
  return values;
}

/* One convolution and what it should give. */
typedef struct subject {
  mixent_winograd_shape shape;
  size_t inputs, values, weight_count;
  void *input, *gradient;
  float *weights, *bias;
  double *x, *dy, *y, *dx, *dw, *db;
} subject;

/* Adds one product to each of the three sums it belongs to. */
static void add_products(subject *s, size_t x, size_t y, size_t w) {
  s->y[y] += s->x[x] * (double)s->weights[w];
  s->dx[x] += s->dy[y] * (double)s->weights[w];
  s->dw[w] += s->dy[y] * s->x[x];
}

static void sum_up(subject *s) {
  const mixent_winograd_shape *h = &s->shape;
  int height = h->height + 2 * h->padding - 2, width = h->width + 2 * h->padding - 2;
  for (size_t i = 0; i < s->values; i++) s->y[i] = (double)s->bias[i % (size_t)h->outputs];
  for (size_t i = 0; i < s->values; i++) s->db[i % (size_t)h->outputs] += s->dy[i];
  for (int n = 0; n < h->rows; n++)
    for (int i = 0; i < height * width * 9; i++) {
      int tap = i % 9, pixel = i / 9, row = pixel / width + tap / 3 - h->padding,
          column = pixel % width + tap % 3 - h->padding;
      if (row < 0 || row >= h->height || column < 0 || column >= h->width) continue;
      for (int k = 0; k < h->outputs; k++)
        for (int c = 0; c < h->channels; c++)
          add_products(s,
                       (size_t)((n * h->height + row) * h->width + column) * (size_t)h->channels + (size_t)c,
                       (size_t)(n * height * width + pixel) * (size_t)h->outputs + (size_t)k,
                       (size_t)(k * h->channels + c) * 9 + (size_t)tap);
    }
}

static subject make_subject(const mixent_winograd_shape *shape, uint64_t seed) {
  subject s = {.shape = *shape};
  s.inputs = (size_t)shape->rows * (size_t)shape->height * (size_t)shape->width * (size_t)shape->channels;
  s.values = (size_t)shape->rows * (size_t)(shape->height + 2 * shape->padding - 2) *
             (size_t)(shape->width + 2 * shape->padding - 2) * (size_t)shape->outputs;
  s.weight_count = (size_t)shape->channels * (size_t)shape->outputs * 9;
  double **sums[] = {&s.x, &s.dx, &s.dy, &s.y, &s.dw, &s.db};
  const size_t counts[] = {s.inputs, s.inputs, s.values, s.values, s.weight_count, (size_t)shape->outputs};
  for (int i = 0; i < 6; i++) *sums[i] = allocate(counts[i] * sizeof(double));
  s.input = make_values(shape, s.inputs, seed, s.x);
  s.gradient = make_values(shape, s.values, seed + 1, s.dy);
  s.weights = make_floats(s.weight_count, seed + 2, 0.1);
  s.bias = make_floats((size_t)shape->outputs, seed + 3, 1);
  sum_up(&s);
  return s;
}

static void free_subject(subject *s) {
  void *memory[] = {s->x, s->dx, s->dy, s->y, s->dw, s->db, s->input, s->gradient, s->weights, s->bias};
  for (size_t i = 0; i < sizeof memory / sizeof *memory; i++) free(memory[i]);
}

/* Runs one pass; what came out, to be freed. */
static void *run(const subject *s, mixent_winograd_pass pass, mixent_winograd_cut cut,
                 const mixent_kernels *kernels) {
  mixent_winograd *winograd;
  if (mixent_winograd_create(&s->shape, pass, cut, kernels, mixent_threads(), &winograd) != MIXENT_OK)
    fail_msg("%s", mixent_last_error());
  size_t filter_bytes = mixent_winograd_filter_bytes(winograd),
         scratch_bytes = mixent_winograd_scratch_bytes(winograd);
  void *filters = allocate(filter_bytes), *scratch = allocate(scratch_bytes);
  /* what memory held before must not matter */
  memset(filters, 0xff, filter_bytes);
  memset(scratch, 0xff, scratch_bytes);
  const size_t counts[] = {s->values, s->inputs, s->weight_count};
  void *out = allocate((counts[pass] + (size_t)s->shape.outputs) * sizeof(float));
  if (pass == MIXENT_WINOGRAD_FORWARD)
    mixent_winograd_run(winograd, s->input, s->weights, false, s->bias, false, out, filters, scratch);
  else if (pass == MIXENT_WINOGRAD_DATA)
    mixent_winograd_run(winograd, s->gradient, s->weights, false, NULL, false, out, filters, scratch);
  else
    mixent_winograd_run_weights(winograd, s->input, s->gradient, out, (float *)out + s->weight_count, filters,
                                scratch);
  free(filters);
  free(scratch);
  mixent_winograd_free(winograd);
  return out;
}

/* |got - wanted| over |wanted| */
static double distance(const void *got, mixent_data_type type, const double *wanted, size_t count) {
  mixent_typed_array array = {(void *)(uintptr_t)got, type};
  double apart = 0, scale = 1e-30;
  for (size_t i = 0; i < count; i++) {
    apart += pow(mixent_get(array, i) - wanted[i], 2);
    scale += wanted[i] * wanted[i];
  }
  return sqrt(apart / scale);
}

/* Largest relative errors allowed, by cut. */
static const double float_bounds[MIXENT_CUTS] = {1e-6, 2e-6, 5e-6, 5e-6, 2e-4};
static const double bf16_bounds[MIXENT_CUTS] = {0.01, 0.02, 0.04, 0.04, 0.5};

static void check(const subject *s, mixent_winograd_cut cut, const mixent_kernels *kernels) {
  const double *wanted[] = {s->y, s->dx, s->dw};
  const size_t counts[] = {s->values, s->inputs, s->weight_count};
  for (int pass = 0; pass < 3; pass++) {
    mixent_data_type type =
        s->shape.bf16 && pass != MIXENT_WINOGRAD_WEIGHTS ? MIXENT_TYPE_BF16 : MIXENT_TYPE_F32;
    void *out = run(s, (mixent_winograd_pass)pass, cut, kernels);
    double error = distance(out, type, wanted[pass], counts[pass]);
    double bound = s->shape.bf16 ? bf16_bounds[cut] : float_bounds[cut];
    if (!(error < bound))
      fail_msg("%s, %s, pass %d, %d rows of %dx%dx%d to %d, padding %d: error %g", kernels->name,
               mixent_winograd_names[cut], pass, s->shape.rows, s->shape.height, s->shape.width,
               s->shape.channels, s->shape.outputs, s->shape.padding, error);
    if (pass == MIXENT_WINOGRAD_WEIGHTS) {
      error = distance((float *)out + counts[pass], MIXENT_TYPE_F32, s->db, (size_t)s->shape.outputs);
      if (!(error < 1e-5)) fail_msg("%s: gradient of the bias: error %g", mixent_winograd_names[cut], error);
    }
    free(out);
  }
}

static mixent_winograd_shape draw_shape(uint64_t seed, bool bf16) {
  return (mixent_winograd_shape){.rows = 1 + (int)draw(seed, 1, 7),
                                 .height = 3 + (int)draw(seed, 2, 14),
                                 .width = 3 + (int)draw(seed, 3, 14),
                                 .channels = 1 + (int)draw(seed, 4, 40),
                                 .outputs = 1 + (int)draw(seed, 5, 70),
                                 .padding = (int)draw(seed, 6, 3),
                                 .bf16 = bf16};
}

static void check_everything(bool bf16) {
  for (uint64_t seed = 0; seed < (uint64_t)shapes; seed++) {
    mixent_winograd_shape shape = draw_shape(seed, bf16);
    subject s = make_subject(&shape, 10 * seed);
    for (int k = 0; kernels_at(bf16, k); k++)
      for (int cut = 0; cut < MIXENT_CUTS; cut++) check(&s, (mixent_winograd_cut)cut, kernels_at(bf16, k));
    free_subject(&s);
  }
}

static void test_float(void **state) {
  (void)state;
  check_everything(false);
}

static void test_bf16(void **state) {
  (void)state;
  check_everything(true);
}

/* More tiles than one chunk takes. */
static void test_many_tiles(void **state) {
  (void)state;
  mixent_threads_set(3);
  for (int bf16 = 0; bf16 < 2; bf16++) {
    mixent_winograd_shape shape = {7, 23, 21, 9, 17, 1, bf16, false};
    subject s = make_subject(&shape, 77);
    for (int cut = 0; cut < MIXENT_CUTS; cut++)
      check(&s, (mixent_winograd_cut)cut, mixent_kernels_choose(bf16));
    free_subject(&s);
  }
}

static void test_threads_do_not_matter(void **state) {
  (void)state;
  int before = mixent_threads();
  mixent_winograd_shape shape = {9, 13, 15, 18, 35, 1, false, false};
  subject s = make_subject(&shape, 5);
  const size_t counts[] = {s.values, s.inputs};
  for (int pass = 0; pass < 2; pass++) {
    mixent_threads_set(1);
    void *one = run(&s, (mixent_winograd_pass)pass, MIXENT_CUT_43, NULL);
    mixent_threads_set(3);
    void *three = run(&s, (mixent_winograd_pass)pass, MIXENT_CUT_43, NULL);
    assert_memory_equal(one, three, counts[pass] * sizeof(float));
    free(one);
    free(three);
  }
  mixent_threads_set(before);
  free_subject(&s);
}

/* A value that is not finite stays within the tiles that see it, and is not lost. */
static void test_not_finite_values_are_seen(void **state) {
  (void)state;
  mixent_winograd_shape shape = {1, 8, 8, 8, 8, 1, false, false};
  subject s = make_subject(&shape, 3);
  ((float *)s.input)[0] = NAN;
  float *out = run(&s, MIXENT_WINOGRAD_FORWARD, MIXENT_CUT_4, NULL);
  assert_true(isnan(out[0]));
  assert_true(isfinite(out[s.values - 1]));
  free(out);
  free_subject(&s);
}

int main(int argc, char **argv) {
  if (argc > 1) shapes = atoi(argv[1]);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_float),
      cmocka_unit_test(test_bf16),
      cmocka_unit_test(test_many_tiles),
      cmocka_unit_test(test_threads_do_not_matter),
      cmocka_unit_test(test_not_finite_values_are_seen),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
