/* Chandrupatla's method for the zero of a function between two points. */
#include "stats/root.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>

enum { MOST_STEPS = 200 };

typedef struct point {
  double x, y;
} point;

/* The next share of the way from a to b: by the inverse parabola through a, b and c where that bends little. */
static double next_share(point a, point b, point c) {
  double position = (a.x - b.x) / (c.x - b.x), height = (a.y - b.y) / (c.y - b.y);
  bool safe = height * height < position && (1 - height) * (1 - height) < 1 - position;
  if (!safe) return 0.5;
  return a.y / (b.y - a.y) * (c.y / (b.y - c.y)) +
         (c.x - a.x) / (b.x - a.x) * (a.y / (c.y - a.y)) * (b.y / (c.y - b.y));
}

double mixent_root_find(mixent_real_function *function, void *context, double low, double high) {
  point a = {high, function(high, context)}, b = {low, function(low, context)}, c;
  double share = 0.5;
  if (signbit(a.y) == signbit(b.y) || a.y == 0 || b.y == 0) return fabs(a.y) < fabs(b.y) ? a.x : b.x;
  for (int step = 0; step < MOST_STEPS; step++) {
    point middle = {a.x + share * (b.x - a.x), 0};
    middle.y = function(middle.x, context);
    if (signbit(middle.y) == signbit(a.y)) {
      c = a;
    } else {
      c = b;
      b = a;
    }
    a = middle;
    point best = fabs(a.y) < fabs(b.y) ? a : b;
    double nearest = (DBL_EPSILON * fabs(best.x) + DBL_MIN) / fabs(b.x - a.x);
    if (best.y == 0 || !(nearest <= 0.5)) return best.x;
    share = fmin(fmax(next_share(a, b, c), nearest), 1 - nearest);
  }
  return fabs(a.y) < fabs(b.y) ? a.x : b.x;
}
