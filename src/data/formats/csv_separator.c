/* Which character separates the cells of a table: tried on its first lines. */
#include "data/formats/csv.h"

#include <stdbool.h>
#include <string.h>

enum { LINES = 1000 };

/* Whether a cell [begin, end) that holds a comma is a number with one, such as 1,5 or 1.234,5; "1,2,3" is none. */
static bool is_number(const char *begin, const char *end) {
  size_t commas = 0;
  for (; begin < end; begin++) {
    if (!*begin || !strchr("0123456789.,+-eE", *begin)) return false;
    commas += *begin == ',';
  }
  return commas == 1;
}

/* A line while it is read; `at` moves on. */
typedef struct line {
  const char *at, *end;
  size_t count; /* separators outside of quotes */
  bool fits;    /* other separators stand in numbers alone */
} line;

/* To the end of a cell. */
static void skip_cell(line *line, char separator) {
  const char *begin = line->at;
  bool quoted = false, other = false;
  for (; line->at < line->end; line->at++) {
    char letter = *line->at;
    if (letter == '"') quoted = !quoted;
    if (quoted) continue;
    if (letter == separator || letter == '\n' || letter == '\r') break;
    other |= letter == ',' || letter == ';' || letter == '\t';
  }
  const char *end = line->at;
  while (begin < end && *begin == ' ') begin++;
  while (end > begin && end[-1] == ' ') end--;
  line->fits &= !other || is_number(begin, end);
}

static void skip_line(line *line, char separator) {
  line->count = 0;
  for (skip_cell(line, separator); line->at < line->end && *line->at == separator; line->count++) {
    line->at++;
    skip_cell(line, separator);
  }
  while (line->at < line->end && (*line->at == '\r' || *line->at == '\n')) line->at++;
}

/* Whether each line has as many as the first, one at least; *fits as in `line`. */
static bool separates(const char *text, size_t size, char separator, bool *fits) {
  line line = {.at = text, .end = text + size, .fits = true};
  while (line.at < line.end && (*line.at == '\r' || *line.at == '\n')) line.at++;
  skip_line(&line, separator);
  size_t first = line.count;
  for (int i = 1; i < LINES && line.at < line.end && line.count == first; i++) skip_line(&line, separator);
  *fits = line.fits;
  return first > 0 && line.count == first;
}

char mixent_csv_separator(mixent_separator asked, const char *text, size_t size) {
  static const char tried[] = ";\t", asked_for[] = {0, ',', ';', '\t', '|'};
  if (asked != MIXENT_SEPARATOR_AUTO) return asked_for[asked];
  bool fits, comma = separates(text, size, ',', &fits);
  for (const char *separator = tried; *separator; separator++)
    if (separates(text, size, *separator, &fits) && (fits || !comma)) return *separator;
  return ',';
}
