/* The kernels of ReLU, its gradient and sums, every table that this processor runs, against the formulas: any number of elements, any
 * address, infinities, NaN, denormal numbers, outputs in place of an input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "unit/kernel_arrays.h"

typedef enum operation { RELU, RELU_GRADIENT, ADD, OPERATIONS } operation;

static double wanted(operation operation, double a, double b) {
  if (operation == RELU) return a < 0 ? 0 : a;
  if (operation == RELU_GRADIENT) return a > 0 ? b : 0;
  return a + b;
}

static void run(const mixent_elementwise_kernels *kernels, operation operation, size_t count, const void *a,
                const void *b, void *out) {
  switch (operation) {
  case RELU: kernels->relu(count, a, out); break;
  case RELU_GRADIENT: kernels->relu_gradient(count, a, b, out); break;
  default: kernels->add(count, a, b, out);
  }
}

static void check(const mixent_kernels *kernels, bool bf16, operation operation, numbers *numbers) {
  mixent_data_type type = bf16 ? MIXENT_TYPE_BF16 : MIXENT_TYPE_F32;
  kind kind = draw(numbers, 0, KINDS - 1);
  bool in_place = draw(numbers, 0, 1);
  size_t count = (size_t)draw(numbers, 0, 70);
  array a = draw_array(kind, type, count, numbers), b = draw_array(kind, type, count, numbers),
        out = make_array(type, count, numbers);
  double values[70];
  for (size_t i = 0; i < count; i++)
    values[i] = wanted(operation, mixent_get(a.values, i), mixent_get(b.values, i));
  mixent_typed_array to = in_place ? a.values : out.values;
  run(kernels->elementwise, operation, count, a.values.data, b.values.data, to.data);
  for (size_t i = 0; i < count; i++)
    if (!is_as_wanted(kernels, to, i, values[i], kind == REAL ? 1e-7 : 0))
      fail_msg("%s, operation %d: element %d is %.9g, not %.9g", kernels->name, (int)operation, (int)i,
               mixent_get(to, i), values[i]);
  free_array(&a);
  free_array(&b);
  free_array(&out);
}

static void test_elements(void **state) {
  (void)state;
  for (int bf16 = 0; bf16 < 2; bf16++)
    for (int k = 0; kernels_at(bf16, k); k++)
      for (int round = 0; round < 200; round++) {
        numbers numbers = numbers_from((uint64_t)round);
        for (operation operation = RELU; operation < OPERATIONS; operation++)
          check(kernels_at(bf16, k), bf16, operation, &numbers);
      }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_elements)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
