/* Fitting a temperature, and keeping it in the description of a checkpoint. */
#include "model/temperature.h"
#include "core/json.h"
#include "core/memory.h"
#include "io/safetensors.h"
#include "mixent/statistics.h"

#include <stdlib.h>
#include <string.h>

/* The file again, with the value under that key. */
static mixent_status annotate(const char *path, const char *key, const char *value) {
  enum { MOST = 64 };
  mixent_metadata entries[MOST + 1], entry;
  mixent_safetensors *file;
  mixent_status status = MIXENT_OK;
  size_t entry_count = 0, tensor_count;
  MIXENT_TRY(mixent_safetensors_open(path, &file));
  for (size_t i = 0; status == MIXENT_OK && mixent_safetensors_metadata_at(file, i, &entry); i++) {
    if (strcmp(entry.key, key) == 0) continue;
    if (entry_count == MOST)
      status = mixent_fail(MIXENT_ERROR_FORMAT, "%s: more than %d entries of metadata", path, MOST);
    else
      entries[entry_count++] = entry;
  }
  entries[entry_count++] = (mixent_metadata){key, value};
  const mixent_safetensor *tensors = mixent_safetensors_tensors(file, &tensor_count);
  if (status == MIXENT_OK)
    status = mixent_safetensors_write(path, entries, entry_count, tensors, tensor_count);
  mixent_safetensors_free(file);
  return status;
}

mixent_status mixent_temperature_keep(const char *checkpoint, const mixent_predicted *validation,
                                      size_t classes) {
  const mixent_predictions predictions = {.logits = validation->logits,
                                          .labels = validation->labels,
                                          .images = validation->images,
                                          .classes = classes};
  mixent_temperature fitted;
  if (!validation->images) return MIXENT_OK;
  mixent_status status = mixent_temperature_fit(&predictions, &fitted);
  if (status == MIXENT_ERROR_NUMERIC)
    return MIXENT_OK; /* logits without a distribution: no temperature mends them */
  MIXENT_TRY(status);
  if (!fitted.found) return MIXENT_OK;
  char *text;
  MIXENT_TRY(
      mixent_json_write(json_pack("[f]", fitted.temperature), JSON_COMPACT | JSON_REAL_PRECISION(17), &text));
  status = annotate(checkpoint, MIXENT_TEMPERATURE_KEY, text);
  free(text);
  return status;
}
