/* The images of a set in folders, in a directory or an archive: where each lies, in which part and of which class it is, before any is
 * decoded. Either PART/CLASS/…/FILE, PART being train, val or test; or CLASS/…/FILE, a set in one part. */
#ifndef MIXENT_DATA_FORMATS_COLLECTION_H
#define MIXENT_DATA_FORMATS_COLLECTION_H

#include "data/formats/class_names.h"
#include "data/formats/passed_over.h"
#include "data/formats/zip.h"

typedef enum mixent_set_part {
  MIXENT_SET_TRAIN,
  MIXENT_SET_VALIDATION,
  MIXENT_SET_TEST,
  MIXENT_SET_PARTS
} mixent_set_part;

/* One image. */
typedef struct mixent_collected {
  char *path;
  int part;             /* mixent_set_part */
  int32_t class;        /* its index among the names of the classes */
  const uint8_t *bytes; /* [size], within a tar archive */
  size_t size;
  mixent_zip_entry packed; /* in a zip archive; neither: in the file at `path` */
} mixent_collected;

typedef struct mixent_collection {
  const char *origin;           /* the directory or archive */
  const mixent_zip_source *zip; /* where packed images are */
  bool in_one_part;             /* class folders alone: all images are of train */
  mixent_collected *images;
  size_t count;
  mixent_class_names classes; /* their names, in the order of their coming */
  struct {
    bool found;                 /* there is such a folder */
    size_t images, passed_over; /* files in it */
  } folders[MIXENT_SET_PARTS][MIXENT_MOST_LABELS];
  mixent_passed_over passed_over;
  char *parts[MIXENT_SET_PARTS]; /* how their folders are called; NULL: there is none */
} mixent_collection;

/* The part that a folder's name stands for, in capital letters or small: train or training; val, valid or validation; test or
 * testing; else -1. */
int mixent_part_named(const char *name, size_t length);
/* The folders of the parts in a directory: names[part] (free()), NULL where there is none. Two for one part are an error. */
mixent_status mixent_part_folders(const char *directory, char *names[MIXENT_SET_PARTS]);
/* Whether two or more folders in a directory have images at any depth. */
mixent_status mixent_class_folders_find(const char *directory, bool *found);

/* Why a directory with pictures is no set: *loose: all lie in no folder; *only (free()): the one folder that has
 * some and is no set itself, or NULL. */
mixent_status mixent_pictures_explain(const char *directory, bool *loose, char **only);

/* The folder in a directory that holds such a set, where it is the only one, as unpacking an archive may leave it: in *out (free()), else
 * NULL. */
mixent_status mixent_folders_below(const char *directory, char **out);

/* Finds all images of a directory, or of a tar archive in memory, or of a zip archive, at any depth below their class. `out` is zeroed
 * before, and is to be freed also after an error. A class folder without any image, a link that leads nowhere, and a link to a
 * directory of the same class, are errors. */
mixent_status mixent_collect_directory(const char *directory, mixent_collection *out);
mixent_status mixent_collect_archive(const char *origin, const uint8_t *bytes, size_t size,
                                     mixent_collection *out);
mixent_status mixent_collect_zip(const mixent_zip_source *source, mixent_collection *out);
void mixent_collection_free(mixent_collection *collection);

/* --- For both kinds. */

bool mixent_is_picture_name(const char *name);
/* Whether a folder's name is that of the one which macOS packs beside the files, full of its own notes on them. */
bool mixent_is_folder_of_macos(const char *name, size_t length);
mixent_status mixent_collection_add(mixent_collection *to, mixent_collected image);
/* The class that a folder is called after; the same in all parts. */
mixent_status mixent_collection_add_class(mixent_collection *to, int part, const char *name, int32_t *out);
/* Refuses class folders without images. */
mixent_status mixent_collection_check(const mixent_collection *in);

#endif
