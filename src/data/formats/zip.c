/* The zip format as APPNOTE.TXT 6.3 (PKWARE) describes it: numbers are little endian; an archive ends in the
 * record of the end of its central directory (4.3.16), with a 64-bit one (4.3.14) before it if numbers are
 * large. */
#include "data/formats/zip.h"
#include "core/content.h"
#include "core/memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

enum {
  LOCAL_SIZE = 30,   /* of a local header, without name and extra field */
  ENTRY_SIZE = 46,   /* of a directory entry, without name, extra field, comment */
  END_SIZE = 22,     /* of the end record, without comment */
  LOCATOR_SIZE = 20, /* of the 64-bit end record's locator */
  END64_SIZE = 56,   /* of the 64-bit end record */
  LARGEST_COMMENT = 65535,
  LARGEST_DIRECTORY = 64 << 20,
  ENCRYPTED = 1 /* of an entry's flags */
};
#define LARGE_16 0xffffu /* such a number stands in a 64-bit record instead */
#define LARGE_32 0xffffffffu

static uint64_t number(const uint8_t *at, int bytes) {
  uint64_t value = 0;
  for (int i = bytes; i-- > 0;) value = value << 8 | at[i];
  return value;
}

static bool has_signature(const uint8_t *at, uint8_t third, uint8_t fourth) {
  return at[0] == 'P' && at[1] == 'K' && at[2] == third && at[3] == fourth;
}

static mixent_status fail_archive(const mixent_zip_source *source, const char *what) {
  return mixent_fail(MIXENT_ERROR_FORMAT, "%s is not a zip archive that can be read here: %s; %s",
                     source->name, what, source->advice);
}

static mixent_status fail_without_end(const mixent_zip_source *source) {
  uint8_t head[512];
  size_t count = source->size < sizeof head ? (size_t)source->size : sizeof head;
  MIXENT_TRY(source->read(source->context, 0, count, head));
  mixent_status status = mixent_content_check(source->name, head, count, "a zip archive");
  if (status != MIXENT_OK) return mixent_fail(status, "%s; %s", mixent_last_error(), source->advice);
  return fail_archive(source, "no end of a directory (truncated file)");
}

typedef struct directory {
  uint64_t offset, size;
} directory;

static mixent_status find_directory(const mixent_zip_source *source, const uint8_t *tail, size_t tail_size,
                                    directory *out) {
  size_t end = tail_size;
  for (size_t at = tail_size < END_SIZE ? 0 : tail_size - END_SIZE + 1; at-- > 0 && end == tail_size;)
    if (has_signature(tail + at, 5, 6) && number(tail + at + 20, 2) == tail_size - at - END_SIZE) end = at;
  if (end == tail_size) return fail_without_end(source);

  uint64_t file_size = source->size;
  *out = (directory){.size = number(tail + end + 12, 4), .offset = number(tail + end + 16, 4)};
  bool large = number(tail + end + 10, 2) == LARGE_16 || out->size == LARGE_32 || out->offset == LARGE_32;
  if (large && end >= LOCATOR_SIZE && has_signature(tail + end - LOCATOR_SIZE, 6, 7)) {
    uint64_t at = number(tail + end - LOCATOR_SIZE + 8, 8);
    uint8_t record[END64_SIZE];
    if (file_size < END64_SIZE || at > file_size - END64_SIZE)
      return fail_archive(source, "its 64-bit directory end lies outside");
    MIXENT_TRY(source->read(source->context, at, END64_SIZE, record));
    if (!has_signature(record, 6, 6))
      return fail_archive(source, "no 64-bit directory end where it should be");
    *out = (directory){.size = number(record + 40, 8), .offset = number(record + 48, 8)};
  }
  if (out->offset > file_size || out->size > file_size - out->offset)
    return fail_archive(source, "its directory lies outside");
  if (out->size > LARGEST_DIRECTORY) return fail_archive(source, "its directory is over 64 MB");
  return MIXENT_OK;
}

/* The numbers too large for their fields in the entry follow one another in the extra field with tag 1
 * (4.5.3). */
static bool read_large_numbers(const uint8_t *extra, size_t size, uint64_t *const values[3]) {
  const uint8_t *at = NULL;
  size_t left = 0;
  while (size >= 4 && !at) {
    size_t length = number(extra + 2, 2);
    if (length > size - 4) return false;
    if (number(extra, 2) == 1) at = extra + 4, left = length;
    extra += 4 + length, size -= 4 + length;
  }
  for (int i = 0; i < 3; i++) {
    if (*values[i] != LARGE_32) continue;
    if (left < 8) return false;
    *values[i] = number(at, 8);
    at += 8, left -= 8;
  }
  return true;
}

/* An entry of the directory; `left` bytes of it follow at `at`. */
typedef struct directory_entry {
  const uint8_t *at;
  size_t left, length, name_length, extra_length;
} directory_entry;

static mixent_status read_entry(const mixent_zip_source *source, const directory_entry *entry,
                                const char *name, mixent_zip_entry *out) {
  const uint8_t *at = entry->at;
  unsigned flags = (unsigned)number(at + 8, 2);
  *out = (mixent_zip_entry){.found = true,
                            .method = (int)number(at + 10, 2),
                            .header = number(at + 42, 4),
                            .packed_size = number(at + 20, 4),
                            .size = number(at + 24, 4),
                            .crc = (uint32_t)number(at + 16, 4)};
  uint64_t *const values[3] = {&out->size, &out->packed_size, &out->header};
  uint64_t file_size = source->size;
  if (flags & ENCRYPTED)
    return mixent_fail(MIXENT_ERROR_UNSUPPORTED, "%s: %s in it is encrypted; pack it without a password",
                       source->name, name);
  if (out->method != MIXENT_ZIP_STORED && out->method != MIXENT_ZIP_DEFLATED)
    return mixent_fail(MIXENT_ERROR_UNSUPPORTED,
                       "%s: %s in it is packed by method %d; expected 0 (stored) or 8 (deflated): pack it so",
                       source->name, name, out->method);
  if (!read_large_numbers(at + ENTRY_SIZE + entry->name_length, entry->extra_length, values) ||
      out->header > file_size || out->packed_size > file_size - out->header ||
      (out->method == MIXENT_ZIP_STORED && out->size != out->packed_size))
    return mixent_fail(MIXENT_ERROR_FORMAT, "%s: the entry of %s is damaged; %s", source->name, name,
                       source->advice);
  return MIXENT_OK;
}

static mixent_status next_entry(const mixent_zip_source *source, directory_entry *entry) {
  entry->at += entry->length, entry->left -= entry->length;
  entry->length = 0;
  if (!entry->left) return MIXENT_OK;
  const uint8_t *at = entry->at;
  if (entry->left < ENTRY_SIZE || !has_signature(at, 1, 2))
    return fail_archive(source, "its directory is damaged");
  entry->name_length = number(at + 28, 2), entry->extra_length = number(at + 30, 2);
  entry->length = ENTRY_SIZE + entry->name_length + entry->extra_length + number(at + 32, 2);
  return entry->length > entry->left ? fail_archive(source, "its directory is damaged") : MIXENT_OK;
}

/* The bytes of the directory; free(*out). */
static mixent_status read_directory(const mixent_zip_source *source, uint8_t **out, size_t *size) {
  uint64_t file_size = source->size;
  size_t tail_size = END_SIZE + LARGEST_COMMENT + LOCATOR_SIZE;
  if (tail_size > file_size) tail_size = (size_t)file_size;
  uint8_t *tail;
  MIXENT_TRY(MIXENT_ALLOCATE(tail_size, &tail));
  directory where = {0};
  mixent_status status = source->read(source->context, file_size - tail_size, tail_size, tail);
  if (status == MIXENT_OK) status = find_directory(source, tail, tail_size, &where);
  free(tail);
  if (status != MIXENT_OK) return status;

  *size = where.size;
  MIXENT_TRY(MIXENT_ALLOCATE(where.size, out));
  status = source->read(source->context, where.offset, where.size, *out);
  if (status != MIXENT_OK) free(*out);
  return status;
}

/* Visits the entries of the directory in its order, until `visit` fails. */
typedef mixent_status visit_entry(void *context, const mixent_zip_source *source,
                                  const directory_entry *entry);

static mixent_status walk(const mixent_zip_source *source, visit_entry *visit, void *context) {
  uint8_t *bytes;
  directory_entry entry = {0};
  MIXENT_TRY(read_directory(source, &bytes, &entry.left));
  entry.at = bytes;
  mixent_status status = next_entry(source, &entry);
  while (status == MIXENT_OK && entry.length) {
    status = visit(context, source, &entry);
    if (status == MIXENT_OK) status = next_entry(source, &entry);
  }
  free(bytes);
  return status;
}

typedef struct search {
  const char *const *names;
  size_t count;
  mixent_zip_entry *entries;
} search;

static mixent_status visit_searched(void *context, const mixent_zip_source *source,
                                    const directory_entry *entry) {
  const search *search = context;
  for (size_t i = 0; i < search->count; i++)
    if (strlen(search->names[i]) == entry->name_length &&
        memcmp(search->names[i], entry->at + ENTRY_SIZE, entry->name_length) == 0)
      MIXENT_TRY(read_entry(source, entry, search->names[i], &search->entries[i]));
  return MIXENT_OK;
}

mixent_status mixent_zip_find(const mixent_zip_source *source, const char *const *names, size_t count,
                              mixent_zip_entry *entries) {
  search search = {names, count, entries};
  memset(entries, 0, count * sizeof *entries);
  return walk(source, visit_searched, &search);
}

typedef struct listing {
  size_t most;
  mixent_names *names;
} listing;

static mixent_status visit_listed(void *context, const mixent_zip_source *source,
                                  const directory_entry *entry) {
  const listing *listing = context;
  char *name;
  if (listing->names->count == listing->most)
    return mixent_fail(MIXENT_ERROR_UNSUPPORTED, "%s: expected at most %zu members, got more", source->name,
                       listing->most);
  MIXENT_TRY(mixent_copy_start((const char *)entry->at + ENTRY_SIZE, entry->name_length, &name));
  mixent_status status = mixent_names_add(listing->names, name);
  free(name);
  return status;
}

mixent_status mixent_zip_list(const mixent_zip_source *source, size_t most, mixent_names *out) {
  listing listing = {most, out};
  *out = (mixent_names){0};
  return walk(source, visit_listed, &listing);
}

typedef struct members {
  mixent_zip_visit *visit;
  void *context;
} members;

static mixent_status visit_member(void *context, const mixent_zip_source *source,
                                  const directory_entry *entry) {
  enum { UNIX = 3 };
  const members *members = context;
  char *path;
  mixent_zip_entry member;
  MIXENT_TRY(mixent_copy_start((const char *)entry->at + ENTRY_SIZE, entry->name_length, &path));
  mixent_status status = read_entry(source, entry, path, &member);
  mode_t mode = entry->at[5] == UNIX ? (mode_t)(number(entry->at + 38, 4) >> 16) : 0;
  if (status == MIXENT_OK) status = members->visit(members->context, path, S_ISLNK(mode), &member);
  free(path);
  return status;
}

mixent_status mixent_zip_walk(const mixent_zip_source *source, mixent_zip_visit *visit, void *context) {
  members members = {visit, context};
  return walk(source, visit_member, &members);
}

mixent_status mixent_zip_data_offset(const mixent_zip_source *source, const mixent_zip_entry *entry,
                                     uint64_t *out) {
  uint8_t local[LOCAL_SIZE];
  uint64_t file_size = source->size;
  if (file_size - entry->header < LOCAL_SIZE) return fail_archive(source, "a member lies outside");
  MIXENT_TRY(source->read(source->context, entry->header, LOCAL_SIZE, local));
  if (!has_signature(local, 3, 4))
    return fail_archive(source, "a member does not start where the directory says");
  *out = entry->header + LOCAL_SIZE + number(local + 26, 2) + number(local + 28, 2);
  if (*out > file_size || entry->packed_size > file_size - *out)
    return fail_archive(source, "a member lies outside");
  return MIXENT_OK;
}

/* Fills `room` bytes from packed ones, or all there are; *made says how many. Returns what zlib ended with. */
static int inflate_into(const uint8_t *packed, uint64_t packed_size, uint8_t *out, uint64_t room,
                        uint64_t *made) {
  z_stream stream = {0};
  *made = 0;
  /* negative: bare deflate data, without a header of zlib's or gzip's */
  int result = inflateInit2(&stream, -MAX_WBITS);
  if (result != Z_OK) return result;
  for (uint64_t taken = 0; result == Z_OK && *made < room;) {
    uint64_t in = packed_size - taken, left = room - *made;
    stream.next_in = (Bytef *)(uintptr_t)(packed + taken), stream.next_out = out + *made;
    stream.avail_in = in < UINT32_MAX ? (uInt)in : UINT32_MAX;
    stream.avail_out = left < UINT32_MAX ? (uInt)left : UINT32_MAX;
    result = inflate(&stream, Z_NO_FLUSH);
    taken = (uint64_t)(stream.next_in - packed), *made = (uint64_t)(stream.next_out - out);
  }
  inflateEnd(&stream);
  return result;
}

static mixent_status fail_member(const mixent_zip_source *source, const char *name) {
  return mixent_fail(MIXENT_ERROR_FORMAT, "%s: %s in it is damaged; %s", source->name, name, source->advice);
}

static mixent_status unpack(const mixent_zip_source *source, const mixent_zip_entry *entry, const char *name,
                            const uint8_t *packed, uint8_t **out) {
  MIXENT_TRY(MIXENT_ALLOCATE(entry->size + 1, out));
  uint64_t made;
  bool whole = true;
  if (entry->method == MIXENT_ZIP_STORED)
    memcpy(*out, packed, entry->size);
  else /* with room for one more, so that too many show */
    whole = inflate_into(packed, entry->packed_size, *out, entry->size + 1, &made) == Z_STREAM_END &&
            made == entry->size;
  if (whole && crc32_z(crc32_z(0, NULL, 0), *out, entry->size) == entry->crc) return MIXENT_OK;
  free(*out), *out = NULL;
  return fail_member(source, name);
}

/* `count` packed bytes, the first of an entry; free(*out). */
static mixent_status read_packed(const mixent_zip_source *source, const mixent_zip_entry *entry,
                                 const char *name, uint64_t limit, uint64_t count, uint8_t **out) {
  uint64_t start;
  *out = NULL;
  MIXENT_TRY(mixent_zip_data_offset(source, entry, &start));
  if (entry->size > limit || entry->size / MIXENT_MOST_INFLATION > entry->packed_size)
    return mixent_fail(MIXENT_ERROR_FORMAT, "%s: %s in it would have %llu bytes, too many to be true; %s",
                       source->name, name, (unsigned long long)entry->size, source->advice);
  MIXENT_TRY(MIXENT_ALLOCATE(count + 1, out));
  mixent_status status = source->read(source->context, start, count, *out);
  if (status != MIXENT_OK) free(*out), *out = NULL;
  return status;
}

mixent_status mixent_zip_read(const mixent_zip_source *source, const mixent_zip_entry *entry,
                              const char *name, uint64_t limit, uint8_t **out) {
  uint8_t *packed;
  *out = NULL;
  MIXENT_TRY(read_packed(source, entry, name, limit, entry->packed_size, &packed));
  mixent_status status = unpack(source, entry, name, packed, out);
  free(packed);
  return status;
}

mixent_status mixent_zip_read_head(const mixent_zip_source *source, const mixent_zip_entry *entry,
                                   const char *name, uint64_t limit, uint64_t count, uint8_t *out,
                                   uint64_t *made) {
  enum { SPARE = 65536 }; /* what deflate may add where it cannot pack */
  uint64_t wanted = count + SPARE < entry->packed_size ? count + SPARE : entry->packed_size;
  uint8_t *packed;
  if (count > entry->size) count = entry->size;
  MIXENT_TRY(read_packed(source, entry, name, limit, wanted, &packed));
  *made = count;
  if (entry->method == MIXENT_ZIP_STORED)
    memcpy(out, packed, count);
  else
    inflate_into(packed, wanted, out, count, made);
  free(packed);
  return *made == count ? MIXENT_OK : fail_member(source, name);
}
