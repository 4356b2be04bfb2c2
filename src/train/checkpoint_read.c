/* Reading checkpoints: everything must be there, in the right type and shape, of the same network, data and
 * recipe. */
#include "model/state_dict.h"
#include "recipe/recipe.h"
#include "train/checkpoint.h"
#include "train/checkpoint_state.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_OBSERVATIONS = 1 << 30 }; /* of the monitor: one an epoch */

/* The first line in which two texts differ, cut to what fits. */
static void first_difference(const char *a, const char *b, char line_a[80], char line_b[80]) {
  while (*a && *b) {
    size_t length_a = strcspn(a, "\n"), length_b = strcspn(b, "\n");
    if (length_a != length_b || strncmp(a, b, length_a) != 0) break;
    a += length_a + (a[length_a] != 0);
    b += length_b + (b[length_b] != 0);
  }
  a += strspn(a, " "), b += strspn(b, " ");
  snprintf(line_a, 80, "%.*s", (int)strcspn(a, "\n"), a);
  snprintf(line_b, 80, "%.*s", (int)strcspn(b, "\n"), b);
}

/* A recipe as this version writes it: an older one's with the options that came since, at their defaults. */
static void renew_recipe(const char *text, mixent_text *out) {
  mixent_recipe recipe;
  if (mixent_recipe_parse(text, "the checkpoint", "checkpoint", NULL, 0, &recipe) == MIXENT_OK)
    mixent_recipe_write(&recipe, false, out);
}

static mixent_status compare_entry(const char *path, const char *key, const char *found, const char *wanted) {
  if (!found)
    return mixent_fail(MIXENT_ERROR_FORMAT, "%s: no '%s' in it; it is not a checkpoint of mixent", path, key);
  if (strcmp(found, wanted) == 0) return MIXENT_OK;
  if (strcmp(key, "fingerprint") == 0)
    return mixent_fail(
        MIXENT_ERROR_FORMAT,
        "%s: the data changed since it was saved (their checksum was %s, now it is %s); put them back as "
        "they were, or start a new run",
        path, found, wanted);
  char was[80], is[80];
  first_difference(found, wanted, was, is);
  return mixent_fail(MIXENT_ERROR_FORMAT, "%s: was made with another %s: '%s' there, '%s' now", path, key,
                     was, is);
}

static mixent_status compare_recipes(const char *path, const char *key, const char *found,
                                     const char *wanted) {
  if (strcmp(found, wanted) == 0) return MIXENT_OK;
  mixent_text there = {0}, now = {0};
  renew_recipe(found, &there);
  renew_recipe(wanted, &now);
  bool read = there.data && now.data;
  mixent_status status = compare_entry(path, key, read ? there.data : found, read ? now.data : wanted);
  mixent_text_free(&there);
  mixent_text_free(&now);
  return status;
}

/* The file must come from the same network, data and recipe. */
static mixent_status check_description(const mixent_safetensors *file, const char *path,
                                       const mixent_checkpoint *now) {
  mixent_description description;
  mixent_status status = MIXENT_OK;
  MIXENT_TRY(mixent_checkpoint_describe(now, &description));
  for (size_t i = 0; i < description.varying && status == MIXENT_OK; i++) {
    const char *key = description.entries[i].key, *wanted = description.entries[i].value;
    const char *found = mixent_safetensors_metadata(file, key);
    bool recipe = found && strcmp(key, "recipe") == 0;
    status = recipe ? compare_recipes(path, key, found, wanted) : compare_entry(path, key, found, wanted);
  }
  mixent_description_free(&description);
  return status;
}

static bool is_count(double value, double most) {
  return value >= 0 && value <= most && value == floor(value);
}

static bool are_finite(const double *values, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (!isfinite(values[i])) return false;
  return true;
}

/* Numbers that no training leaves behind: counts below 0, more right than there were, a best epoch that is yet to come, … */
static mixent_status check_small_state(const mixent_small_state *small, const char *path) {
  const char *wrong = NULL;
  const int64_t *counts = small->counts;
  for (int i = 0; i < 2 + 2 * MIXENT_METRICS_BINS; i += 2)
    if (counts[i + 1] < 0 || counts[i + 1] > counts[i]) wrong = "state.epoch.counts";
  if (!is_count(small->monitor[0], UINT_MAX) || !is_count(small->monitor[1], MOST_OBSERVATIONS) ||
      !are_finite(small->monitor, sizeof small->monitor / sizeof *small->monitor))
    wrong = "state.monitor";
  if (!are_finite(small->loss, MIXENT_LOSS_PARAMETERS)) wrong = "state.loss.parameters";
  if (!are_finite(&small->schedule, 1)) wrong = "state.schedule";
  if (!(isfinite(small->best[0]) && small->best[0] <= 1))
    wrong = "state.best.scores"; /* an NLL has a minus */
  if (small->best_epoch < 0 || small->best_epoch > small->position[0]) wrong = "state.best.epoch";
  if (small->position[0] < 0 || small->position[1] < 0) wrong = "state.position";
  if (!wrong) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_FORMAT, "%s: '%s' holds numbers that no training leaves behind", path,
                     wrong);
}

static mixent_status read_state(const mixent_safetensors *file, const char *path,
                                const mixent_checkpoint *out) {
  size_t count, all = mixent_graph_parameter_count(out->graph);
  const mixent_tensor *parameters = mixent_graph_parameters(out->graph, &count);
  mixent_small_state small = {0};
  char prefix[64];
  for (int a = 0; a < out->optimizer->state_arrays; a++) {
    snprintf(prefix, sizeof prefix, "state.optimizer.%s.", out->optimizer->state_names[a]);
    MIXENT_TRY(
        mixent_tensors_read(file, path, prefix, parameters, count, out->state->optimizer + (size_t)a * all));
  }
  if (out->state->ema)
    MIXENT_TRY(mixent_tensors_read(file, path, "state.ema.", parameters, count, out->state->ema));
  size_t losses = mixent_checkpoint_losses(out);
  if (out->state->losses)
    MIXENT_TRY(mixent_tensor_read(file, path, "state.losses", MIXENT_F32, 1, &(int64_t){(int64_t)losses},
                                  out->state->losses));
  for (const mixent_small_field *field = mixent_small_fields; field->name; field++)
    MIXENT_TRY(mixent_tensor_read(file, path, field->name, field->element, 1,
                                  &(int64_t){(int64_t)field->count}, (char *)&small + field->offset));
  if (!mixent_all_finite(out->state->optimizer, (size_t)out->optimizer->state_arrays * all) ||
      (out->state->ema && !mixent_all_finite(out->state->ema, all)) ||
      (out->state->losses && !mixent_all_finite(out->state->losses, losses)))
    return mixent_fail(MIXENT_ERROR_NUMERIC, "%s: some of its training state is not finite", path);
  MIXENT_TRY(check_small_state(&small, path));
  mixent_small_state_unpack(&small, out->state);
  return MIXENT_OK;
}

mixent_status mixent_checkpoint_take_all(const mixent_safetensors *file, const char *path,
                                         const mixent_checkpoint *checkpoint) {
  MIXENT_TRY(check_description(file, path, checkpoint));
  MIXENT_TRY(
      mixent_state_dict_read(file, path, checkpoint->graph, checkpoint->parameters, checkpoint->statistics));
  return read_state(file, path, checkpoint);
}

mixent_status mixent_checkpoint_read_all(const char *path, const mixent_checkpoint *checkpoint) {
  mixent_safetensors *file;
  MIXENT_TRY(mixent_safetensors_open(path, &file));
  mixent_status status = mixent_checkpoint_take_all(file, path, checkpoint);
  mixent_safetensors_free(file);
  return status;
}
