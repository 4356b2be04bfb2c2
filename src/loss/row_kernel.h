/* The loops over one row of logits. Included once per instruction set by a file that defines
 * MIXENT_KERNEL_NAME and is compiled for that set; see row_dispatch.c. A row is read from memory once: it
 * stays in cache between the passes. */
#include "loss/row_kernels.h"
#include "loss/vector.h"

#include <math.h>

/* d_j = z_j - m, held at a value whose exp is 0 in float, so that a masked class (z = -inf) gives 0 * d = 0
 * and not NaN. NaN stays NaN. */
static inline vector difference_of(vector logits, vector maximum) {
  return at_least(-100.0f, logits - maximum);
}

/* NaN is passed over: the sums meet it again. */
static float maximum_of(size_t classes, const float *logits) {
  vector first = spread(-INFINITY), second = first;
  size_t j = 0;
  for (; j + 2 * LANES <= classes; j += 2 * LANES) {
    first = larger(first, load(logits + j));
    second = larger(second, load(logits + j + LANES));
  }
  for (; j + LANES <= classes; j += LANES) first = larger(first, load(logits + j));
  if (j < classes) second = larger(second, load_some(logits + j, classes - j, -INFINITY));
  return largest_of(larger(first, second));
}

/* Partial sums in float over a few vectors. */
typedef struct sums {
  vector others, weighted;
  zero_counts ties;
} sums;

static inline void add_vector(sums *s, vector logits, vector maximum) {
  vector d = difference_of(logits, maximum), e = exp_nonpositive(d);
  s->ties = add_zeros(s->ties, d);
  s->others += zero_where_zero(d, e);
  s->weighted += e * d;
}

static void find_statistics(size_t classes, const float *logits, mixent_row_statistics *out) {
  enum { CHUNK = 16 * LANES };
  float maximum = maximum_of(classes, logits);
  vector m = spread(maximum);
  mixent_row_statistics row = {.maximum = maximum};
  for (size_t begin = 0; begin < classes; begin += CHUNK) {
    size_t end = classes - begin < CHUNK ? classes : begin + CHUNK, j = begin;
    sums s = {0};
    for (; j + LANES <= end; j += LANES) add_vector(&s, load(logits + j), m);
    if (j < end) add_vector(&s, load_some(logits + j, end - j, -INFINITY), m);
    row.others += sum_of(s.others);
    row.weighted += sum_of(s.weighted);
    row.ties += count_of(s.ties);
  }
  *out = row;
}

/* gradient_j = e_j (constant + slope d_j); may be written over the logits. */
static inline vector gradient_of(vector logits, vector maximum, vector constant, vector slope) {
  vector d = difference_of(logits, maximum);
  return exp_nonpositive(d) * (constant + slope * d);
}

static void write_gradient(size_t classes, const float *logits, float maximum, float constant, float slope,
                           bool stream, float *gradient) {
  vector m = spread(maximum), a = spread(constant), b = spread(slope);
  size_t j = 0;
  if (stream) {
    size_t head = (0 - (uintptr_t)gradient / sizeof(float)) % LANES; /* up to an aligned address */
    if (head > classes) head = classes;
    if (head) store_some(gradient, head, gradient_of(load_some(logits, head, -INFINITY), m, a, b));
    for (j = head; j + LANES <= classes; j += LANES)
      store_stream(gradient + j, gradient_of(load(logits + j), m, a, b));
    finish_stream();
  } else {
    for (; j + LANES <= classes; j += LANES) store(gradient + j, gradient_of(load(logits + j), m, a, b));
  }
  size_t rest = classes - j;
  if (rest) store_some(gradient + j, rest, gradient_of(load_some(logits + j, rest, -INFINITY), m, a, b));
}

static void exponentials(size_t count, const float *x, float *out) {
  for (size_t j = 0; j < count; j += LANES) {
    size_t some = count - j < LANES ? count - j : LANES;
    store_some(out + j, some, exp_nonpositive(load_some(x + j, some, 0)));
  }
}

const mixent_row_kernels MIXENT_KERNEL_SYMBOL = {.name = MIXENT_KERNEL_NAME,
                                                 .statistics = find_statistics,
                                                 .gradient = write_gradient,
                                                 .exponentials = exponentials};
