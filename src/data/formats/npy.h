/* Arrays in NumPy's format (NPY 1 to 3): a header in the syntax of a Python dictionary, then the elements. */
#ifndef MIXENT_DATA_FORMATS_NPY_H
#define MIXENT_DATA_FORMATS_NPY_H

#include "core/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MIXENT_NPY_DIMENSIONS = 4 };

typedef struct mixent_npy {
  char kind;      /* 'u', 'i', 'f', 'b' (bools), 'U' or 'S' (texts) */
  int bytes;      /* per element: 1, 2, 4, 8; of 'f' not 1; of 'U' 4 per letter */
  bool big;       /* big endian */
  bool fortran;   /* the first index runs fastest, not the last */
  int dimensions; /* 1 to MIXENT_NPY_DIMENSIONS; from mixent_npy_any 0 as well: a single element */
  size_t extent[MIXENT_NPY_DIMENSIONS]; /* 1 beyond the dimensions */
  size_t row;                           /* elements under each first index */
  const uint8_t *data;                  /* into the bytes that were parsed */
} mixent_npy;

static inline bool mixent_npy_is_text(const mixent_npy *array) {
  return array->kind == 'U' || array->kind == 'S';
}

/* Reads the header out of the first `count` of an array's `size` bytes; out->data points behind it, where the elements would
 * be. `origin` names the bytes in messages. Numpy's own headers are shorter than MIXENT_NPY_HEADER. */
enum { MIXENT_NPY_HEADER = 65536 };
mixent_status mixent_npy_header(const char *origin, const uint8_t *bytes, size_t count, size_t size,
                                mixent_npy *out);
/* The same of all its bytes. */
mixent_status mixent_npy_parse(const char *origin, const uint8_t *bytes, size_t size, mixent_npy *out);

/* The same, also of single elements. */
mixent_status mixent_npy_any(const char *origin, const uint8_t *bytes, size_t count, size_t size,
                             mixent_npy *out);
/* Element `index` of an array of texts with one dimension or none, in UTF-8, of 'S' its bytes as they are; free(*out). */
mixent_status mixent_npy_text(const mixent_npy *array, size_t index, char **out);

/* Elements of row `index`, in the order of C, as numbers; whole ones beyond 2^53 are rounded. Not of texts. */
void mixent_npy_row(const mixent_npy *array, size_t index, double *out);

#endif
