/* The recorded runs of directories, sorted. */
#include "core/file.h"
#include "core/memory.h"
#include "lab/record/record.h"

#include <stdlib.h>
#include <string.h>

enum { LEVELS = 2 }; /* DATA/VARIANT-SEED */

void mixent_records_free(mixent_records *records) {
  for (size_t i = 0; i < records->count; i++) mixent_record_free(&records->items[i]);
  free(records->items);
  *records = (mixent_records){0};
}

/* A walk over directories; `records` NULL: it ends at the first run. */
typedef struct walk {
  mixent_records *records;
  int level;
  bool found;
} walk;

static mixent_status add(const char *directory, walk *walk) {
  mixent_records *records = walk->records;
  walk->found = true;
  if (!records) return MIXENT_OK;
  if (records->count == MIXENT_RECORD_RUNS)
    return mixent_fail(MIXENT_ERROR_UNSUPPORTED, "%s: expected at most %d recorded runs, got more", directory,
                       MIXENT_RECORD_RUNS);
  MIXENT_TRY(MIXENT_GROW(&records->items, records->count, "the recorded runs"));
  mixent_status status = mixent_record_read(directory, &records->items[records->count]);
  if (status != MIXENT_OK) mixent_record_free(&records->items[records->count]);
  records->count += status == MIXENT_OK;
  return status;
}

static mixent_status visit(void *context, const char *path, const char *name) {
  walk *walk = context;
  mixent_path_kind directory, record = MIXENT_PATH_NOTHING;
  (void)name;
  if (walk->found && !walk->records) return MIXENT_OK;
  MIXENT_TRY(mixent_path_look(path, &directory));
  if (directory != MIXENT_PATH_DIRECTORY) return MIXENT_OK;
  MIXENT_TRY(mixent_path_look_in(path, MIXENT_RECORD_FILE, &record));
  if (record != MIXENT_PATH_NOTHING) return add(path, walk);
  if (walk->level == LEVELS) return MIXENT_OK;
  walk->level++;
  mixent_status status = mixent_directory_visit(path, visit, walk);
  walk->level--;
  return status;
}

mixent_status mixent_records_look(const char *directory, bool *out) {
  walk walk = {0};
  mixent_status status = visit(&walk, directory, "");
  *out = walk.found;
  return status;
}

/* Of whole numbers without zeros before them: the longer is the larger. */
static int compare_seeds(const char *a, const char *b) {
  size_t length_a = strlen(a), length_b = strlen(b);
  return length_a == length_b ? strcmp(a, b) : length_a < length_b ? -1 : 1;
}

static int compare(const void *left, const void *right) {
  const mixent_record *a = left, *b = right;
  int data = strcmp(a->data, b->data), variant = strcmp(a->variant, b->variant);
  return data ? data : variant ? variant : compare_seeds(a->seed, b->seed);
}

mixent_status mixent_records_read(const char *directory, mixent_records *out) {
  walk walk = {.records = out};
  *out = (mixent_records){0};
  mixent_status status = visit(&walk, directory, "");
  if (status == MIXENT_OK && !walk.found)
    status = mixent_fail(MIXENT_ERROR_ARGUMENT,
                         "%s: expected recorded runs (" MIXENT_RECORD_FILE "), got none", directory);
  if (status == MIXENT_OK) qsort(out->items, out->count, sizeof *out->items, compare);
  if (status != MIXENT_OK) mixent_records_free(out);
  return status;
}
