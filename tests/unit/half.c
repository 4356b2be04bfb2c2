/* core/half.h: every 16-bit float goes to float and back, and between two neighbours the nearer is taken, ties to even. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/half.h"
#include <math.h>

typedef struct half_type {
  float (*widen)(uint16_t half);
  uint16_t (*round)(float value);
  uint16_t infinity;
  int smallest; /* the exponent of the smallest number above 0 */
} half_type;

static const half_type types[] = {
    {mixent_f16_to_float, mixent_f16_from_float, 0x7c00, -24},
    {mixent_bf16_to_float, mixent_bf16_from_float, 0x7f80, -133},
};

static uint32_t bits_of(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

/* value = fraction * 2^exponent, by what the format's definition says of a finite number's bits. */
static double define(const half_type *type, uint16_t half) {
  unsigned implicit = type->infinity & -type->infinity, exponent = (half & type->infinity) / implicit,
           fraction = half & (implicit - 1);
  double size = exponent ? ldexp(implicit + fraction, (int)exponent - 1 + type->smallest)
                         : ldexp(fraction, type->smallest);
  return half & 0x8000 ? -size : size;
}

static void test_every_number(void **state) {
  (void)state;
  for (size_t t = 0; t < sizeof types / sizeof *types; t++)
    for (unsigned bits = 0; bits <= 0xffff; bits++) {
      const half_type *type = &types[t];
      uint16_t half = (uint16_t)bits, size = half & 0x7fff;
      float value = type->widen(half);
      assert_int_equal(signbit(value) != 0, half >> 15);
      if (size < type->infinity) assert_true((double)value == define(type, half));
      if (size == type->infinity) assert_true(isinf(value));
      if (size > type->infinity) assert_true(isnan(value) && isnan(type->widen(type->round(value))));
      if (size <= type->infinity) assert_int_equal(type->round(value), half);
    }
}

static void test_between_neighbours(void **state) {
  (void)state;
  for (size_t t = 0; t < sizeof types / sizeof *types; t++)
    for (unsigned size = 0; size < types[t].infinity; size++)
      for (unsigned sign = 0; sign <= 0x8000; sign += 0x8000) {
        const half_type *type = &types[t];
        uint16_t low = (uint16_t)(size | sign), high = (uint16_t)(low + 1);
        float from = type->widen(low), toward = sign ? -INFINITY : INFINITY;
        double step =
            fabs(define(type, high) - define(type, low)); /* infinity is the next number, for this */
        double between = define(type, low) + (sign ? -step : step) / 2;
        float middle = (float)between;
        assert_true((double)middle == between);
        assert_int_equal(type->round(middle), low % 2 ? high : low);
        assert_int_equal(type->round(nextafterf(middle, toward)), high);
        assert_int_equal(type->round(nextafterf(middle, 0)), low);
        assert_int_equal(type->round(nextafterf(from, toward)), low);
      }
}

static void test_beyond(void **state) {
  (void)state;
  assert_int_equal(mixent_f16_from_float(65504), 0x7bff);
  assert_int_equal(mixent_f16_from_float(65519.996f), 0x7bff);
  assert_int_equal(mixent_f16_from_float(65520), 0x7c00);
  assert_int_equal(mixent_f16_from_float(-3e38f), 0xfc00);
  assert_int_equal(mixent_f16_from_float(0x1p-25f), 0);
  assert_int_equal(mixent_f16_from_float(-0x1.000002p-25f), 0x8001);
  assert_int_equal(mixent_f16_from_float(0x1p-149f), 0);
  assert_int_equal(bits_of(mixent_f16_to_float(0x8000)), 0x80000000);
  assert_int_equal(mixent_bf16_from_float(3.4028235e38f), 0x7f80);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_number),
      cmocka_unit_test(test_between_neighbours),
      cmocka_unit_test(test_beyond),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
