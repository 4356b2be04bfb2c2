/* Data sets as images in folders, train/CLASS/FILE and test/CLASS/FILE: PNG or JPEG, in a directory or in an
 * archive (.tar, .tar.gz, .tgz). Classes are the folders in the order of their names, images those of a class in
 * the order of their paths, so that a directory and its archive are the same set. */
#include "core/file.h"
#include "core/gzip.h"
#include "core/memory.h"
#include "data/find.h"
#include "data/formats/collection.h"
#include "data/formats/format.h"
#include "data/formats/picture.h"
#include "data/formats/single_file.h"

#include <stdlib.h>
#include <string.h>

enum { ARCHIVE_LIMIT = 1 << 30 };

static int compare_images(const void *a, const void *b) {
  const mixent_collected *first = a, *second = b;
  if (first->part != second->part) return first->part - second->part;
  return first->class != second->class ? first->class - second->class : strcmp(first->path, second->path);
}

/* Classes become their indices in the order of their names' bytes, and labels those among the classes of train. */
static mixent_status number_classes(mixent_collection *from, mixent_format_set *out) {
  int label_of[MIXENT_MOST_LABELS], labels = 0;
  for (int i = 0; i < from->classes.count; i++) {
    int class = from->classes.sorted[i];
    bool trained = from->folders[0][class].images > 0;
    label_of[class] = trained ? labels : -1;
    if (trained) MIXENT_TRY(mixent_copy_text(from->classes.text[class], &out->label_names[labels++]));
  }
  for (size_t i = 0; i < from->count; i++) {
    mixent_collected *image = &from->images[i];
    if (label_of[image->class] < 0 && labels)
      return mixent_fail(MIXENT_ERROR_FORMAT, "%s: there is no class %s in train; get both from one source",
                         image->path, from->classes.text[image->class]);
    image->class = label_of[image->class];
  }
  return MIXENT_OK;
}

static mixent_status check_parts(const mixent_collection *from, size_t train_count) {
  if (train_count && train_count < from->count) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_FORMAT,
                     "%s: no .png, .jpg or .jpeg in %s/CLASS/; a data set needs train/CLASS/ and test/CLASS/",
                     from->origin, train_count ? "test" : "train");
}

/* Sorted images; an archive can hold a path twice. */
static mixent_status check_twice(const mixent_collection *from) {
  for (size_t i = 1; i < from->count; i++)
    if (strcmp(from->images[i - 1].path, from->images[i].path) == 0)
      return mixent_fail(MIXENT_ERROR_FORMAT, "%s: %s is in it twice; pack it again", from->origin,
                         from->images[i].path);
  return MIXENT_OK;
}

static mixent_status check_size(const mixent_collected *image, const mixent_picture *picture,
                                const char *first, mixent_images *images) {
  if (picture->width != picture->height || picture->width < MIXENT_LEAST_SIDE ||
      picture->width > MIXENT_MOST_SIDE)
    return mixent_fail(
        MIXENT_ERROR_FORMAT,
        "%s: %zu x %zu pixels; images must be square and of side %d to %d: crop and scale them", image->path,
        picture->width, picture->height, MIXENT_LEAST_SIDE, MIXENT_MOST_SIDE);
  if (images->side && picture->width != (size_t)images->side)
    return mixent_fail(MIXENT_ERROR_FORMAT, "%s: %zu x %zu pixels, but %s has %d x %d; scale all to one size",
                       image->path, picture->width, picture->height, first, images->side, images->side);
  return MIXENT_OK;
}

static mixent_status decode_image(const mixent_collected *image, mixent_picture *out) {
  return image->bytes ? mixent_picture_decode(image->path, image->bytes, image->size, out)
                      : mixent_picture_read(image->path, out);
}

/* Room for `most` images in the end, which doubles as they decode: names alone cost nothing. */
static mixent_status make_room(size_t most, size_t *capacity, mixent_images *images) {
  if (images->count < *capacity) return MIXENT_OK;
  size_t wanted = 2 * *capacity + 1024, side = (size_t)images->side;
  if (wanted > most) wanted = most;
  MIXENT_TRY(mixent_resize((void **)&images->pixels, side * side * 3, wanted, "images"));
  MIXENT_TRY(MIXENT_RESIZE(&images->labels, wanted, "images"));
  *capacity = wanted;
  return MIXENT_OK;
}

/* Images of one part, all in colour; `side` is that of the first image of the set, 0 before it. */
static mixent_status read_part(const mixent_collection *from, size_t begin, size_t end, int side,
                               mixent_images *out) {
  size_t capacity = 0;
  out->side = side;
  out->channels = 3;
  for (size_t i = begin; i < end; i++) {
    const mixent_collected *image = &from->images[i];
    mixent_picture picture;
    MIXENT_TRY(decode_image(image, &picture));
    mixent_status status = check_size(image, &picture, from->images[0].path, out);
    if (status == MIXENT_OK) out->side = (int)picture.width, status = make_room(end - begin, &capacity, out);
    if (status == MIXENT_OK) {
      size_t size = picture.width * picture.width * 3;
      memcpy(out->pixels + out->count * size, picture.pixels, size);
      out->labels[out->count++] = image->class;
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
  MIXENT_RESIZE(&images->pixels, pixel_count(images), "images"); /* where that fails, they keep their room */
}

static mixent_status read_collection(mixent_collection *from, mixent_format_set *out) {
  size_t train_count = 0;
  MIXENT_TRY(number_classes(from, out));
  if (from->count) qsort(from->images, from->count, sizeof *from->images, compare_images);
  while (train_count < from->count && from->images[train_count].part == 0) train_count++;
  MIXENT_TRY(check_parts(from, train_count));
  MIXENT_TRY(check_twice(from));
  MIXENT_TRY(read_part(from, 0, train_count, 0, &out->train));
  MIXENT_TRY(read_part(from, train_count, from->count, out->train.side, &out->test));
  if (is_grey(&out->train) && is_grey(&out->test)) {
    make_grey(&out->train);
    make_grey(&out->test);
  }
  MIXENT_TRY(mixent_passed_over_note(&from->passed_over, ".png, .jpg or .jpeg", &out->note));
  MIXENT_TRY(mixent_copy_text(from->origin, &out->train_origin));
  return mixent_copy_text(from->origin, &out->test_origin);
}

static mixent_status find_folders(const char *path, const char *name, bool *found) {
  (void)name;
  char *parts[2];
  mixent_path_kind kind;
  *found = false;
  MIXENT_TRY(mixent_path_look(path, &kind));
  if (kind != MIXENT_PATH_DIRECTORY) return MIXENT_OK;
  MIXENT_TRY(mixent_part_folders(path, parts));
  *found = parts[0] && parts[1];
  int there = parts[1] != NULL;
  mixent_status status = MIXENT_OK;
  if (!*found && (parts[0] || parts[1]))
    status = mixent_fail(MIXENT_ERROR_FORMAT,
                         "%s: a directory %s is in it, but none that is called %s; images to score "
                         "belong in test, those to train on in train",
                         path, parts[there], there ? "train" : "test");
  for (int part = 0; part < 2; part++) free(parts[part]);
  return status;
}

static mixent_status read_folders(const char *path, const char *name, const mixent_dataset_options *options,
                                  mixent_format_set *out) {
  (void)options;
  (void)name;
  mixent_collection *collection;
  MIXENT_TRY(MIXENT_ALLOCATE(1, &collection));
  mixent_status status = mixent_collect_directory(path, collection);
  if (status == MIXENT_OK) status = read_collection(collection, out);
  mixent_collection_free(collection);
  free(collection);
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

static mixent_status read_archive(const char *path, const char *name, const mixent_dataset_options *options,
                                  mixent_format_set *out) {
  (void)options;
  (void)name;
  char *archive;
  uint8_t *bytes = NULL;
  size_t size;
  MIXENT_TRY(mixent_data_file_find(path, archive_endings, &archive));
  if (!archive) return mixent_fail(MIXENT_ERROR_IO, "%s: its archive has gone", path);
  mixent_collection *collection;
  mixent_status status = MIXENT_ALLOCATE(1, &collection);
  if (status == MIXENT_OK) status = mixent_gzip_read(archive, ARCHIVE_LIMIT, &bytes, &size);
  if (status == MIXENT_OK) status = mixent_collect_archive(archive, bytes, size, collection);
  if (status == MIXENT_OK) status = read_collection(collection, out);
  if (collection) mixent_collection_free(collection);
  free(collection);
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
