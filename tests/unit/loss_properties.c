/* loss: random batches of every type, shape and option against the definitions in long double: values, terms
 * and gradients, in and out of place; nothing written outside; the same bits whoever computes which rows.
 * Prints the worst error per type. Usage: test_loss_properties [COUNT]; runs the instruction set that
 * MIXENT_CPU names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "loss_cases.h"
#include <stdlib.h>
#include <string.h>

static int count = 1500;

/* Of one type: the worst errors seen, in units of what is allowed. */
typedef struct worst {
  double value, gradient;
} worst;

/* Relative to the natural size of a term, which is 1 and grows with its value and its weight; a gradient in
 * 16 bits is rounded to them, and those of float16 end at 6e-8. */
static const struct {
  const char *name;
  double relative, rounding, smallest;
} precision[] = {[MIXENT_FLOAT32] = {"float32", 1e-6, 0, 1e-37},
                 [MIXENT_FLOAT64] = {"float64", 2e-14, 0, 1e-300},
                 [MIXENT_BFLOAT16] = {"bfloat16", 1e-6, 1.0 / 256, 1e-37},
                 [MIXENT_FLOAT16] = {"float16", 1e-6, 1.0 / 2048, 6e-8}};

static bool same_special(double got, double wanted) {
  return (isnan(wanted) && isnan(got)) || (isinf(wanted) && got == wanted);
}

/* Error of a value in units of what is allowed; `size` is its natural size. */
static double value_error(double got, double wanted, double size, mixent_type type) {
  if (got == wanted || same_special(got, wanted)) return 0;
  if (!isfinite(got) || !isfinite(wanted)) return INFINITY;
  return fabs(got - wanted) / (precision[type].relative * (size + fabs(wanted)));
}

/* What a row's terms and gradient may be off by: logits are rounded differences and logarithms of small
 * targets are large. */
static double natural_size(const loss_case *c, size_t r) {
  double size = 0, mass = 0, weight = fabs(c->row_weights[r]), class_weight = 1;
  for (size_t k = 0; k < c->batch.classes; k++) {
    mass += c->targets[r * c->batch.classes + k];
    if (c->class_weights) class_weight = fmax(class_weight, c->class_weights[k]);
  }
  for (int t = 0; t < MIXENT_TERMS; t++) size += fabs(c->rule.coefficients[t]);
  return weight * class_weight * (1 + mass) * (1 + size) * (1 - log(c->rule.eps)) *
         (1 + log((double)c->batch.classes));
}

static void check_case(const loss_case *c, mixent_type type, bool in_place,
                       const mixent_loss_parallel *parallel, worst *worst) {
  size_t rows = c->batch.rows, classes = c->batch.classes, size = mixent_type_size(type);
  size_t stride = c->batch.logits.stride ? c->batch.logits.stride : classes,
         wide = in_place ? stride : stride + 3;
  double *terms = malloc(rows * MIXENT_TERMS * sizeof *terms),
         *gradient = malloc(rows * classes * sizeof *gradient);
  double *row_values = malloc(rows * sizeof *row_values),
         *row_terms = malloc(rows * MIXENT_TERMS * sizeof *row_terms), divisor;
  char *memory = malloc((rows * wide + 40) * size);
  memset(memory, 0x55, (rows * wide + 40) * size);
  void *room = memory + 17 * size; /* any alignment */
  case_reference(c, terms, gradient, &divisor);
  mixent_loss_batch batch = c->batch;
  mixent_loss_result result = {
      .gradient = room, .gradient_stride = wide, .row_values = row_values, .row_terms = row_terms};
  if (in_place) {
    memcpy(room, batch.logits.data, rows * stride * size - (stride - classes) * size);
    batch.logits.data = room;
  }
  if (mixent_loss_evaluate(&batch, &c->rule, parallel, &result) != MIXENT_OK)
    fail_msg("%s", mixent_last_error());
  assert_true(result.divisor == divisor || fabs(result.divisor - divisor) < 1e-12 * divisor);

  unsigned counts = c->rule.wanted;
  for (int t = 0; t < MIXENT_TERMS; t++) counts |= (c->rule.coefficients[t] != 0) << t;
  double total = 0, allowed = 0;
  size_t undefined = 0, counted = 0;
  for (size_t r = 0; r < rows; r++) {
    double natural = natural_size(c, r), value = 0, parts = 0; /* parts: what may cancel in the value */
    bool nan = false;
    counted += c->labels[r] >= 0;
    for (int t = 0; t < MIXENT_TERMS; t++) {
      double wanted = counts >> t & 1 ? terms[r * MIXENT_TERMS + (size_t)t] : 0,
             got = row_terms[r * MIXENT_TERMS + (size_t)t];
      double error = value_error(got, wanted, t == MIXENT_BI_TEMPERED ? 10 * natural : natural, type);
      if (!(error < 1))
        fail_msg("%s row %zu %s: %.17g is not %.17g", precision[type].name, r, mixent_term_names[t], got,
                 wanted);
      worst->value = fmax(worst->value, error);
      nan |= isnan(terms[r * MIXENT_TERMS + (size_t)t]);
      if (c->rule.coefficients[t] == 0) continue;
      value += c->rule.coefficients[t] * wanted;
      parts += fabs(c->rule.coefficients[t] * wanted);
    }
    if (nan) value = NAN;
    undefined += nan;
    total += value, allowed += 10 * natural + parts;
    if (!(value_error(row_values[r], value, 10 * natural + parts, type) < 1))
      fail_msg("%s row %zu: value %.17g is not %.17g", precision[type].name, r, row_values[r], value);
    for (size_t k = 0; k < wide; k++) {
      size_t at = r * wide + k;
      if (k >= classes) { /* between rows nothing changes */
        if (r + 1 < rows && !in_place)
          for (size_t b = 0; b < size; b++) assert_int_equal(memory[(17 + at) * size + b], 0x55);
        continue;
      }
      double wanted = gradient[r * classes + k] / divisor, got = case_get(room, type, at);
      if (c->labels[r] < 0) assert_true(got == 0);
      if (!nan && c->logits[r * classes + k] == -INFINITY && c->targets[r * classes + k] == 0)
        assert_true(got == 0);
      double slack = 10 * natural / divisor * precision[type].relative +
                     fabs(wanted) * (precision[type].rounding + 1e-6) + precision[type].smallest;
      double error = got == wanted || same_special(got, wanted) ? 0 : fabs(got - wanted) / slack;
      if (!(error < 1)) {
        if (fabs(wanted) > 65000 && type == MIXENT_FLOAT16) continue;
        fail_msg("%s row %zu class %zu of %zu: gradient %.17g is not %.17g (slack %g)", precision[type].name,
                 r, k, classes, got, wanted, slack);
      }
      worst->gradient = fmax(worst->gradient, error);
    }
  }
  for (size_t b = 0; b < 17 * size; b++) assert_int_equal(memory[b], 0x55);
  for (size_t b = (17 + (rows - 1) * wide + classes) * size; b < (rows * wide + 40) * size; b++)
    assert_int_equal(memory[b], 0x55);
  assert_int_equal(result.undefined, undefined);
  assert_int_equal(result.counted, counted);
  double reduced = total / divisor;
  if (!same_special(result.value, reduced) &&
      !(fabs(result.value - reduced) <= precision[type].relative * allowed * 100 / divisor))
    fail_msg("value %.17g is not %.17g", result.value, reduced);
  free(terms), free(gradient), free(row_values), free(row_terms), free(memory);
}

static void test_everything_against_the_definitions(void **state) {
  (void)state;
  worst worst[4] = {{0, 0}};
  draws random = draws_start(31);
  static const case_kind kinds[] = {{12, 40, true}, {5, 300, true}, {40, 30, false}, {2, 6000, true}};
  for (int i = 0; i < count; i++) {
    mixent_type type = (mixent_type)(i % 4);
    loss_case c;
    case_draw(&random, &kinds[i % 50 == 49 ? 3 : i % 11 == 0 ? 1 : i % 3 == 0 ? 2 : 0], type, &c);
    check_case(&c, type, i % 5 == 0, NULL, &worst[type]);
    case_free(&c);
  }
  print_message("%d random batches with the kernels for %s\n", count, mixent_loss_cpu());
  for (int type = 0; type < 4; type++)
    print_message("%-8s worst error, natural size 1: values %.1e, gradients %.1e%s\n", precision[type].name,
                  worst[type].value * precision[type].relative,
                  worst[type].gradient * 10 * precision[type].relative,
                  precision[type].rounding > 0 ? " (besides the rounding to 16 bits)" : "");
}

/* Pieces in an order of the test's own. */
static void run_backwards(void *pool, size_t pieces, size_t grain, mixent_loss_work *work, void *context) {
  size_t *calls = pool;
  for (size_t end = pieces; end > 0;) {
    size_t begin = end > grain ? end - grain : 0;
    work(context, begin, end);
    end = begin, ++*calls;
  }
}

static void test_order_does_not_matter(void **state) {
  (void)state;
  draws random = draws_start(32);
  static const case_kind kind = {900, 200, false};
  size_t calls = 0;
  const mixent_loss_parallel backwards = {run_backwards, &calls};
  for (int i = 0; i < 30; i++) {
    loss_case c;
    mixent_type type = (mixent_type)(i % 4);
    case_draw(&random, &kind, type, &c);
    size_t bytes = c.batch.rows * (c.batch.classes + 20) * mixent_type_size(type);
    void *gradients[2] = {calloc(1, bytes), calloc(1, bytes)};
    mixent_loss_result results[2] = {{.gradient = gradients[0]}, {.gradient = gradients[1]}};
    assert_int_equal(mixent_loss_evaluate(&c.batch, &c.rule, NULL, &results[0]), MIXENT_OK);
    assert_int_equal(mixent_loss_evaluate(&c.batch, &c.rule, &backwards, &results[1]), MIXENT_OK);
    assert_memory_equal(gradients[0], gradients[1], bytes);
    assert_memory_equal(results[0].terms, results[1].terms, sizeof results[0].terms);
    assert_true(results[0].value == results[1].value);
    free(gradients[0]), free(gradients[1]);
    case_free(&c);
  }
  assert_true(calls > 30); /* some batches were cut */
}

/* A gradient that is written past the caches is the one that small batches write into them, to the bit. */
static void test_large_batches(void **state) {
  (void)state;
  enum { ROWS = 2100, CLASSES = 1001, PART = 100 };
  draws random = draws_start(33);
  for (int turn = 0; turn < 8; turn++) {
    mixent_type type = (mixent_type)(turn % 4);
    size_t size = mixent_type_size(type), rows = size == 2 ? 2 * ROWS : ROWS, bytes = rows * CLASSES * size;
    char *logits = malloc(bytes), *memory[2] = {malloc(bytes + 64), malloc(bytes + 64)};
    int16_t *labels = malloc(rows * sizeof *labels);
    for (size_t i = 0; i < rows * CLASSES; i++)
      case_set(logits, type, i, (double)((i * 7919 + (size_t)turn) % 1009) / 100 - 5);
    for (size_t r = 0; r < rows; r++) labels[r] = (int16_t)draw_integer(&random, 0, CLASSES - 1);
    mixent_loss_rule rule = mixent_loss_rule_defaults();
    rule.reduction = MIXENT_SUM;
    rule.coefficients[MIXENT_CE1] = 1, rule.coefficients[MIXENT_H] = turn < 4 ? 0.5 : 0,
    rule.coefficients[MIXENT_BRIER] = turn == 7;
    memset(memory[0], 0x55, bytes + 64);
    memset(memory[1], 0x55, bytes + 64);
    size_t shift = size * (size_t)(turn * 3 + 1) % 64 / size * size;
    for (size_t begin = 0; begin < rows; begin += PART) {
      const mixent_loss_batch part = {.rows = rows - begin < PART ? rows - begin : PART,
                                      .classes = CLASSES,
                                      .logits = {logits + begin * CLASSES * size, type, 0},
                                      .labels = {labels + begin, MIXENT_INT16, 0}};
      mixent_loss_result result = {.gradient = memory[0] + shift + begin * CLASSES * size};
      assert_int_equal(mixent_loss_evaluate(&part, &rule, NULL, &result), MIXENT_OK);
    }
    const mixent_loss_batch whole = {
        .rows = rows, .classes = CLASSES, .logits = {logits, type, 0}, .labels = {labels, MIXENT_INT16, 0}};
    mixent_loss_result result = {.gradient = memory[1] + shift};
    assert_int_equal(mixent_loss_evaluate(&whole, &rule, NULL, &result), MIXENT_OK);
    assert_memory_equal(memory[0], memory[1], bytes + 64);
    free(logits), free(memory[0]), free(memory[1]), free(labels);
  }
}

/* A million classes, and one. */
static void test_extreme_widths(void **state) {
  (void)state;
  enum { MANY = 1000000 };
  float *logits = malloc(MANY * sizeof *logits), *gradient = malloc(MANY * sizeof *gradient);
  int32_t label = 777777;
  for (size_t k = 0; k < MANY; k++) logits[k] = (float)((k * 7919) % 1000) / 100;
  mixent_loss_batch batch = {
      .rows = 1, .classes = MANY, .logits = {.data = logits}, .labels = {&label, MIXENT_INT32, 0}};
  mixent_loss_rule rule = mixent_loss_rule_defaults();
  rule.coefficients[MIXENT_CE1] = 1, rule.coefficients[MIXENT_H] = 0.5;
  mixent_loss_result result = {.gradient = gradient};
  assert_int_equal(mixent_loss_evaluate(&batch, &rule, NULL, &result), MIXENT_OK);
  double sum = 0, weighted = 0, total = 0;
  for (size_t k = 0; k < MANY; k++)
    sum += exp(logits[k]), weighted += exp(logits[k]) * logits[k], total += gradient[k];
  assert_true(fabs(result.terms[MIXENT_CE1] - (log(sum) - logits[label])) < 1e-6 * result.terms[MIXENT_CE1]);
  assert_true(fabs(result.terms[MIXENT_H] - (log(sum) - weighted / sum)) < 1e-6 * result.terms[MIXENT_H]);
  assert_true(fabs(total) < 1e-6);
  batch.classes = 1, label = 0;
  assert_int_equal(mixent_loss_evaluate(&batch, &rule, NULL, &result), MIXENT_OK);
  for (int t = 0; t < MIXENT_TERMS; t++) assert_true(result.terms[t] == 0);
  assert_true(result.value == 0 && gradient[0] == 0);
  free(logits), free(gradient);
}

/* A hard label's terms keep their relative accuracy however sure the prediction: 1 - q is never a difference.
 */
static void test_sure_predictions_keep_their_digits(void **state) {
  (void)state;
  for (double gap = 1; gap < 80; gap += 3) {
    float logits[] = {(float)gap, 0, -1}, gradient[3];
    int8_t label = 0;
    mixent_loss_batch batch = {
        .rows = 1, .classes = 3, .logits = {.data = logits}, .labels = {&label, MIXENT_INT8, 0}};
    mixent_loss_rule rule = mixent_loss_rule_defaults();
    rule.coefficients[MIXENT_CE1] = 1, rule.wanted = ~0u & ~(1u << MIXENT_BI_TEMPERED);
    mixent_loss_result result = {.gradient = gradient};
    assert_int_equal(mixent_loss_evaluate(&batch, &rule, NULL, &result), MIXENT_OK);
    double others = exp(-(double)logits[0]) + exp(-1 - (double)logits[0]), rest = others / (1 + others);
    assert_true(fabs(result.terms[MIXENT_CE1] / log1p(others) - 1) < 1e-6);
    assert_true(fabs(result.terms[MIXENT_MAE] / (2 * rest) - 1) < 1e-6);
    assert_true(fabs(result.terms[MIXENT_POLY1] / rest - 1) < 1e-6);
    assert_true(fabs(gradient[0] / -rest - 1) < 1e-6);
  }
}

int main(int argc, char **argv) {
  if (argc > 1) count = atoi(argv[1]);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_everything_against_the_definitions),
      cmocka_unit_test(test_order_does_not_matter),
      cmocka_unit_test(test_large_batches),
      cmocka_unit_test(test_extreme_widths),
      cmocka_unit_test(test_sure_predictions_keep_their_digits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
