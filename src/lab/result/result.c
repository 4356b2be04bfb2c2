/* A run's result: summary.json and result.json together, the latter made where it is not there yet. */
#include "lab/result/result.h"
#include "core/file.h"
#include "core/json.h"
#include "core/memory.h"
#include "lab/result/parts.h"
#include "run/scores.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const size_t largest = (size_t)1 << 28; /* bytes of a file */

/* What both files say of a part's images. */
static const struct {
  const char *key;
  size_t offset;
} shared[] = {{"accuracy", offsetof(mixent_calibration, accuracy)},
              {"nll", offsetof(mixent_calibration, nll)},
              {"ece", offsetof(mixent_calibration, ece)},
              {"brier", offsetof(mixent_calibration, brier)},
              {"entropy", offsetof(mixent_calibration, entropy)}};
enum { SHARED = sizeof shared / sizeof *shared };

/* Of summary.json; null is NaN. */
typedef struct summary_scores {
  json_int_t images;
  double values[SHARED];
  bool known[SHARED]; /* summaries of older versions lack some */
} summary_scores;
typedef struct summary_parts {
  summary_scores test, validation;
} summary_parts;

static void take_scores(const json_t *json, summary_scores *out) {
  out->images = json_integer_value(json_object_get(json, "images"));
  for (size_t i = 0; i < SHARED; i++) {
    const json_t *value = json_object_get(json, shared[i].key);
    out->known[i] = value != NULL;
    out->values[i] = json_is_number(value) ? json_number_value(value) : NAN;
  }
}

static mixent_status take_summary(json_t *json, const char *path, mixent_result *out, summary_parts *parts) {
  const char *recipe, *data, *net, *loss;
  json_int_t seed, images;
  json_error_t error;
  double accuracy;
  if (json_unpack_ex(json, &error, 0, "{s:s, s:s, s:s, s:s, s:I, s:i, s:i, s:{s:I, s:F}}", "recipe", &recipe,
                     "data", &data, "net", &net, "loss", &loss, "seed", &seed, "epochs", &out->epochs,
                     "best_epoch", &out->best_epoch, "test", "images", &images, "accuracy", &accuracy) != 0)
    return mixent_fail(json_error_code(&error) == json_error_out_of_memory ? MIXENT_ERROR_MEMORY
                                                                           : MIXENT_ERROR_FORMAT,
                       "%s: %s; it is no summary of a run", path, error.text);
  if (out->best_epoch < 1 || out->best_epoch > out->epochs)
    return mixent_fail(MIXENT_ERROR_FORMAT, "%s: best_epoch %d: expected 1 to %d, the run's epochs", path,
                       out->best_epoch, out->epochs);
  MIXENT_TRY(mixent_scores_check(json_object_get(json, "test"), path, "test"));
  MIXENT_TRY(mixent_scores_check(json_object_get(json, "validation"), path, "validation"));
  take_scores(json_object_get(json, "test"), &parts->test);
  take_scores(json_object_get(json, "validation"), &parts->validation);
  const char *samples = json_string_value(json_object_get(json, "samples")); /* older versions lack it */
  out->rows = samples && strcmp(samples, "rows") == 0;
  out->seed = (long)seed;
  out->seconds = json_number_value(json_object_get(json, "seconds"));
  out->images_per_second = json_number_value(json_object_get(json, "images_per_second"));
  MIXENT_TRY(mixent_copy_text(recipe, &out->recipe));
  MIXENT_TRY(mixent_copy_text(data, &out->data));
  MIXENT_TRY(mixent_copy_text(net, &out->net));
  return mixent_copy_text(loss, &out->loss);
}

static mixent_status fail_unfinished(const char *run) {
  char *word = mixent_path_quote(run);
  mixent_status status = mixent_fail(
      MIXENT_ERROR_ARGUMENT,
      "%s: no summary.json in it, so that run is not finished; go on with it by: mixent train --resume %s",
      run, word ? word : run);
  free(word);
  return status;
}

static mixent_status parse_summary(const char *text, size_t size, const char *path, mixent_result *out,
                                   summary_parts *parts) {
  json_t *json;
  mixent_status status = mixent_json_parse(text, size, 0, path, &json);
  if (status == MIXENT_OK) status = take_summary(json, path, out, parts);
  json_decref(json);
  return status;
}

static mixent_status read_summary(mixent_result *out, summary_parts *parts) {
  mixent_path_kind kind, summary;
  MIXENT_TRY(mixent_path_look(out->run, &kind));
  if (kind != MIXENT_PATH_DIRECTORY)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "%s: no such run; 'mixent train' starts one", out->run);
  MIXENT_TRY(mixent_path_look_in(out->run, "summary.json", &summary));
  if (summary == MIXENT_PATH_NOTHING) return fail_unfinished(out->run);
  char *path = mixent_path_join(out->run, "summary.json"), *text = NULL;
  size_t size;
  if (!path) return MIXENT_ERROR_MEMORY;
  mixent_status status = mixent_file_read(path, largest, &text, &size);
  if (status == MIXENT_OK) status = parse_summary(text, size, path, out, parts);
  free(text);
  free(path);
  return status;
}

static mixent_status make(const char *predictions, mixent_result *out) {
  mixent_run_predictions read;
  MIXENT_TRY(mixent_run_predictions_read(predictions, &read));
  mixent_status status = mixent_result_compute(&read, out);
  mixent_run_predictions_free(&read);
  return status == MIXENT_OK ? status : mixent_fail_within(status, "%s", predictions);
}

static mixent_status keep(const mixent_result *result, const char *path) {
  char *text;
  MIXENT_TRY(mixent_result_to_json(result, &text));
  mixent_status status = mixent_file_replace(path, text, strlen(text));
  free(text);
  return status == MIXENT_ERROR_MEMORY ? status : MIXENT_OK; /* where it cannot be kept it is made again */
}

static mixent_status read_kept(const char *path, mixent_result *out) {
  char *text;
  size_t size;
  MIXENT_TRY(mixent_file_read(path, largest, &text, &size));
  mixent_status status = mixent_result_from_json(text, size, path, out);
  free(text);
  return status;
}

/* *made: it comes from predictions.safetensors, and result.json is not there yet. */
static mixent_status read_or_make(const char *path, const char *predictions, mixent_result *out, bool *made) {
  mixent_path_kind result, kept;
  MIXENT_TRY(mixent_path_look(path, &result));
  MIXENT_TRY(mixent_path_look(predictions, &kept));
  if (result == MIXENT_PATH_FILE) return read_kept(path, out);
  *made = kept == MIXENT_PATH_FILE;
  if (*made) return make(predictions, out);
  char *word = mixent_path_quote(out->run);
  mixent_status status = mixent_fail(MIXENT_ERROR_ARGUMENT,
                                     "%s: neither result.json nor predictions.safetensors is in it (older "
                                     "versions kept none); 'mixent train "
                                     "--resume %s' scores its model again and keeps them",
                                     out->run, word ? word : out->run);
  free(word);
  return status;
}

/* Whether result.json or predictions.safetensors, at `path`, says of a part what summary.json does. */
static mixent_status check_scores(const char *path, const char *advice, const char *part,
                                  const summary_scores *said, size_t images,
                                  const mixent_calibration *scores) {
  if ((size_t)said->images != images)
    return mixent_fail(
        MIXENT_ERROR_FORMAT,
        "%s: its %s part has %zu samples, that of summary.json %lld; they are not of one run; %s", path, part,
        images, (long long)said->images, advice);
  for (size_t i = 0; i < SHARED; i++) {
    double value;
    memcpy(&value, (const char *)scores + shared[i].offset, sizeof value);
    bool null = isnan(value), said_null = isnan(said->values[i]);
    if (said->known[i] && (null != said_null || fabs(said->values[i] - value) > 1e-9 * fmax(1, fabs(value))))
      return mixent_fail(
          MIXENT_ERROR_FORMAT,
          "%s: its %s of the %s part is %g, but %g in summary.json; they are not of one run; %s", path,
          shared[i].key, part, value, said->values[i], advice);
  }
  return MIXENT_OK;
}

static mixent_status check_parts(const char *path, const char *advice, const summary_parts *said,
                                 const mixent_result *result) {
  MIXENT_TRY(check_scores(path, advice, "test", &said->test, result->test_images, &result->test));
  if (!said->validation.images) return MIXENT_OK;
  return check_scores(path, advice, "validation", &said->validation, result->validation_images,
                      &result->validation);
}

static mixent_status read_result(const summary_parts *said, mixent_result *out) {
  char *path = mixent_path_join(out->run, "result.json");
  char *predictions = mixent_path_join(out->run, "predictions.safetensors");
  bool made = false;
  mixent_status status =
      path && predictions ? read_or_make(path, predictions, out, &made) : MIXENT_ERROR_MEMORY;
  const char *from = made ? predictions : path;
  const char *advice = made ? "remove summary.json, 'mixent train --resume' scores the model again"
                            : "remove result.json, it is made anew from predictions.safetensors";
  if (status == MIXENT_OK) status = check_parts(from, advice, said, out);
  if (status == MIXENT_OK && made) status = keep(out, path);
  free(path);
  free(predictions);
  return status;
}

mixent_status mixent_result_read(const char *run, mixent_result **out) {
  mixent_result *result;
  summary_parts said = {0};
  *out = NULL;
  MIXENT_TRY(MIXENT_ALLOCATE(1, &result));
  mixent_status status = mixent_copy_text(run, &result->run);
  if (status == MIXENT_OK) status = read_summary(result, &said);
  if (status == MIXENT_OK) status = read_result(&said, result);
  if (status != MIXENT_OK) {
    mixent_result_free(result);
    return status;
  }
  *out = result;
  return MIXENT_OK;
}

mixent_status mixent_result_parse(const char *run, const char *summary, const char *kept,
                                  mixent_result **out) {
  mixent_result *result;
  summary_parts said = {0};
  *out = NULL;
  MIXENT_TRY(MIXENT_ALLOCATE(1, &result));
  mixent_status status = mixent_copy_text(run, &result->run);
  if (status == MIXENT_OK) status = parse_summary(summary, strlen(summary), "summary.json", result, &said);
  if (status == MIXENT_OK) status = mixent_result_from_json(kept, strlen(kept), "result.json", result);
  if (status == MIXENT_OK) status = check_parts("result.json", "export the study again", &said, result);
  if (status == MIXENT_OK)
    *out = result;
  else
    mixent_result_free(result);
  return status;
}

/* What is newer of the two; neither of them: *there false. */
static mixent_status read_newer(const char *path, const char *predictions, mixent_result *out, bool *there) {
  struct stat kept, from;
  bool has_kept, has_from;
  MIXENT_TRY(mixent_path_stat(path, &kept, &has_kept));
  MIXENT_TRY(mixent_path_stat(predictions, &from, &has_from));
  *there = has_kept || has_from;
  if (!*there) return MIXENT_OK;
  bool newer = has_kept && has_from &&
               (from.st_mtim.tv_sec > kept.st_mtim.tv_sec ||
                (from.st_mtim.tv_sec == kept.st_mtim.tv_sec && from.st_mtim.tv_nsec > kept.st_mtim.tv_nsec));
  if (has_kept && !newer) return read_kept(path, out);
  MIXENT_TRY(make(predictions, out));
  return keep(out, path);
}

mixent_status mixent_result_read_predictions(const char *run, mixent_result **out) {
  char *path = mixent_path_join(run, "result.json"),
       *predictions = mixent_path_join(run, "predictions.safetensors");
  mixent_result *result = NULL;
  bool there = false;
  *out = NULL;
  mixent_status status = path && predictions ? MIXENT_ALLOCATE(1, &result) : MIXENT_ERROR_MEMORY;
  if (status == MIXENT_OK) {
    result->seconds = result->images_per_second = NAN;
    status = mixent_copy_text(run, &result->run);
  }
  if (status == MIXENT_OK) status = read_newer(path, predictions, result, &there);
  free(path);
  free(predictions);
  if (status == MIXENT_OK && there)
    *out = result;
  else
    mixent_result_free(result);
  return status;
}
