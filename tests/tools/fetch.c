/* For tests/python/test_fetch.py: fetches any files, out of any archive (zip), each by itself (files) or those in a .tar.gz (tar).
 * fetch zip|files ADDRESS DIRECTORY STOP_AFTER (MEMBER SHA256)...
 * fetch tar ADDRESS DIRECTORY STOP_AFTER ARCHIVE SHA256 MEMBER...      STOP_AFTER: bytes of a file after which to stop, or -1 */
#include "data/fetch/fetch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_FILES = 16 };

static int stop_after(void *context, const char *file, uint64_t done, uint64_t total) {
  printf("%s %llu %llu\n", file, (unsigned long long)done, (unsigned long long)total);
  return *(const long long *)context >= 0 && done >= (uint64_t) * (const long long *)context;
}

int main(int count, char **words) {
  if (count < 7 || (count - 5) / 2 > MOST_FILES) return 2;
  mixent_archive_file files[MOST_FILES];
  size_t file_count = (size_t)(count - 5) / 2;
  for (size_t i = 0; i < file_count; i++)
    files[i] = (mixent_archive_file){words[5 + 2 * i], words[6 + 2 * i]};
  long long stop = atoll(words[4]);
  const char *const *members = (const char *const *)words + 7;
  mixent_status status = strcmp(words[1], "tar") == 0
                             ? mixent_packed_fetch(words[2], files, members, words[3], stop_after, &stop)
                         : strcmp(words[1], "files") == 0
                             ? mixent_files_fetch(words[2], files, file_count, words[3], stop_after, &stop)
                             : mixent_archive_fetch(words[2], files, file_count, words[3], stop_after, &stop);
  if (status != MIXENT_OK) fprintf(stderr, "%d %s\n", (int)status, mixent_last_error());
  return status != MIXENT_OK;
}
