/* Reads tar archives: blocks of 512 bytes, a header before each file. No path is ever opened or written. */
#include "data/formats/tar.h"
#include "core/content.h"
#include "core/memory.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ADVICE "; fetch or copy it again"

enum {
  BLOCK = 512,
  NAME = 100,
  SIZE_AT = 124,
  CHECK_AT = 148,
  TYPE_AT = 156,
  MAGIC_AT = 257,
  PREFIX_AT = 345
};

typedef struct tar_reader {
  const char *origin;
  const uint8_t *bytes;
  size_t size, position;
  char *long_path; /* of the next file, from an entry of its own; or NULL */
} tar_reader;

/* Octal digits, perhaps after spaces, up to a zero or a space. */
static bool read_octal(const uint8_t *field, size_t length, size_t *out) {
  size_t i = 0, begin;
  while (i < length && field[i] == ' ') i++;
  *out = 0;
  for (begin = i; i < length && field[i] >= '0' && field[i] <= '7'; i++)
    *out = *out * 8 + (size_t)(field[i] - '0');
  return i > begin && (i == length || field[i] == 0 || field[i] == ' ');
}

/* The sum of the header's bytes, its own field taken as spaces. */
static size_t sum_header(const uint8_t *header) {
  size_t sum = 0;
  for (size_t i = 0; i < BLOCK; i++) sum += i >= CHECK_AT && i < CHECK_AT + 8 ? ' ' : header[i];
  return sum;
}

static mixent_status check_header(const tar_reader *reader, const uint8_t *header, size_t *size) {
  size_t sum;
  if (!read_octal(header + CHECK_AT, 8, &sum) || sum != sum_header(header))
    return mixent_fail(MIXENT_ERROR_FORMAT, "%s: no tar archive, or damaged: no header at byte %zu" ADVICE,
                       reader->origin, reader->position);
  if (!read_octal(header + SIZE_AT, 12, size) || *size > reader->size - reader->position - BLOCK)
    return mixent_fail(
        MIXENT_ERROR_FORMAT,
        "%s: the file whose header is at byte %zu goes beyond the archive's end (truncated file)" ADVICE,
        reader->origin, reader->position);
  return MIXENT_OK;
}

static mixent_status keep_path(tar_reader *reader, const uint8_t *text, size_t length) {
  free(reader->long_path);
  return mixent_copy_start((const char *)text, length, &reader->long_path);
}

/* pax: records of `LENGTH KEY=VALUE\n`, LENGTH counting the whole record. */
static mixent_status read_pax(tar_reader *reader, const uint8_t *text, size_t size) {
  while (size) {
    size_t length = 0, digits = 0;
    while (digits < size && digits < 9 && text[digits] >= '0' && text[digits] <= '9')
      length = length * 10 + (size_t)(text[digits++] - '0');
    if (digits == 0 || digits == size || text[digits] != ' ' || length > size || length < digits + 2)
      return mixent_fail(MIXENT_ERROR_FORMAT, "%s: damaged pax header before byte %zu" ADVICE, reader->origin,
                         reader->position);
    const uint8_t *record = text + digits + 1;
    size_t left = length - digits - 2; /* without the line's end */
    if (left > 5 && memcmp(record, "path=", 5) == 0) MIXENT_TRY(keep_path(reader, record + 5, left - 5));
    text += length;
    size -= length;
  }
  return MIXENT_OK;
}

/* The path that a header holds: its prefix, if it is of ustar, and its name. */
static void header_path(const uint8_t *header, char out[BLOCK]) {
  const char *name = (const char *)header, *prefix = (const char *)header + PREFIX_AT;
  bool long_form = memcmp(header + MAGIC_AT, "ustar\0", 6) == 0 && *prefix;
  snprintf(out, BLOCK, "%.*s%s%.*s", long_form ? 155 : 0, prefix, long_form ? "/" : "", NAME, name);
}

static mixent_status visit_member(tar_reader *reader, const uint8_t *header, size_t size,
                                  mixent_tar_visit *visit, void *context) {
  char path[BLOCK];
  header_path(header, path);
  char type = (char)header[TYPE_AT];
  bool regular = type == 0 || type == '0' || type == '7';
  mixent_tar_member member = {.path = reader->long_path ? reader->long_path : path, .directory = type == '5'};
  if (regular) member.bytes = header + BLOCK, member.size = size;
  mixent_status status = visit(context, &member);
  free(reader->long_path);
  reader->long_path = NULL;
  return status;
}

static mixent_status take_entry(tar_reader *reader, const uint8_t *header, size_t size,
                                mixent_tar_visit *visit, void *context) {
  switch (header[TYPE_AT]) {
  case 'L': return keep_path(reader, header + BLOCK, size); /* GNU */
  case 'x': return read_pax(reader, header + BLOCK, size);
  case 'g':
  case 'K': return MIXENT_OK;
  default: return visit_member(reader, header, size, visit, context);
  }
}

static bool is_zero(const uint8_t *bytes, size_t size) {
  return size == 0 || (*bytes == 0 && memcmp(bytes, bytes + 1, size - 1) == 0);
}

/* At a block of zeros, or at less than a block. A header that became zeros must not end the archive: what follows it would be
 * lost. Zeros alone, be they fewer than two blocks, follow the last member. */
static mixent_status check_end(const tar_reader *reader, bool *short_end) {
  const uint8_t *end = reader->bytes + reader->position;
  size_t left = reader->size - reader->position;
  *short_end = left < 2 * BLOCK;
  if (left && is_zero(end, left)) return MIXENT_OK;
  if (left < BLOCK)
    return mixent_fail(MIXENT_ERROR_FORMAT,
                       "%s: ends without the mark of an archive's end (truncated file)" ADVICE,
                       reader->origin);
  return mixent_fail(
      MIXENT_ERROR_FORMAT,
      "%s: zeros at byte %zu, where a header belongs, and more after them: damaged, or several "
      "archives in one file" ADVICE,
      reader->origin, reader->position);
}

static mixent_status walk(tar_reader *reader, mixent_tar_visit *visit, void *context, bool *short_end) {
  if (reader->size < BLOCK || memcmp(reader->bytes + MAGIC_AT, "ustar", 5) != 0)
    MIXENT_TRY(mixent_content_check(reader->origin, reader->bytes, reader->size, "a tar archive"));
  while (reader->size - reader->position >= BLOCK) {
    const uint8_t *header = reader->bytes + reader->position;
    size_t size = 0;
    if (is_zero(header, BLOCK)) break;
    MIXENT_TRY(check_header(reader, header, &size));
    MIXENT_TRY(take_entry(reader, header, size, visit, context));
    size_t left = reader->size - reader->position - BLOCK, padded = (size + BLOCK - 1) / BLOCK * BLOCK;
    reader->position += BLOCK + (padded < left ? padded : left);
  }
  return check_end(reader, short_end);
}

mixent_status mixent_tar_walk(const char *origin, const uint8_t *bytes, size_t size, mixent_tar_visit *visit,
                              void *context, bool *short_end) {
  tar_reader reader = {.origin = origin, .bytes = bytes, .size = size};
  mixent_status status = walk(&reader, visit, context, short_end);
  free(reader.long_path);
  return status;
}
