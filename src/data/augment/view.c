/* The views of an image whose predictions are averaged: small turns, scales, stretches and shifts in pairs of
 * opposites, spread evenly. */
#include "mixent/data.h"

#include <math.h>

enum { AXES = 5 };

/* Point `number` of the additive recurrence with the powers of 1/g, g the root of g^6 = g + 1 (Roberts 2018),
 * in [-1, 1): however many points there are, they fill the cube evenly. */
static void spread(int number, double out[AXES]) {
  const double root = 1.1347241384015194;
  double whole, power = 1;
  for (int axis = 0; axis < AXES; axis++) {
    power /= root;
    out[axis] = 2 * modf(0.5 + number * power, &whole) - 1;
  }
}

mixent_transform mixent_view(int view) {
  const double degrees = 6, size = 0.05, pixels = 1; /* the furthest */
  if (view == 0) return (mixent_transform){.scale = 1};
  bool first = view % 2; /* of a pair */
  double point[AXES];
  spread((view + 1) / 2, point);
  double scale = 1 + size * point[1], stretch = 1 + size * point[2];
  int x = (int)lrint(pixels * point[3]), y = (int)lrint(pixels * point[4]);
  return (mixent_transform){.use_affine = true,
                            .angle = (first ? degrees : -degrees) * point[0],
                            .scale = first ? scale : 1 / scale,
                            .stretch = (first ? stretch : 1 / stretch) - 1,
                            .shift_x = first ? x : -x,
                            .shift_y = first ? y : -y};
}
