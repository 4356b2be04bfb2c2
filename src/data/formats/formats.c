/* The registry of formats, in the order in which they are tried. */
#include "core/file.h"
#include "core/locale.h"
#include "core/memory.h"
#include "data/find.h"
#include "data/formats/collection.h"
#include "data/formats/format.h"
#include "data/formats/single_file.h"

#include <stdlib.h>
#include <string.h>

static const mixent_format *const formats[] = {
    &mixent_format_idx, &mixent_format_cifar, &mixent_format_folders, &mixent_format_archive,
    &mixent_format_npz, &mixent_format_csv,   &mixent_format_classes, NULL};

/* A list of pictures, as .csv, often lies beside their class folders: read as the set itself, it would be another one. */
static mixent_status check_alone(const mixent_format *format, const char *path) {
  bool folders;
  char *file;
  if (!format->endings || !mixent_is_directory(path)) return MIXENT_OK;
  MIXENT_TRY(mixent_class_folders_find(path, &folders));
  if (!folders) return MIXENT_OK;
  mixent_status status = mixent_data_file_find(path, format->endings, &file);
  if (status == MIXENT_ERROR_ARGUMENT) return MIXENT_OK; /* several: the parts of a table */
  if (status == MIXENT_OK && file)
    status = mixent_fail(MIXENT_ERROR_ARGUMENT,
                         "%s and the folders of pictures beside it could both be the data set; name the file "
                         "itself, or move it elsewhere",
                         file);
  free(file);
  return status;
}

/* Pictures that are no set yet are nearly one: what they lack says more than a list of all formats. */
static mixent_status fail_nearly(const char *path, const char *wanted) {
  bool loose;
  char *only;
  MIXENT_TRY(mixent_pictures_explain(path, &loose, &only));
  mixent_status status;
  if (only && mixent_part_named(only, strlen(only)) < 0)
    status = mixent_fail(
        MIXENT_ERROR_FORMAT,
        "%s: no data set in it: only the folder '%s' has pictures; a classifier needs two classes or "
        "more, each in a folder of its own",
        path, only);
  else if (loose)
    status = mixent_fail(
        MIXENT_ERROR_FORMAT,
        "%s: no data set in it: its pictures lie in no class folder; put those of each class into a "
        "folder of its own, which has the class's name",
        path);
  else
    status = mixent_fail(MIXENT_ERROR_FORMAT, "%s: no data set in it; one of these is read:%s", path, wanted);
  free(only);
  return status;
}

static mixent_status fail_without_set(const char *path, const char *wanted) {
  char *inner;
  MIXENT_TRY(mixent_folders_below(path, &inner));
  mixent_status status =
      inner ? mixent_fail(MIXENT_ERROR_FORMAT, "%s: no data set in it, but one in %s; name that directory",
                          path, inner)
            : fail_nearly(path, wanted);
  free(inner);
  return status;
}

mixent_status mixent_format_find(const char *path, const char *name, const mixent_format **out) {
  mixent_text wanted = {0};
  for (size_t i = 0; formats[i]; i++) {
    bool found = false;
    *out = formats[i];
    mixent_status status = formats[i]->find(path, name, &found);
    if (found || status != MIXENT_OK) {
      mixent_text_free(&wanted);
      return status == MIXENT_OK ? check_alone(formats[i], path) : status;
    }
    mixent_text_append(&wanted, "\n  %s", formats[i]->wanted);
  }
  *out = NULL;
  mixent_status status = mixent_text_status(&wanted);
  if (status == MIXENT_OK) status = fail_without_set(path, wanted.data);
  mixent_text_free(&wanted);
  return status;
}

size_t mixent_format_ending_length(const char *name) {
  for (size_t i = 0; formats[i]; i++)
    for (const char *const *ending = formats[i]->endings; ending && *ending; ending++)
      if (mixent_has_ending(name, *ending)) return strlen(*ending);
  return 0;
}

void mixent_format_endings_append(mixent_text *to) {
  for (size_t i = 0; formats[i]; i++)
    for (const char *const *ending = formats[i]->endings; ending && *ending; ending++)
      mixent_text_append_item(to, to->length, "%s", *ending);
}
