/* Values while ONNX is read: their names, floats and whole numbers of the file, what layers give, and the steps between. */
#include "core/locale.h"
#include "core/memory.h"
#include "model/import_onnx.h"

#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_LAYERS = 10000 };

mixent_status(mixent_onnx_fail)(const mixent_importer *importer, const char *format, ...) {
  const mixent_onnx_step *step = &importer->step;
  enum { MOST_NAME = 100 };
  char *message = NULL;
  va_list arguments;
  va_start(arguments, format);
  mixent_print_new(&message, format, arguments);
  va_end(arguments);
  if (!message) return mixent_no_memory("%s", importer->file.origin);
  mixent_bytes name = step->name.size || !step->output_count ? step->name : step->outputs[0];
  mixent_status status = mixent_fail(
      MIXENT_ERROR_UNSUPPORTED, "%s: node '%.*s' (%.*s): %s", importer->file.origin,
      (int)(name.size < MOST_NAME ? name.size : MOST_NAME), name.size ? (const char *)name.data : "",
      (int)(step->type.size < MOST_NAME ? step->type.size : MOST_NAME),
      step->type.size ? (const char *)step->type.data : "", message);
  free(message);
  return status;
}

/* --------------------------------------------------------------------------- names ---- */

/* FNV-1a */
static size_t hash(mixent_bytes name) {
  uint64_t value = 14695981039346656037U;
  for (size_t i = 0; i < name.size; i++) value = (value ^ name.data[i]) * 1099511628211U;
  return (size_t)(value ^ value >> 32);
}

mixent_onnx_name *mixent_onnx_name_find(mixent_importer *importer, mixent_bytes name) {
  size_t at = hash(name) & (importer->name_room - 1);
  while (importer->names[at].name.size && !mixent_bytes_same(importer->names[at].name, name))
    at = (at + 1) & (importer->name_room - 1);
  importer->names[at].name = name;
  return &importer->names[at];
}

mixent_status mixent_onnx_name_all(mixent_importer *importer) {
  const mixent_onnx_file *file = &importer->file;
  size_t count = file->tensor_count + 2;
  mixent_onnx_step step;
  for (size_t i = 0; i < file->node_count; i++) {
    if (!mixent_onnx_step_read(file->nodes[i], &importer->step))
      return mixent_onnx_fail(importer, "expected at most %d inputs and outputs", MIXENT_ONNX_INPUTS);
    count += (size_t)(importer->step.input_count + importer->step.output_count);
  }
  importer->name_room = 4;
  while (importer->name_room < 2 * count) importer->name_room *= 2;
  MIXENT_TRY(MIXENT_ALLOCATE(importer->name_room, &importer->names));
  for (size_t i = 0; i < file->node_count; i++) {
    mixent_onnx_step_read(file->nodes[i], &step);
    for (int j = 0; j < step.input_count; j++)
      if (step.inputs[j].size) mixent_onnx_name_find(importer, step.inputs[j])->uses++;
  }
  if (file->output.size) mixent_onnx_name_find(importer, file->output)->uses++;
  return MIXENT_OK;
}

bool mixent_onnx_has_input(const mixent_importer *importer, int i) {
  return i < importer->step.input_count && importer->step.inputs[i].size;
}

mixent_status mixent_onnx_item_get(mixent_importer *importer, int i, mixent_onnx_item **out) {
  if (!mixent_onnx_has_input(importer, i)) return mixent_onnx_fail(importer, "input %d is missing", i + 1);
  mixent_bytes name = importer->step.inputs[i];
  *out = mixent_onnx_name_find(importer, name)->item;
  if (*out) return MIXENT_OK;
  return mixent_onnx_fail(importer, "no node before gives its input '%.*s'",
                          (int)(name.size < 100 ? name.size : 100), (const char *)name.data);
}

void mixent_onnx_item_clear(mixent_onnx_item *item) {
  free(item->own_tensor);
  free(item->numbers);
  free(item->scale);
  free(item->shift);
}

static mixent_status bind(mixent_importer *importer, int i, mixent_onnx_item *item) {
  if (i >= importer->step.output_count || !importer->step.outputs[i].size)
    return mixent_onnx_fail(importer, "output %d is missing", i + 1);
  mixent_onnx_name *name = mixent_onnx_name_find(importer, importer->step.outputs[i]);
  if (name->item) return mixent_onnx_fail(importer, "another node gives its output, too");
  name->item = item;
  return MIXENT_OK;
}

mixent_status mixent_onnx_give(mixent_importer *importer, int i, mixent_onnx_item item) {
  mixent_onnx_item *kept = NULL;
  mixent_status status = MIXENT_GROW(&importer->items, importer->item_count, importer->file.origin);
  if (status == MIXENT_OK) status = MIXENT_ALLOCATE(1, &kept);
  if (status != MIXENT_OK) {
    mixent_onnx_item_clear(&item);
    return status;
  }
  *kept = item;
  importer->items[importer->item_count++] = kept;
  return bind(importer, i, kept);
}

mixent_status mixent_onnx_give_same(mixent_importer *importer) {
  mixent_onnx_item *item;
  MIXENT_TRY(mixent_onnx_item_get(importer, 0, &item));
  item->direct = false;
  return bind(importer, 0, item);
}

mixent_status mixent_onnx_give_numbers(mixent_importer *importer, const mixent_onnx_numbers *numbers) {
  mixent_onnx_numbers *copy;
  MIXENT_TRY(MIXENT_ALLOCATE(1, &copy));
  *copy = *numbers;
  return mixent_onnx_give(importer, 0, (mixent_onnx_item){.kind = MIXENT_ONNX_WHOLE, .numbers = copy});
}

mixent_status mixent_onnx_tensor_get(mixent_importer *importer, int i, const mixent_onnx_tensor **out) {
  mixent_onnx_item *item;
  MIXENT_TRY(mixent_onnx_item_get(importer, i, &item));
  *out = item->tensor;
  if (item->kind != MIXENT_ONNX_TENSOR)
    return mixent_onnx_fail(importer, "input %d: expected a tensor of the file, got a value that is computed",
                            i + 1);
  if ((*out)->type == MIXENT_ONNX_FLOAT) return MIXENT_OK;
  return mixent_onnx_fail(importer, "input %d: expected floats of 32 bits, got element type %lld", i + 1,
                          (long long)(*out)->type);
}

mixent_status mixent_onnx_numbers_get(mixent_importer *importer, int i, const mixent_onnx_numbers **out) {
  mixent_onnx_item *item;
  MIXENT_TRY(mixent_onnx_item_get(importer, i, &item));
  *out = item->numbers;
  if (item->kind == MIXENT_ONNX_WHOLE) return MIXENT_OK;
  return mixent_onnx_fail(importer,
                          "input %d: expected at most %d whole numbers that do not depend on the images",
                          i + 1, MIXENT_ONNX_NUMBERS);
}

/* -------------------------------------------------------------------------- layers ---- */

mixent_status mixent_onnx_spend(mixent_importer *importer, size_t count) {
  if (count > importer->budget)
    return mixent_onnx_fail(importer, "the network needs more memory than a file of this size should");
  importer->budget -= count;
  return MIXENT_OK;
}

static bool is_taken(const mixent_importer *importer, const char *name) {
  for (int l = 0; l < importer->layer_count; l++)
    if (strcmp(importer->layers[l].name, name) == 0) return true;
  return false;
}

/* "l1.0" of the tensor "l1.0.weight", else the kind and the layer's number. */
static mixent_status name_layer(const mixent_importer *importer, mixent_layer_kind kind, mixent_bytes stem,
                                char **out) {
  static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-",
                    ending[] = ".weight";
  enum { ENDING = sizeof ending - 1, MOST_NAME = 100 };
  const char *type = "";
  *out = NULL;
  if (stem.size > ENDING && stem.size < MOST_NAME &&
      memcmp(stem.data + stem.size - ENDING, ending, ENDING) == 0) {
    MIXENT_TRY(mixent_copy_start((const char *)stem.data, stem.size - ENDING, out));
    bool fits = strspn(*out, letters) == stem.size - ENDING && !strchr(".-", **out);
    if (fits && !is_taken(importer, *out)) return MIXENT_OK;
  }
  for (int i = 0; mixent_layer_types[i]; i++)
    if (mixent_layer_types[i]->kind == kind) type = mixent_layer_types[i]->name;
  int number = importer->layer_count;
  do {
    free(*out);
    MIXENT_TRY(mixent_print_text(out, "%s-%d", type, number++));
  } while (is_taken(importer, *out));
  return MIXENT_OK;
}

void mixent_onnx_made_clear(mixent_onnx_made *layer) {
  for (int i = 0; i < 4; i++) free(layer->values[i].made);
  free(layer->name);
}

mixent_status mixent_onnx_layer_add(mixent_importer *importer, mixent_onnx_made layer, mixent_bytes stem,
                                    int *index) {
  mixent_status status = importer->layer_count == MOST_LAYERS
                             ? mixent_onnx_fail(importer, "expected at most %d layers", MOST_LAYERS)
                             : MIXENT_GROW(&importer->layers, importer->layer_count, importer->file.origin);
  if (status == MIXENT_OK) status = name_layer(importer, layer.kind, stem, &layer.name);
  if (status != MIXENT_OK) {
    mixent_onnx_made_clear(&layer);
    return status;
  }
  *index = importer->layer_count;
  importer->layers[importer->layer_count++] = layer;
  return MIXENT_OK;
}

const mixent_bytes mixent_onnx_no_stem = {NULL, 0};

mixent_onnx_made mixent_onnx_made_like(const mixent_importer *importer, mixent_layer_kind kind, int input) {
  const mixent_onnx_made *from = &importer->layers[input];
  return (mixent_onnx_made){.kind = kind,
                            .inputs = {input},
                            .input_count = 1,
                            .channels = from->channels,
                            .height = from->height,
                            .width = from->width};
}

mixent_status mixent_onnx_give_layer(mixent_importer *importer, int output, int rank, mixent_onnx_made made,
                                     mixent_bytes stem) {
  int layer;
  MIXENT_TRY(mixent_onnx_layer_add(importer, made, stem, &layer));
  return mixent_onnx_give(
      importer, output,
      (mixent_onnx_item){.kind = MIXENT_ONNX_LAYER, .layer = layer, .rank = rank, .direct = true});
}

mixent_status mixent_onnx_rank_get(mixent_importer *importer, int i, int *rank) {
  mixent_onnx_item *item;
  MIXENT_TRY(mixent_onnx_item_get(importer, i, &item));
  *rank = item->rank;
  return MIXENT_OK;
}

mixent_status mixent_onnx_expect(mixent_importer *importer, const char *attribute, int64_t fallback,
                                 int64_t wanted) {
  int64_t value = mixent_onnx_attribute_integer(&importer->step, attribute, fallback);
  if (value == wanted) return MIXENT_OK;
  return mixent_onnx_fail(importer, "%s: expected %lld, got %lld", attribute, (long long)wanted,
                          (long long)value);
}
