/* One double in the place of a vector, so that the terms' formulas serve the label of a row, too. */
#ifndef MIXENT_LOSS_TERMS_SCALAR_H
#define MIXENT_LOSS_TERMS_SCALAR_H

#include <math.h>
#include <stdbool.h>

typedef double real, vector;

static inline vector spread(real x) {
  return x;
}
static inline vector choose(bool m, vector a, vector b) {
  return m ? a : b;
}
static inline vector only(bool m, vector v) {
  return m ? v : 0;
}
static inline vector exp_nonpositive(vector x) {
  return exp(x);
}
static inline vector exp_less_one(vector x) {
  return expm1(x);
}
static inline vector natural_log(vector x) {
  return log(x);
}

#endif
