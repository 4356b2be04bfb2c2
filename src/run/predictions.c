/* predictions.safetensors, written and read. */
#include "run/predictions.h"
#include "core/json.h"
#include "core/memory.h"
#include "io/safetensors.h"

#include <stdlib.h>
#include <string.h>

static const char names_key[] = "class_names";
static const char *const logits_names[] = {"test.logits", "validation.logits"};
static const char *const labels_names[] = {"test.labels", "validation.labels"};

void mixent_predicted_free(mixent_predicted *predicted) {
  free(predicted->logits);
  free(predicted->labels);
  *predicted = (mixent_predicted){0};
}

void mixent_run_predictions_free(mixent_run_predictions *predictions) {
  for (size_t k = 0; predictions->class_names && k < predictions->classes; k++)
    free(predictions->class_names[k]);
  free(predictions->class_names);
  mixent_predicted_free(&predictions->test);
  mixent_predicted_free(&predictions->validation);
  *predictions = (mixent_run_predictions){0};
}

mixent_status mixent_run_predictions_write(const char *path, const mixent_run_predictions *predictions) {
  const mixent_predicted *const parts[] = {&predictions->test, &predictions->validation};
  mixent_safetensor tensors[4];
  size_t count = 0;
  for (size_t p = 0; p < 2; p++) {
    if (parts[p]->images == 0) continue;
    int64_t images = (int64_t)parts[p]->images, classes = (int64_t)predictions->classes;
    tensors[count++] = (mixent_safetensor){
        .name = logits_names[p], .dimensions = 2, .shape = {images, classes}, .data = parts[p]->logits};
    tensors[count - 1].element = MIXENT_F32;
    tensors[count++] = (mixent_safetensor){
        .name = labels_names[p], .dimensions = 1, .shape = {images}, .data = parts[p]->labels};
    tensors[count - 1].element = MIXENT_I32;
  }
  char *text;
  MIXENT_TRY(mixent_json_write(mixent_json_texts(predictions->class_names, predictions->classes),
                               JSON_COMPACT, &text));
  const mixent_metadata metadata = {names_key, text};
  mixent_status status = mixent_safetensors_write(path, &metadata, 1, tensors, count);
  free(text);
  return status;
}

static mixent_status fail_part(const char *path, const char *what) {
  return mixent_fail(MIXENT_ERROR_FORMAT, "%s: %s is missing or wrong; it holds no predictions of a run",
                     path, what);
}

static mixent_status read_names(const mixent_safetensors *file, const char *path,
                                mixent_run_predictions *out) {
  const char *text = mixent_safetensors_metadata(file, names_key);
  json_t *names = NULL;
  mixent_status status = text ? mixent_json_parse(text, strlen(text), 0, path, &names) : MIXENT_OK;
  if (status != MIXENT_ERROR_MEMORY && !json_array_size(names)) status = fail_part(path, names_key);
  if (status == MIXENT_OK) status = MIXENT_ALLOCATE(json_array_size(names), &out->class_names);
  while (status == MIXENT_OK && out->classes < json_array_size(names)) {
    const char *name = json_string_value(json_array_get(names, out->classes));
    status = name ? mixent_copy_text(name, &out->class_names[out->classes++]) : fail_part(path, names_key);
  }
  json_decref(names);
  return status;
}

static mixent_status copy(const mixent_safetensor *tensor, void *out) {
  MIXENT_TRY(mixent_allocate(tensor->bytes, out));
  memcpy(*(void **)out, tensor->data, tensor->bytes);
  return MIXENT_OK;
}

static mixent_status read_part(const mixent_safetensors *file, const char *path, size_t part, size_t classes,
                               mixent_predicted *out) {
  const mixent_safetensor *logits = mixent_safetensors_find(file, logits_names[part]);
  const mixent_safetensor *labels = mixent_safetensors_find(file, labels_names[part]);
  if (part == 1 && !logits && !labels) return MIXENT_OK; /* nothing was held out */
  if (!logits || logits->element != MIXENT_F32 || logits->dimensions != 2 || logits->shape[0] < 1 ||
      logits->shape[1] != (int64_t)classes)
    return fail_part(path, logits_names[part]);
  if (!labels || labels->element != MIXENT_I32 || labels->dimensions != 1 ||
      labels->shape[0] != logits->shape[0])
    return fail_part(path, labels_names[part]);
  out->images = (size_t)logits->shape[0];
  MIXENT_TRY(copy(logits, &out->logits));
  return copy(labels, &out->labels);
}

mixent_status mixent_run_predictions_read(const char *path, mixent_run_predictions *out) {
  mixent_safetensors *file;
  *out = (mixent_run_predictions){0};
  MIXENT_TRY(mixent_safetensors_open(path, &file));
  mixent_status status = read_names(file, path, out);
  if (status == MIXENT_OK) status = read_part(file, path, 0, out->classes, &out->test);
  if (status == MIXENT_OK) status = read_part(file, path, 1, out->classes, &out->validation);
  mixent_safetensors_free(file);
  if (status != MIXENT_OK) mixent_run_predictions_free(out);
  return status;
}
