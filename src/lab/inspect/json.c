/* A check as JSON. */
#include "core/json.h"
#include "lab/inspect/words.h"

static json_t *image_json(const mixent_dataset *dataset, size_t number) {
  size_t index;
  mixent_inspection_find(dataset, number, &index);
  json_t *json = json_object();
  mixent_json_set(&json, "part", json_string(mixent_check_part(dataset, number)));
  mixent_json_set(&json, "index", json_integer((json_int_t)index));
  mixent_json_set(&json, "class", mixent_json_text(mixent_check_class(dataset, number)));
  const char *file = mixent_check_file(dataset, number);
  if (file) mixent_json_set(&json, "file", mixent_json_text(file));
  return json;
}

static json_t *classes_json(const mixent_data_check *check) {
  json_t *array = json_array();
  for (int k = 0; k < check->dataset->classes; k++) {
    json_t *json = json_object();
    mixent_json_set(&json, "class", mixent_json_text(check->dataset->class_names[k]));
    mixent_json_set(&json, "train", json_integer((json_int_t)check->found.counts[0][k]));
    mixent_json_set(&json, "test", json_integer((json_int_t)check->found.counts[1][k]));
    mixent_json_append(&array, json);
  }
  return array;
}

static json_t *broken_json(const mixent_broken_files *broken) {
  json_t *array = json_array();
  for (size_t i = 0; i < broken->count; i++) {
    json_t *json = json_object();
    mixent_json_set(&json, "file", mixent_json_text(broken->paths[i]));
    mixent_json_set(&json, "reason", mixent_json_text(broken->reasons[i]));
    mixent_json_append(&array, json);
  }
  return array;
}

static json_t *images_json(const mixent_dataset *dataset, const size_t *numbers, size_t count) {
  json_t *array = json_array();
  for (size_t i = 0; i < count; i++) mixent_json_append(&array, image_json(dataset, numbers[i]));
  return array;
}

static json_t *duplicates_json(const mixent_data_check *check) {
  json_t *array = json_array();
  for (size_t i = 0; i < check->found.group_count; i++) {
    const mixent_duplicate_group *group = &check->found.groups[i];
    json_t *json = json_object();
    mixent_json_set(&json, "images",
                    images_json(check->dataset, check->found.duplicates + group->begin, group->count));
    mixent_json_set(&json, "across", json_boolean(group->across));
    mixent_json_set(&json, "conflict", json_boolean(group->conflict));
    mixent_json_append(&array, json);
  }
  return array;
}

static json_t *near_json(const mixent_data_check *check) {
  json_t *array = json_array();
  for (size_t i = 0; i < check->found.near_count; i++) {
    const mixent_near_pair *pair = &check->found.near[i];
    json_t *json = json_object();
    mixent_json_set(&json, "images", images_json(check->dataset, (const size_t[]){pair->a, pair->b}, 2));
    mixent_json_set(&json, "correlation", mixent_json_number((double)pair->correlation));
    mixent_json_set(&json, "across", json_boolean(pair->across));
    mixent_json_set(&json, "conflict", json_boolean(pair->conflict));
    mixent_json_append(&array, json);
  }
  return array;
}

static json_t *errors_json(const mixent_data_check *check) {
  json_t *array = json_array();
  for (size_t i = 0; i < check->error_count; i++) {
    const mixent_label_error *error = &check->errors[i];
    json_t *json = image_json(check->dataset, error->item);
    mixent_json_set(&json, "suggested", mixent_json_text(check->dataset->class_names[error->suggested]));
    mixent_json_set(&json, "confidence", mixent_json_number(error->confidence));
    mixent_json_set(&json, "margin", mixent_json_number(error->margin));
    mixent_json_append(&array, json);
  }
  return array;
}

json_t *mixent_data_check_json(const mixent_data_check *check) {
  const mixent_dataset *dataset = check->dataset;
  json_t *json = json_object();
  mixent_json_set(&json, "data", mixent_json_text(dataset->name));
  mixent_json_set(&json, "train", json_integer((json_int_t)dataset->train.count));
  mixent_json_set(&json, "test", json_integer((json_int_t)dataset->test.count));
  mixent_json_set(&json, "classes", classes_json(check));
  mixent_json_set(&json, "imbalance", mixent_json_number(mixent_data_check_imbalance(check)));
  mixent_json_set(&json, "broken", broken_json(check->broken));
  mixent_json_set(&json, "constant",
                  images_json(dataset, check->found.constant, check->found.constant_count));
  mixent_json_set(&json, "duplicates", duplicates_json(check));
  mixent_json_set(&json, "near_correlation", check->near > 0 ? mixent_json_number(check->near) : json_null());
  mixent_json_set(&json, "near_duplicates", near_json(check));
  mixent_json_set(&json, "labels_checked", json_integer((json_int_t)check->judged));
  mixent_json_set(&json, "label_errors", errors_json(check));
  return json;
}
