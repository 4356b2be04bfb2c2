/* The formats in which a data set may be stored. A format is one file and a line in formats.c; what it reads
 * is turned into classes, names and a fingerprint by dataset.c. */
#ifndef MIXENT_DATA_FORMATS_FORMAT_H
#define MIXENT_DATA_FORMATS_FORMAT_H

#include "core/memory.h"
#include "core/status.h"
#include "mixent/data.h"

enum { MIXENT_MOST_LABELS = 1024 };

/* What a format reads. Labels are those of the files, 0..MIXENT_MOST_LABELS-1. */
typedef struct mixent_format_set {
  mixent_images train, test;
  mixent_images validation;              /* where the files have such a part */
  char *train_origin, *test_origin;      /* where the labels are from, for messages */
  char *label_names[MIXENT_MOST_LABELS]; /* NULL: the file gives none */
  char *note; /* what people should know of its files, a line each; NULL: nothing */
  /* of a table: how the numbers of its columns become features; it is fitted once train and test are apart. NULL: they are the
   * features */
  mixent_encoder *encoder;
  bool transposed; /* the format stores columns first */
  bool pictures;   /* each image was a picture file */
  bool one_part;   /* there is train alone: test is cut from it */
} mixent_format_set;
void mixent_format_set_free(mixent_format_set *set);
/* Of rows that are left out: where, and how many. */
#define MIXENT_UNLABELLED_NOTE "missing-labels: %s: rows without a label, which are left out: %zu"
/* Adds a line to a note (NULL: none so far). */
mixent_status mixent_note_add(char **note, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Adds a line to set->note; takes `line` over (NULL: there is none to add). */
mixent_status mixent_format_set_note(mixent_format_set *set, char *line);

typedef struct mixent_format {
  const char *wanted;         /* what a directory of this format holds, for messages */
  const char *const *endings; /* of a file that is a whole set, then NULL; NULL if no single file is one */
  /* Whether something at `path`, a directory or a file, is of this format; a set that is not complete is an error. `name` is the
   * data set's: files called after it are preferred. */
  mixent_status (*find)(const char *path, const char *name, bool *found);
  /* Reads the set as the options say. What it has put into *out (zeroed before) is freed by the caller, also after an error. */
  mixent_status (*read)(const char *path, const char *name, const mixent_dataset_options *options,
                        mixent_format_set *out);
} mixent_format;

extern const mixent_format mixent_format_idx, mixent_format_cifar, mixent_format_folders,
    mixent_format_archive, mixent_format_npz, mixent_format_csv, mixent_format_classes;

/* The length of the ending that makes a file a data set of some format (".csv"), 0 if none does. */
size_t mixent_format_ending_length(const char *name);
/* Those endings, as a list for messages. */
void mixent_format_endings_append(mixent_text *to);

/* The first format that finds a set at `path`; none is an error that names what was wanted. */
mixent_status mixent_format_find(const char *path, const char *name, const mixent_format **out);

#endif
