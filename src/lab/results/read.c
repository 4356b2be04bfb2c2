/* Which format a file of results has. */
#include "core/content.h"
#include "core/gzip.h"
#include "lab/results/rows.h"

#include <stdlib.h>
#include <string.h>

mixent_status mixent_results_parse(const char *origin, char *text, size_t size,
                                   const mixent_results_layout *layout, mixent_results *out) {
  out->file = origin;
  MIXENT_TRY(mixent_content_check_text(origin, text, size, "results (CSV or JSON Lines)"));
  size_t begin = size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
  begin += strspn(text + begin, " \t\r\n");
  if (text[begin] == '[')
    return mixent_fail(MIXENT_ERROR_FORMAT,
                       "%s: expected CSV or JSON Lines, got a list of JSON; write one object per line",
                       origin);
  if (text[begin] != '{') return mixent_results_read_csv(origin, text, size, layout, out);
  if (begin >= 3) memset(text, ' ', text[0] == '\xef' ? 3 : 0);
  return mixent_results_read_json_lines(origin, text, size, layout, out);
}

/* Whether a file begins as a zip archive does, which a .npz file is. */
static mixent_status is_archive(const char *path, bool *out) {
  FILE *file;
  char bytes[4];
  MIXENT_TRY(mixent_file_open(path, &file));
  *out = fread(bytes, 1, sizeof bytes, file) == sizeof bytes && memcmp(bytes, "PK\3\4", sizeof bytes) == 0;
  fclose(file);
  return MIXENT_OK;
}

mixent_status mixent_results_read(const char *path, const mixent_results_layout *layout,
                                  mixent_results *out) {
  uint8_t *bytes;
  size_t size;
  bool npz;
  MIXENT_TRY(is_archive(path, &npz));
  if (npz) return mixent_results_read_npz(path, layout, out);
  MIXENT_TRY(mixent_gzip_read(path, MIXENT_RESULTS_BYTES, &bytes, &size));
  mixent_status status = mixent_results_parse(path, (char *)bytes, size, layout, out);
  free(bytes);
  return status;
}
