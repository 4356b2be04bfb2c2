/* Finding a data set: a known one in the directories where sets are kept, or what a path leads to. */
#include "data/find.h"
#include "core/cache.h"
#include "core/file.h"
#include "core/locale.h"
#include "core/memory.h"
#include "core/status.h"
#include "data/formats/format.h"
#include "mixent/data.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Looks in `place`/`name`. `*out` stays NULL if the set is not there; what was seen is appended to `seen`. What the system
 * hides is an error, for another place's set would be another. */
static mixent_status look_in(const char *place, const char *name, mixent_text *seen, char **out) {
  if (!place || !place[0] || !name || *out) return MIXENT_OK;
  char *directory = mixent_path_join(place, name);
  if (!directory) return MIXENT_ERROR_MEMORY;
  mixent_text_append(seen, "\n  %s", directory);
  const mixent_format *format = NULL;
  mixent_path_kind kind;
  mixent_status status = mixent_path_look(directory, &kind);
  if (status == MIXENT_OK && kind == MIXENT_PATH_DIRECTORY)
    status = mixent_format_find(directory, name, &format);
  if (status == MIXENT_OK && format) {
    *out = directory;
    return MIXENT_OK;
  }
  free(directory);
  if (mixent_is_refusal(status)) return status;
  if (status != MIXENT_OK) mixent_text_append(seen, " (there, but %s)", mixent_last_error());
  return MIXENT_OK;
}

static mixent_status search_places(const mixent_known_dataset *dataset, const char *data_directory,
                                   mixent_text *seen, char **out) {
  *out = NULL;
  mixent_path_kind kind = MIXENT_PATH_DIRECTORY;
  if (data_directory) MIXENT_TRY(mixent_path_look(data_directory, &kind));
  if (kind != MIXENT_PATH_DIRECTORY)
    return mixent_fail(MIXENT_ERROR_IO, "data directory %s: no such directory; check its name",
                       data_directory);
  /* without a home, or with another user's, there is one place less to look in */
  char *cache = mixent_cache_directory();
  if (cache && access(cache, F_OK) != 0 && errno == EACCES) free(cache), cache = NULL;
  const char *places[] = {data_directory, getenv("MIXENT_DATA"), "./data", cache, "/usr/share/datasets"};
  mixent_status status = MIXENT_OK;
  for (size_t i = 0; i < sizeof places / sizeof *places && status == MIXENT_OK; i++) {
    status = look_in(places[i], dataset->name, seen, out);
    if (status == MIXENT_OK) status = look_in(places[i], dataset->other_directory, seen, out);
  }
  free(cache);
  if (status == MIXENT_OK) status = mixent_text_status(seen);
  if (status != MIXENT_OK) free(*out), *out = NULL;
  return status;
}

mixent_status mixent_dataset_find(const char *name, const char *data_directory, char **out) {
  MIXENT_NEED(name);
  MIXENT_NEED(out);
  *out = NULL;
  const mixent_known_dataset *dataset = mixent_known_dataset_find(name);
  if (!dataset) return mixent_dataset_locate(name, data_directory, out);
  mixent_text seen = {0};
  mixent_status status = search_places(dataset, data_directory, &seen, out);
  mixent_text_free(&seen);
  return status;
}

static mixent_status fail_file(const char *name) {
  mixent_text endings = {0};
  mixent_format_endings_append(&endings);
  mixent_status status = mixent_text_status(&endings);
  if (status == MIXENT_OK)
    status = mixent_fail(MIXENT_ERROR_ARGUMENT,
                         "%s: a file, not a data set; give the directory that holds it, or a file in %s",
                         name, endings.data);
  mixent_text_free(&endings);
  return status;
}

static mixent_status fail_unknown(const char *name) {
  const char *const *names = mixent_dataset_names();
  const char *nearest = mixent_nearest_name(name, names);
  if (mixent_is_file(name)) return fail_file(name);
  if (access(name, F_OK) == 0)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "%s: expected a directory or a regular file, got neither",
                       name);
  if (mixent_format_ending_length(name))
    return mixent_fail(MIXENT_ERROR_IO, "%s: no such file; check its name", name);
  if (strchr(name, '/')) return mixent_fail(MIXENT_ERROR_IO, "%s: no such directory; check its name", name);
  mixent_text text = {0};
  mixent_text_append_names(&text, names);
  mixent_fail(MIXENT_ERROR_ARGUMENT,
              "unknown data set %s%s%s%s (known: %s; or give the path of a directory or file)", name,
              nearest ? ": did you mean " : "", nearest ? nearest : "", nearest ? "?" : "",
              text.data ? text.data : "");
  mixent_text_free(&text);
  return MIXENT_ERROR_ARGUMENT;
}

bool mixent_dataset_is_in_memory(const char *name) {
  return strncmp(name, MIXENT_IN_MEMORY, sizeof MIXENT_IN_MEMORY - 1) == 0;
}

mixent_status mixent_dataset_locate(const char *name_or_directory, const char *data_directory, char **out) {
  const mixent_known_dataset *dataset = mixent_known_dataset_find(name_or_directory);
  mixent_text seen = {0};
  mixent_status status = MIXENT_OK;
  *out = NULL;
  if (mixent_dataset_is_in_memory(name_or_directory))
    return mixent_fail(
        MIXENT_ERROR_ARGUMENT,
        "'%s' were arrays of a program, which no file holds; expected that program to give them, or "
        "the name of files that hold the same",
        name_or_directory);
  if (dataset) status = search_places(dataset, data_directory, &seen, out);
  if (status == MIXENT_OK && !*out) {
    mixent_path_kind kind;
    status = mixent_path_look(name_or_directory, &kind);
    if (status != MIXENT_OK) {
      /* hidden, perhaps another set than one elsewhere */
    } else if (kind == MIXENT_PATH_DIRECTORY ||
               (kind == MIXENT_PATH_FILE && mixent_format_ending_length(name_or_directory))) {
      status = mixent_copy_text(name_or_directory, out);
    } else if (dataset) {
      status = mixent_fail(MIXENT_ERROR_IO,
                           "data set %s not found; get it with 'mixent data get %s'. Looked for:%s",
                           dataset->name, dataset->name, seen.data);
    } else {
      status = fail_unknown(name_or_directory);
    }
  }
  mixent_text_free(&seen);
  return status;
}
