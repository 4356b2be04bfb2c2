/* What a format has read: its notes, and its end. */
#include "core/locale.h"
#include "core/memory.h"
#include "data/encoder.h"
#include "data/formats/format.h"

#include <stdarg.h>
#include <stdlib.h>

mixent_status mixent_note_add(char **note, const char *format, ...) {
  char *more, *joined;
  va_list arguments;
  va_start(arguments, format);
  int length = mixent_print_new(&more, format, arguments);
  va_end(arguments);
  if (length < 0) return mixent_fail(MIXENT_ERROR_MEMORY, "out of memory for a note");
  mixent_status status = *note ? mixent_print_text(&joined, "%s\n%s", *note, more) : MIXENT_OK;
  if (*note) free(more), more = joined;
  if (status != MIXENT_OK) return status;
  free(*note);
  *note = more;
  return MIXENT_OK;
}

mixent_status mixent_format_set_note(mixent_format_set *set, char *line) {
  mixent_status status = line ? mixent_note_add(&set->note, "%s", line) : MIXENT_OK;
  free(line);
  return status;
}

void mixent_format_set_free(mixent_format_set *set) {
  mixent_encoder_free(set->encoder);
  mixent_images_free(&set->train);
  mixent_images_free(&set->test);
  mixent_images_free(&set->validation);
  free(set->train_origin);
  free(set->test_origin);
  free(set->note);
  for (int label = 0; label < MIXENT_MOST_LABELS; label++) free(set->label_names[label]);
  *set = (mixent_format_set){0};
}
