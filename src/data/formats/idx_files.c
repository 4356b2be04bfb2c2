/* The files of a set in IDX within a directory, by the ends of their names. */
#include "data/formats/idx_files.h"
#include "core/file.h"

#include <stdlib.h>
#include <string.h>

/* How the name of each part's file ends, before a possible ".gz". */
static const struct {
  mixent_dataset_part part;
  const char *ending;
} endings[] = {
    {MIXENT_TRAIN_IMAGES, "train-images-idx3-ubyte"},
    {MIXENT_TRAIN_LABELS, "train-labels-idx1-ubyte"},
    {MIXENT_TEST_IMAGES, "test-images-idx3-ubyte"},
    {MIXENT_TEST_LABELS, "test-labels-idx1-ubyte"},
    {MIXENT_TEST_IMAGES, "t10k-images-idx3-ubyte"},
    {MIXENT_TEST_LABELS, "t10k-labels-idx1-ubyte"},
    {MIXENT_MAPPING, "mapping.txt"},
};
static const char *const part_names[] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                         "test-images-idx3-ubyte or t10k-images-idx3-ubyte",
                                         "test-labels-idx1-ubyte or t10k-labels-idx1-ubyte"};

/* The length of a file name without ".gz". */
static size_t stem_length(const char *entry) {
  size_t length = strlen(entry);
  return length > 3 && strcmp(entry + length - 3, ".gz") == 0 ? length - 3 : length;
}

/* Some sources write a point where others have a dash: train-images.idx3-ubyte. */
static bool ends_so(const char *entry, size_t length, const char *ending) {
  size_t tail = strlen(ending), same = 0;
  if (length < tail) return false;
  const char *end = entry + length - tail;
  while (same < tail && (end[same] == ending[same] || (end[same] == '.' && ending[same] == '-'))) same++;
  return same == tail;
}

static mixent_dataset_part part_of(const char *entry) {
  size_t length = stem_length(entry);
  for (size_t i = 0; i < sizeof endings / sizeof *endings && entry[0] != '.'; i++)
    if (ends_so(entry, length, endings[i].ending)) return endings[i].part;
  return MIXENT_DATASET_PARTS;
}

static bool begins_with(const char *entry, const char *name) {
  size_t length = strlen(name);
  return strncmp(entry, name, length) == 0 && entry[length] == '-';
}

typedef struct candidate {
  const char *entry, *rival; /* the best so far, and another that fits as well */
} candidate;

/* Files named after the set come before others; of one file plain and in gzip, the plain one. */
static void consider(candidate *candidate, const char *entry, const char *name) {
  const char *best = candidate->entry;
  if (!best || (begins_with(entry, name) && !begins_with(best, name))) {
    candidate->entry = entry;
    candidate->rival = NULL;
  } else if (begins_with(entry, name) == begins_with(best, name)) {
    size_t length = stem_length(entry);
    /* sorted entries: "x" comes before "x.gz" */
    if (length != stem_length(best) || memcmp(entry, best, length) != 0) candidate->rival = entry;
  }
}

/* A directory that is called as a file of the set is none, if there is a file as well. */
static mixent_status consider_all(const char *directory, const char *name, const mixent_names *entries,
                                  candidate candidates[MIXENT_DATASET_PARTS]) {
  bool file_found[MIXENT_DATASET_PARTS] = {false};
  for (int directories = 0; directories < 2; directories++)
    for (size_t i = 0; i < entries->count; i++) {
      mixent_dataset_part part = part_of(entries->items[i]);
      if (part == MIXENT_DATASET_PARTS || (directories && file_found[part])) continue;
      char *path = mixent_path_join(directory, entries->items[i]);
      if (!path) return MIXENT_ERROR_MEMORY;
      if (mixent_is_directory(path) == directories) {
        consider(&candidates[part], entries->items[i], name);
        file_found[part] |= !directories;
      }
      free(path);
    }
  return MIXENT_OK;
}

static mixent_status files_choose(const char *directory, const char *name, const mixent_names *entries,
                                  mixent_dataset_files *out) {
  candidate candidates[MIXENT_DATASET_PARTS] = {0};
  MIXENT_TRY(consider_all(directory, name, entries, candidates));
  for (int part = 0; part < MIXENT_DATASET_PARTS; part++) {
    const char *entry = candidates[part].entry, *rival = candidates[part].rival;
    if (!entry && part == MIXENT_MAPPING) continue;
    if (!entry)
      return mixent_fail(
          MIXENT_ERROR_FORMAT,
          "%s: no file in it ends in %s (perhaps .gz); a data set needs images and labels, train and "
          "test",
          directory, part_names[part]);
    if (rival)
      return mixent_fail(MIXENT_ERROR_ARGUMENT,
                         "%s: both %s and %s could belong to the data set; keep one set in a directory",
                         directory, entry, rival);
    out->path[part] = mixent_path_join(directory, entry);
    if (!out->path[part]) return MIXENT_ERROR_MEMORY;
  }
  out->emnist = begins_with(candidates[MIXENT_TRAIN_IMAGES].entry, "emnist");
  return MIXENT_OK;
}

mixent_status mixent_dataset_files_any(const char *directory, bool *found) {
  mixent_names entries;
  *found = false;
  MIXENT_TRY(mixent_directory_list(directory, &entries));
  for (size_t i = 0; i < entries.count && !*found; i++) *found = part_of(entries.items[i]) < MIXENT_MAPPING;
  mixent_names_free(&entries);
  return MIXENT_OK;
}

mixent_status mixent_dataset_files_find(const char *directory, const char *name, mixent_dataset_files *out) {
  mixent_names entries;
  *out = (mixent_dataset_files){0};
  MIXENT_TRY(mixent_directory_list(directory, &entries));
  mixent_status status = files_choose(directory, name, &entries, out);
  if (status != MIXENT_OK) mixent_dataset_files_free(out);
  mixent_names_free(&entries);
  return status;
}

void mixent_dataset_files_free(mixent_dataset_files *files) {
  for (int part = 0; part < MIXENT_DATASET_PARTS; part++) free(files->path[part]);
  *files = (mixent_dataset_files){0};
}
