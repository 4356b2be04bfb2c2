/* Reading the fields of layer kinds, with complaints that say where. */
#include "net/graph/layers/kind.h"

mixent_status mixent_field_integer(const mixent_yaml *fields, const char *key, int low, int high, int *out) {
  const mixent_yaml *field = mixent_yaml_find(fields, key);
  long value = *out;
  if (field) MIXENT_TRY(mixent_yaml_integer(field, low, high, &value));
  *out = (int)value;
  return MIXENT_OK;
}

mixent_status mixent_field_number(const mixent_yaml *fields, const char *key, double low, double high,
                                  double *out) {
  const mixent_yaml *field = mixent_yaml_find(fields, key);
  return field ? mixent_yaml_number(field, low, high, out) : MIXENT_OK;
}

mixent_status mixent_field_boolean(const mixent_yaml *fields, const char *key, bool *out) {
  const mixent_yaml *field = mixent_yaml_find(fields, key);
  return field ? mixent_yaml_boolean(field, out) : MIXENT_OK;
}

mixent_status mixent_field_require(const mixent_yaml *fields, const char *key) {
  if (mixent_yaml_find(fields, key)) return MIXENT_OK;
  return mixent_yaml_fail(fields, "%s needs '%s'", fields->key, key);
}

mixent_status mixent_layer_need_one(const mixent_layer *layer, const mixent_yaml *fields) {
  if (layer->input_count == 1) return MIXENT_OK;
  return mixent_yaml_fail(fields, "%s reads one layer, but 'from' names %d", fields->key, layer->input_count);
}

mixent_status mixent_layer_need_several(const mixent_layer *layer, const mixent_yaml *fields) {
  if (layer->input_count > 1) return MIXENT_OK;
  return mixent_yaml_fail(fields, "%s needs two layers or more: from: [a, b]", fields->key);
}

mixent_status mixent_layer_describe_same(mixent_graph *graph, mixent_layer *layer,
                                         const mixent_yaml *fields) {
  static const char *const keys[] = {"name", "from", NULL};
  MIXENT_TRY(mixent_yaml_check_keys(fields, keys));
  MIXENT_TRY(mixent_layer_need_one(layer, fields));
  const mixent_layer *input = mixent_layer_input(graph, layer, 0);
  layer->channels = input->channels, layer->height = input->height, layer->width = input->width;
  return MIXENT_OK;
}

mixent_status mixent_layer_set_window(const mixent_graph *graph, mixent_layer *layer,
                                      const mixent_yaml *fields) {
  const mixent_layer *input = mixent_layer_input(graph, layer, 0);
  int height = input->height + 2 * layer->padding - layer->kernel;
  int width = input->width + 2 * layer->padding - layer->kernel;
  if (height < 0 || width < 0)
    return mixent_yaml_fail(fields, "%s: a window of %dx%d does not fit the map of %dx%d with padding %d%s",
                            fields->key, layer->kernel, layer->kernel, input->height, input->width,
                            layer->padding,
                            graph->options.side == 1 ? "; for rows of features take the network mlp" : "");
  layer->height = height / layer->stride + 1;
  layer->width = width / layer->stride + 1;
  return MIXENT_OK;
}
