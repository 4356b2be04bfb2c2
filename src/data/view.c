/* The views of an image whose predictions are averaged: small turns, scales, stretches and shifts in pairs of
 * opposites, spread evenly. */
#include "mixent/data.h"

#include <math.h>

/* In [-1, 1): coordinate `axis` of point `number` of the additive recurrence with the powers of 1/g, g the
 * root of g^5 = g + 1 (Roberts 2018): however many points there are, they fill the cube evenly. */
static double spread(int number, int axis) {
  static const double root = 1.1673039782614187;
  double whole, place = modf(0.5 + number * pow(root, -(axis + 1)), &whole);
  return 2 * place - 1;
}

mixent_transform mixent_view(int view) {
  const double degrees = 6, size = 0.05, pixels = 1; /* the furthest */
  if (view == 0) return (mixent_transform){.scale = 1};
  int pair = (view + 1) / 2, sign = view % 2 ? 1 : -1;
  return (mixent_transform){.use_affine = true,
                            .angle = sign * degrees * spread(pair, 0),
                            .scale = exp(sign * size * spread(pair, 1)),
                            .stretch = exp(sign * size * spread(pair, 2)) - 1,
                            .shift_x = sign * (int)lrint(pixels * spread(pair, 3)),
                            .shift_y = sign * (int)lrint(pixels * spread(pair, 4))};
}
