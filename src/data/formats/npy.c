/* Reads NPY: numpy/lib/format.py says how it is written. */
#include "data/formats/npy.h"
#include "core/half.h"
#include "core/memory.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

static mixent_status fail_array(const char *origin, const char *what) {
  return mixent_fail(MIXENT_ERROR_FORMAT, "%s: not an array that is read here: %s", origin, what);
}

/* The header's text while it is read. */
typedef struct header {
  const char *origin, *at, *end;
  bool any; /* single elements are read as well */
} header;

static char skip_space(header *h) {
  while (h->at < h->end && strchr(" \t\n", *h->at) && *h->at) h->at++;
  return h->at < h->end ? *h->at : 0;
}

static bool take(header *h, const char *word) {
  size_t length = strlen(word);
  skip_space(h);
  if ((size_t)(h->end - h->at) < length || memcmp(h->at, word, length) != 0) return false;
  h->at += length;
  return true;
}

/* A string in quotes, without escapes. */
static bool take_string(header *h, char out[32]) {
  char quote = skip_space(h);
  if (quote != '\'' && quote != '"') return false;
  const char *text = ++h->at;
  while (h->at < h->end && *h->at != quote) h->at++;
  size_t length = (size_t)(h->at - text);
  if (h->at == h->end || length > 31) return false;
  memcpy(out, text, length);
  out[length] = 0;
  h->at++;
  return true;
}

/* "U12" or "S5": texts of so many letters or bytes. */
static bool take_text_type(const char *type, mixent_npy *out) {
  enum { LONGEST_TEXT = 100000 };
  char *end;
  if ((*type != 'U' && *type != 'S') || type[1] < '1' || type[1] > '9') return false;
  long letters = strtol(type + 1, &end, 10);
  if (letters > LONGEST_TEXT || *end) return false;
  out->kind = *type, out->bytes = *type == 'U' ? 4 * (int)letters : (int)letters;
  return true;
}

static bool take_number_type(const char *type, mixent_npy *out) {
  bool number = *type && strchr("uif", *type) && type[1] && strchr("1248", type[1]) && !type[2];
  out->kind = *type;
  out->bytes = number ? type[1] - '0' : 0;
  if (number) return out->kind != 'f' || out->bytes >= 2;
  out->bytes = 1;
  return strcmp(type, "b1") == 0;
}

static mixent_status read_type(header *h, mixent_npy *out) {
  char text[32];
  if (!take_string(h, text)) return fail_array(h->origin, "its elements are records; save numbers");
  out->big = *text == '>';
  const char *type = text + (*text && strchr("<>|=", *text));
  if (strcmp(type, "O") == 0)
    return fail_array(h->origin, "its elements are Python objects; save numbers, or texts with "
                                 "labels.astype(str)");
  if (take_text_type(type, out) || take_number_type(type, out)) return MIXENT_OK;
  return mixent_fail(
      MIXENT_ERROR_FORMAT,
      "%s: not an array that is read here: its type is '%s'; b1, u1 to u8, i1 to i8, f2 to f8, "
      "U and S are read",
      h->origin, text);
}

static mixent_status read_extent(header *h, size_t *out) {
  const char *begin = h->at;
  for (*out = 0; h->at < h->end && *h->at >= '0' && *h->at <= '9'; h->at++)
    if (__builtin_mul_overflow(*out, 10, out) || __builtin_add_overflow(*out, (size_t)(*h->at - '0'), out))
      return fail_array(h->origin, "it has too many elements");
  return h->at > begin ? MIXENT_OK : fail_array(h->origin, "its header is damaged");
}

static mixent_status read_shape(header *h, mixent_npy *out) {
  out->dimensions = 0;
  if (!take(h, "(")) return fail_array(h->origin, "its header is damaged");
  while (!take(h, ")")) {
    if (out->dimensions == MIXENT_NPY_DIMENSIONS)
      return fail_array(h->origin, "it has more than four dimensions");
    MIXENT_TRY(read_extent(h, &out->extent[out->dimensions++]));
    if (!take(h, ",") && skip_space(h) != ')') return fail_array(h->origin, "its header is damaged");
  }
  for (int i = out->dimensions; i < MIXENT_NPY_DIMENSIONS; i++) out->extent[i] = 1;
  return out->dimensions || h->any ? MIXENT_OK : fail_array(h->origin, "it is a single number");
}

/* {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), } */
static mixent_status read_header(header *h, mixent_npy *out) {
  unsigned seen = 0;
  char key[32];
  if (!take(h, "{")) return fail_array(h->origin, "its header is damaged");
  while (!take(h, "}")) {
    if (!take_string(h, key) || !take(h, ":")) return fail_array(h->origin, "its header is damaged");
    if (strcmp(key, "descr") == 0) {
      MIXENT_TRY(read_type(h, out));
      seen |= 1;
    } else if (strcmp(key, "shape") == 0) {
      MIXENT_TRY(read_shape(h, out));
      seen |= 2;
    } else if (strcmp(key, "fortran_order") == 0) {
      out->fortran = take(h, "True");
      if (!out->fortran && !take(h, "False")) return fail_array(h->origin, "its header is damaged");
      seen |= 4;
    } else {
      return fail_array(h->origin, "its header is damaged");
    }
    if (!take(h, ",") && skip_space(h) != '}') return fail_array(h->origin, "its header is damaged");
  }
  return seen == 7 ? MIXENT_OK : fail_array(h->origin, "its header is not complete");
}

static mixent_status check_size(const char *origin, size_t size, mixent_npy *array) {
  size_t all;
  array->row = 1;
  for (int i = 1; i < array->dimensions; i++)
    if (__builtin_mul_overflow(array->row, array->extent[i], &array->row))
      return fail_array(origin, "it has too many elements");
  if (__builtin_mul_overflow(array->row, array->extent[0], &all) ||
      __builtin_mul_overflow(all, (size_t)array->bytes, &all))
    return fail_array(origin, "it has too many elements");
  if (all == size) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_FORMAT,
                     "%s: %zu bytes of elements, but its header asks for %zu; save it again", origin, size,
                     all);
}

static mixent_status parse(const char *origin, const uint8_t *bytes, size_t count, size_t size, bool any,
                           mixent_npy *out) {
  *out = (mixent_npy){0};
  if (count < 12 || memcmp(bytes, "\x93NUMPY", 6) != 0)
    return fail_array(origin, "it does not begin as NPY does");
  if (bytes[6] < 1 || bytes[6] > 3) return fail_array(origin, "its version of NPY is not known");
  size_t begin = bytes[6] == 1 ? 10 : 12, length = (size_t)bytes[8] | (size_t)bytes[9] << 8;
  if (bytes[6] > 1) length |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
  if (length > count - begin) return fail_array(origin, "its header ends beyond it");
  header header = {.origin = origin,
                   .at = (const char *)bytes + begin,
                   .end = (const char *)bytes + begin + length,
                   .any = any};
  MIXENT_TRY(read_header(&header, out));
  out->data = bytes + begin + length;
  return check_size(origin, size - begin - length, out);
}

mixent_status mixent_npy_header(const char *origin, const uint8_t *bytes, size_t count, size_t size,
                                mixent_npy *out) {
  return parse(origin, bytes, count, size, false, out);
}

mixent_status mixent_npy_parse(const char *origin, const uint8_t *bytes, size_t size, mixent_npy *out) {
  return parse(origin, bytes, size, size, false, out);
}

mixent_status mixent_npy_any(const char *origin, const uint8_t *bytes, size_t count, size_t size,
                             mixent_npy *out) {
  return parse(origin, bytes, count, size, true, out);
}

/* UTF-8 of a code point, at most 4 bytes; what is none becomes '?'. */
static char *encode(uint32_t code, char *out) {
  if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) code = '?';
  int more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  static const uint8_t first[] = {0, 0xc0, 0xe0, 0xf0};
  *out++ = (char)(first[more] | code >> 6 * more);
  while (more-- > 0) *out++ = (char)(0x80 | (code >> 6 * more & 63));
  return out;
}

mixent_status mixent_npy_text(const mixent_npy *array, size_t index, char **out) {
  const uint8_t *at = array->data + index * (size_t)array->bytes;
  MIXENT_TRY(MIXENT_ALLOCATE(array->bytes + 1, out));
  char *end = *out;
  for (int i = 0; i < array->bytes; i += array->kind == 'S' ? 1 : 4) {
    uint32_t code = at[i];
    if (array->kind == 'U') {
      memcpy(&code, at + i, sizeof code);
      code = array->big ? be32toh(code) : le32toh(code);
    }
    if (!code) break; /* NumPy fills up with zeros */
    if (array->kind == 'S')
      *end++ = (char)code;
    else
      end = encode(code, end);
  }
  return MIXENT_OK;
}

/* Where an element stands: of row `index`, the `element`-th in the order of C. */
static size_t position_of(const mixent_npy *array, size_t index, size_t element) {
  if (!array->fortran) return index * array->row + element;
  size_t strides[MIXENT_NPY_DIMENSIONS], where = index;
  strides[0] = 1;
  for (int i = 1; i < MIXENT_NPY_DIMENSIONS; i++) strides[i] = strides[i - 1] * array->extent[i - 1];
  for (int i = MIXENT_NPY_DIMENSIONS - 1; i > 0; i--) {
    where += element % array->extent[i] * strides[i];
    element /= array->extent[i];
  }
  return where;
}

static uint64_t bits_at(const mixent_npy *array, const uint8_t *at) {
  uint64_t bits = 0;
  for (int i = 0; i < array->bytes; i++) bits |= (uint64_t)at[array->big ? array->bytes - 1 - i : i] << 8 * i;
  return bits;
}

static double float_of(uint64_t bits, int bytes) {
  double value;
  if (bytes == 2) return (double)mixent_f16_to_float((uint16_t)bits);
  if (bytes == 4) return (double)mixent_float_from_bits((uint32_t)bits);
  memcpy(&value, &bits, sizeof value);
  return value;
}

static double element_at(const mixent_npy *array, const uint8_t *at) {
  uint64_t bits = bits_at(array, at);
  int shift = 64 - 8 * array->bytes;
  switch (array->kind) {
  case 'f': return float_of(bits, array->bytes);
  case 'i': return (double)((int64_t)(bits << shift) >> shift);
  case 'b': return bits != 0;
  default: return (double)bits;
  }
}

void mixent_npy_row(const mixent_npy *array, size_t index, double *out) {
  for (size_t i = 0; i < array->row; i++)
    out[i] = element_at(array, array->data + position_of(array, index, i) * (size_t)array->bytes);
}
