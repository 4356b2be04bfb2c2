/* Data sets in IDX: four files, images and labels of train and test, and perhaps a mapping that names labels.
 */
#include "core/file.h"
#include "core/memory.h"
#include "data/find.h"
#include "data/formats/format.h"
#include "data/formats/idx.h"
#include "data/formats/idx_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LABELS = 256 }; /* labels are bytes */

static mixent_status check_images(const char *path, const size_t extent[3]) {
  if (extent[1] != extent[2])
    return mixent_fail(MIXENT_ERROR_FORMAT,
                       "%s: images of %zu rows and %zu columns; only square ones are read: pad them", path,
                       extent[1], extent[2]);
  if (extent[1] < MIXENT_LEAST_SIDE || extent[1] > MIXENT_MOST_SIDE)
    return mixent_fail(MIXENT_ERROR_FORMAT,
                       "%s: images of side %zu; it must be from %d to %d: pad or scale them", path, extent[1],
                       MIXENT_LEAST_SIDE, MIXENT_MOST_SIDE);
  return MIXENT_OK;
}

/* The bytes of a file whose header was checked before. */
static mixent_status read_file(const char *path, int dimensions, const size_t extent[3], mixent_idx *out) {
  MIXENT_TRY(mixent_idx_read(path, dimensions, out));
  if (memcmp(extent, out->extent, sizeof out->extent) == 0) return MIXENT_OK;
  free(out->bytes);
  return mixent_fail(MIXENT_ERROR_IO, "%s: it changed while it was read; try again", path);
}

/* Both headers are held against one another before anything is unpacked. */
static mixent_status read_part(const mixent_dataset_files *files, mixent_dataset_part images_part,
                               mixent_images *out) {
  const char *images = files->path[images_part], *labels = files->path[images_part + 1];
  size_t extent[3], label_extent[3];
  mixent_idx idx;
  MIXENT_TRY(mixent_idx_extent(images, 3, extent));
  MIXENT_TRY(check_images(images, extent));
  MIXENT_TRY(mixent_idx_extent(labels, 1, label_extent));
  if (extent[0] != label_extent[0])
    return mixent_fail(MIXENT_ERROR_FORMAT,
                       "%s: %zu labels, but %s holds %zu images; get both from one source", labels,
                       label_extent[0], images, extent[0]);
  MIXENT_TRY(read_file(labels, 1, label_extent, &idx));
  mixent_status status = MIXENT_ALLOCATE(extent[0], &out->labels);
  for (size_t i = 0; i < extent[0] && status == MIXENT_OK; i++) out->labels[i] = idx.bytes[i];
  free(idx.bytes);
  if (status == MIXENT_OK) status = read_file(images, 3, extent, &idx);
  if (status != MIXENT_OK) return status;
  *out = (mixent_images){
      .count = extent[0], .side = (int)extent[1], .channels = 1, .pixels = idx.bytes, .labels = out->labels};
  return MIXENT_OK;
}

/* The last of several lines about a label counts. */
static mixent_status name_label(int code, char **out) {
  free(*out);
  return mixent_copy_text((char[]){(char)code, 0}, out);
}

/* A mapping file has a line per label: the label, then the codes of the characters it stands for; the first
 * one names it (EMNIST-Letters: label, upper case, lower case). */
static mixent_status read_mapping(const char *path, char *names[]) {
  char *text, *line, *rest;
  MIXENT_TRY(mixent_file_read(path, 1 << 20, &text, NULL));
  mixent_status status = MIXENT_OK;
  int number = 0;
  rest = text;
  while (status == MIXENT_OK && (line = strsep(&rest, "\n"))) {
    int label, code;
    number++;
    if (line[strspn(line, " \t\r")] == 0) continue;
    if (sscanf(line, "%d %d", &label, &code) != 2 || label < 0 || label >= LABELS || code <= ' ' ||
        code > '~')
      status = mixent_fail(
          MIXENT_ERROR_FORMAT,
          "%s:%d: not 'label code' (0 to 255, and the code of a visible ASCII character); correct or "
          "remove the file",
          path, number);
    else
      status = name_label(code, &names[label]);
  }
  free(text);
  return status;
}

static mixent_status read_files(const mixent_dataset_files *files, mixent_format_set *out) {
  const char *const *path = (const char *const *)files->path;
  MIXENT_TRY(read_part(files, MIXENT_TRAIN_IMAGES, &out->train));
  MIXENT_TRY(read_part(files, MIXENT_TEST_IMAGES, &out->test));
  if (out->train.side != out->test.side)
    return mixent_fail(MIXENT_ERROR_FORMAT,
                       "%s: images of side %d, but of side %d in %s; get both from one source",
                       path[MIXENT_TEST_IMAGES], out->test.side, out->train.side, path[MIXENT_TRAIN_IMAGES]);
  MIXENT_TRY(mixent_copy_text(path[MIXENT_TRAIN_LABELS], &out->train_origin));
  MIXENT_TRY(mixent_copy_text(path[MIXENT_TEST_LABELS], &out->test_origin));
  return path[MIXENT_MAPPING] ? read_mapping(path[MIXENT_MAPPING], out->label_names) : MIXENT_OK;
}

static mixent_status read_set(const char *path, const char *name, const mixent_dataset_options *options,
                              mixent_format_set *out) {
  (void)options;
  mixent_dataset_files files;
  MIXENT_TRY(mixent_dataset_files_find(path, name, &files));
  /* EMNIST is distributed with columns first */
  out->transposed = files.emnist || strncmp(name, "emnist", 6) == 0;
  mixent_status status = read_files(&files, out);
  mixent_dataset_files_free(&files);
  return status;
}

static mixent_status find_set(const char *path, const char *name, bool *found) {
  mixent_path_kind kind;
  *found = false;
  MIXENT_TRY(mixent_path_look(path, &kind));
  if (kind != MIXENT_PATH_DIRECTORY) return MIXENT_OK;
  MIXENT_TRY(mixent_dataset_files_any(path, found));
  if (!*found) return MIXENT_OK;
  mixent_dataset_files files;
  MIXENT_TRY(mixent_dataset_files_find(path, name, &files));
  mixent_dataset_files_free(&files);
  return MIXENT_OK;
}

const mixent_format mixent_format_idx = {
    .wanted = "IDX: four files whose names end in train-images-idx3-ubyte and so on, plain or .gz",
    .find = find_set,
    .read = read_set};
