/* Data sets as images in folders, train/CLASS/FILE and test/CLASS/FILE: PNG or JPEG, in a directory or in an
 * archive (.tar, .tar.gz, .tgz). Classes are the folders in the order of their names, images those in a folder
 * in the order of theirs, so that a directory and its archive are the same set. */
#include "core/file.h"
#include "core/memory.h"
#include "data/find.h"
#include "data/format.h"
#include "data/gzip.h"
#include "data/picture.h"
#include "data/tar.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_LIMIT = 1 << 26, ARCHIVE_LIMIT = 1 << 30 };
static const char *const parts[] = {"train", "test"};

/* One image: path "…/train/CLASS/FILE"; an archive's has bytes, a directory's is read when its turn comes. */
typedef struct entry {
  char *path, *class;
  int part;
  const uint8_t *bytes;
  size_t size;
} entry;

typedef struct collection {
  const char *origin; /* directory or archive */
  entry *entries;
  size_t count, capacity;
  size_t prefix; /* length of what stands before train/ or test/ in an archive */
} collection;

static bool is_image_name(const char *name) {
  return name[0] != '.' && (mixent_has_ending(name, ".png") || mixent_has_ending(name, ".jpg") ||
                            mixent_has_ending(name, ".jpeg"));
}

static mixent_status add_entry(collection *to, int part, const char *class, size_t class_length,
                               const char *path, const uint8_t *bytes, size_t size) {
  if (to->count == to->capacity) {
    size_t capacity = 2 * to->capacity + 1024;
    entry *entries = realloc(to->entries, capacity * sizeof *entries);
    if (!entries) return mixent_fail(MIXENT_ERROR_MEMORY, "%s: no memory for its list of files", to->origin);
    to->entries = entries;
    to->capacity = capacity;
  }
  char *own_class = strndup(class, class_length), *own_path = strdup(path);
  to->entries[to->count++] = (entry){own_path, own_class, part, bytes, size};
  return own_class && own_path ? MIXENT_OK : mixent_fail(MIXENT_ERROR_MEMORY, "no memory for a path");
}

static void collection_free(collection *collection) {
  for (size_t i = 0; i < collection->count; i++) {
    free(collection->entries[i].path);
    free(collection->entries[i].class);
  }
  free(collection->entries);
}

static int compare_entries(const void *a, const void *b) {
  const entry *first = a, *second = b;
  if (first->part != second->part) return first->part - second->part;
  int order = strcmp(first->class, second->class);
  return order ? order : strcmp(first->path, second->path);
}

/* The archive's file PREFIX/train/CLASS/FILE; others are passed over. */
static mixent_status visit_file(void *context, const char *path, const uint8_t *bytes, size_t size) {
  collection *to = context;
  const char *file = strrchr(path, '/');
  const char *class = file ? memrchr(path, '/', (size_t)(file - path)) : NULL;
  if (!class || class[1] == '.' || !is_image_name(file + 1)) return MIXENT_OK;
  const char *part = memrchr(path, '/', (size_t)(class - path));
  part = part ? part + 1 : path;
  for (int k = 0; k < 2; k++)
    if ((size_t)(class - part) == strlen(parts[k]) && memcmp(part, parts[k], strlen(parts[k])) == 0) {
      size_t prefix = (size_t)(part - path);
      if (to->count && (prefix != to->prefix || memcmp(path, to->entries[0].path, prefix) != 0))
        return mixent_fail(MIXENT_ERROR_FORMAT, "%s: %s and %s are of two data sets; pack one alone",
                           to->origin, to->entries[0].path, path);
      to->prefix = prefix;
      if (!bytes)
        return mixent_fail(
            MIXENT_ERROR_UNSUPPORTED,
            "%s: %s is a link; pack the files themselves: tar --dereference --hard-dereference", to->origin,
            path);
      return add_entry(to, k, class + 1, (size_t)(file - class - 1), path, bytes, size);
    }
  return MIXENT_OK;
}

typedef mixent_status visit_entry(void *context, const char *path, const char *name);

/* What is in a directory, but for names that begin with a dot. */
static mixent_status walk_directory(const char *path, visit_entry *visit, void *context) {
  mixent_names names;
  MIXENT_TRY(mixent_directory_list(path, &names));
  mixent_status status = MIXENT_OK;
  for (size_t i = 0; i < names.count && status == MIXENT_OK; i++) {
    if (names.items[i][0] == '.') continue;
    char *inner = mixent_path_join(path, names.items[i]);
    status = inner ? visit(context, inner, names.items[i]) : MIXENT_ERROR_MEMORY;
    free(inner);
  }
  mixent_names_free(&names);
  return status;
}

/* A set with something missing would be a smaller one. */
static mixent_status fail_nothing(const char *path) {
  return mixent_fail(MIXENT_ERROR_IO,
                     "%s: no file that can be read (a link to nowhere?); get it, or take it away", path);
}

typedef struct folder_walk {
  collection *to;
  int part;
  const char *class;
} folder_walk;

static mixent_status visit_image(void *context, const char *path, const char *name) {
  folder_walk *walk = context;
  if (!is_image_name(name) || mixent_is_directory(path)) return MIXENT_OK;
  if (!mixent_is_file(path)) return fail_nothing(path);
  return add_entry(walk->to, walk->part, walk->class, strlen(walk->class), path, NULL, 0);
}

static mixent_status visit_class(void *context, const char *path, const char *name) {
  folder_walk *walk = context;
  walk->class = name;
  if (access(path, F_OK) != 0) return fail_nothing(path);
  return mixent_is_directory(path) ? walk_directory(path, visit_image, walk) : MIXENT_OK;
}

static mixent_status collect_directory(const char *path, collection *to) {
  mixent_status status = MIXENT_OK;
  for (int part = 0; part < 2 && status == MIXENT_OK; part++) {
    char *inner = mixent_path_join(path, parts[part]);
    if (!inner) return MIXENT_ERROR_MEMORY;
    folder_walk walk = {.to = to, .part = part};
    status = walk_directory(inner, visit_class, &walk);
    free(inner);
  }
  return status;
}

/* Labels are the places of the classes of train among their sorted names. */
static mixent_status number_classes(const collection *from, mixent_format_set *out, size_t *train_count) {
  int labels = 0;
  for (*train_count = 0; *train_count < from->count && from->entries[*train_count].part == 0;
       ++*train_count) {
    const entry *entry = &from->entries[*train_count];
    if (labels && strcmp(out->label_names[labels - 1], entry->class) == 0) continue;
    if (labels == MIXENT_MOST_LABELS)
      return mixent_fail(MIXENT_ERROR_UNSUPPORTED, "%s: more than %d class folders in train", from->origin,
                         labels);
    out->label_names[labels] = strdup(entry->class);
    if (!out->label_names[labels++]) return mixent_fail(MIXENT_ERROR_MEMORY, "no memory for class names");
  }
  if (*train_count && *train_count < from->count) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_FORMAT,
                     "%s: no .png, .jpg or .jpeg in %s/CLASS/; a data set needs train/CLASS/ and test/CLASS/",
                     from->origin, parts[*train_count > 0]);
}

/* Sorted entries; an archive can hold a path twice. */
static mixent_status check_twice(const collection *from) {
  for (size_t i = 1; i < from->count; i++)
    if (strcmp(from->entries[i - 1].path, from->entries[i].path) == 0)
      return mixent_fail(MIXENT_ERROR_FORMAT, "%s: %s is in it twice; pack it again", from->origin,
                         from->entries[i].path);
  return MIXENT_OK;
}

static int find_label(char *const *names, const char *class) {
  for (int label = 0; label < MIXENT_MOST_LABELS && names[label]; label++)
    if (strcmp(names[label], class) == 0) return label;
  return -1;
}

static mixent_status check_size(const entry *entry, const mixent_picture *picture, const char *first,
                                mixent_images *images) {
  if (picture->width != picture->height || picture->width < MIXENT_LEAST_SIDE ||
      picture->width > MIXENT_MOST_SIDE)
    return mixent_fail(
        MIXENT_ERROR_FORMAT,
        "%s: %zu x %zu pixels; images must be square and of side %d to %d: crop and scale them", entry->path,
        picture->width, picture->height, MIXENT_LEAST_SIDE, MIXENT_MOST_SIDE);
  if (images->side && picture->width != (size_t)images->side)
    return mixent_fail(MIXENT_ERROR_FORMAT, "%s: %zu x %zu pixels, but %s has %d x %d; scale all to one size",
                       entry->path, picture->width, picture->height, first, images->side, images->side);
  return MIXENT_OK;
}

static mixent_status decode_entry(const entry *entry, mixent_picture *out) {
  if (entry->bytes) return mixent_picture_decode(entry->path, entry->bytes, entry->size, out);
  char *bytes;
  size_t size;
  MIXENT_TRY(mixent_file_read(entry->path, FILE_LIMIT, &bytes, &size));
  mixent_status status = mixent_picture_decode(entry->path, bytes, size, out);
  free(bytes);
  return status;
}

static mixent_status make_room(size_t count, size_t side, mixent_images *images) {
  if (images->pixels) return MIXENT_OK;
  MIXENT_TRY(MIXENT_ALLOCATE(count * side * side * 3, &images->pixels));
  return MIXENT_ALLOCATE(count, &images->labels);
}

/* Images of one part, all in colour; `side` is that of the first image of the set, 0 before it. */
static mixent_status read_part(const collection *from, size_t begin, size_t end, char *const *names, int side,
                               mixent_images *out) {
  out->side = side;
  out->channels = 3;
  for (size_t i = begin; i < end; i++) {
    const entry *entry = &from->entries[i];
    mixent_picture picture;
    int label = find_label(names, entry->class);
    if (label < 0)
      return mixent_fail(MIXENT_ERROR_FORMAT, "%s: there is no class %s in train; get both from one source",
                         entry->path, entry->class);
    MIXENT_TRY(decode_entry(entry, &picture));
    mixent_status status = check_size(entry, &picture, from->entries[0].path, out);
    if (status == MIXENT_OK) status = make_room(end - begin, picture.width, out);
    if (status == MIXENT_OK) {
      out->side = (int)picture.width;
      memcpy(out->pixels + (i - begin) * picture.width * picture.width * 3, picture.pixels,
             picture.width * picture.width * 3);
      out->labels[out->count++] = label;
    }
    free(picture.pixels);
    if (status != MIXENT_OK) return status;
  }
  return MIXENT_OK;
}

static size_t pixel_count(const mixent_images *images) {
  return images->count * (size_t)images->side * (size_t)images->side;
}

static bool is_grey(const mixent_images *images) {
  for (size_t i = 0; i < pixel_count(images); i++) {
    const uint8_t *pixel = images->pixels + 3 * i;
    if (pixel[0] != pixel[1] || pixel[0] != pixel[2]) return false;
  }
  return true;
}

static void make_grey(mixent_images *images) {
  for (size_t i = 0; i < pixel_count(images); i++) images->pixels[i] = images->pixels[3 * i];
  images->channels = 1;
  uint8_t *smaller =
      realloc(images->pixels, pixel_count(images)); // NOLINT(clang-analyzer-optin.portability.UnixAPI)
  if (smaller) images->pixels = smaller;
}

static mixent_status read_collection(collection *from, mixent_format_set *out) {
  size_t train_count;
  if (from->count) qsort(from->entries, from->count, sizeof *from->entries, compare_entries);
  MIXENT_TRY(check_twice(from));
  MIXENT_TRY(number_classes(from, out, &train_count));
  MIXENT_TRY(read_part(from, 0, train_count, out->label_names, 0, &out->train));
  MIXENT_TRY(read_part(from, train_count, from->count, out->label_names, out->train.side, &out->test));
  if (is_grey(&out->train) && is_grey(&out->test)) {
    make_grey(&out->train);
    make_grey(&out->test);
  }
  out->train_origin = strdup(from->origin);
  out->test_origin = strdup(from->origin);
  if (out->train_origin && out->test_origin) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_MEMORY, "no memory for a path");
}

static mixent_status find_folders(const char *path, const char *name, bool *found) {
  (void)name;
  bool there[2];
  for (int part = 0; part < 2; part++) {
    char *inner = mixent_path_join(path, parts[part]);
    if (!inner) return MIXENT_ERROR_MEMORY;
    there[part] = mixent_is_directory(inner);
    free(inner);
  }
  *found = there[0] && there[1];
  if (there[0] == there[1]) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_IO,
                     "%s: a directory %s is in it, but none that is called %s; images to score "
                     "belong in test, those to train on in train",
                     path, parts[there[1]], parts[there[0]]);
}

static mixent_status read_folders(const char *path, const char *name, mixent_format_set *out) {
  (void)name;
  collection collection = {.origin = path};
  mixent_status status = collect_directory(path, &collection);
  if (status == MIXENT_OK) status = read_collection(&collection, out);
  collection_free(&collection);
  return status;
}

static const char *const archive_endings[] = {".tar.gz", ".tgz", ".tar", NULL};

static mixent_status find_archive(const char *path, const char *name, bool *found) {
  (void)name;
  char *archive;
  mixent_status status = mixent_data_file_find(path, archive_endings, &archive);
  *found = archive != NULL;
  free(archive);
  return status;
}

static mixent_status read_archive(const char *path, const char *name, mixent_format_set *out) {
  (void)name;
  char *archive;
  uint8_t *bytes = NULL;
  size_t size;
  MIXENT_TRY(mixent_data_file_find(path, archive_endings, &archive));
  if (!archive) return mixent_fail(MIXENT_ERROR_IO, "%s: its archive has gone", path);
  collection collection = {.origin = archive};
  mixent_status status = mixent_gzip_read(archive, ARCHIVE_LIMIT, &bytes, &size);
  if (status == MIXENT_OK) status = mixent_tar_walk(archive, bytes, size, visit_file, &collection);
  if (status == MIXENT_OK) status = read_collection(&collection, out);
  collection_free(&collection);
  free(bytes);
  free(archive);
  return status;
}

const mixent_format mixent_format_folders = {
    .wanted = "images in folders: train/CLASS/ and test/CLASS/ with .png, .jpg or .jpeg files",
    .find = find_folders,
    .read = read_folders};
const mixent_format mixent_format_archive = {.wanted = "the same as one archive: .tar, .tar.gz or .tgz",
                                             .endings = archive_endings,
                                             .find = find_archive,
                                             .read = read_archive};
