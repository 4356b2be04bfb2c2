/* Squares of LANES x LANES floats, transposed in registers. */
#ifndef MIXENT_NET_KERNELS_TRANSPOSE_H
#define MIXENT_NET_KERNELS_TRANSPOSE_H

#include "net/kernels/vector.h"

/* a0 b0 a1 b1 … of the lower halves of a and b, and of the upper ones. */
#if MIXENT_VECTOR_BYTES == 64
#define ZIP_LOW  0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define ZIP_HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#elif MIXENT_VECTOR_BYTES == 32
#define ZIP_LOW  0, 8, 1, 9, 2, 10, 3, 11
#define ZIP_HIGH 4, 12, 5, 13, 6, 14, 7, 15
#else
#define ZIP_LOW  0, 4, 1, 5
#define ZIP_HIGH 2, 6, 3, 7
#endif

/* Clang has the first only, GCC before 12 the second only. */
#ifdef __clang__
#define ZIP(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define ZIP(a, b, ...) __builtin_shuffle(a, b, (bits){__VA_ARGS__})
#endif

/* Lane r of row c changes places with lane c of row r. Zipping the rows of the first half with those of the second moves the highest bit of a
 * row's number to the lowest bit of the lane's; after log2(LANES) times all bits have changed sides. */
ALWAYS_INLINE void transpose(vector rows[LANES]) {
  vector zipped[LANES];
  UNROLL for (int done = 1; done < LANES; done *= 2) {
    UNROLL for (int i = 0; i < LANES / 2; i++) {
      zipped[2 * i] = ZIP(rows[i], rows[i + LANES / 2], ZIP_LOW);
      zipped[2 * i + 1] = ZIP(rows[i], rows[i + LANES / 2], ZIP_HIGH);
    }
    UNROLL for (int i = 0; i < LANES; i++) rows[i] = zipped[i];
  }
}

#undef ZIP
#undef ZIP_LOW
#undef ZIP_HIGH

#endif
