/* A matrix of confusions out of CSV: the names of the classes in the first line and before each row, and counts. */
#include "core/cell.h"
#include "core/embedded.h"
#include "core/file.h"
#include "core/locale.h"
#include "core/memory.h"
#include "data/formats/csv.h"
#include "data/noise/noise.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A matrix while it is read. */
typedef struct reading {
  const mixent_dataset *dataset;
  mixent_csv csv;
  int *columns; /* [classes]: the class of each column */
  bool *done;   /* [classes]: columns, then rows that were there */
  double *out;
} reading;

/* A spreadsheet's formula has an apostrophe before it in what eval writes. */
static bool is_name(const char *text, const char *name) {
  return strcmp(text, name) == 0 || (*text == '\'' && strcmp(text + 1, name) == 0);
}

/* The class that a cell names, which may come once. */
static mixent_status take_name(reading *reading, const mixent_csv_cell *cell, int *out) {
  const mixent_dataset *dataset = reading->dataset;
  for (*out = 0; *out < dataset->classes; ++*out)
    if (is_name(cell->text, dataset->class_names[*out])) break;
  if (*out == dataset->classes)
    return mixent_csv_fail(&reading->csv, cell, "expected a class of %s, got '%.80s'", dataset->name,
                           cell->text);
  if (reading->done[*out])
    return mixent_csv_fail(&reading->csv, cell, "class '%.80s' comes twice", cell->text);
  reading->done[*out] = true;
  return MIXENT_OK;
}

static mixent_status check_width(const reading *reading) {
  size_t wanted = (size_t)reading->dataset->classes + 1;
  if (reading->csv.count == wanted) return MIXENT_OK;
  return mixent_csv_fail(&reading->csv, &reading->csv.cells[0],
                         "expected %zu cells, a name and one for each class of %s, got %zu", wanted,
                         reading->dataset->name, reading->csv.count);
}

static mixent_status take_head(reading *reading) {
  MIXENT_TRY(check_width(reading));
  for (int k = 0; k < reading->dataset->classes; k++)
    MIXENT_TRY(take_name(reading, &reading->csv.cells[k + 1], &reading->columns[k]));
  memset(reading->done, 0, (size_t)reading->dataset->classes * sizeof *reading->done);
  return MIXENT_OK;
}

static mixent_status take_row(reading *reading) {
  int row, classes = reading->dataset->classes;
  MIXENT_TRY(check_width(reading));
  MIXENT_TRY(take_name(reading, &reading->csv.cells[0], &row));
  for (int k = 0; k < classes; k++) {
    const mixent_csv_cell *cell = &reading->csv.cells[k + 1];
    double value = mixent_cell_is_number(cell->text) ? mixent_number_read(cell->text, NULL) : NAN;
    if (!(value >= 0 && value <= MIXENT_LARGEST_FEATURE))
      return mixent_csv_fail(&reading->csv, cell, "expected a count from 0, got '%.80s'", cell->text);
    reading->out[row * classes + reading->columns[k]] = value;
  }
  return MIXENT_OK;
}

static mixent_status read_rows(reading *reading) {
  bool found;
  int rows = 0;
  double confused = 0;
  MIXENT_TRY(mixent_csv_next(&reading->csv, &found));
  if (!found)
    return mixent_fail(MIXENT_ERROR_FORMAT, "%s: expected a matrix of confusions, got an empty file",
                       reading->csv.origin);
  MIXENT_TRY(take_head(reading));
  for (;; rows++) {
    MIXENT_TRY(mixent_csv_next(&reading->csv, &found));
    if (!found) break;
    MIXENT_TRY(take_row(reading));
  }
  int classes = reading->dataset->classes;
  if (rows != classes)
    return mixent_fail(MIXENT_ERROR_FORMAT, "%s: expected a line for each of the %d classes of %s, got %d",
                       reading->csv.origin, classes, reading->dataset->name, rows);
  for (int i = 0; i < classes * classes; i++)
    if (i / classes != i % classes) confused += reading->out[i];
  if (confused > 0) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_FORMAT,
                     "%s: no class is ever taken for another, so there is no noise to draw",
                     reading->csv.origin);
}

mixent_status mixent_confusions_parse(const char *origin, char *text, size_t size,
                                      const mixent_dataset *dataset, double **out) {
  size_t classes = (size_t)dataset->classes;
  reading reading = {.dataset = dataset};
  *out = NULL;
  MIXENT_TRY(mixent_csv_begin(origin, text, size, &reading.csv));
  mixent_status status = MIXENT_ALLOCATE(classes, &reading.columns);
  if (status == MIXENT_OK) status = MIXENT_ALLOCATE(classes, &reading.done);
  if (status == MIXENT_OK) status = MIXENT_ALLOCATE(classes * classes, &reading.out);
  if (status == MIXENT_OK) status = read_rows(&reading);
  mixent_csv_end(&reading.csv);
  free(reading.columns);
  free(reading.done);
  if (status == MIXENT_OK)
    *out = reading.out;
  else
    free(reading.out);
  return status;
}

/* Of a set that mixent has confusions of; *text NULL for another one. */
static mixent_status find_own(const mixent_dataset *dataset, char **text) {
  *text = NULL;
  for (const mixent_embedded *own = mixent_embedded_confusions; own->name; own++)
    if (strcmp(own->name, dataset->name) == 0) return mixent_copy_text(own->text, text);
  return MIXENT_OK;
}

mixent_status mixent_confusions_read(const char *path, const mixent_dataset *dataset, double **out) {
  enum { LARGEST = 1 << 27 };
  char *text;
  size_t size;
  if (*path)
    MIXENT_TRY(mixent_file_read(path, LARGEST, &text, &size));
  else
    MIXENT_TRY(find_own(dataset, &text));
  if (!text)
    return mixent_fail(MIXENT_ERROR_ARGUMENT,
                       "noise.kind: mixent has no confusions of %s; make them with 'mixent eval RUN --split "
                       "validation --confusions FILE.csv' and name the file with noise.matrix",
                       dataset->name);
  mixent_status status =
      mixent_confusions_parse(*path ? path : dataset->name, text, *path ? size : strlen(text), dataset, out);
  free(text);
  return status;
}
