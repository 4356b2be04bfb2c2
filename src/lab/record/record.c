/* One recorded run: record.json with every check, and what is kept of its predictions. */
#include "lab/record/record.h"
#include "core/file.h"
#include "core/format_version.h"
#include "core/json.h"
#include "core/memory.h"
#include "core/unicode.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FORMAT = 1 };
static const char kind[] = "mixent record";
static const double largest =
    1e150; /* a metric beyond it counts as infinite: its square has no place in a double */

void mixent_record_free(mixent_record *record) {
  for (size_t i = 0; i < record->metric_count; i++) free(record->metrics[i].name);
  free(record->metrics);
  free(record->path);
  free(record->variant);
  free(record->data);
  free(record->seed);
  mixent_result_free(record->result);
  *record = (mixent_record){0};
}

static mixent_status fail_key(const char *path, const char *key, const char *expected) {
  return mixent_fail(MIXENT_ERROR_FORMAT, "%s: %s: expected %s; record the run again (mixent.lab.record)",
                     path, key, expected);
}

/* A name in the spelling that names are compared in. */
static mixent_status take_name(const char *path, const char *key, const char *text, char **out) {
  size_t length = text ? strlen(text) : 0;
  if (length == 0 || length > MIXENT_RECORD_NAME_BYTES || strspn(text, " \t\r\n") == length)
    return fail_key(path, key, "a name of 1 to 1000 bytes");
  return mixent_text_compose(text, out);
}

static mixent_status take_metrics(const char *path, json_t *metrics, mixent_record *out) {
  const char *name;
  json_t *value;
  if (!json_is_object(metrics) || json_object_size(metrics) > MIXENT_RECORD_METRICS)
    return fail_key(path, "metrics", "an object of at most 1000 numbers");
  MIXENT_TRY(MIXENT_ALLOCATE(json_object_size(metrics), &out->metrics));
  json_object_foreach(metrics, name, value) {
    double number = json_is_null(value) ? NAN : json_number_value(value);
    if (!json_is_number(value) && !json_is_null(value))
      return fail_key(path, "metrics", "numbers, or null where the run has no value");
    MIXENT_TRY(take_name(path, "metrics", name, &out->metrics[out->metric_count].name));
    out->metrics[out->metric_count++].value = fabs(number) <= largest ? number : NAN;
  }
  return MIXENT_OK;
}

static mixent_status check_class_names(const char *path, const json_t *names) {
  bool right = json_is_null(names) || json_is_array(names);
  for (size_t i = 0; i < json_array_size(names); i++) right &= json_is_string(json_array_get(names, i));
  return right ? MIXENT_OK : fail_key(path, "class_names", "null or texts");
}

static mixent_status take(json_t *json, const char *path, mixent_record *out) {
  const char *says = json_string_value(json_object_get(json, "kind"));
  const json_t *format = json_object_get(json, "format"), *seed = json_object_get(json, "seed");
  json_t *data = json_object_get(json, "data");
  if (!says || strcmp(says, kind) != 0) return fail_key(path, "kind", "\"mixent record\"");
  if (!json_is_integer(format) || json_integer_value(format) < 1 || json_integer_value(format) > INT_MAX)
    return fail_key(path, "format", "a whole number from 1 on");
  MIXENT_TRY(mixent_format_check(path, "a recorded run", (long)json_integer_value(format), FORMAT));
  if (!json_is_integer(seed) || json_integer_value(seed) < 0)
    return fail_key(path, "seed", "a whole number from 0 on");
  MIXENT_TRY(mixent_print_text(&out->seed, "%lld", (long long)json_integer_value(seed)));
  MIXENT_TRY(take_name(path, "variant", json_string_value(json_object_get(json, "variant")), &out->variant));
  MIXENT_TRY(json_is_null(data) ? mixent_copy_text("", &out->data)
                                : take_name(path, "data", json_string_value(data), &out->data));
  MIXENT_TRY(check_class_names(path, json_object_get(json, "class_names")));
  return take_metrics(path, json_object_get(json, "metrics"), out);
}

mixent_status mixent_record_parse(const char *text, size_t size, const char *path, mixent_record *out) {
  json_t *json;
  *out = (mixent_record){0};
  MIXENT_TRY(mixent_json_parse(text, size, JSON_REJECT_DUPLICATES, path, &json));
  mixent_status status = take(json, path, out);
  json_decref(json);
  return status;
}

static mixent_status read_file(const char *path, mixent_record *out) {
  char *text;
  size_t size;
  MIXENT_TRY(mixent_file_read(path, MIXENT_RECORD_BYTES, &text, &size));
  mixent_status status = mixent_record_parse(text, size, path, out);
  free(text);
  return status;
}

mixent_status mixent_record_read(const char *directory, mixent_record *out) {
  char *path = mixent_path_join(directory, MIXENT_RECORD_FILE);
  *out = (mixent_record){0};
  mixent_status status = path ? read_file(path, out) : MIXENT_ERROR_MEMORY;
  if (status == MIXENT_OK) status = mixent_copy_text(directory, &out->path);
  if (status == MIXENT_OK) status = mixent_result_read_predictions(directory, &out->result);
  if (status == MIXENT_OK && out->result) {
    out->result->seed = strtol(out->seed, NULL, 10);
    status = mixent_copy_text(out->data, &out->result->data);
  }
  if (status == MIXENT_OK && !out->result && !out->metric_count)
    status =
        mixent_fail(MIXENT_ERROR_FORMAT,
                    "%s: expected predictions.safetensors beside it, or metrics in it, got neither; record "
                    "the run again (mixent.lab.record)",
                    path);
  free(path);
  return status;
}
