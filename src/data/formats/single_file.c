/* A data set in a single file. */
#include "data/formats/single_file.h"
#include "core/file.h"
#include "core/memory.h"

#include <stdlib.h>
#include <string.h>

bool mixent_has_one_ending(const char *name, const char *const *endings) {
  while (*endings && !mixent_has_ending(name, *endings)) endings++;
  return *endings;
}

mixent_status mixent_data_file_find(const char *path, const char *const *endings, char **out) {
  mixent_names entries;
  mixent_path_kind kind;
  *out = NULL;
  MIXENT_TRY(mixent_path_look(path, &kind));
  if (kind == MIXENT_PATH_FILE) {
    if (mixent_has_one_ending(path, endings)) MIXENT_TRY(mixent_copy_text(path, out));
    return MIXENT_OK;
  }
  MIXENT_TRY(mixent_directory_list(path, &entries));
  mixent_status status = MIXENT_OK;
  for (size_t i = 0; i < entries.count && status == MIXENT_OK; i++) {
    const char *name = entries.items[i];
    if (name[0] == '.' || !mixent_has_one_ending(name, endings)) continue;
    char *file = mixent_path_join(path, name);
    status = file ? mixent_path_look(file, &kind) : MIXENT_ERROR_MEMORY;
    if (status == MIXENT_OK && kind == MIXENT_PATH_FILE && *out)
      status = mixent_fail(MIXENT_ERROR_ARGUMENT,
                           "%s and %s in the same directory could both be the data set; name the file itself",
                           *out, name);
    else if (status == MIXENT_OK && kind == MIXENT_PATH_FILE)
      *out = file, file = NULL;
    free(file);
  }
  mixent_names_free(&entries);
  if (status != MIXENT_OK) free(*out), *out = NULL;
  return status;
}
