/* What of a set in folders, or of a directory of files, is not read: counted while it is walked, and said in one sentence. */
#ifndef MIXENT_DATA_FORMATS_PASSED_OVER_H
#define MIXENT_DATA_FORMATS_PASSED_OVER_H

#include "core/memory.h"
#include <stdbool.h>

enum { MIXENT_KINDS = 24, MIXENT_BESIDE = 8 }; /* endings that are told apart; folders that are named */

typedef struct mixent_passed_over {
  struct mixent_kind {
    char ending[12]; /* ".bmp" */
    size_t count;
  } kinds[MIXENT_KINDS]; /* files that are not wanted, by their names */
  int kind_count;
  size_t others;               /* those without an ending, or of more kinds */
  size_t loose;                /* images of a part that lie in no class folder */
  char *beside[MIXENT_BESIDE]; /* folders beside train and test, then NULL */
  bool more_beside;            /* than those */
  bool short_end;              /* an archive ends in fewer zeros than it should */
} mixent_passed_over;

void mixent_passed_over_file(mixent_passed_over *to, const char *name);
mixent_status mixent_passed_over_folder(mixent_passed_over *to, const char *name, size_t length);
/* "passed-over: …", or NULL if nothing was. `wanted`: the endings that are read, as ".png or .jpg". free(*out). */
mixent_status mixent_passed_over_note(const mixent_passed_over *passed, const char *wanted, char **out);
void mixent_passed_over_free(mixent_passed_over *passed);

#endif
