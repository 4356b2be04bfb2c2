/* Winograd's minimal filtering F(m, 3) (Lavin and Gray, arXiv 1509.09308): m outputs of a filter with three taps out
 * of n = m + 2 products, by multiplying polynomials at n points. Points come as 0, pairs ±a and, where n is even,
 * infinity: pairs let every transform share work between a and -a. The points are those with the smallest
 * error that a search over small fractions found: bench/winograd.c prints the errors; the usual 0, ±1, ±2 have twice
 * as much for m = 4.
 *
 * With P pairs, R(y) = prod_i (y - a_i^2) and Q_i(y) = R(y) / (y - a_i^2), the products are of
 *
 *   data B^T d       at 0: sum_k r_k d[2k]
 *                    at ±a_i: sum_k q_ik d[2k+2] ± a_i sum_k q_ik d[2k+1]
 *                    at infinity: sum_k r_k d[2k+1]
 *   filter G g       at 0: g[0] / r_0;  at ±a_i: (g[0] ± a_i g[1] + a_i^2 g[2]) / (2 a_i^2 Q_i(a_i^2));
 *                    at infinity: g[2]
 *   outputs A^T p    y[j] = [j = 0] p_0 + sum_i a_i^j (p_+ + (-1)^j p_-) + [j = m - 1] p_infinity
 */
#ifndef MIXENT_NET_KERNELS_POINTS_H
#define MIXENT_NET_KERNELS_POINTS_H

#include <stdbool.h>

enum { MOST_PAIRS = 4, MOST_POINTS = 9, MOST_OUTPUTS = 7 };

typedef struct points {
  int outputs, pairs;
  bool infinity;
  float a[MOST_PAIRS], r[MOST_PAIRS + 1], q[MOST_PAIRS][MOST_PAIRS];
} points;

#define SQUARE(x) ((x) * (x))

/* F(2,3): 0, ±1, infinity */
static const points points_2 = {2, 1, true, {1}, {-1, 1}, {{1}}};

/* Two pairs; R(y) = (y - a^2)(y - b^2). */
#define TWO_PAIRS(outputs, infinity, a, b)                                                                   \
  {                                                                                                          \
    outputs, 2, infinity, {a, b}, {SQUARE(a) * SQUARE(b), -(SQUARE(a) + SQUARE(b)), 1}, {                    \
      {-SQUARE(b), 1}, {                                                                                     \
        -SQUARE(a), 1                                                                                        \
      }                                                                                                      \
    }                                                                                                        \
  }

static const points points_3 = TWO_PAIRS(3, false, 0.75F, 2.5F);
static const points points_4 = TWO_PAIRS(4, true, 0.625F, 1.5F);

/* F(7,3): 0, ±1/2, ±7/8, ±3/2, ±3; Q of one pair from the squares of the others. */
#define CUBIC(x, y, z)                                                                                       \
  { -((x) * (y) * (z)), (x) * (y) + (x) * (z) + (y) * (z), -((x) + (y) + (z)), 1 }
#define A 0.25F /* squares of the four */
#define B 0.765625F
#define C 2.25F
#define D 9.0F
static const points points_7 = {7,
                                4,
                                false,
                                {0.5F, 0.875F, 1.5F, 3},
                                {A * B * C * D, -(A *B *C + A * B * D + A * C * D + B * C * D),
                                 A *B + A *C + A *D + B *C + B *D + C *D, -(A + B + C + D), 1},
                                {CUBIC(B, C, D), CUBIC(A, C, D), CUBIC(A, B, D), CUBIC(A, B, C)}};
#undef A
#undef B
#undef C
#undef D

static inline int points_count(const points *p) {
  return p->outputs + 2;
}

/* 2 a^2 Q(a^2) of pair i, the derivative of the polynomial whose roots the finite points are. */
static inline __attribute__((always_inline)) float points_slope(const points *p, int i) {
  float y = p->a[i] * p->a[i], power = 1, sum = 0;
  _Pragma("GCC unroll 16") for (int k = 0; k < p->pairs; k++) {
    sum += p->q[i][k] * power;
    power *= y;
  }
  return 2 * y * sum;
}

#endif
