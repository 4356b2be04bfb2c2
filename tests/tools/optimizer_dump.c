/* Follows an optimiser for test_optimizer_torch.py. Reads (numbers as C99 hex floats) "name count steps rate
 * momentum nesterov weight_decay ema_decay", the parameters, and per step a gradient; prints per step a line
 * with the parameters, their EMA and the optimiser's state. */
#include "optimize/optimizer.h"
#include <stdio.h>
#include <stdlib.h>

enum { MOST = 4096 };

static float theta[MOST], ema[MOST], gradient[MOST], state[MIXENT_OPTIMIZER_MAX_STATE * MOST];

static double read_number(void) {
  double value;
  if (scanf("%la", &value) != 1) exit(2);
  return value;
}

static void print_numbers(const float *numbers, size_t count) {
  for (size_t i = 0; i < count; i++) printf("%a ", numbers[i]);
}

int main(void) {
  char name[32];
  size_t count, steps;
  if (scanf("%31s %zu %zu", name, &count, &steps) != 3 || count > MOST) return 2;
  if (mixent_optimizer_find(name) == NULL) return 2;
  mixent_optimizer optimizer = mixent_optimizer_defaults(mixent_optimizer_find(name));
  mixent_optimizer_segment all = {0, count, true};
  optimizer.count = count, optimizer.segments = &all, optimizer.segment_count = 1;
  double rate = read_number();
  optimizer.momentum = read_number();
  optimizer.nesterov = read_number() != 0;
  optimizer.weight_decay = read_number();
  double ema_decay = read_number();
  for (size_t i = 0; i < count; i++) theta[i] = ema[i] = (float)read_number();
  for (size_t step = 1; step <= steps; step++) {
    for (size_t i = 0; i < count; i++) gradient[i] = (float)read_number();
    mixent_optimizer_step(&optimizer, rate, step, theta, gradient, state, ema, ema_decay);
    print_numbers(theta, count);
    print_numbers(ema, count);
    print_numbers(state, (size_t)optimizer.type->state_arrays * count);
    printf("\n");
  }
  return 0;
}
