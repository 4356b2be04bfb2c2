/* Where the members of a zip archive on a web server lie, read from the archive's directory alone. */
#ifndef MIXENT_DATA_ZIP_H
#define MIXENT_DATA_ZIP_H

#include "data/http.h"
#include <stdbool.h>

enum { MIXENT_ZIP_STORED = 0, MIXENT_ZIP_DEFLATED = 8 };

typedef struct mixent_zip_entry {
  bool found;
  int method;           /* MIXENT_ZIP_STORED or MIXENT_ZIP_DEFLATED */
  uint64_t header;      /* of its local header, from the archive's start */
  uint64_t packed_size; /* bytes in the archive */
  uint64_t size;        /* bytes of the file itself */
} mixent_zip_entry;

/* entries[i]: the member names[i]; `found` false if there is none of that name. */
mixent_status mixent_zip_find(mixent_http *http, const char *const *names, size_t count,
                              mixent_zip_entry *entries);

/* Where the packed bytes of an entry start. */
mixent_status mixent_zip_data_offset(mixent_http *http, const mixent_zip_entry *entry, uint64_t *out);

#endif
