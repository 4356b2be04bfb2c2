/* result.json: a result's numbers as JSON, in 17 digits, and back with every check. */
#include "core/json.h"
#include "core/format_version.h"
#include "core/memory.h"
#include "lab/result/parts.h"
#include "run/scores.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FORMAT = 1 };

/* Which images must be missing where a number is null: it is a mean over them, or there is none that is finite. */
typedef enum without { NEVER, RIGHT, WRONG, RIGHT_OR_WRONG, FINITE } without;

enum { LN_CLASSES = 0 };

/* Where each number of mixent_calibration stands, for both directions, and what it can be. */
static const struct {
  const char *key;
  size_t offset;
  double most; /* none is below 0; LN_CLASSES: the entropy of equal probabilities */
  without null;
} fields[] = {{"accuracy", offsetof(mixent_calibration, accuracy), 1, NEVER},
              {"nll", offsetof(mixent_calibration, nll), HUGE_VAL, FINITE},
              {"brier", offsetof(mixent_calibration, brier), 2, NEVER},
              {"ece", offsetof(mixent_calibration, ece), 1, NEVER},
              {"ece_equal_mass", offsetof(mixent_calibration, ece_equal_mass), 1, NEVER},
              {"entropy", offsetof(mixent_calibration, entropy), LN_CLASSES, NEVER},
              {"entropy_right", offsetof(mixent_calibration, entropy_right), LN_CLASSES, RIGHT},
              {"entropy_wrong", offsetof(mixent_calibration, entropy_wrong), LN_CLASSES, WRONG},
              {"auroc", offsetof(mixent_calibration, auroc), 1, RIGHT_OR_WRONG},
              {"aurc", offsetof(mixent_calibration, area), 1, NEVER}};

static json_t *write_calibration(const mixent_calibration *calibration, size_t images) {
  if (images == 0) return json_null();
  json_t *object = json_object();
  mixent_json_set(&object, "images", json_integer((json_int_t)images));
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    double value;
    memcpy(&value, (const char *)calibration + fields[i].offset, sizeof value);
    mixent_json_set(&object, fields[i].key, mixent_json_number(value));
  }
  return object;
}

static json_t *write_temperature(const mixent_result *result) {
  if (result->validation_images == 0) return json_null();
  const mixent_temperature *temperature = &result->temperature;
  return json_pack("{s:f, s:o, s:o, s:b}", "temperature", temperature->temperature, "nll_before",
                   mixent_json_number(temperature->nll_before), "nll_after",
                   mixent_json_number(temperature->nll_after), "found", temperature->found);
}

static json_t *write_reliability(const mixent_reliability_bin *bins) {
  json_t *array = json_array();
  for (size_t b = 0; b < MIXENT_RELIABILITY_BINS; b++)
    mixent_json_append(
        &array, json_pack("[I, f, f]", (json_int_t)bins[b].count, bins[b].confidence, bins[b].accuracy));
  return array;
}

static json_t *write_counts(const size_t *counts, size_t count) {
  json_t *array = json_array();
  for (size_t i = 0; i < count; i++) mixent_json_append(&array, json_integer((json_int_t)counts[i]));
  return array;
}

static json_t *write_confusion(const mixent_result *result) {
  json_t *rows = json_array();
  for (size_t label = 0; label < result->classes; label++) {
    json_t *row = json_array();
    for (size_t k = 0; k < result->classes; k++)
      mixent_json_append(&row, json_integer(result->confusion[label * result->classes + k]));
    mixent_json_append(&rows, row);
  }
  return rows;
}

static json_t *write_confused(const mixent_result *result) {
  json_t *array = json_array();
  for (size_t i = 0; i < result->confused_count; i++) {
    const mixent_confused *pair = &result->confused[i];
    mixent_json_append(&array,
                       json_pack("{s:I, s:I, s:I, s:o}", "label", (json_int_t)pair->label, "predicted",
                                 (json_int_t)pair->predicted, "count", (json_int_t)pair->count, "images",
                                 write_counts(pair->images, pair->image_count)));
  }
  return array;
}

mixent_status mixent_result_to_json(const mixent_result *result, char **out) {
  char *bits = mixent_bits_pack(result->right, result->test_images);
  json_t *risk = json_array();
  for (size_t i = 0; i < MIXENT_COVERAGE_POINTS; i++) mixent_json_append(&risk, json_real(result->risk[i]));
  const struct {
    const char *key;
    json_t *value;
  } entries[] = {
      {"format", json_integer(FORMAT)},
      {"classes", mixent_json_texts(result->class_names, result->classes)},
      {"temperature", write_temperature(result)},
      {"test", write_calibration(&result->test, result->test_images)},
      {"test_calibrated", write_calibration(&result->test_calibrated, result->test_images)},
      {"validation", write_calibration(&result->validation, result->validation_images)},
      {"validation_calibrated", write_calibration(&result->validation_calibrated, result->validation_images)},
      {"labels", result->test_labels < 0 ? json_null() : json_integer(result->test_labels)},
      {"right", mixent_json_text(bits)},
      {"confusion", write_confusion(result)},
      {"reliability", write_reliability(result->reliability)},
      {"reliability_calibrated", write_reliability(result->reliability_calibrated)},
      {"entropy_right", write_counts(result->entropy_right, MIXENT_ENTROPY_BINS)},
      {"entropy_wrong", write_counts(result->entropy_wrong, MIXENT_ENTROPY_BINS)},
      {"risk", risk},
      {"confused", write_confused(result)}};
  json_t *json = json_object();
  for (size_t i = 0; i < sizeof entries / sizeof *entries; i++)
    mixent_json_set(&json, entries[i].key, entries[i].value);
  free(bits);
  return mixent_json_write(json, JSON_COMPACT | JSON_REAL_PRECISION(17), out);
}

static bool read_count(const json_t *json, size_t most, size_t *out) {
  if (!json_is_integer(json) || json_integer_value(json) < 0 || (size_t)json_integer_value(json) > most)
    return false;
  *out = (size_t)json_integer_value(json);
  return true;
}

static bool read_share(const json_t *json, double *out) {
  *out = json_number_value(json);
  return json_is_number(json) && *out >= 0 && *out <= 1;
}

static bool read_number(const json_t *json, double *out) { /* null: NaN */
  *out = json_is_null(json) ? NAN : json_number_value(json);
  return json_is_number(json) || json_is_null(json);
}

static bool is_array(const json_t *json, size_t count) {
  return json_is_array(json) && json_array_size(json) == count;
}

static bool read_counts(const json_t *json, size_t count, size_t most, size_t *out, size_t *sum) {
  if (!is_array(json, count)) return false;
  *sum = 0;
  for (size_t i = 0; i < count; i++) {
    if (!read_count(json_array_get(json, i), most, &out[i])) return false;
    *sum += out[i];
  }
  return true;
}

static bool may_be_null(without null, double accuracy) {
  bool no_right = accuracy <= 0, no_wrong = accuracy >= 1;
  return null == RIGHT            ? no_right
         : null == WRONG          ? no_wrong
         : null == RIGHT_OR_WRONG ? no_right || no_wrong
                                  : null == FINITE;
}

/* *images: of an entry that says how many first; else it must say that many. */
static bool read_calibration(const json_t *json, size_t classes, size_t *images, mixent_calibration *out) {
  const double rounding = 1 + 1e-6;
  size_t count;
  if (json_is_null(json)) return *images == 0;
  if (!read_count(json_object_get(json, "images"), MIXENT_RESULT_IMAGES, &count) || count == 0 ||
      (*images && count != *images))
    return false;
  *images = count;
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    double value, most = fields[i].most > 0 ? fields[i].most : log((double)classes);
    if (!read_number(json_object_get(json, fields[i].key), &value)) return false;
    memcpy((char *)out + fields[i].offset, &value, sizeof value);
    if (isnan(value) ? !may_be_null(fields[i].null, out->accuracy)
                     : !(value >= 0 && value <= most * rounding))
      return false;
  }
  return true;
}

static bool read_temperature(const json_t *json, mixent_result *out) {
  mixent_temperature *temperature = &out->temperature;
  *temperature = (mixent_temperature){.temperature = 1, .nll_before = NAN, .nll_after = NAN};
  if (json_is_null(json)) return out->validation_images == 0;
  const json_t *found = json_object_get(json, "found");
  temperature->found = json_is_true(found);
  if (!json_is_boolean(found) || out->validation_images == 0 ||
      !read_number(json_object_get(json, "temperature"), &temperature->temperature) ||
      !read_number(json_object_get(json, "nll_before"), &temperature->nll_before) ||
      !read_number(json_object_get(json, "nll_after"), &temperature->nll_after))
    return false;
  return temperature->found ? temperature->temperature > 0 : temperature->temperature == 1;
}

/* These three take memory: *status tells of what is wrong from what is only too large for now. */
static bool read_names(const json_t *json, mixent_result *out, mixent_status *status) {
  size_t count = json_array_size(json);
  if (count == 0 || count > MIXENT_RESULT_CLASSES) return false;
  if ((*status = MIXENT_ALLOCATE(count, &out->class_names)) != MIXENT_OK) return false;
  for (; out->classes < count; out->classes++) {
    const char *name = json_string_value(json_array_get(json, out->classes));
    if (!name) return false;
    *status = mixent_copy_text(name, &out->class_names[out->classes]);
    if (*status != MIXENT_OK) return false;
  }
  return true;
}

/* Older versions wrote none. */
static bool read_labels(const json_t *json, int64_t *out) {
  *out = json_is_integer(json) ? json_integer_value(json) : -1;
  return !json || json_is_null(json) || (json_is_integer(json) && *out >= 0 && *out <= UINT32_MAX);
}

/* How many images are right, which must be what the accuracy says. */
static bool read_right(const json_t *json, mixent_result *out, size_t *right, mixent_status *status) {
  const char *text = json_string_value(json);
  if (!text || out->test_images / 8 > MIXENT_MOST_INFLATION * strlen(text)) return false;
  *status = MIXENT_ALLOCATE(out->test_images, &out->right);
  if (*status == MIXENT_OK) *status = mixent_bits_unpack(text, out->test_images, out->right);
  if (*status != MIXENT_OK) return false;
  *right = 0;
  for (size_t i = 0; i < out->test_images; i++) *right += out->right[i];
  return *right == (size_t)llround(out->test.accuracy * (double)out->test_images);
}

static bool read_confusion(const json_t *json, mixent_result *out, size_t right, mixent_status *status) {
  size_t sum = 0, diagonal = 0, classes = out->classes;
  if (!is_array(json, classes)) return false;
  if ((*status = MIXENT_ALLOCATE(classes * classes, &out->confusion)) != MIXENT_OK) return false;
  for (size_t label = 0; label < classes; label++) {
    const json_t *row = json_array_get(json, label);
    if (!is_array(row, classes)) return false;
    for (size_t k = 0; k < classes; k++) {
      size_t count;
      if (!read_count(json_array_get(row, k), out->test_images, &count)) return false;
      out->confusion[label * classes + k] = (uint32_t)count;
      sum += count;
      if (k == label) diagonal += count;
    }
  }
  return sum == out->test_images && diagonal == right;
}

static bool read_reliability(const json_t *json, size_t images, mixent_reliability_bin *bins) {
  size_t sum = 0;
  if (!is_array(json, MIXENT_RELIABILITY_BINS)) return false;
  for (size_t b = 0; b < MIXENT_RELIABILITY_BINS; b++) {
    const json_t *bin = json_array_get(json, b);
    if (!is_array(bin, 3) || !read_count(json_array_get(bin, 0), images, &bins[b].count) ||
        !read_share(json_array_get(bin, 1), &bins[b].confidence) ||
        !read_share(json_array_get(bin, 2), &bins[b].accuracy))
      return false;
    sum += bins[b].count;
  }
  return sum == images;
}

static bool read_entropy(const json_t *json, size_t images, size_t *bins) {
  size_t sum;
  return read_counts(json, MIXENT_ENTROPY_BINS, images, bins, &sum) && sum == images;
}

static bool read_risk(const json_t *json, double *risk) {
  if (!is_array(json, MIXENT_COVERAGE_POINTS)) return false;
  for (size_t i = 0; i < MIXENT_COVERAGE_POINTS; i++)
    if (!read_share(json_array_get(json, i), &risk[i])) return false;
  return true;
}

static bool read_pair(const json_t *json, const mixent_result *result, mixent_confused *out) {
  const json_t *images = json_object_get(json, "images");
  size_t sum, last_class = result->classes - 1, last_image = result->test_images - 1;
  out->image_count = json_array_size(images);
  return read_count(json_object_get(json, "label"), last_class, &out->label) &&
         read_count(json_object_get(json, "predicted"), last_class, &out->predicted) &&
         read_count(json_object_get(json, "count"), result->test_images, &out->count) &&
         out->count == result->confusion[out->label * result->classes + out->predicted] &&
         out->label != out->predicted && out->image_count <= MIXENT_CONFUSED_IMAGES &&
         read_counts(images, out->image_count, last_image, out->images, &sum);
}

static bool read_confused(const json_t *json, mixent_result *out) {
  size_t count = json_array_size(json);
  if (!json_is_array(json) || count > MIXENT_CONFUSED_PAIRS) return false;
  for (; out->confused_count < count; out->confused_count++)
    if (!read_pair(json_array_get(json, out->confused_count), out, &out->confused[out->confused_count]))
      return false;
  return true;
}

/* The first key whose value is missing or wrong; NULL: all are right. */
static const char *read_all(const json_t *json, mixent_result *out, mixent_status *status) {
  size_t right, format;
#define ENTRY(key) json_object_get(json, key)
  if (!read_count(ENTRY("format"), FORMAT, &format) || format != FORMAT) return "format";
  if (!read_names(ENTRY("classes"), out, status)) return "classes";
  if (!read_calibration(ENTRY("test"), out->classes, &out->test_images, &out->test) || !out->test_images)
    return "test";
  if (!read_calibration(ENTRY("test_calibrated"), out->classes, &out->test_images, &out->test_calibrated))
    return "test_calibrated";
  if (!read_calibration(ENTRY("validation"), out->classes, &out->validation_images, &out->validation))
    return "validation";
  size_t again = out->validation_images;
  if (!read_calibration(ENTRY("validation_calibrated"), out->classes, &again, &out->validation_calibrated) ||
      again != out->validation_images)
    return "validation_calibrated";
  if (!read_temperature(ENTRY("temperature"), out)) return "temperature";
  if (!read_labels(ENTRY("labels"), &out->test_labels)) return "labels";
  if (!read_right(ENTRY("right"), out, &right, status)) return "right";
  if (!read_confusion(ENTRY("confusion"), out, right, status)) return "confusion";
  if (!read_reliability(ENTRY("reliability"), out->test_images, out->reliability)) return "reliability";
  if (!read_reliability(ENTRY("reliability_calibrated"), out->test_images, out->reliability_calibrated))
    return "reliability_calibrated";
  if (!read_entropy(ENTRY("entropy_right"), right, out->entropy_right)) return "entropy_right";
  if (!read_entropy(ENTRY("entropy_wrong"), out->test_images - right, out->entropy_wrong))
    return "entropy_wrong";
  if (!read_risk(ENTRY("risk"), out->risk)) return "risk";
  if (!read_confused(ENTRY("confused"), out)) return "confused";
#undef ENTRY
  return mixent_result_contradiction(out);
}

mixent_status mixent_result_from_json(const char *text, size_t size, const char *path, mixent_result *out) {
  json_t *json;
  mixent_status status = mixent_json_parse(text, size, JSON_REJECT_DUPLICATES, path, &json);
  if (status == MIXENT_ERROR_FORMAT)
    return mixent_fail(status, "%s; remove the file, it is made anew from predictions.safetensors",
                       mixent_last_error());
  MIXENT_TRY(status);
  const json_t *format = json_object_get(json, "format");
  if (json_is_integer(format) && json_integer_value(format) > FORMAT) {
    status = mixent_format_check(path, "a result of a run", (long)json_integer_value(format), FORMAT);
    json_decref(json);
    return status;
  }
  const char *wrong = read_all(json, out, &status);
  json_decref(json);
  if (!wrong && status == MIXENT_OK) return mixent_result_score_classes(out);
  if (!wrong || status == MIXENT_ERROR_MEMORY) return status;
  return mixent_fail(
      MIXENT_ERROR_FORMAT,
      "%s: '%s' is missing, wrong or contradicts the rest; remove the file, it is made anew from "
      "predictions.safetensors",
      path, wrong);
}
