/* The plain reference of every kind of layer: gradients against finite differences in double, values against
 * the formula written another way, other types against the rounded double. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/layer_subject.h"

/* y in PyTorch's order of loops: scattered, input pixel by input pixel. */
static void check_convolution_values(const subject *s) {
  const mixent_layer *y = s->layer, *x = &s->graph->layers[0];
  const double *in = s->call.inputs[0].data, *w = s->call.parameters[0].data,
               *bias = s->call.parameters[1].data;
  double *sums = calloc(output_size(s), sizeof *sums);
  for (size_t i = 0; i < output_size(s) && bias; i++) sums[i] = bias[i % (size_t)y->channels];
  for (int n = 0; n < s->call.rows; n++)
    for (int i = 0; i < x->channels; i++)
      for (int v = 0; v < x->height; v++)
        for (int u = 0; u < x->width; u++)
          for (int o = 0; o < y->channels; o++)
            for (int k = 0; k < y->kernel * y->kernel; k++) {
              int top = v + y->padding - k / y->kernel, left = u + y->padding - k % y->kernel;
              if (top < 0 || left < 0 || top % y->stride || left % y->stride) continue;
              if (top / y->stride >= y->height || left / y->stride >= y->width) continue;
              sums[((n * y->height + top / y->stride) * y->width + left / y->stride) * y->channels + o] +=
                  in[((n * x->height + v) * x->width + u) * x->channels + i] *
                  w[(o * x->channels + i) * y->kernel * y->kernel + k];
            }
  for (size_t i = 0; i < output_size(s); i++)
    assert_true(fabs(sums[i] - mixent_get(s->call.output, i)) < 1e-12 * (1 + fabs(sums[i])));
  free(sums);
}

static void test_convolution(void **state) {
  (void)state;
  numbers numbers = numbers_from(1);
  for (uint64_t round = 0; round < 40; round++) {
    int kernel = draw_integer(&numbers, 1, 4), padding = draw_integer(&numbers, 0, kernel - 1);
    int least = kernel > 2 * padding ? kernel - 2 * padding : 1;
    shape shape = {draw_integer(&numbers, 1, 4), draw_integer(&numbers, least, 8),
                   draw_integer(&numbers, least, 8)};
    char fields[128];
    snprintf(fields, sizeof fields, "{channels: %d, kernel: %d, stride: %d, padding: %d, bias: %s}",
             draw_integer(&numbers, 1, 4), kernel, draw_integer(&numbers, 1, 3), padding,
             round % 3 ? "true" : "false");
    subject s = make_one("conv2d", fields, draw_integer(&numbers, 1, 3), round, shape);
    forward(&s);
    check_convolution_values(&s);
    check_gradients(&s);
    drop(&s);
  }
  /* more channels than one piece, on either side */
  check_and_drop(make_one("conv2d", "{channels: 2, kernel: 2}", 1, 8, (shape){270, 3, 2}));
  subject s = make_one("conv2d", "{channels: 300, kernel: 2}", 1, 9, (shape){2, 2, 3});
  forward(&s);
  check_convolution_values(&s);
  check_gradients(&s);
  /* a gradient that is not wanted is not written; the others come all the same */
  double first = mixent_get(s.call.parameter_gradients[0], 5);
  mixent_typed_array unwanted = s.call.input_gradients[0];
  s.call.input_gradients[0].data = NULL;
  poison(s.call.parameter_gradients[0], parameter_size(&s, 0));
  forward(&s);
  backward(&s);
  assert_true(mixent_get(s.call.parameter_gradients[0], 5) == first);
  s.call.input_gradients[0] = unwanted;
  drop(&s);
}

static void test_linear(void **state) {
  (void)state;
  numbers numbers = numbers_from(2);
  for (uint64_t round = 0; round < 12; round++) {
    char fields[64];
    int inputs = round ? draw_integer(&numbers, 1, 9) : 300,
        outputs = round ? draw_integer(&numbers, 1, 9) : 270;
    snprintf(fields, sizeof fields, "{features: %d, bias: %s}", outputs, round % 3 ? "yes" : "no");
    subject s = make_one("linear", fields, draw_integer(&numbers, 1, 4), round, (shape){inputs, 1, 1});
    forward(&s);
    for (int n = 0; n < s.call.rows; n++)
      for (int o = 0; o < outputs; o++) {
        double sum = s.call.parameters[1].data ? mixent_get(s.call.parameters[1], (size_t)o) : 0;
        for (int i = 0; i < inputs; i++)
          sum += mixent_get(s.call.inputs[0], (size_t)n * (size_t)inputs + (size_t)i) *
                 mixent_get(s.call.parameters[0], (size_t)o * (size_t)inputs + (size_t)i);
        double y = mixent_get(s.call.output, (size_t)n * (size_t)outputs + (size_t)o);
        assert_true(fabs(sum - y) < 1e-12 * (1 + fabs(sum)));
      }
    check_gradients(&s);
    drop(&s);
  }
}

static void test_elementwise_and_shape_layers(void **state) {
  (void)state;
  numbers numbers = numbers_from(3);
  for (uint64_t round = 0; round < 10; round++) {
    int rows = draw_integer(&numbers, 1, 3);
    shape map = {round ? draw_integer(&numbers, 1, 20) : 300, draw_integer(&numbers, 1, 5),
                 draw_integer(&numbers, 1, 5)};
    check_and_drop(make_one("relu", "", rows, round, map));
    check_and_drop(make_one("gelu", "", rows, round, map));
    check_and_drop(make_one("silu", "", rows, round, map));
    check_and_drop(make_one("global_pool", "", rows, round, map));
    check_and_drop(make_one("flatten", "", rows, round, map));
    check_and_drop(make_one("dropout", "{rate: 0.4}", rows, round, map));
    char fields[64];
    int begin = draw_integer(&numbers, 0, map.channels - 1),
        end = draw_integer(&numbers, begin + 1, map.channels);
    snprintf(fields, sizeof fields, "{begin: %d, end: %d}", begin, end);
    check_and_drop(make_one("split", fields, rows, round, map));
    int pad = draw_integer(&numbers, 0, (map.channels - 1) / 2);
    shape narrow = {map.channels - 2 * pad, map.height, map.width};
    check_and_drop(make("add", "", rows, MIXENT_TYPE_F64, round, 3, (shape[]){map, narrow, map}));
    check_and_drop(make("concat", "", rows, MIXENT_TYPE_F64, round, 3, (shape[]){map, narrow, map}));
    check_and_drop(make("mean_probability", "", rows, MIXENT_TYPE_F64, round, 3, (shape[]){map, map, map}));
  }
}

static void test_max_pool(void **state) {
  (void)state;
  numbers numbers = numbers_from(4);
  for (uint64_t round = 0; round < 30; round++) {
    int size = draw_integer(&numbers, 1, 4), padding = draw_integer(&numbers, 0, size / 2);
    int least = size > 2 * padding ? size - 2 * padding : 1;
    shape map = {draw_integer(&numbers, 1, 3), draw_integer(&numbers, least, 9),
                 draw_integer(&numbers, least, 9)};
    char fields[64];
    snprintf(fields, sizeof fields, "{size: %d, stride: %d, padding: %d}", size, draw_integer(&numbers, 1, 4),
             padding);
    subject s = make_one("max_pool", fields, draw_integer(&numbers, 1, 2), round, map);
    /* a permutation: all values apart by more than the finite differences move them */
    double *x = s.call.inputs[0].data;
    size_t count = input_size(&s, 0);
    for (size_t i = 0; i < count; i++) x[i] = (double)i / (double)count - 0.5;
    for (size_t i = count; i-- > 1;) {
      size_t j = (size_t)(draw(&numbers) * (double)(i + 1));
      double swap = x[i];
      x[i] = x[j], x[j] = swap;
    }
    check_gradients(&s);
    drop(&s);
  }
}

/* float and bfloat16 hold exactly the rounded values of the double computation on the same numbers, on any
 * number of threads. */
static void test_other_types_are_rounded_doubles(void **state) {
  (void)state;
  static const struct {
    const char *kind, *fields;
    int inputs;
    shape shapes[3];
  } cases[] = {
      {"conv2d", "{channels: 5, kernel: 3, stride: 2, padding: 1}", 1, {{7, 6, 5}}},
      {"batch_norm", "", 1, {{19, 3, 2}}},
      {"relu", "", 1, {{300, 5, 5}}},
      {"gelu", "", 1, {{300, 5, 5}}},
      {"silu", "", 1, {{300, 5, 5}}},
      {"max_pool", "{size: 3, stride: 2, padding: 1}", 1, {{5, 7, 6}}},
      {"global_pool", "", 1, {{300, 3, 2}}},
      {"flatten", "", 1, {{7, 3, 2}}},
      {"linear", "{features: 9}", 1, {{31, 1, 1}}},
      {"dropout", "{rate: 0.5}", 1, {{33, 3, 3}}},
      {"split", "{begin: 3, end: 11}", 1, {{13, 3, 2}}},
      {"concat", "", 3, {{3, 5, 4}, {5, 5, 4}, {1, 5, 4}}},
      {"add", "", 3, {{9, 5, 4}, {5, 5, 4}, {9, 5, 4}}},
      {"mean_probability", "", 3, {{9, 5, 4}, {9, 5, 4}, {9, 5, 4}}},
  };
  int kinds = 0;
  while (mixent_layer_types[kinds]) kinds++;
  assert_int_equal(kinds, sizeof cases / sizeof *cases);
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
    for (int half = 0; half < 2; half++) {
      mixent_data_type type = half ? MIXENT_TYPE_BF16 : MIXENT_TYPE_F32;
      subject exact =
          make(cases[k].kind, cases[k].fields, 5, MIXENT_TYPE_F64, k, cases[k].inputs, cases[k].shapes);
      subject rounded = make(cases[k].kind, cases[k].fields, 5, type, k, cases[k].inputs, cases[k].shapes);
      mixent_threads_set(1);
      forward(&exact), backward(&exact);
      mixent_threads_set(4);
      forward(&rounded), backward(&rounded);
      mixent_typed_array one = new_array(1, type), master = new_array(1, MIXENT_TYPE_F32);
      for (size_t i = 0; i < output_size(&exact); i++) {
        mixent_put(one, 0, mixent_get(exact.call.output, i));
        assert_true(mixent_get(rounded.call.output, i) == mixent_get(one, 0));
      }
      for (int input = 0; input < cases[k].inputs; input++)
        for (size_t i = 0; i < input_size(&exact, input); i++) {
          mixent_put(one, 0, mixent_get(exact.call.input_gradients[input], i));
          assert_true(mixent_get(rounded.call.input_gradients[input], i) == mixent_get(one, 0));
        }
      for (int p = 0; p < MIXENT_MAX_LAYER_TENSORS; p++)
        for (size_t i = 0; i < parameter_size(&exact, p); i++) {
          mixent_put(master, 0, mixent_get(exact.call.parameter_gradients[p], i));
          assert_true(mixent_get(rounded.call.parameter_gradients[p], i) == mixent_get(master, 0));
        }
      free(one.data), free(master.data);
      drop(&exact), drop(&rounded);
    }
}

int main(void) {
  mixent_threads_set(1); /* the pieces of work are tiny: waiting threads would only burn time */
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_convolution),
      cmocka_unit_test(test_linear),
      cmocka_unit_test(test_elementwise_and_shape_layers),
      cmocka_unit_test(test_max_pool),
      cmocka_unit_test(test_other_types_are_rounded_doubles),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
