/* Reading numbers of any floating type into `real`. */
#include "loss/half.h"

/* out_i = from[begin + i], and 0 up to a whole vector. */
static void read_reals(const void *from, mixent_type type, size_t begin, size_t count, real *out) {
  switch (type) {
  case MIXENT_FLOAT32:
    for (size_t i = 0; i < count; i++) out[i] = (real)((const float *)from)[begin + i];
    break;
  case MIXENT_FLOAT64:
    for (size_t i = 0; i < count; i++) out[i] = (real)((const double *)from)[begin + i];
    break;
  default:
    for (size_t i = 0; i < count; i++) out[i] = mixent_widen(((const uint16_t *)from)[begin + i], type);
  }
  for (size_t i = count; i % LANES; i++) out[i] = 0;
}
