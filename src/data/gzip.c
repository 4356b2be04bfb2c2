/* Whole files through zlib, which takes plain ones as they are. */
#include "data/gzip.h"
#include "core/file.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

/* zlib holds an end that comes too early for the end of the file, but notes it. */
static mixent_status check_end(gzFile file, const char *path) {
  int code;
  const char *message = gzerror(file, &code);
  if (code == Z_OK || code == Z_STREAM_END) return MIXENT_OK;
  if (code == Z_ERRNO) return mixent_fail_errno("read", path);
  return mixent_fail(MIXENT_ERROR_FORMAT,
                     "%s: the gzip data is damaged or truncated (%s); fetch or copy it again", path, message);
}

static mixent_status read_all(gzFile file, const char *path, size_t limit, uint8_t **out, size_t *size) {
  size_t capacity = 0;
  int count;
  do {
    if (*size > limit)
      return mixent_fail(MIXENT_ERROR_FORMAT, "%s: more than %zu bytes; is it the right file?", path, limit);
    if (capacity - *size < 1 << 16) {
      capacity = 2 * capacity + (1 << 20);
      uint8_t *bytes = realloc(*out, capacity);
      if (!bytes)
        return mixent_fail(MIXENT_ERROR_MEMORY, "%s: no memory for %zu bytes of it", path, capacity);
      *out = bytes;
    }
    count = gzread(file, *out + *size, 1 << 16);
    if (count > 0) *size += (size_t)count;
  } while (count > 0);
  return check_end(file, path);
}

mixent_status mixent_gzip_read(const char *path, size_t limit, uint8_t **out, size_t *size) {
  *out = NULL;
  *size = 0;
  int descriptor;
  MIXENT_TRY(mixent_file_descriptor_open(path, &descriptor));
  gzFile file = gzdopen(descriptor, "rb");
  if (!file) {
    close(descriptor);
    return mixent_fail(MIXENT_ERROR_MEMORY, "no memory to read %s", path);
  }
  mixent_status status = read_all(file, path, limit, out, size);
  gzclose(file);
  if (status != MIXENT_OK) free(*out), *out = NULL, *size = 0;
  return status;
}
