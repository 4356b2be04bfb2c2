/* GELU and SiLU on vectors of float; the formulas stand in net/graph/layers/smooth.c. exp is good to the last bit or two, erf to 2e-7. */
#ifndef MIXENT_NET_KERNELS_SMOOTH_H
#define MIXENT_NET_KERNELS_SMOOTH_H

#include "net/kernels/kernels.h"
#include "net/kernels/vector.h"

/* exp(x) = 2^n exp(r), n = round(x / ln 2), |r| <= ln 2 / 2. Added to 1.5 * 2^23 a number is rounded to a whole one, which stands in the
 * low bits; shifted to the exponent it multiplies by 2^n. x is held within what has a normal result. */
ALWAYS_INLINE vector exponential(vector x) {
  const vector magic = spread(12582912.0F);
  x = at_least(spread(-87.0F), x);
  x = -at_least(spread(-88.0F), -x);
  vector shifted = fused(x, spread(1.44269504F), magic), n = shifted - magic;
  vector r = fused(n, spread(-0.693359375F), x);
  r = fused(n, spread(2.12194440e-4F), r);
  vector p = spread(1.0F / 5040);
  p = fused(p, r, spread(1.0F / 720));
  p = fused(p, r, spread(1.0F / 120));
  p = fused(p, r, spread(1.0F / 24));
  p = fused(p, r, spread(1.0F / 6));
  p = fused(p, r, spread(0.5F));
  p = fused(p, r, spread(1));
  p = fused(p, r, spread(1));
  return (vector)((bits)p + ((bits)shifted << 23));
}

/* (1 + erf(x / sqrt 2)) / 2, with e = exp(-x^2 / 2): Abramowitz and Stegun 7.1.26. */
ALWAYS_INLINE vector normal_distribution(vector x, vector e) {
  vector t = (vector)((bits)x & 0x7fffffff) * 0.70710678F, k = 1 / fused(t, spread(0.3275911F), spread(1));
  vector p = spread(1.061405429F);
  p = fused(p, k, spread(-1.453152027F));
  p = fused(p, k, spread(1.421413741F));
  p = fused(p, k, spread(-0.284496736F));
  p = fused(p, k, spread(0.254829592F));
  vector tail = 0.5F * p * k * e; /* of the side away from 0 */
  return pick((bits)(x < 0), tail, 1 - tail);
}

ALWAYS_INLINE vector smooth_value(mixent_smooth kind, vector x) {
  if (kind == MIXENT_SILU) return x / (1 + exponential(-x));
  return x * normal_distribution(x, exponential(-0.5F * x * x));
}

ALWAYS_INLINE vector smooth_slope(mixent_smooth kind, vector x) {
  if (kind == MIXENT_SILU) {
    vector s = 1 / (1 + exponential(-x));
    return s * fused(x, 1 - s, spread(1));
  }
  vector e = exponential(-0.5F * x * x);
  return fused(0.39894228F * x, e, normal_distribution(x, e));
}

ALWAYS_INLINE void smooth_values(mixent_smooth kind, int n, const value *x, value *y) {
  FOR_EACH_VECTOR(n, i, count,
                  { store_values(y + i, count, smooth_value(kind, load_values(x + i, count))); });
}

ALWAYS_INLINE void smooth_gradients(mixent_smooth kind, int n, const value *x, const value *dy, value *dx) {
  FOR_EACH_VECTOR(n, i, count, {
    store_values(dx + i, count, load_values(dy + i, count) * smooth_slope(kind, load_values(x + i, count)));
  });
}

static void smooth_forward(mixent_smooth kind, int n, const void *x, void *y) {
  if (kind == MIXENT_SILU)
    smooth_values(MIXENT_SILU, n, x, y);
  else
    smooth_values(MIXENT_GELU, n, x, y);
}

static void smooth_backward(mixent_smooth kind, int n, const void *x, const void *dy, void *dx) {
  if (kind == MIXENT_SILU)
    smooth_gradients(MIXENT_SILU, n, x, dy, dx);
  else
    smooth_gradients(MIXENT_GELU, n, x, dy, dx);
}

static const mixent_smooth_kernels smooth = {.forward = smooth_forward, .backward = smooth_backward};

#endif
