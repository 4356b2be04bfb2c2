/* The row kernels of one instruction set and one type of element: compiled once for each pair
 * (CMakeLists.txt), with MIXENT_KERNELS the name of the table that comes out. */
#include "loss/rows/rows.h"
#include "loss/rows/storage.h"
#include "loss/rows/vector.h"

#include "loss/rows/gradient.h"
#include "loss/rows/read.h"

#include "loss/rows/sums.h"

#include "loss/rows/general.h"

static void fill(size_t classes, double value, void *gradient) {
  vector v = spread((real)value);
  for (size_t j = 0; j < classes; j += LANES)
    store_some((stored *)gradient + j, classes - j < LANES ? classes - j : LANES, v);
}

static void map(size_t count, const real *x, vector (*function)(vector), real *out) {
  for (size_t j = 0; j < count; j += LANES) {
    vector v = spread(0);
    size_t some = count - j < LANES ? count - j : LANES;
    memcpy(&v, x + j, some * sizeof *x);
    v = function(v);
    memcpy(out + j, &v, some * sizeof *out);
  }
}

static void exponentials(size_t count, const void *x, void *out) {
  map(count, x, exp_nonpositive, out);
}

static void near_exponentials(size_t count, const void *x, void *out) {
  map(count, x, exp_near, out);
}

static void logarithms(size_t count, const void *x, void *out) {
  map(count, x, natural_log, out);
}

#if defined __AVX512F__
#define MIXENT_CPU_NAME "avx512"
#elif defined __AVX2__
#define MIXENT_CPU_NAME "avx2"
#elif defined __ARM_NEON
#define MIXENT_CPU_NAME "neon"
#else
#define MIXENT_CPU_NAME "plain"
#endif

extern const mixent_row_kernels MIXENT_KERNELS;
const mixent_row_kernels MIXENT_KERNELS = {.name = MIXENT_CPU_NAME,
                                           .statistics = find_statistics,
                                           .finish = finish_writing,
                                           .finish_stores = finish_stream,
                                           .general = evaluate_general,
                                           .fill = fill,
                                           .exponentials = exponentials,
                                           .near_exponentials = near_exponentials,
                                           .logarithms = logarithms};
