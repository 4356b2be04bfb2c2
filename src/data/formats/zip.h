/* Where the members of a zip archive lie, read from the archive's directory alone, and members out of one in memory. */
#ifndef MIXENT_DATA_FORMATS_ZIP_H
#define MIXENT_DATA_FORMATS_ZIP_H

#include "core/file.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MIXENT_ZIP_STORED = 0, MIXENT_ZIP_DEFLATED = 8 };

/* An archive, wherever its bytes are. */
typedef struct mixent_zip_source {
  const char *name, *advice; /* for messages: what it is called, what to do when it is damaged */
  uint64_t size;
  mixent_status (*read)(void *context, uint64_t first, size_t count, void *out); /* bytes within `size` */
  void *context;
} mixent_zip_source;

typedef struct mixent_zip_entry {
  bool found;
  int method;           /* MIXENT_ZIP_STORED or MIXENT_ZIP_DEFLATED */
  uint64_t header;      /* of its local header, from the archive's start */
  uint64_t packed_size; /* bytes in the archive */
  uint64_t size;        /* bytes of the file itself */
  uint32_t crc;         /* CRC-32 of the file itself */
} mixent_zip_entry;

/* entries[i]: the member names[i]; `found` false if there is none of that name. */
mixent_status mixent_zip_find(const mixent_zip_source *source, const char *const *names, size_t count,
                              mixent_zip_entry *entries);

/* The names of all members, of which there may be at most `most`, in the archive's order. mixent_names_free(out), also after an error. */
mixent_status mixent_zip_list(const mixent_zip_source *source, size_t most, mixent_names *out);

/* Visits all members in the archive's order, until `visit` fails. A path that ends in '/' is a directory. A link's bytes are the path it
 * leads to. */
typedef mixent_status mixent_zip_visit(void *context, const char *path, bool link,
                                       const mixent_zip_entry *entry);
mixent_status mixent_zip_walk(const mixent_zip_source *source, mixent_zip_visit *visit, void *context);

/* Where the packed bytes of an entry start. */
mixent_status mixent_zip_data_offset(const mixent_zip_source *source, const mixent_zip_entry *entry,
                                     uint64_t *out);

/* The bytes of an entry, unpacked and checked against their CRC; over `limit` of them are an error. `name` is the
 * member's, for messages. free(*out). */
mixent_status mixent_zip_read(const mixent_zip_source *source, const mixent_zip_entry *entry,
                              const char *name, uint64_t limit, uint8_t **out);

/* The first `count` bytes of an entry, or as many as it has, unpacked but not checked: *made says how many. */
mixent_status mixent_zip_read_head(const mixent_zip_source *source, const mixent_zip_entry *entry,
                                   const char *name, uint64_t limit, uint64_t count, uint8_t *out,
                                   uint64_t *made);

#endif
