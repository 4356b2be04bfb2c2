/* Reads IDX from a stream of bytes that may be gzip. */
#include "data/formats/idx.h"
#include "core/content.h"
#include "core/file.h"
#include "core/memory.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#define ADVICE "; fetch or copy it again"

/* Bytes out of a stream, through zlib if it begins as gzip does. `inflater` holds the input window in both
 * cases. */
typedef struct reader {
  FILE *stream;
  const char *origin;
  size_t size;                     /* of the stream, packed or not */
  bool gzip, member_ended, padded; /* padded: zeros followed the last member */
  z_stream inflater;
  uint8_t input[65536];
} reader;

static mixent_status refill(reader *reader) {
  if (reader->inflater.avail_in) return MIXENT_OK;
  reader->inflater.next_in = reader->input;
  reader->inflater.avail_in = (uInt)fread(reader->input, 1, sizeof reader->input, reader->stream);
  if (ferror(reader->stream))
    return mixent_fail(MIXENT_ERROR_IO, "cannot read %s: %s; check the disk and its permissions",
                       reader->origin, strerror(errno));
  return MIXENT_OK;
}

static mixent_status reader_start(reader *reader, FILE *stream, size_t size, const char *origin) {
  reader->stream = stream;
  reader->origin = origin;
  reader->size = size;
  reader->gzip = reader->member_ended = reader->padded = false;
  memset(&reader->inflater, 0, sizeof reader->inflater);
  reader->input[0] = 0; /* nothing is read yet */
  MIXENT_TRY(refill(reader));
  if (reader->inflater.avail_in == 0)
    return mixent_fail(MIXENT_ERROR_FORMAT, "%s: empty (0 bytes)" ADVICE, origin);
  if (reader->inflater.avail_in < 2 || memcmp(reader->input, "\x1f\x8b", 2) != 0)
    return *reader->input
               ? mixent_content_check(origin, reader->input, reader->inflater.avail_in, "an IDX file")
               : MIXENT_OK;
  if (inflateInit2(&reader->inflater, 15 + 16) != Z_OK) /* largest window, gzip header */
    return mixent_no_memory("%s", origin);
  reader->gzip = true;
  return MIXENT_OK;
}

static void reader_end(reader *reader) {
  if (reader->gzip) inflateEnd(&reader->inflater);
}

static mixent_status read_plain(reader *reader, uint8_t *out, size_t wanted, size_t *got) {
  for (*got = 0; *got < wanted;) {
    MIXENT_TRY(refill(reader));
    size_t count = reader->inflater.avail_in;
    if (count == 0) break;
    if (count > wanted - *got) count = wanted - *got;
    memcpy(out + *got, reader->inflater.next_in, count);
    reader->inflater.next_in += count;
    reader->inflater.avail_in -= (uInt)count;
    *got += count;
  }
  return MIXENT_OK;
}

/* Whether a member has ended and zeros follow, with which tapes and other devices fill their blocks; they are skipped. */
static bool skip_padding(reader *reader) {
  z_stream *inflater = &reader->inflater;
  if (!reader->member_ended || *inflater->next_in) return false;
  for (; inflater->avail_in && !*inflater->next_in; inflater->avail_in--) inflater->next_in++;
  reader->padded = true;
  return true;
}

/* A gzip file may hold several members one after another; each has its own check sum, which zlib verifies. */
static mixent_status read_gzip(reader *reader, uint8_t *out, size_t wanted, size_t *got) {
  z_stream *inflater = &reader->inflater;
  for (*got = 0; *got < wanted;) {
    MIXENT_TRY(refill(reader));
    if (inflater->avail_in == 0) {
      if (reader->member_ended) break;
      return mixent_fail(MIXENT_ERROR_FORMAT, "%s: the gzip data ends early (truncated file)" ADVICE,
                         reader->origin);
    }
    if (skip_padding(reader)) continue;
    if (reader->member_ended && (reader->padded || *inflater->next_in != 0x1f))
      return mixent_fail(MIXENT_ERROR_FORMAT, "%s: something follows the gzip data" ADVICE, reader->origin);
    if (reader->member_ended) inflateReset(inflater), reader->member_ended = false;
    size_t room = wanted - *got < 1u << 30 ? wanted - *got : 1u << 30; /* zlib counts in 32 bits */
    inflater->next_out = out + *got;
    inflater->avail_out = (uInt)room;
    int result = inflate(inflater, Z_NO_FLUSH);
    *got += room - inflater->avail_out;
    if (result == Z_STREAM_END)
      reader->member_ended = true;
    else if (result == Z_MEM_ERROR)
      return mixent_no_memory("%s", reader->origin);
    else if (result != Z_OK)
      return mixent_fail(MIXENT_ERROR_FORMAT, "%s: the gzip data is damaged (%s)" ADVICE, reader->origin,
                         inflater->msg ? inflater->msg : "it makes no progress");
  }
  return MIXENT_OK;
}

/* Fills `out` with `wanted` bytes, fewer only at the end of the data. */
static mixent_status read_bytes(reader *reader, uint8_t *out, size_t wanted, size_t *got) {
  return reader->gzip ? read_gzip(reader, out, wanted, got) : read_plain(reader, out, wanted, got);
}

static mixent_status read_header(reader *reader, int dimensions, size_t extents[3], size_t *total) {
  const char *origin = reader->origin;
  uint8_t header[4 + 4 * 3];
  size_t got, size = 4 + 4 * (size_t)dimensions;
  MIXENT_TRY(read_bytes(reader, header, 4, &got));
  if (got < 4)
    return mixent_fail(MIXENT_ERROR_FORMAT, "%s: only %zu bytes, too short for an IDX file" ADVICE, origin,
                       got);
  if (header[0] || header[1])
    return mixent_fail(MIXENT_ERROR_FORMAT,
                       "%s: not an IDX file (it begins %02x %02x %02x %02x, not 00 00 08 %02x)" ADVICE,
                       origin, header[0], header[1], header[2], header[3], (unsigned)dimensions);
  if (header[2] != 8)
    return mixent_fail(MIXENT_ERROR_FORMAT,
                       "%s: IDX elements of type 0x%02x; only unsigned bytes (0x08) are read: convert it",
                       origin, header[2]);
  if (header[3] != dimensions)
    return mixent_fail(
        MIXENT_ERROR_FORMAT,
        "%s: IDX data of %d dimensions where %d belong (%s); check that the file has the right name", origin,
        header[3], dimensions, dimensions == 1 ? "labels: count" : "images: count, rows, columns");
  MIXENT_TRY(read_bytes(reader, header + 4, size - 4, &got));
  if (got < size - 4)
    return mixent_fail(MIXENT_ERROR_FORMAT, "%s: ends inside its header (truncated file)" ADVICE, origin);
  *total = 1;
  for (int i = 0; i < 3; i++) {
    const uint8_t *extent = header + 4 + 4 * i;
    extents[i] = 1;
    if (i < dimensions)
      extents[i] = (size_t)extent[0] << 24 | (size_t)extent[1] << 16 | (size_t)extent[2] << 8 | extent[3];
    if (extents[i] == 0)
      return mixent_fail(MIXENT_ERROR_FORMAT, "%s: its header counts 0 %s" ADVICE, origin,
                         i ? "pixels a line" : "items");
    if (__builtin_mul_overflow(*total, extents[i], total))
      return mixent_fail(MIXENT_ERROR_FORMAT, "%s: its header promises more than memory can hold" ADVICE,
                         origin);
  }
  if (reader->gzip && *total / MIXENT_MOST_INFLATION > reader->size)
    return mixent_fail(MIXENT_ERROR_FORMAT,
                       "%s: its header promises %zu bytes, more than %zu bytes of gzip can hold" ADVICE,
                       origin, *total, reader->size);
  return MIXENT_OK;
}

/* The room doubles as bytes arrive, so that a header that lies costs no more than twice what the file holds.
 */
static mixent_status read_payload(reader *reader, size_t total, mixent_idx *out) {
  size_t capacity = 0, size = 0, got;
  do {
    capacity = capacity ? 2 * capacity : 1u << 20;
    if (capacity > total) capacity = total;
    MIXENT_TRY(MIXENT_RESIZE(&out->bytes, capacity, reader->origin));
    MIXENT_TRY(read_bytes(reader, out->bytes + size, capacity - size, &got));
    size += got;
  } while (size == capacity && size < total);
  if (size < total)
    return mixent_fail(MIXENT_ERROR_FORMAT,
                       "%s: ends after %zu of the %zu bytes that its header promises (truncated file)" ADVICE,
                       reader->origin, size, total);
  uint8_t beyond;
  MIXENT_TRY(read_bytes(reader, &beyond, 1, &got)); /* also takes gzip to its check sum */
  if (got)
    return mixent_fail(MIXENT_ERROR_FORMAT,
                       "%s: holds more than the %zu bytes that its header promises" ADVICE, reader->origin,
                       total);
  return MIXENT_OK;
}

static mixent_status read_stream(FILE *stream, size_t file_size, const char *origin, int dimensions,
                                 mixent_idx *out) {
  reader reader;
  size_t total = 0;
  mixent_status status = reader_start(&reader, stream, file_size, origin);
  if (status == MIXENT_OK) status = read_header(&reader, dimensions, out->extent, &total);
  if (status == MIXENT_OK) status = read_payload(&reader, total, out);
  reader_end(&reader);
  if (status != MIXENT_OK) {
    free(out->bytes);
    *out = (mixent_idx){0};
  }
  return status;
}

static mixent_status open_file(const char *path, FILE **stream, size_t *size) {
  struct stat info;
  MIXENT_TRY(mixent_file_open(path, stream));
  *size = 0;
  if (fstat(fileno(*stream), &info) == 0) {
    *size = (size_t)info.st_size;
    return MIXENT_OK;
  }
  mixent_status status = mixent_fail_errno("look at", path);
  fclose(*stream);
  return status;
}

mixent_status mixent_idx_extent(const char *path, int dimensions, size_t extent[3]) {
  FILE *stream;
  reader reader;
  size_t size, total;
  MIXENT_TRY(open_file(path, &stream, &size));
  mixent_status status = reader_start(&reader, stream, size, path);
  if (status == MIXENT_OK) status = read_header(&reader, dimensions, extent, &total);
  reader_end(&reader);
  fclose(stream);
  return status;
}

mixent_status mixent_idx_read(const char *path, int dimensions, mixent_idx *out) {
  FILE *stream;
  size_t size;
  *out = (mixent_idx){0};
  MIXENT_TRY(open_file(path, &stream, &size));
  mixent_status status = read_stream(stream, size, path, dimensions, out);
  fclose(stream);
  return status;
}

mixent_status mixent_idx_parse(const char *origin, const void *bytes, size_t size, int dimensions,
                               mixent_idx *out) {
  *out = (mixent_idx){0};
  FILE *stream = fmemopen((void *)bytes, size, "rb"); /* "r": the bytes are not changed */
  if (!stream) return mixent_no_memory("%s", origin);
  mixent_status status = read_stream(stream, size, origin, dimensions, out);
  fclose(stream);
  return status;
}
