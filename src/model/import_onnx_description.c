/* What a model from an ONNX file says of itself: all that a checkpoint does in files of this library; others have numbers for
 * classes. */
#include "core/json.h"
#include "core/memory.h"
#include "model/description.h"
#include "model/import_onnx.h"
#include "model/temperature.h"
#include "net/graph/graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void mixent_onnx_description_free(mixent_onnx_description *description) {
  for (size_t i = 0; i < description->count; i++) free((char *)description->entries[i].value);
  free(description->entries);
  *description = (mixent_onnx_description){0};
}

const char *mixent_onnx_description_find(const void *source, const char *key) {
  const mixent_onnx_description *description = source;
  for (size_t i = 0; i < description->count; i++)
    if (strcmp(description->entries[i].key, key) == 0) return description->entries[i].value;
  return NULL;
}

/* Takes the value over; NULL: memory lacked. */
static mixent_status add_entry(mixent_onnx_description *description, const char *key, char *value) {
  if (!value) return mixent_no_memory("an ONNX file");
  mixent_status status = MIXENT_GROW(&description->entries, description->count, "an ONNX file");
  if (status != MIXENT_OK) {
    free(value);
    return status;
  }
  description->entries[description->count++] = (mixent_metadata){.key = key, .value = value};
  return MIXENT_OK;
}

static mixent_status add_text(mixent_onnx_description *description, const char *key, const char *text) {
  char *copy;
  MIXENT_TRY(mixent_copy_text(text, &copy));
  return add_entry(description, key, copy);
}

static mixent_status add_whole(mixent_onnx_description *description, const char *key, int value) {
  char text[32];
  snprintf(text, sizeof text, "%d", value);
  return add_text(description, key, text);
}

/* Takes the JSON over. */
static mixent_status add_json(mixent_onnx_description *description, const char *key, json_t *json) {
  char *text;
  MIXENT_TRY(mixent_json_write(json, JSON_COMPACT | JSON_REAL_PRECISION(9), &text));
  return add_entry(description, key, text);
}

static mixent_status add_floats(mixent_onnx_description *description, const char *key, const float *values,
                                int count) {
  json_t *array = json_array();
  for (int i = 0; i < count; i++) mixent_json_append(&array, json_real((double)values[i]));
  return add_json(description, key, array);
}

/* A network in ONNX is one of floats, whatever its training was in. */
static mixent_status add_recipe(mixent_onnx_description *description, mixent_bytes recipe) {
  static const char key[] = "precision:";
  mixent_text text = {0};
  char *copy, *line;
  MIXENT_TRY(mixent_copy_start((const char *)recipe.data, recipe.size, &copy));
  for (line = copy; *line;) {
    size_t length = strcspn(line, "\n");
    if (strncmp(line, key, sizeof key - 1) != 0) mixent_text_append(&text, "%.*s\n", (int)length, line);
    line += length + (line[length] == '\n');
  }
  mixent_text_append(&text, "%s fp32\n", key);
  free(copy);
  MIXENT_TRY(mixent_text_status(&text));
  return add_entry(description, "recipe", text.data);
}

/* What files of this library say in metadata_props: the key there, and in a description. What is left out has a fallback. */
static const struct {
  const char *property, *key, *fallback;
} copied[] = {{"data", "data", MIXENT_UNKNOWN_DATA},
              {"class_names", "class_names", NULL},
              {"labels", "labels", NULL},
              {"feature_names", "feature_names", NULL},
              {"encoder", "encoder", NULL},
              {"fit", "fit", NULL},
              {"background", "background", NULL},
              {"transposed", "transposed", "false"},
              {"fingerprint", "fingerprint", "0000000000000000"},
              {"epoch", "epoch", "0"},
              {"loss_values", "loss", "[1,1,1,1,1,1]"}};

static mixent_status add_properties(const mixent_importer *importer, mixent_onnx_description *out) {
  static const unsigned char unknown[] = "name: onnx\n";
  const mixent_onnx_file *file = &importer->file;
  bool ours = mixent_bytes_are(file->producer, "mixent");
  mixent_bytes value;
  char *copy;
  for (size_t i = 0; i < sizeof copied / sizeof *copied; i++) {
    if (ours && mixent_onnx_property_find(file, copied[i].property, &value)) {
      MIXENT_TRY(mixent_copy_start((const char *)value.data, value.size, &copy));
      MIXENT_TRY(add_entry(out, copied[i].key, copy));
    } else if (copied[i].fallback) {
      MIXENT_TRY(add_text(out, copied[i].key, copied[i].fallback));
    }
  }
  if (!ours || !mixent_onnx_property_find(file, "recipe", &value))
    value = (mixent_bytes){unknown, sizeof unknown - 1};
  return add_recipe(out, value);
}

/* Classes that the file does not name are 0, 1, … */
static mixent_status add_numbers(const mixent_graph *graph, mixent_onnx_description *out) {
  json_t *names = json_array(), *labels = json_array();
  for (int k = 0; k < graph->options.classes; k++) {
    char number[16];
    snprintf(number, sizeof number, "%d", k);
    mixent_json_append(&names, json_string(number));
    mixent_json_append(&labels, json_integer(k));
  }
  mixent_status status = add_json(out, "class_names", names), other = add_json(out, "labels", labels);
  if (status == MIXENT_OK) status = other;
  return status == MIXENT_OK ? add_text(out, MIXENT_UNNAMED_KEY, "true") : status;
}

mixent_status mixent_onnx_describe(const mixent_importer *importer, const mixent_graph *graph,
                                   mixent_onnx_description *out) {
  const mixent_graph_options *shape = &graph->options;
  const float temperature = (float)importer->temperature;
  MIXENT_TRY(add_text(out, "format", "pt"));
  MIXENT_TRY(add_text(out, "net", mixent_graph_name(graph)));
  MIXENT_TRY(add_text(out, "net_text", mixent_graph_text(graph)));
  MIXENT_TRY(add_whole(out, "channels", shape->channels));
  MIXENT_TRY(add_whole(out, "side", shape->side));
  MIXENT_TRY(add_whole(out, "classes", shape->classes));
  MIXENT_TRY(add_floats(out, "mean", importer->mean, shape->channels));
  MIXENT_TRY(add_floats(out, "std", importer->deviation, shape->channels));
  MIXENT_TRY(add_properties(importer, out));
  if (!mixent_onnx_description_find(out, "class_names") || !mixent_onnx_description_find(out, "labels"))
    MIXENT_TRY(add_numbers(graph, out));
  if (temperature != 1) MIXENT_TRY(add_floats(out, MIXENT_TEMPERATURE_KEY, &temperature, 1));
  return add_text(out, "mixent", mixent_version());
}
