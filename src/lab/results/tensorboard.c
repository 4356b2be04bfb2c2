/* TensorBoard's event files: records of TFRecord, each an Event of protocol buffers. The scalars are read, pictures and histograms passed over.
 *
 *   record    length (8 bytes, little-endian), its CRC, `length` bytes, their CRC; a CRC is CRC-32C, rotated and shifted (masked)
 *   Event     2 step, 5 Summary
 *   Summary   1 Value, repeated
 *   Value     1 tag, 2 simple_value, 8 TensorProto, 9 SummaryMetadata { 1 plugin_data { 1 plugin_name } }
 *   Tensor    1 type, 2 shape { 2 dim { 1 size } }, 4 bytes, or 5 floats, 6 doubles, 7 ints, 10 int64s, 13 halves
 *
 * Nothing in a record is trusted: each length is held against what is left. A file that ends within a record was cut off when its writer was
 * stopped, or is being written; what stands before counts. */
#include "core/file.h"
#include "core/locale.h"
#include "core/memory.h"
#include "core/unicode.h"
#include "lab/results/log.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST_RECORD = 16 << 20 /* a larger one holds no scalars alone: passed over */, LONGEST_TAG = 1000 };

bool mixent_results_is_event_file(const char *path) {
  const char *slash = strrchr(path, '/');
  return strstr(slash ? slash + 1 : path, "tfevents") != NULL;
}

/* ---- records ---- */

/* CRC-32C (Castagnoli; RFC 3720): what each byte turns the sum into. */
static void fill_table(uint32_t table[256]) {
  static const uint32_t polynomial = 0x82f63b78; /* reflected */
  for (uint32_t i = 0; i < 256; i++) {
    table[i] = i;
    for (int bit = 0; bit < 8; bit++) table[i] = (table[i] >> 1) ^ (table[i] & 1 ? polynomial : 0);
  }
}

static uint32_t crc_of(const uint32_t table[256], const uint8_t *bytes, size_t count) {
  uint32_t crc = UINT32_MAX;
  for (size_t i = 0; i < count; i++) crc = (crc >> 8) ^ table[(crc ^ bytes[i]) & 0xff];
  return ~crc;
}

static uint64_t read_little(const uint8_t *bytes, int count) {
  uint64_t value = 0;
  for (int i = count; i-- > 0;) value = value << 8 | bytes[i];
  return value;
}

static bool is_right(const uint32_t table[256], const uint8_t *bytes, size_t count, const uint8_t *masked) {
  uint32_t crc = crc_of(table, bytes, count), turned = (crc >> 15 | crc << 17) + 0xa282ead8u;
  return turned == (uint32_t)read_little(masked, 4);
}

/* ---- protocol buffers ---- */

typedef struct wire {
  const uint8_t *at, *end;
} wire;

typedef struct field {
  uint64_t number, value; /* of a varint, or the bits of 4 or 8 bytes */
  int type;
  wire bytes;
} field;

enum { VARINT, EIGHT_BYTES, BYTES, FOUR_BYTES = 5 };

static bool read_varint(wire *wire, uint64_t *out) {
  *out = 0;
  for (int shift = 0; shift < 64 && wire->at < wire->end; shift += 7) {
    uint8_t byte = *wire->at++;
    *out |= (uint64_t)(byte & 0x7f) << shift;
    if (!(byte & 0x80)) return true;
  }
  return false;
}

/* The next field; false at the end, and where the bytes are none: wire->at is then not the end. */
static bool next(wire *wire, field *out) {
  uint64_t key, length = 0;
  struct wire from = *wire;
  if (from.at == from.end || !read_varint(&from, &key)) return false;
  out->number = key >> 3;
  out->type = (int)(key & 7);
  if (out->type == VARINT) {
    if (!read_varint(&from, &out->value)) return false;
  } else {
    length = out->type == EIGHT_BYTES ? 8 : 4;
    if (out->type == BYTES && !read_varint(&from, &length)) return false;
    if ((out->type != BYTES && out->type != EIGHT_BYTES && out->type != FOUR_BYTES) ||
        length > (uint64_t)(from.end - from.at))
      return false;
    out->bytes = (struct wire){from.at, from.at + length};
    if (out->type != BYTES) out->value = read_little(from.at, (int)length);
    from.at += length;
  }
  *wire = from;
  return true;
}

static double float_of(uint64_t bits) {
  uint32_t word = (uint32_t)bits;
  float value;
  memcpy(&value, &word, sizeof value);
  return value;
}

static double double_of(uint64_t bits) {
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static double half_of(uint64_t bits) {
  int exponent = (int)(bits >> 10 & 31), fraction = (int)(bits & 1023);
  double size = exponent == 31  ? (fraction ? NAN : INFINITY)
                : exponent == 0 ? ldexp(fraction, -24)
                                : ldexp(fraction + 1024, exponent - 25);
  return bits >> 15 & 1 ? -size : size;
}

/* Types of elements, by their numbers in TensorFlow. */
enum { FLOAT = 1, DOUBLE = 2, INT32 = 3, INT64 = 9, BFLOAT16 = 14, HALF = 19 };

static int size_of(int type) {
  return type == DOUBLE || type == INT64    ? 8
         : type == FLOAT || type == INT32   ? 4
         : type == BFLOAT16 || type == HALF ? 2
                                            : 0;
}

static double number_of(int type, uint64_t bits) {
  switch (type) {
  case FLOAT: return float_of(bits);
  case DOUBLE: return double_of(bits);
  case INT32: return (int32_t)(uint32_t)bits;
  case INT64: return (double)(int64_t)bits;
  case BFLOAT16: return float_of(bits << 16);
  default: return half_of(bits);
  }
}

/* Whether a shape is that of a single number. */
static bool is_single(wire shape) {
  field dimension, size;
  while (next(&shape, &dimension))
    while (dimension.number == 2 && dimension.type == BYTES && next(&dimension.bytes, &size))
      if (size.number == 1 && (size.type != VARINT || size.value != 1)) return false;
  return true;
}

/* The one number of a tensor; false where it is another tensor. */
static bool read_tensor(wire tensor, double *out) {
  field field;
  int type = 0, found = 0;
  bool single = true;
  uint64_t bits = 0;
  wire values = {NULL, NULL};
  while (next(&tensor, &field)) {
    if (field.number == 1 && field.type == VARINT) type = (int)(field.value & 0xff);
    if (field.number == 2 && field.type == BYTES) single = is_single(field.bytes);
    bool of_value = field.number == 4 || field.number == 5 || field.number == 6 || field.number == 7 ||
                    field.number == 10 || field.number == 13;
    if (!of_value) continue;
    found++;
    values = field.type == BYTES ? field.bytes : (wire){NULL, NULL};
    bits = field.value;
    if (field.type == BYTES && (field.number == 7 || field.number == 10 || field.number == 13)) { /* packed */
      if (!read_varint(&values, &bits)) return false;
      if (values.at != values.end) return false;
      values.at = NULL;
    }
  }
  int size = size_of(type);
  if (!single || found != 1 || !size || tensor.at != tensor.end) return false;
  if (values.at && values.end - values.at != size) return false;
  if (values.at) bits = read_little(values.at, size);
  *out = number_of(type, bits);
  return true;
}

/* ---- events ---- */

typedef struct reader {
  mixent_results_header header;
  const char *path, *prefix; /* of tags: "validation/" */
  mixent_results *out;
  uint32_t table[256]; /* of CRC-32C */
} reader;

static mixent_status take(reader *reader, const char *tag, double step, double value) {
  char name[LONGEST_TAG + 16];
  mixent_print(name, sizeof name, "%s%s", reader->prefix, tag);
  const char *names[2] = {name, "step"};
  const mixent_results_field fields[2] = {mixent_results_number(value, "NaN"),
                                          mixent_results_number(step, "")};
  reader->header.names = names;
  return mixent_results_take(&reader->header, fields, reader->out);
}

/* The name of the plug-in that a value is for is "scalars", or left out. */
static bool is_for_scalars(wire metadata) {
  static const char scalars[] = "scalars";
  field data, name;
  while (next(&metadata, &data))
    while (data.number == 1 && data.type == BYTES && next(&data.bytes, &name))
      if (name.number == 1 && name.type == BYTES)
        return name.bytes.end - name.bytes.at == (ptrdiff_t)strlen(scalars) &&
               memcmp(name.bytes.at, scalars, strlen(scalars)) == 0;
  return true;
}

static mixent_status take_summary_value(reader *reader, double step, wire value, bool *right) {
  char tag[LONGEST_TAG + 1] = "";
  field field;
  double number = NAN;
  bool found = false, scalar = true;
  while (next(&value, &field)) {
    size_t length = field.type == BYTES ? (size_t)(field.bytes.end - field.bytes.at) : 0;
    if (field.number == 1 && length && length <= LONGEST_TAG && !memchr(field.bytes.at, 0, length)) {
      memcpy(tag, field.bytes.at, length);
      tag[length] = '\0';
    }
    if (field.number == 2 && field.type == FOUR_BYTES) number = float_of(field.value), found = true;
    if (field.number == 8 && field.type == BYTES) found |= read_tensor(field.bytes, &number);
    if (field.number == 9 && field.type == BYTES) scalar = is_for_scalars(field.bytes);
  }
  *right = value.at == value.end;
  if (!*right || !found || !scalar || !*tag || !mixent_is_utf8(tag)) return MIXENT_OK;
  return take(reader, tag, step, number);
}

static mixent_status take_event(reader *reader, wire event, bool *right) {
  field field, value;
  int64_t step = 0;
  wire summary = {NULL, NULL};
  while (next(&event, &field)) {
    if (field.number == 2 && field.type == VARINT) step = (int64_t)field.value;
    if (field.number == 5 && field.type == BYTES) summary = field.bytes;
  }
  *right = event.at == event.end;
  while (*right && next(&summary, &value))
    if (value.number == 1 && value.type == BYTES)
      MIXENT_TRY(take_summary_value(reader, (double)step, value.bytes, right));
  *right &= summary.at == summary.end;
  return MIXENT_OK;
}

static mixent_status fail_damaged(const reader *reader, uint64_t at, const char *what) {
  return mixent_fail(MIXENT_ERROR_FORMAT,
                     "%s: expected %s at byte %llu, got damaged bytes; copy the file again", reader->path,
                     what, (unsigned long long)at);
}

/* Reads `length` bytes and their CRC. */
static mixent_status read_record(reader *reader, FILE *stream, uint64_t at, size_t length) {
  uint8_t *bytes;
  bool right = true;
  MIXENT_TRY(MIXENT_ALLOCATE(length + 4, &bytes));
  mixent_status status = MIXENT_OK;
  if (fread(bytes, 1, length + 4, stream) != length + 4)
    status = mixent_fail_errno("read", reader->path);
  else if (!is_right(reader->table, bytes, length, bytes + length))
    status = fail_damaged(reader, at, "the bytes of a record that fit their checksum");
  else
    status = take_event(reader, (wire){bytes, bytes + length}, &right);
  free(bytes);
  return status == MIXENT_OK && !right ? fail_damaged(reader, at, "an event of TensorBoard") : status;
}

static mixent_status read_records(reader *reader, FILE *stream, uint64_t size) {
  enum { HEAD = 12, TAIL = 4 };
  uint8_t head[HEAD];
  uint64_t at = 0;
  while (at < size) {
    if (size - at < HEAD + TAIL) break;
    if (fread(head, 1, HEAD, stream) != HEAD) return mixent_fail_errno("read", reader->path);
    uint64_t length = read_little(head, 8);
    if (!is_right(reader->table, head, 8, head + 8))
      return fail_damaged(reader, at, "a record of an event file of TensorBoard");
    if (length > size - at - HEAD - TAIL) break;
    if (length > LARGEST_RECORD) {
      if (fseeko(stream, (off_t)(length + TAIL), SEEK_CUR) != 0)
        return mixent_fail_errno("read", reader->path);
    } else
      MIXENT_TRY(read_record(reader, stream, at, (size_t)length));
    at += HEAD + length + TAIL;
  }
  reader->out->cut_off += at < size && !reader->out->choosing;
  return MIXENT_OK;
}

mixent_status mixent_results_parse_events(const mixent_results_file *run, const char *path, FILE *stream,
                                          size_t size, const mixent_results_layout *layout,
                                          mixent_results *out) {
  /* Keras writes a run in two directories; their values are the run's */
  static const char *const parts[] = {"train", "validation", "val", "test", "eval"};
  char prefix[16] = "";
  mixent_results_file whole = *run;
  char *name;
  MIXENT_TRY(mixent_copy_text(run->name, &name));
  char *slash = strrchr(name, '/'), *last = slash ? slash + 1 : name;
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    if (strcmp(last, parts[i]) == 0) {
      mixent_print(prefix, sizeof prefix, "%s/", parts[i]);
      *(slash ? slash : name) = '\0';
      break;
    }
  whole.name = name;
  mixent_results_log log = {0};
  reader reader = {.path = path, .prefix = prefix, .out = out};
  mixent_results_header *header = &reader.header;
  fill_table(reader.table);
  *header = (mixent_results_header){.layout = layout, .count = 2, .is_log = true};
  mixent_status status = mixent_results_add_source(run->path, "TensorBoard", out, &header->origin);
  if (status == MIXENT_OK) status = mixent_results_log_begin(&whole, header->origin, &log);
  for (int role = 0; role < MIXENT_ROLES; role++) header->roles[role] = header->count;
  header->roles[MIXENT_ROLE_EPOCH] = 1;
  header->variant = log.variant;
  header->seed = log.seed;
  header->identity = *prefix ? log.variant : log.identity;
  out->has_names = out->has_epochs = true;
  if (status == MIXENT_OK) status = read_records(&reader, stream, size);
  mixent_results_log_end(&log);
  free(name);
  return status;
}

static char *directory_of(const char *path) {
  const char *slash = strrchr(path, '/');
  char *out;
  mixent_copy_start(slash ? path : ".", slash == path ? 1 : slash ? (size_t)(slash - path) : 1, &out);
  return out;
}

mixent_status mixent_results_read_events(const mixent_results_file *file, const mixent_results_layout *layout,
                                         mixent_results *out) {
  FILE *stream;
  size_t size;
  char *directory = directory_of(file->path), *name = directory_of(*file->name ? file->name : "x");
  mixent_status status = directory && name ? mixent_file_open(file->path, &stream) : MIXENT_ERROR_MEMORY;
  if (status == MIXENT_OK) {
    const mixent_results_file run = {.path = directory,
                                     .root = file->is_named ? directory : file->root,
                                     .name = strcmp(name, ".") == 0 ? "" : name,
                                     .is_named = file->is_named};
    status = mixent_file_size(stream, file->path, SIZE_MAX >> 1, &size);
    if (status == MIXENT_OK)
      status = mixent_results_parse_events(&run, file->path, stream, size, layout, out);
    fclose(stream);
  }
  free(directory);
  free(name);
  return status;
}
