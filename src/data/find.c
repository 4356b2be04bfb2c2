/* Finding a data set: by name in the places where sets are kept, and its files in a directory. */
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

static const char *const letters[] = {"A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L", "M",
                                      "N", "O", "P", "Q", "R", "S", "T", "U", "V", "W", "X", "Y", "Z"};
static const char *const fashion[] = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                                      "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};

static const char *const names[] = {"emnist-letters", "mnist",     "fashion-mnist",
                                    "cifar-10",       "cifar-100", NULL};
/* In the order of `names`. */
static const mixent_known_dataset known[] = {
    {"emnist-letters", "get it with `mixent data get emnist-letters`", NULL, letters, 1, 26},
    {"mnist",
     "put its four files (train-images-idx3-ubyte and so on, plain or .gz) into the directory mnist in one "
     "of these",
     NULL, NULL, 0, 0},
    {"fashion-mnist",
     "install Debian's package dataset-fashion-mnist, or put its four files into one of these", NULL, fashion,
     0, 10},
    {"cifar-10",
     "unpack cifar-10-binary.tar.gz of https://www.cs.toronto.edu/~kriz/cifar.html in one of these",
     "cifar-10-batches-bin", NULL, 0, 0},
    {"cifar-100",
     "unpack cifar-100-binary.tar.gz of https://www.cs.toronto.edu/~kriz/cifar.html in one of these",
     "cifar-100-binary", NULL, 0, 0},
};

const char *const *mixent_dataset_names(void) {
  return names;
}

const mixent_known_dataset *mixent_known_dataset_find(const char *name) {
  for (size_t i = 0; names[i]; i++)
    if (strcmp(name, names[i]) == 0) return &known[i];
  return NULL;
}

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
    if (mixent_has_one_ending(path, endings) && !(*out = strdup(path)))
      return mixent_fail(MIXENT_ERROR_MEMORY, "no memory for a path");
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

void mixent_dataset_files_free(mixent_dataset_files *files) {
  for (int part = 0; part < MIXENT_DATASET_PARTS; part++) free(files->path[part]);
  *files = (mixent_dataset_files){0};
}

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
  const char *nearest = mixent_nearest_name(name, names);
  if (mixent_is_file(name)) return fail_file(name);
  if (access(name, F_OK) == 0)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "%s: expected a directory or a regular file, got neither",
                       name);
  if (mixent_format_ending_length(name))
    return mixent_fail(MIXENT_ERROR_IO, "%s: no such file; check its name", name);
  if (strchr(name, '/')) return mixent_fail(MIXENT_ERROR_IO, "%s: no such directory; check its name", name);
  mixent_text text = {0};
  for (size_t i = 0; names[i]; i++) mixent_text_append(&text, "%s%s", i ? ", " : "", names[i]);
  mixent_fail(MIXENT_ERROR_ARGUMENT, "unknown data set %s%s%s%s (known: %s; or give a directory)", name,
              nearest ? ": did you mean " : "", nearest ? nearest : "", nearest ? "?" : "",
              text.data ? text.data : "");
  mixent_text_free(&text);
  return MIXENT_ERROR_ARGUMENT;
}

mixent_status mixent_dataset_locate(const char *name_or_directory, const char *data_directory, char **out) {
  const mixent_known_dataset *dataset = mixent_known_dataset_find(name_or_directory);
  mixent_text seen = {0};
  mixent_status status = MIXENT_OK;
  *out = NULL;
  if (dataset) status = search_places(dataset, data_directory, &seen, out);
  if (status == MIXENT_OK && !*out) {
    mixent_path_kind kind;
    status = mixent_path_look(name_or_directory, &kind);
    if (status != MIXENT_OK) {
      /* hidden, perhaps another set than one elsewhere */
    } else if (kind == MIXENT_PATH_DIRECTORY ||
               (kind == MIXENT_PATH_FILE && mixent_format_ending_length(name_or_directory))) {
      *out = strdup(name_or_directory);
      if (!*out) status = mixent_fail(MIXENT_ERROR_MEMORY, "no memory for a path");
    } else if (dataset) {
      status = mixent_fail(MIXENT_ERROR_IO, "data set %s not found; %s. Looked for:%s", dataset->name,
                           dataset->advice, seen.data);
    } else {
      status = fail_unknown(name_or_directory);
    }
  }
  mixent_text_free(&seen);
  return status;
}
