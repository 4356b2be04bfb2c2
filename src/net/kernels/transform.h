/* The transforms of points.h along one direction, on vectors (a lane is a channel). `p` is a constant wherever
 * they are called, so that everything unrolls to additions and multiplications by constants. `stride` steps
 * through a tile in either direction. */
#ifndef MIXENT_NET_KERNELS_TRANSFORM_H
#define MIXENT_NET_KERNELS_TRANSFORM_H

#include "net/kernels/points.h"
#include "net/kernels/vector.h"

/* sum + x v */
ALWAYS_INLINE vector plus(vector sum, float x, vector v) {
  return fused(spread(x), v, sum);
}

/* n values of the data -> n points. */
ALWAYS_INLINE void transform_data(const points *p, const vector *d, int stride, vector *out, int out_stride) {
  vector zero = p->r[0] * d[0];
  UNROLL for (int k = 1; k <= p->pairs; k++) zero = plus(zero, p->r[k], d[2 * k * stride]);
  UNROLL for (int i = 0; i < p->pairs; i++) {
    vector even = p->q[i][0] * d[2 * stride], odd = p->a[i] * p->q[i][0] * d[stride];
    UNROLL for (int k = 1; k < p->pairs; k++) {
      even = plus(even, p->q[i][k], d[(2 * k + 2) * stride]);
      odd = plus(odd, p->a[i] * p->q[i][k], d[(2 * k + 1) * stride]);
    }
    out[(2 * i + 1) * out_stride] = even + odd;
    out[(2 * i + 2) * out_stride] = even - odd;
  }
  if (p->infinity) {
    vector infinity = p->r[0] * d[stride];
    UNROLL for (int k = 1; k <= p->pairs; k++) infinity = plus(infinity, p->r[k], d[(2 * k + 1) * stride]);
    out[(2 * p->pairs + 1) * out_stride] = infinity;
  }
  out[0] = zero;
}

/* n points -> m outputs. */
ALWAYS_INLINE void transform_outputs(const points *p, const vector *t, int stride, vector *out,
                                     int out_stride) {
  vector sum[MOST_PAIRS], difference[MOST_PAIRS];
  float power[MOST_PAIRS];
  UNROLL for (int i = 0; i < p->pairs; i++) {
    sum[i] = t[(2 * i + 1) * stride] + t[(2 * i + 2) * stride];
    difference[i] = t[(2 * i + 1) * stride] - t[(2 * i + 2) * stride];
    power[i] = 1;
  }
  UNROLL for (int j = 0; j < p->outputs; j++) {
    vector y = power[0] * (j % 2 ? difference[0] : sum[0]);
    UNROLL for (int i = 1; i < p->pairs; i++) y = plus(y, power[i], j % 2 ? difference[i] : sum[i]);
    if (j == 0) y += t[0];
    if (j == p->outputs - 1 && p->infinity) y += t[(2 * p->pairs + 1) * stride];
    out[j * out_stride] = y;
    UNROLL for (int i = 0; i < p->pairs; i++) power[i] *= p->a[i];
  }
}

/* The gradient of m outputs -> n points: the transpose of transform_outputs. */
ALWAYS_INLINE void transform_gradient(const points *p, const vector *y, int stride, vector *out,
                                      int out_stride) {
  UNROLL for (int i = 0; i < p->pairs; i++) {
    float power = p->a[i];
    vector even = y[0], odd = power * y[stride];
    UNROLL for (int j = 2; j < p->outputs; j++) {
      power *= p->a[i];
      if (j % 2)
        odd = plus(odd, power, y[j * stride]);
      else
        even = plus(even, power, y[j * stride]);
    }
    out[(2 * i + 1) * out_stride] = even + odd;
    out[(2 * i + 2) * out_stride] = even - odd;
  }
  if (p->infinity) out[(2 * p->pairs + 1) * out_stride] = y[(p->outputs - 1) * stride];
  out[0] = y[0];
}

/* Three taps of the filter -> n points. */
ALWAYS_INLINE void transform_filter(const points *p, const vector *g, int stride, vector *out,
                                    int out_stride) {
  UNROLL for (int i = 0; i < p->pairs; i++) {
    float scale = 1 / points_slope(p, i), a = p->a[i];
    vector even = plus(scale * g[0], scale * a * a, g[2 * stride]), odd = scale * a * g[stride];
    out[(2 * i + 1) * out_stride] = even + odd;
    out[(2 * i + 2) * out_stride] = even - odd;
  }
  if (p->infinity) out[(2 * p->pairs + 1) * out_stride] = g[2 * stride];
  out[0] = (1 / p->r[0]) * g[0];
}

/* n points -> the gradient of three taps: the transpose of transform_filter. */
ALWAYS_INLINE void transform_filter_gradient(const points *p, const vector *t, int stride, vector *out,
                                             int out_stride) {
  vector first = (1 / p->r[0]) * t[0], second = {0}, third = {0};
  UNROLL for (int i = 0; i < p->pairs; i++) {
    float scale = 1 / points_slope(p, i), a = p->a[i];
    vector sum = t[(2 * i + 1) * stride] + t[(2 * i + 2) * stride];
    first = plus(first, scale, sum);
    second = plus(second, scale * a, t[(2 * i + 1) * stride] - t[(2 * i + 2) * stride]);
    third = plus(third, scale * a * a, sum);
  }
  if (p->infinity) third += t[(2 * p->pairs + 1) * stride];
  out[0] = first;
  out[out_stride] = second;
  out[2 * out_stride] = third;
}

#endif
