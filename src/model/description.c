/* The description in a checkpoint's __metadata__. */
#include "model/description.h"
#include "core/json.h"
#include "data/encoder.h"
#include "model/temperature.h"
#include "recipe/recipe.h"

#include <stdlib.h>
#include <string.h>

/* The next entry; its text is to be appended to the value returned. */
static mixent_text *add_entry(mixent_description *description, const char *key) {
  description->entries[description->count].key = key;
  return &description->values[description->count++];
}

static void append_json(mixent_text *text, json_t *json) {
  char *dump;
  if (mixent_json_write(json, JSON_COMPACT, &dump) == MIXENT_OK)
    mixent_text_append(text, "%s", dump);
  else
    text->failed = 1;
  free(dump);
}

static void append_numbers(mixent_text *text, const double *values, size_t count) {
  for (size_t i = 0; i < count; i++) {
    mixent_text_append(text, i ? "," : "[");
    mixent_number_write(values[i], text);
  }
  mixent_text_append(text, "]");
}

static void append_floats(mixent_text *text, const float *values, int count) {
  for (int i = 0; i < count; i++) {
    mixent_text_append(text, i ? "," : "[");
    mixent_number_write(values[i], text);
  }
  mixent_text_append(text, "]");
}

mixent_status mixent_description_make(const mixent_model *model, mixent_description *out) {
  memset(out, 0, sizeof *out);
  mixent_text_append(add_entry(out, "format"), "pt"); /* what PyTorch's users' tools look for */
  mixent_text_append(add_entry(out, "net"), "%s", mixent_graph_name(model->graph));
  mixent_text_append(add_entry(out, "net_text"), "%s", mixent_graph_text(model->graph));
  mixent_text_append(add_entry(out, "data"), "%s", model->data);
  mixent_text_append(add_entry(out, "channels"), "%d", model->channels);
  mixent_text_append(add_entry(out, "side"), "%d", model->side);
  mixent_text_append(add_entry(out, "classes"), "%d", model->classes);
  json_t *labels = json_array();
  for (int k = 0; k < model->classes; k++) mixent_json_append(&labels, json_integer(model->labels[k]));
  append_json(add_entry(out, "class_names"), mixent_json_texts(model->class_names, (size_t)model->classes));
  append_json(add_entry(out, "labels"), labels);
  if (model->feature_names)
    append_json(add_entry(out, "feature_names"),
                mixent_json_texts(model->feature_names, (size_t)model->channels));
  mixent_text_append(add_entry(out, "transposed"), model->transposed ? "true" : "false");
  mixent_text_append(add_entry(out, "fingerprint"), "%016llx", (unsigned long long)model->fingerprint);
  append_floats(add_entry(out, "mean"), model->mean, model->channels);
  append_floats(add_entry(out, "std"), model->deviation, model->channels);
  mixent_text_append(add_entry(out, "recipe"), "%s", model->recipe);
  out->varying = out->count;
  if (model->pictures) { /* the recipe and the fingerprint say the same: older checkpoints lack these */
    mixent_text_append(add_entry(out, "fit"), "%s", mixent_fit_names[model->fit]);
    mixent_text_append(add_entry(out, "background"), "%s", mixent_background_names[model->background]);
  }
  if (model->encoder) {
    char *encoder = NULL;
    mixent_status status = mixent_encoder_write(model->encoder, &encoder);
    if (status == MIXENT_OK) mixent_text_append(add_entry(out, "encoder"), "%s", encoder);
    free(encoder);
    if (status != MIXENT_OK) {
      mixent_description_free(out);
      return status;
    }
  }
  mixent_text_append(add_entry(out, "mixent"), "%s", mixent_version());
  mixent_text_append(add_entry(out, "epoch"), "%llu", (unsigned long long)model->epoch);
  append_numbers(add_entry(out, "loss"), model->loss.value, MIXENT_LOSS_PARAMETERS);
  if (model->unnamed) mixent_text_append(add_entry(out, MIXENT_UNNAMED_KEY), "true");
  if (model->fitted_temperature != 0)
    append_numbers(add_entry(out, MIXENT_TEMPERATURE_KEY), &model->fitted_temperature, 1);
  for (size_t i = 0; i < out->count; i++) {
    mixent_status status = mixent_text_status(&out->values[i]);
    if (status != MIXENT_OK) {
      mixent_description_free(out);
      return status;
    }
    out->entries[i].value = out->values[i].data;
  }
  return MIXENT_OK;
}

void mixent_description_free(mixent_description *description) {
  for (size_t i = 0; i < description->count; i++) mixent_text_free(&description->values[i]);
}
