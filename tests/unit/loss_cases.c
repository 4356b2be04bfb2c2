#include "loss_cases.h"
#include "loss_reference.h"
#include <stdlib.h>
#include <string.h>

static double half_round(double x) {
  if (x == 0 || !isfinite(x)) return x;
  int exponent = ilogb(x) < -14 ? -14 : ilogb(x);
  double unit = ldexp(1, exponent - 10), rounded = nearbyint(x / unit) * unit;
  return fabs(rounded) > 65504 ? copysign(INFINITY, x) : rounded;
}

static uint16_t half_bits(double x) {
  uint16_t sign = signbit(x) ? 0x8000 : 0;
  x = half_round(fabs(x));
  if (isnan(x)) return 0x7e00;
  if (isinf(x)) return sign | 0x7c00;
  if (x < ldexp(1, -14)) return (uint16_t)(sign | (int)(x * ldexp(1, 24)));
  int exponent = ilogb(x);
  return (uint16_t)(sign | (exponent + 15) << 10 | ((int)ldexp(x, 10 - exponent) & 0x3ff));
}

double case_get(const void *data, mixent_type type, size_t i) {
  switch (type) {
  case MIXENT_FLOAT32: return ((const float *)data)[i];
  case MIXENT_FLOAT64: return ((const double *)data)[i];
  case MIXENT_BFLOAT16: {
    uint32_t bits = (uint32_t)((const uint16_t *)data)[i] << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
  }
  default: {
    uint16_t half = ((const uint16_t *)data)[i];
    int exponent = half >> 10 & 0x1f, fraction = half & 0x3ff;
    double size = exponent == 31  ? (fraction ? NAN : INFINITY)
                  : exponent == 0 ? ldexp(fraction, -24)
                                  : ldexp(1024 + fraction, exponent - 25);
    return half & 0x8000 ? -size : size;
  }
  }
}

void case_set(void *data, mixent_type type, size_t i, double value) {
  switch (type) {
  case MIXENT_FLOAT32: ((float *)data)[i] = (float)value; break;
  case MIXENT_FLOAT64: ((double *)data)[i] = value; break;
  case MIXENT_BFLOAT16: {
    float narrow = (float)value;
    uint32_t bits;
    memcpy(&bits, &narrow, sizeof bits);
    bits = isnan(value) ? 0x7fc00000 : bits + 0x7fff + (bits >> 16 & 1);
    ((uint16_t *)data)[i] = (uint16_t)(bits >> 16);
    break;
  }
  default: ((uint16_t *)data)[i] = half_bits(value);
  }
}

/* An array of `count` numbers rounded to a type, at an address that is a multiple of the type's size and no
 * more; the numbers become what is stored. */
static mixent_array make_array(draws *draws, loss_case *c, mixent_type type, double *numbers, size_t rows,
                               size_t columns, size_t stride) {
  size_t size = mixent_type_size(type), shift = (size_t)draw_integer(draws, 0, 9);
  char *memory = malloc((rows * stride + 10) * size);
  mixent_array array = {memory + shift * size, type, stride == columns ? 0 : stride};
  c->memory[c->allocated++] = memory;
  memset(memory, 0x7f, (rows * stride + 10) * size);
  for (size_t r = 0; r < rows; r++)
    for (size_t k = 0; k < columns; k++) {
      case_set((void *)array.data, type, r * stride + k, numbers[r * columns + k]);
      numbers[r * columns + k] = case_get(array.data, type, r * stride + k);
    }
  return array;
}

static void draw_logits(draws *draws, const case_kind *kind, mixent_type type, loss_case *c, size_t r) {
  size_t classes = c->batch.classes;
  double scale = pow(10, draw(draws, -2, 1.5)), masked = 0, *z = c->logits + r * classes;
  int trouble = kind->wild ? draw_integer(draws, 0, 40) : 0;
  if (kind->wild && draw_chance(draws, 0.1))
    scale = pow(10, draw(draws, 1.5, type == MIXENT_FLOAT64 ? 300 : 37));
  if (kind->wild && draw_chance(draws, 0.05))
    scale = pow(10, draw(draws, type == MIXENT_FLOAT64 ? -320 : -44, -30));
  if (kind->wild && draw_chance(draws, 0.3)) masked = draw(draws, 0, 1);
  bool whole = draw_chance(draws, 0.2); /* ties */
  for (size_t k = 0; k < classes; k++) {
    z[k] = draw(draws, -scale, scale);
    if (whole) z[k] = nearbyint(z[k]);
    if (draw_chance(draws, masked)) z[k] = -INFINITY;
  }
  if (trouble == 1) z[draw_integer(draws, 0, (int)classes - 1)] = NAN;
  if (trouble == 2) z[draw_integer(draws, 0, (int)classes - 1)] = INFINITY;
  for (size_t k = 0; trouble == 3 && k < classes; k++) z[k] = -INFINITY;
  if (trouble > 30) z[draw_integer(draws, 0, (int)classes - 1)] += draw(draws, 10, 60); /* nearly sure */
}

static void draw_targets(draws *draws, loss_case *c, size_t r, bool wild) {
  size_t classes = c->batch.classes;
  double *p = c->targets + r * classes, *z = c->logits + r * classes, sum = 0;
  size_t certain = (size_t)draw_integer(draws, 0, (int)classes - 1);
  bool hit_masked = wild && draw_chance(draws, 0.1);
  for (size_t k = 0; k < classes; k++) {
    bool zero = (k != certain && draw_chance(draws, 0.5)) || (z[k] == -INFINITY && !hit_masked);
    p[k] = zero ? 0 : draw(draws, 0.001, 1);
    sum += p[k];
  }
  double mass = draw_chance(draws, 0.8) ? 1 : draw(draws, 0, 2);
  for (size_t k = 0; k < classes && sum > 0; k++) p[k] = p[k] / sum * mass;
}

/* The label, unless it is to be ignored; usually of a class that is not masked. */
static void draw_label(draws *draws, loss_case *c, size_t r) {
  size_t classes = c->batch.classes;
  int label = draw_integer(draws, 0, (int)classes - 1);
  bool any = draw_chance(draws, 0.1);
  for (size_t tries = 0; !any && tries < classes && c->logits[r * classes + (size_t)label] == -INFINITY;
       tries++)
    label = (label + 1) % (int)classes;
  for (size_t k = 0; k < classes; k++) c->targets[r * classes + k] = (int)k == label;
  c->labels[r] = c->batch.ignore && draw_chance(draws, 0.2) ? -1 : label;
}

static void store_label(void *data, mixent_type type, size_t r, int64_t label) {
  switch (type) {
  case MIXENT_INT8: ((int8_t *)data)[r] = (int8_t)label; break;
  case MIXENT_UINT8: ((uint8_t *)data)[r] = (uint8_t)label; break;
  case MIXENT_INT16: ((int16_t *)data)[r] = (int16_t)label; break;
  case MIXENT_INT32: ((int32_t *)data)[r] = (int32_t)label; break;
  default: ((int64_t *)data)[r] = label;
  }
}

static void draw_labels(draws *draws, loss_case *c) {
  static const int64_t ignored[] = {[MIXENT_INT8] = -1,
                                    [MIXENT_UINT8] = 255,
                                    [MIXENT_INT16] = -100,
                                    [MIXENT_INT32] = -100,
                                    [MIXENT_INT64] = -100};
  mixent_type type = (mixent_type)draw_integer(draws, MIXENT_INT8, MIXENT_INT64);
  if (c->batch.classes > 127) type = (mixent_type)draw_integer(draws, MIXENT_INT16, MIXENT_INT64);
  c->batch.ignore = draw_chance(draws, 0.4);
  c->batch.ignore_label = ignored[type];
  void *data = c->memory[c->allocated++] = malloc(c->batch.rows * 8);
  for (size_t r = 0; r < c->batch.rows; r++) {
    draw_label(draws, c, r);
    store_label(data, type, r, c->labels[r] < 0 ? ignored[type] : c->labels[r]);
  }
  c->batch.labels = (mixent_array){.data = data, .type = type};
}

static mixent_type draw_floating(draws *draws) {
  return (mixent_type)draw_integer(draws, MIXENT_FLOAT32, MIXENT_FLOAT16);
}

static void draw_weights(draws *draws, loss_case *c, bool wild) {
  size_t rows = c->batch.rows, classes = c->batch.classes;
  for (size_t r = 0; r < rows; r++) c->row_weights[r] = 1;
  if (draw_chance(draws, 0.3)) {
    c->class_weights = malloc(classes * sizeof(double));
    for (size_t k = 0; k < classes; k++)
      c->class_weights[k] = wild && draw_chance(draws, 0.1) ? 0 : draw(draws, 0.1, 3);
    c->batch.class_weights =
        make_array(draws, c, draw_floating(draws), c->class_weights, 1, classes, classes);
  }
  if (draw_chance(draws, 0.3)) {
    for (size_t r = 0; r < rows; r++)
      c->row_weights[r] = wild && draw_chance(draws, 0.1) ? 0 : draw(draws, -1, 3);
    c->batch.row_weights = make_array(draws, c, draw_floating(draws), c->row_weights, 1, rows, rows);
  }
}

static void draw_rule(draws *draws, mixent_loss_rule *rule) {
  *rule = mixent_loss_rule_defaults();
  rule->reduction = (mixent_reduction)draw_integer(draws, MIXENT_MEAN, MIXENT_NONE);
  double share = draw_chance(draws, 0.3) ? 1 : 0.3;
  for (int t = 0; t < MIXENT_TERMS; t++) {
    bool slow = t == MIXENT_BI_TEMPERED;
    if (draw_chance(draws, slow ? share / 3 : share)) rule->coefficients[t] = draw(draws, -2, 2);
    if (draw_chance(draws, slow ? 0.05 : 0.2)) rule->wanted |= 1u << t;
  }
  rule->eps = pow(10, draw(draws, -12, -0.5));
  if (draw_chance(draws, 0.5)) rule->focal_gamma = draw_chance(draws, 0.2) ? 0 : draw(draws, 0, 5);
  if (draw_chance(draws, 0.5)) rule->gce_q = draw_chance(draws, 0.2) ? 1 : draw(draws, 0.05, 1);
  if (draw_chance(draws, 0.5)) rule->t1 = draw(draws, 0, 0.95);
  if (draw_chance(draws, 0.5)) rule->t2 = draw_chance(draws, 0.3) ? 1 : draw(draws, 1.05, 2);
}

/* Where some p and q of a row are so near that the sign of their difference is rounding's, the mean absolute
 * error has no certain gradient: it is left out of the rule. */
static void avoid_ties(loss_case *c) {
  size_t classes = c->batch.classes;
  if (c->rule.coefficients[MIXENT_MAE] == 0) return;
  for (size_t r = 0; r < c->batch.rows; r++) {
    const double *z = c->logits + r * classes;
    double maximum = -INFINITY, sum = 0, finite = 0;
    for (size_t k = 0; k < classes; k++) maximum = fmax(maximum, z[k]), finite += z[k] > -INFINITY;
    for (size_t k = 0; k < classes; k++) sum += exp(z[k] - maximum);
    for (size_t k = 0; k < classes; k++) {
      double p = (1 - c->rule.smoothing) * c->targets[r * classes + k], q = exp(z[k] - maximum) / sum;
      if (z[k] > -INFINITY) p += c->rule.smoothing / finite;
      if (fabs(p - q) < 1e-5 && (q > 1e-10 || p > 1e-10)) c->rule.coefficients[MIXENT_MAE] = 0;
    }
  }
}

void case_draw(draws *draws, const case_kind *kind, mixent_type type, loss_case *c) {
  size_t rows = (size_t)draw_integer(draws, 1, kind->most_rows),
         classes = (size_t)draw_integer(draws, 1, kind->most_classes);
  *c = (loss_case){.batch = {.rows = rows, .classes = classes},
                   .logits = malloc(rows * classes * sizeof(double)),
                   .targets = malloc(rows * classes * sizeof(double)),
                   .row_weights = malloc(rows * sizeof(double)),
                   .labels = calloc(rows, sizeof(int))};
  for (size_t r = 0; r < rows; r++) draw_logits(draws, kind, type, c, r);
  c->batch.logits =
      make_array(draws, c, type, c->logits, rows, classes, classes + (size_t)draw_integer(draws, 0, 9));
  if (draw_chance(draws, 0.5)) {
    draw_labels(draws, c);
  } else {
    mixent_type targets = draw_floating(draws);
    for (size_t r = 0; r < rows; r++) draw_targets(draws, c, r, kind->wild);
    c->batch.targets =
        make_array(draws, c, targets, c->targets, rows, classes, classes + (size_t)draw_integer(draws, 0, 9));
  }
  draw_weights(draws, c, kind->wild);
  draw_rule(draws, &c->rule);
  if (draw_chance(draws, 0.4)) c->rule.smoothing = draw_chance(draws, 0.1) ? 1 : draw(draws, 0.01, 0.5);
  avoid_ties(c);
}

void case_free(loss_case *c) {
  while (c->allocated) free(c->memory[--c->allocated]);
  free(c->logits), free(c->targets), free(c->class_weights), free(c->row_weights), free(c->labels);
}

void case_reference(const loss_case *c, double *row_terms, double *gradient, double *divisor) {
  size_t rows = c->batch.rows, classes = c->batch.classes;
  double *each = malloc(MIXENT_TERMS * classes * sizeof *each), sum = 0;
  for (size_t r = 0; r < rows; r++) {
    double *terms = row_terms + r * MIXENT_TERMS, weight = c->row_weights[r], class_weight = 1;
    const reference_row row = {.classes = classes,
                               .logits = c->logits + r * classes,
                               .targets = c->targets + r * classes,
                               .class_weights = c->class_weights,
                               .smoothing = c->rule.smoothing};
    for (int t = 0; t < MIXENT_TERMS; t++) terms[t] = 0;
    for (size_t k = 0; k < classes; k++) gradient[r * classes + k] = 0;
    if (c->labels[r] < 0) continue;
    if (c->batch.labels.data && c->class_weights) class_weight = c->class_weights[c->labels[r]];
    sum += class_weight;
    if (weight == 0 || (class_weight == 0 && c->rule.smoothing == 0)) continue;
    reference_evaluate(&row, &c->rule, terms, each);
    for (int t = 0; t < MIXENT_TERMS; t++) {
      terms[t] *= weight;
      for (size_t k = 0; k < classes; k++)
        if (isnan(terms[MIXENT_CE1])) /* without a distribution, whatever the coefficients */
          gradient[r * classes + k] = NAN;
        else if (c->rule.coefficients[t] != 0)
          gradient[r * classes + k] += weight * c->rule.coefficients[t] * each[(size_t)t * classes + k];
    }
  }
  *divisor = c->rule.reduction == MIXENT_MEAN && sum > 0 ? sum : 1;
  free(each);
}
