/* The recorded runs of directories, sorted, and held against one another. */
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

static int compare(const void *left, const void *right) {
  const mixent_record *a = left, *b = right;
  int data = strcmp(a->data, b->data), variant = strcmp(a->variant, b->variant);
  return data ? data : variant ? variant : (a->seed > b->seed) - (a->seed < b->seed);
}

/* Runs on one data set were scored on the same samples in the same order: that they are paired, image by image, rests on it. */
static mixent_status check(const mixent_records *records) {
  const mixent_record *scored = NULL; /* the first of the data set with a result */
  for (size_t i = 0; i < records->count; i++) {
    const mixent_record *run = &records->items[i];
    if (i && compare(run - 1, run) == 0)
      return mixent_fail(
          MIXENT_ERROR_ARGUMENT,
          "%s and %s: expected runs of different variants, seeds or data sets, got variant '%.80s', "
          "seed %ld twice",
          run[-1].path, run->path, run->variant, run->seed);
    if (scored && strcmp(scored->data, run->data) != 0) scored = NULL;
    if (!run->result) continue;
    if (!scored) scored = run;
    if (run->result->test_labels >= 0 && scored->result->test_labels >= 0 &&
        run->result->test_labels != scored->result->test_labels)
      return mixent_fail(
          MIXENT_ERROR_ARGUMENT,
          "%s and %s: expected the same test labels in the same order, got different ones; record "
          "both runs on one test set, without shuffling it, or name two data sets (data=…)",
          scored->path, run->path);
  }
  return MIXENT_OK;
}

mixent_status mixent_records_read(const char *const *directories, size_t count, mixent_records *out) {
  walk walk = {.records = out};
  mixent_status status = MIXENT_OK;
  *out = (mixent_records){0};
  for (size_t i = 0; i < count && status == MIXENT_OK; i++) {
    walk.found = false;
    status = visit(&walk, directories[i], "");
    if (status == MIXENT_OK && !walk.found)
      status = mixent_fail(MIXENT_ERROR_ARGUMENT,
                           "%s: expected recorded runs (" MIXENT_RECORD_FILE "), got none", directories[i]);
  }
  if (status == MIXENT_OK && out->count) qsort(out->items, out->count, sizeof *out->items, compare);
  if (status == MIXENT_OK) status = check(out);
  if (status != MIXENT_OK) mixent_records_free(out);
  return status;
}
