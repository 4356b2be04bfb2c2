/* For tests/python/test_fetch.py: fetches any files out of any archive.
 * fetch ADDRESS DIRECTORY STOP_AFTER (MEMBER SHA256)...   STOP_AFTER: bytes of a file after which to stop, or
 * -1 */
#include "data/fetch/fetch.h"

#include <stdio.h>
#include <stdlib.h>

enum { MOST_FILES = 16 };

static int stop_after(void *context, const char *file, uint64_t done, uint64_t total) {
  printf("%s %llu %llu\n", file, (unsigned long long)done, (unsigned long long)total);
  return *(const long long *)context >= 0 && done >= (uint64_t) * (const long long *)context;
}

int main(int count, char **words) {
  if (count < 6 || count % 2 || (count - 4) / 2 > MOST_FILES) return 2;
  mixent_archive_file files[MOST_FILES];
  size_t file_count = (size_t)(count - 4) / 2;
  for (size_t i = 0; i < file_count; i++)
    files[i] = (mixent_archive_file){words[4 + 2 * i], words[5 + 2 * i]};
  long long stop = atoll(words[3]);
  mixent_status status = mixent_archive_fetch(words[1], files, file_count, words[2], stop_after, &stop);
  if (status != MIXENT_OK) fprintf(stderr, "%d %s\n", (int)status, mixent_last_error());
  return status != MIXENT_OK;
}
