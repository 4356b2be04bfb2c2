/* 03: element types and memory layout: half precision, double, rows with a stride, the gradient in place.
 *
 * mixent reads your arrays as they are, so that nothing need be copied or converted for it. Build:
 *
 *   cc -std=c17 03_types_and_layout.c $(pkg-config --cflags --libs mixent-loss) -lm */
#include <math.h>
#include <mixent/loss.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 2, CLASSES = 5, COUNT = ROWS * CLASSES };

static const uint8_t labels[ROWS] = {0, 3}; /* any whole-number type: these lie as an image file has them */

static bool failed;
static void check(const char *claim, bool holds) {
  printf("  %s: %s\n", claim, holds ? "yes" : "NO");
  failed |= !holds;
}

/* MIX-ENT with the gradient in the logits' own type; gives the value. */
static double evaluate(mixent_array logits, void *gradient, size_t gradient_stride) {
  mixent_loss_batch batch = {
      .rows = ROWS, .classes = CLASSES, .logits = logits, .labels = {labels, MIXENT_UINT8, 0}};
  mixent_loss_rule rule = mixent_loss_rule_defaults();
  rule.coefficients[MIXENT_CE1] = 1, rule.coefficients[MIXENT_CE2] = 0.1;
  mixent_loss_result result = {.gradient = gradient, .gradient_stride = gradient_stride};
  if (mixent_loss_evaluate(&batch, &rule, NULL, &result) != MIXENT_OK) {
    fprintf(stderr, "%s\n", mixent_last_error());
    exit(1);
  }
  return result.value;
}

/* 16-bit floats are the upper end of a float: bfloat16 its first 16 bits; float16 with 5 bits of exponent and
 * 10 of mantissa. These conversions cut off, which is exact for the logits here; programs that have such data
 * have better ones. */
static uint16_t narrow(float value, mixent_type type) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  if (type == MIXENT_BFLOAT16) return (uint16_t)(bits >> 16);
  if (value == 0) return 0;
  return (uint16_t)((bits >> 16 & 0x8000) | ((bits >> 13 & 0x3ffff) - (112 << 10)));
}
static double widen(uint16_t half, mixent_type type) {
  uint32_t bits = (uint32_t)half << 16;
  float value;
  memcpy(&value, &bits, sizeof value);
  if (type == MIXENT_BFLOAT16) return value;
  double mantissa = half & 0x3ff, sign = half & 0x8000 ? -1 : 1;
  int exponent = half >> 10 & 31;
  return sign * (exponent ? ldexp(1024 + mantissa, exponent - 25) : ldexp(mantissa, -24));
}

int main(void) {
  const double logits[COUNT] = {2, 1, 0, -1, 0.5, 0, 3, 1, 2.5, -0.25}; /* exact in each of the types */
  double gradient[COUNT];
  double value = evaluate((mixent_array){logits, MIXENT_FLOAT64, 0}, gradient, 0);

  printf("Types: the same logits in each\n");
  printf("  %-9s loss %.9f\n", "double", value);
  float single[COUNT], single_gradient[COUNT];
  double largest = 0;
  for (int i = 0; i < COUNT; i++) single[i] = (float)logits[i];
  double single_value = evaluate((mixent_array){single, MIXENT_FLOAT32, 0}, single_gradient, 0);
  for (int i = 0; i < COUNT; i++) largest = fmax(largest, fabs(single_gradient[i] - gradient[i]));
  printf("  %-9s loss %.9f, gradient within %.0e of double's\n", "float", single_value, largest);
  check("float is right to its last digits", fabs(single_value - value) < 1e-6 && largest < 1e-6);

  static const mixent_type types[] = {MIXENT_FLOAT16, MIXENT_BFLOAT16};
  static const char *const names[] = {"float16", "bfloat16"};
  static const double epsilons[] = {0x1p-11, 0x1p-8}; /* half a unit in the last place of 1 */
  for (int t = 0; t < 2; t++) {
    uint16_t half[COUNT], half_gradient[COUNT];
    for (int i = 0; i < COUNT; i++) half[i] = narrow((float)logits[i], types[t]);
    double half_value = evaluate((mixent_array){half, types[t], 0}, half_gradient, 0);
    largest = 0;
    for (int i = 0; i < COUNT; i++)
      largest = fmax(largest, fabs(widen(half_gradient[i], types[t]) / gradient[i] - 1));
    printf("  %-9s loss %.9f, gradient within %.2f %% of double's\n", names[t], half_value, 100 * largest);
    check("all is computed in float; the gradient is rounded once, at the end",
          fabs(half_value - value) < 1e-6 && largest < 1.01 * epsilons[t]);
  }

  printf("Strides: rows of 5 in a matrix 8 wide, the gradient in one 6 wide\n");
  float wide[ROWS * 8], wide_gradient[ROWS * 6];
  for (int i = 0; i < ROWS * 8; i++) wide[i] = NAN; /* what lies between the rows is not read … */
  for (int i = 0; i < ROWS * 6; i++) wide_gradient[i] = -7;
  for (int row = 0; row < ROWS; row++)
    memcpy(wide + row * 8, single + row * CLASSES, CLASSES * sizeof(float));
  double wide_value = evaluate((mixent_array){wide, MIXENT_FLOAT32, 8}, wide_gradient, 6);
  bool same = wide_value == single_value;
  for (int i = 0; i < COUNT; i++) same &= wide_gradient[i / CLASSES * 6 + i % CLASSES] == single_gradient[i];
  check("the same bits as without", same);
  check("nothing was written between the rows",
        wide_gradient[5] == -7 && wide_gradient[11] == -7); /* … nor */

  printf("In place: the gradient takes the place of the logits\n");
  double in_place_value = evaluate((mixent_array){single, MIXENT_FLOAT32, 0}, single, 0);
  check("the same bits as beside them",
        in_place_value == single_value && !memcmp(single, single_gradient, sizeof single));
  return failed;
}
