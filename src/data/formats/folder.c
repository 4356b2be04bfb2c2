/* Data sets as images in folders, in a directory or in an archive (.zip, .tar, .tar.gz, .tgz). Classes are the folders in the order of
 * their names, images those of a class in the order of their paths, so that a directory and its archive are the same set. */
#include "core/file.h"
#include "core/gzip.h"
#include "core/memory.h"
#include "data/find.h"
#include "data/formats/collection.h"
#include "data/formats/format.h"
#include "data/formats/picture.h"
#include "data/formats/picture_set.h"
#include "data/formats/single_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ARCHIVE_LIMIT = 1 << 30 };

static mixent_status find_folders(const char *path, const char *name, bool *found) {
  (void)name;
  char *parts[MIXENT_SET_PARTS];
  mixent_path_kind kind;
  *found = false;
  MIXENT_TRY(mixent_path_look(path, &kind));
  if (kind != MIXENT_PATH_DIRECTORY) return MIXENT_OK;
  MIXENT_TRY(mixent_part_folders(path, parts));
  const char *train = parts[MIXENT_SET_TRAIN], *test = parts[MIXENT_SET_TEST];
  *found = train && (test || parts[MIXENT_SET_VALIDATION]);
  mixent_status status = MIXENT_OK;
  if (!*found && (train || test))
    status =
        mixent_fail(MIXENT_ERROR_FORMAT,
                    "%s: a directory %s is in it, but none that is called %s; images to score "
                    "belong in test, those to train on in train. Of one directory of class folders, named "
                    "itself, mixent sets a test part apart",
                    path, train ? train : test, train ? "test" : "train");
  for (int part = 0; part < MIXENT_SET_PARTS; part++) free(parts[part]);
  return status;
}

static mixent_status find_classes(const char *path, const char *name, bool *found) {
  (void)name;
  mixent_path_kind kind;
  *found = false;
  MIXENT_TRY(mixent_path_look(path, &kind));
  return kind == MIXENT_PATH_DIRECTORY ? mixent_class_folders_find(path, found) : MIXENT_OK;
}

static mixent_status read_folders(const char *path, const char *name, const mixent_dataset_options *options,
                                  mixent_format_set *out) {
  (void)name;
  mixent_collection *collection;
  MIXENT_TRY(MIXENT_ALLOCATE(1, &collection));
  mixent_status status = mixent_collect_directory(path, collection);
  if (status == MIXENT_OK) status = mixent_picture_set_read(collection, options, out);
  mixent_collection_free(collection);
  free(collection);
  return status;
}

static const char *const archive_endings[] = {".zip", ".tar.gz", ".tgz", ".tar", NULL};

static mixent_status find_archive(const char *path, const char *name, bool *found) {
  (void)name;
  char *archive;
  mixent_status status = mixent_data_file_find(path, archive_endings, &archive);
  *found = archive != NULL;
  free(archive);
  return status;
}

static mixent_status read_tar(const char *archive, const mixent_dataset_options *options,
                              mixent_collection *collection, mixent_format_set *out) {
  uint8_t *bytes;
  size_t size;
  MIXENT_TRY(mixent_gzip_read(archive, ARCHIVE_LIMIT, &bytes, &size));
  mixent_status status = mixent_collect_archive(archive, bytes, size, collection);
  if (status == MIXENT_OK) status = mixent_picture_set_read(collection, options, out);
  free(bytes);
  return status;
}

typedef struct open_file {
  const char *path;
  int descriptor;
} open_file;

/* Of a file; several threads may read at once. */
static mixent_status read_file(void *context, uint64_t first, size_t count, void *out) {
  const open_file *file = context;
  for (size_t done = 0; done < count;) {
    ssize_t got = pread(file->descriptor, (char *)out + done, count - done, (off_t)(first + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return mixent_fail_errno("read", file->path);
    if (got == 0)
      return mixent_fail(MIXENT_ERROR_IO, "%s: became shorter while it was read; try again", file->path);
    done += (size_t)got;
  }
  return MIXENT_OK;
}

/* Members are read when they are decoded: the archive may be larger than memory. */
static mixent_status read_zip(const char *archive, const mixent_dataset_options *options,
                              mixent_collection *collection, mixent_format_set *out) {
  open_file file = {.path = archive};
  struct stat info;
  MIXENT_TRY(mixent_file_descriptor_open(archive, &file.descriptor));
  mixent_status status = fstat(file.descriptor, &info) == 0 ? MIXENT_OK : mixent_fail_errno("read", archive);
  const mixent_zip_source source = {.name = archive,
                                    .advice = "fetch or copy it again",
                                    .size = (uint64_t)info.st_size,
                                    .read = read_file,
                                    .context = &file};
  if (status == MIXENT_OK) status = mixent_collect_zip(&source, collection);
  if (status == MIXENT_OK) status = mixent_picture_set_read(collection, options, out);
  close(file.descriptor);
  return status;
}

static mixent_status read_archive(const char *path, const char *name, const mixent_dataset_options *options,
                                  mixent_format_set *out) {
  (void)name;
  char *archive;
  MIXENT_TRY(mixent_data_file_find(path, archive_endings, &archive));
  if (!archive) return mixent_fail(MIXENT_ERROR_IO, "%s: its archive has gone", path);
  mixent_collection *collection;
  mixent_status status = MIXENT_ALLOCATE(1, &collection);
  if (status == MIXENT_OK)
    status = (mixent_has_ending(archive, ".zip") ? read_zip : read_tar)(archive, options, collection, out);
  if (collection) mixent_collection_free(collection);
  free(collection);
  free(archive);
  return status;
}

const mixent_format mixent_format_folders = {
    .wanted =
        "pictures in folders: train/CLASS/ and test/CLASS/ (perhaps val/CLASS/) with " MIXENT_PICTURE_ENDINGS
        " files",
    .find = find_folders,
    .read = read_folders};
const mixent_format mixent_format_archive = {
    .wanted =
        "pictures in folders, with or without train and test, as one archive: .zip, .tar, .tar.gz or .tgz",
    .endings = archive_endings,
    .find = find_archive,
    .read = read_archive};
/* The last one tried: folders with pictures may lie beside a set of another format. */
const mixent_format mixent_format_classes = {
    .wanted = "pictures in two or more folders, CLASS/, of which mixent sets a test part apart",
    .find = find_classes,
    .read = read_folders};
