/* Files by their endings, folders by their names, and the sentence about both. */
#include "data/formats/passed_over.h"

#include <stdlib.h>
#include <string.h>

/* The ending in small letters, if it is one that people know: ASCII letters and digits; else "". */
static void find_ending(const char *name, char *out, size_t room) {
  static const char known[] = "abcdefghijklmnopqrstuvwxyz0123456789";
  const char *point = strrchr(name, '.');
  size_t length = point ? strlen(point) : 0;
  *out = 0;
  if (length < 2 || length >= room) return;
  memcpy(out, point, length + 1);
  for (char *letter = out; *letter; letter++)
    if (*letter >= 'A' && *letter <= 'Z') *letter = (char)(*letter - 'A' + 'a');
  if (out[1 + strspn(out + 1, known)]) *out = 0;
}

void mixent_passed_over_file(mixent_passed_over *to, const char *name) {
  char ending[sizeof to->kinds->ending];
  int kind = 0;
  find_ending(name, ending, sizeof ending);
  while (kind < to->kind_count && strcmp(to->kinds[kind].ending, ending) != 0) kind++;
  if (!*ending || kind == MIXENT_KINDS) {
    to->others++;
    return;
  }
  if (kind == to->kind_count) memcpy(to->kinds[to->kind_count++].ending, ending, sizeof ending);
  to->kinds[kind].count++;
}

mixent_status mixent_passed_over_folder(mixent_passed_over *to, const char *name, size_t length) {
  int i = 0;
  char *copy;
  MIXENT_TRY(mixent_copy_start(name, length, &copy));
  while (i < MIXENT_BESIDE && to->beside[i] && strcmp(to->beside[i], copy) != 0) i++;
  if (i < MIXENT_BESIDE && !to->beside[i]) {
    to->beside[i] = copy;
    return MIXENT_OK;
  }
  to->more_beside |= i == MIXENT_BESIDE;
  free(copy);
  return MIXENT_OK;
}

static int compare_kinds(const void *a, const void *b) {
  const struct mixent_kind *first = a, *second = b;
  if (first->count != second->count) return first->count < second->count ? 1 : -1;
  return strcmp(first->ending, second->ending);
}

/* The most frequent first. */
static void append_files(const mixent_passed_over *passed, const char *wanted, mixent_text *out) {
  struct mixent_kind kinds[MIXENT_KINDS];
  size_t count = passed->others;
  memcpy(kinds, passed->kinds, sizeof kinds);
  qsort(kinds, (size_t)passed->kind_count, sizeof *kinds, compare_kinds);
  for (int i = 0; i < passed->kind_count; i++) count += kinds[i].count;
  if (!count) return;
  mixent_text_append(out, "%zu file%s that %s no %s (", count, count == 1 ? "" : "s",
                     count == 1 ? "is" : "are", wanted);
  for (int i = 0; i < passed->kind_count; i++)
    mixent_text_append_item(out, (size_t)i, "%zu %s", kinds[i].count, kinds[i].ending);
  if (passed->others)
    mixent_text_append_item(out, (size_t)passed->kind_count, "%zu other%s", passed->others,
                            passed->others == 1 ? "" : "s");
  mixent_text_append(out, ")");
}

mixent_status mixent_passed_over_note(const mixent_passed_over *passed, const char *wanted, char **out) {
  static const char mark[] = "passed-over: ";
  mixent_text note = {0};
  *out = NULL;
  mixent_text_append(&note, "%s", mark);
  append_files(passed, wanted, &note);
  if (passed->loose)
    mixent_text_append(&note, "%s%zu image%s in no class folder", note.length > strlen(mark) ? "; " : "",
                       passed->loose, passed->loose == 1 ? "" : "s");
  if (passed->beside[0])
    mixent_text_append(&note, "%sfolders beside train and test: %s", note.length > strlen(mark) ? "; " : "",
                       passed->beside[0]);
  for (int i = 1; i < MIXENT_BESIDE && passed->beside[i]; i++)
    mixent_text_append(&note, ", %s", passed->beside[i]);
  if (passed->more_beside) mixent_text_append(&note, " and others");
  if (passed->short_end)
    mixent_text_append(&note, "%san archive's end of fewer than two blocks of zeros (it may have been cut)",
                       note.length > strlen(mark) ? "; " : "");
  mixent_status status = mixent_text_status(&note);
  if (status != MIXENT_OK || note.length == strlen(mark))
    mixent_text_free(&note);
  else
    *out = note.data;
  return status;
}

void mixent_passed_over_free(mixent_passed_over *passed) {
  for (int i = 0; i < MIXENT_BESIDE; i++) free(passed->beside[i]);
  *passed = (mixent_passed_over){0};
}
