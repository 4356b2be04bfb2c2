/* One run as its directory tells it: curves, warnings, facts, recipe, result. */
#include "core/file.h"
#include "lab/report/source.h"
#include "lab/report/source_parts.h"
#include "run/directory.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST_RECIPE = 1 << 24 }; /* bytes */

static double number_at(const json_t *object, const char *key) {
  const json_t *value = json_object_get(object, key);
  return json_is_number(value) ? json_number_value(value) : NAN;
}

/* Values of one line of metrics.jsonl, [MIXENT_SERIES] a stride apart. */
static void take_line(const json_t *line, bool held_out, double *values, size_t stride) {
  static const char *const weights[] = {"w1", "w2", "w3", "b1", "b2", "b3"};
  const json_t *train = json_object_get(line, "train");
  const json_t *scored = held_out ? json_object_get(line, "validation") : train;
  values[MIXENT_SERIES_LOSS * stride] = number_at(train, "loss");
  values[MIXENT_SERIES_NLL * stride] = number_at(scored, "nll");
  values[MIXENT_SERIES_ACCURACY * stride] = number_at(scored, "accuracy");
  values[MIXENT_SERIES_ENTROPY * stride] = number_at(scored, "entropy");
  for (size_t k = 0; k < 6; k++) values[(MIXENT_SERIES_WEIGHTS + k) * stride] = number_at(line, weights[k]);
}

static mixent_status take_warnings(const json_t *line, mixent_report_run *run) {
  size_t index;
  json_t *value;
  json_array_foreach(json_object_get(line, "warnings"), index, value) {
    mixent_text text = {0};
    mixent_text_append(&text, "epoch %lld: %s", (long long)json_integer_value(json_object_get(line, "epoch")),
                       json_is_string(value) ? json_string_value(value) : "?");
    mixent_status status = mixent_text_status(&text);
    if (status == MIXENT_OK) status = MIXENT_GROW(&run->warnings, run->warning_count, "warnings");
    if (status != MIXENT_OK) {
      mixent_text_free(&text);
      return status;
    }
    run->warnings[run->warning_count++] = text.data;
  }
  return MIXENT_OK;
}

mixent_status mixent_report_run_take_history(const json_t *lines, mixent_report_run *run) {
  run->epochs = json_array_size(lines);
  run->held_out = json_is_object(json_object_get(json_array_get(lines, 0), "validation"));
  MIXENT_TRY(MIXENT_ALLOCATE(MIXENT_SERIES * run->epochs, &run->series));
  for (size_t e = 0; e < run->epochs; e++) {
    take_line(json_array_get(lines, e), run->held_out, run->series + e, run->epochs);
    MIXENT_TRY(take_warnings(json_array_get(lines, e), run));
  }
  return MIXENT_OK;
}

/* Curves that are not there, or damaged, are done without. */
static mixent_status read_history(const char *path, mixent_report_run *run) {
  json_t *lines;
  mixent_path_kind kind;
  MIXENT_TRY(mixent_path_look_in(path, "metrics.jsonl", &kind));
  if (kind == MIXENT_PATH_NOTHING) return MIXENT_OK;
  mixent_status status = mixent_run_history_read(path, &lines);
  if (mixent_is_refusal(status)) return status;
  if (status != MIXENT_OK) return MIXENT_OK;
  if (json_array_size(lines)) status = mixent_report_run_take_history(lines, run);
  json_decref(lines);
  return status;
}

static mixent_status read_recipe(const char *path, mixent_report_run *run) {
  char *file = mixent_path_join(path, "recipe.yaml");
  if (!file) return MIXENT_ERROR_MEMORY;
  size_t size;
  mixent_path_kind kind;
  mixent_status status = mixent_path_look(file, &kind);
  if (kind == MIXENT_PATH_FILE) status = mixent_file_read(file, LARGEST_RECIPE, &run->recipe, &size);
  free(file);
  return status;
}

/* A run without a result is told of by what it failed with, else by why it cannot be read. */
static mixent_status read_result(const char *path, mixent_report_run *run) {
  mixent_status status = mixent_result_read(path, &run->result);
  if (status == MIXENT_OK || mixent_is_refusal(status)) return status;
  run->unread = status == MIXENT_ERROR_FORMAT;
  const char *failure = run->unread ? "" : mixent_facts_text(&run->facts, "failure");
  return mixent_copy_text(*failure ? failure : mixent_last_error(), &run->message);
}

mixent_status mixent_report_run_read(const char *path, const char *name, mixent_report_run *run) {
  MIXENT_TRY(mixent_copy_text(path, &run->path));
  MIXENT_TRY(mixent_copy_text(name, &run->name));
  MIXENT_TRY(read_recipe(path, run));
  MIXENT_TRY(read_history(path, run));
  MIXENT_TRY(mixent_facts_read(path, name, &run->facts));
  MIXENT_TRY(mixent_facts_status(&run->facts));
  return read_result(path, run);
}

void mixent_report_run_free(mixent_report_run *run) {
  for (size_t i = 0; i < run->warning_count; i++) free(run->warnings[i]);
  free(run->warnings);
  free(run->series);
  free(run->recipe);
  mixent_facts_free(&run->facts);
  free(run->message);
  mixent_result_free(run->result);
  free(run->name);
  free(run->path);
}
