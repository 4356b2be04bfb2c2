/* Whole files through zlib, which takes plain ones as they are; and bytes packed for a file. */
#include "core/gzip.h"
#include "core/file.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

/* zlib holds an end that comes too early for the end of the file, but notes it. */
static mixent_status check_end(gzFile file, const char *path) {
  int code;
  const char *message = gzerror(file, &code);
  if (code == Z_OK || code == Z_STREAM_END) return MIXENT_OK;
  if (code == Z_ERRNO) return mixent_fail_errno("read", path);
  if (code == Z_MEM_ERROR) return mixent_no_memory("%s", path);
  const char *reason = strstr(message, ">: "); /* behind zlib's name of the file, "<fd:3>" */
  return mixent_fail(MIXENT_ERROR_FORMAT,
                     "%s: the gzip data is damaged or truncated (%s); fetch or copy it again", path,
                     reason ? reason + strlen(">: ") : message);
}

enum { UNSUSPECTED = 64 << 20, MOST_RATIO = 50 };

/* Neither images nor results shrink by much: what unpacks to far more than its own size is made to fill memory. */
static mixent_status check_ratio(gzFile file, const char *path, size_t size) {
  if (size <= UNSUSPECTED || size / MOST_RATIO <= (size_t)gzoffset(file)) return MIXENT_OK;
  return mixent_fail(
      MIXENT_ERROR_FORMAT,
      "%s: unpacks to more than %d times its size, which suggests damage or malice; unpack it by hand if "
      "you trust it",
      path, MOST_RATIO);
}

static mixent_status check_limit(const char *path, size_t limit, size_t size) {
  if (size <= limit) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_FORMAT, "%s: more than %zu bytes; is it the right file?", path, limit);
}

static mixent_status read_all(gzFile file, const char *path, size_t limit, uint8_t **out, size_t *size) {
  size_t capacity = 0;
  int count;
  do {
    MIXENT_TRY(check_limit(path, limit, *size));
    MIXENT_TRY(check_ratio(file, path, *size));
    if (capacity - *size <= 1 << 16) { /* a piece and a zero */
      capacity = 2 * capacity + (1 << 20);
      MIXENT_TRY(MIXENT_RESIZE(out, capacity, path));
    }
    count = gzread(file, *out + *size, 1 << 16);
    if (count > 0) *size += (size_t)count;
  } while (count > 0);
  (*out)[*size] = 0;
  return check_end(file, path);
}

mixent_status mixent_gzip_read(const char *path, size_t limit, uint8_t **out, size_t *size) {
  *out = NULL;
  *size = 0;
  int descriptor;
  struct stat info;
  MIXENT_TRY(mixent_file_descriptor_open(path, &descriptor));
  /* packed or not, it does not become less */
  mixent_status status = fstat(descriptor, &info) ? mixent_fail_errno("look at", path)
                                                  : check_limit(path, limit, (size_t)info.st_size);
  gzFile file = status == MIXENT_OK ? gzdopen(descriptor, "rb") : NULL;
  if (!file) {
    close(descriptor);
    return status == MIXENT_OK ? mixent_no_memory("%s", path) : status;
  }
  status = read_all(file, path, limit, out, size);
  gzclose(file);
  if (status != MIXENT_OK) free(*out), *out = NULL, *size = 0;
  return status;
}

mixent_status mixent_gzip_append(const void *bytes, size_t size, mixent_text *out) {
  enum {
    GZIP = 15 + 16,
    MEMORY = 8,
    PIECE = 1 << 16
  }; /* the largest window, in gzip's wrapping; zlib's usual memory */
  uint8_t piece[PIECE];
  z_stream packer = {0};
  if (size > UINT_MAX) return mixent_fail(MIXENT_ERROR_ARGUMENT, "%zu bytes are too many to pack", size);
  if (deflateInit2(&packer, Z_BEST_COMPRESSION, Z_DEFLATED, GZIP, MEMORY, Z_DEFAULT_STRATEGY) != Z_OK)
    return mixent_no_memory("packing %zu bytes", size);
  packer.next_in = (Bytef *)bytes;
  packer.avail_in = (uInt)size;
  int code;
  do {
    packer.next_out = piece;
    packer.avail_out = PIECE;
    code = deflate(&packer, Z_FINISH);
    mixent_text_append_bytes(out, piece, PIECE - packer.avail_out);
  } while (code == Z_OK);
  deflateEnd(&packer);
  return mixent_text_status(out);
}
