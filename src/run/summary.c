/* summary.json, read back. */
#include "core/file.h"
#include "core/json.h"
#include "core/layout.h"
#include "run/directory.h"
#include "run/scores.h"

#include <stdlib.h>
#include <string.h>

mixent_status mixent_run_summary_text(json_t *json, char **out) {
  return mixent_json_write(json, JSON_INDENT(2) | JSON_REAL_PRECISION(15), out);
}

void mixent_train_summary_free(mixent_train_summary *summary) {
  if (!summary) return;
  free(summary->json);
  summary->json = NULL;
}

static mixent_status take_summary(const json_t *json, const char *path, mixent_train_summary *summary) {
  const json_t *validation = json_object_get(json, "validation");
  if (!mixent_scores_from_json(json_object_get(json, "test"), &summary->test) ||
      (!json_is_null(validation) && !mixent_scores_from_json(validation, &summary->validation)))
    return mixent_fail(MIXENT_ERROR_FORMAT, "%s: scores of the test or validation part are missing", path);
  MIXENT_TRY(mixent_scores_check(json_object_get(json, "test"), path, "test"));
  MIXENT_TRY(mixent_scores_check(validation, path, "validation"));
  const char *samples = json_string_value(json_object_get(json, "samples")); /* as test_views below */
  summary->samples = mixent_samples_name(samples && strcmp(samples, "rows") == 0);
  summary->best_epoch = (int)json_integer_value(json_object_get(json, "best_epoch"));
  const json_t *views = json_object_get(json, "test_views"); /* runs of older versions lack it */
  summary->test_views = views ? (int)json_integer_value(views) : 1;
  summary->images_per_second = json_number_value(json_object_get(json, "images_per_second"));
  summary->seconds = json_number_value(json_object_get(json, "seconds"));
  summary->peak_memory_bytes = (size_t)json_integer_value(json_object_get(json, "peak_memory_bytes"));
  summary->parameters = (size_t)json_integer_value(json_object_get(json, "parameters"));
  return MIXENT_OK;
}

mixent_status mixent_run_summary_read(const char *path, mixent_train_summary *summary) {
  enum { LARGEST = 1 << 24 };
  char *text;
  json_t *json;
  size_t size;
  MIXENT_TRY(mixent_file_read(path, LARGEST, &text, &size));
  mixent_status status = mixent_json_parse(text, size, 0, path, &json);
  free(text);
  MIXENT_TRY(status);
  status = take_summary(json, path, summary);
  if (status == MIXENT_OK) return mixent_run_summary_text(json, &summary->json);
  json_decref(json);
  return status;
}
