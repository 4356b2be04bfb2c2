/* The images of a set in folders, train/CLASS/FILE and test/CLASS/FILE, in a directory or an archive: where each lies and of
 * which class it is, before any is decoded. */
#ifndef MIXENT_DATA_FORMATS_COLLECTION_H
#define MIXENT_DATA_FORMATS_COLLECTION_H

#include "data/formats/class_names.h"
#include "data/formats/passed_over.h"

/* One image. */
typedef struct mixent_collected {
  char *path;
  int part;             /* 0: train, 1: test */
  int32_t class;        /* its index among the names of the classes */
  const uint8_t *bytes; /* [size], within the archive; NULL: in the file at `path` */
  size_t size;
} mixent_collected;

typedef struct mixent_collection {
  const char *origin; /* the directory or archive */
  mixent_collected *images;
  size_t count;
  mixent_class_names classes; /* their names, in the order of their coming */
  struct {
    bool found;                 /* there is such a folder */
    size_t images, passed_over; /* files in it */
  } folders[2][MIXENT_MOST_LABELS];
  mixent_passed_over passed_over;
  char *parts[2]; /* how the folders of train and test are called */
} mixent_collection;

/* Whether a name is one of a folder of train (0) or test (1) images: train, training, test or testing, in capital letters or
 * small; else -1. */
int mixent_part_named(const char *name, size_t length);
/* The folders of train and test in a directory: names[part] (free()), NULL where there is none. Two for one part are an
 * error. */
mixent_status mixent_part_folders(const char *directory, char *names[2]);

/* Finds all images of a directory, or of an archive in memory, at any depth below their class. `out` is zeroed before, and
 * is to be freed also after an error. A class folder without any image, a link that leads nowhere, and a link to a
 * directory of the same class, are errors. */
mixent_status mixent_collect_directory(const char *directory, mixent_collection *out);
mixent_status mixent_collect_archive(const char *origin, const uint8_t *bytes, size_t size,
                                     mixent_collection *out);
void mixent_collection_free(mixent_collection *collection);

#endif
