/* From the YAML description to the layers of a graph:
 *   name: tiny
 *   layers:
 *     - conv2d: {name: l1.0, channels: 64, kernel: 3, padding: 1}
 *     - relu:
 *     - add: {from: [relu1, input]}
 * `from` (default: the layer before) names layers that stand before; the fields of each kind are its own
 * file's business.
 *
 * Or from several descriptions, whose predictions are averaged; layers of the first are called "m1.l1.0" and so on:
 *   name: ensemble
 *   members:
 *     - |
 *       name: tiny
 *       layers: …
 */
#include "core/memory.h"
#include "core/status.h"
#include "net/graph/layer.h"
#include <stdio.h>
#include <stdlib.h>

enum { MAX_CHANNELS = 1 << 24, MAX_ROW = 1 << 30 }; /* of any layer: keeps all sizes far from overflow */
enum { MAX_FEATURES = 65536 };                      /* of the input */
enum { MOST_LAYERS = 10000 };

static mixent_status check_input(const mixent_graph_options *options) {
  if (options->side == 1 && options->channels >= 1 && options->channels <= MAX_FEATURES) return MIXENT_OK;
  if (options->side == 1)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "networks read rows of 1 to %d features, not %d", MAX_FEATURES,
                       options->channels);
  if (options->channels != 1 && options->channels != 3)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "networks read images of 1 or 3 channels, not %d",
                       options->channels);
  if (options->side < 16)
    return mixent_fail(
        MIXENT_ERROR_ARGUMENT,
        "networks read images of 16 to 256 pixels a side, not %d: after the four poolings nothing "
        "would be left of a smaller one; enlarge the images",
        options->side);
  if (options->side > 256)
    return mixent_fail(MIXENT_ERROR_ARGUMENT,
                       "networks read images of 16 to 256 pixels a side, not %d: make them smaller",
                       options->side);
  return MIXENT_OK;
}

static mixent_status check_options(const mixent_graph_options *options) {
  MIXENT_TRY(check_input(options));
  if (options->classes < 2 || options->classes > 1 << 20)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "a classifier needs 2 to %d classes, not %d", 1 << 20,
                       options->classes);
  if (!(options->dropout <= 0.999))
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "dropout must be at most 0.999, not %g", options->dropout);
  return MIXENT_OK;
}

/* The description that is being read into the graph. */
typedef struct reading {
  mixent_graph *graph;
  char prefix[16]; /* of its layers' names */
  int begin;       /* its first layer */
} reading;

static mixent_layer *begin_layer(mixent_graph *graph) {
  mixent_layer *layer = &graph->layers[graph->layer_count++];
  for (int i = 0; i < MIXENT_MAX_LAYER_TENSORS; i++) layer->parameters[i] = layer->statistics[i] = -1;
  return layer;
}

static mixent_status add_input(mixent_graph *graph) {
  mixent_layer *input = begin_layer(graph);
  MIXENT_TRY(mixent_copy_text("input", &input->name));
  input->channels = graph->options.channels;
  input->height = input->width = graph->options.side;
  return MIXENT_OK;
}

/* The layer's kind from the key of its entry. */
static mixent_status read_type(const mixent_yaml *entry, mixent_layer *layer) {
  if (entry->kind != MIXENT_YAML_MAPPING || entry->count != 1)
    return mixent_yaml_fail(entry, "a layer is written '- kind: {field: value}' or '- kind:'");
  const mixent_yaml *fields = &entry->children[0];
  layer->type = mixent_layer_type_find(fields->key);
  if (!layer->type) {
    const char *names[32] = {NULL};
    for (int i = 0; mixent_layer_types[i] && i < 31; i++) names[i] = mixent_layer_types[i]->name;
    const char *nearest = mixent_nearest_name(fields->key, names);
    if (nearest)
      return mixent_yaml_fail(fields, "unknown layer '%s'; did you mean '%s'?", fields->key, nearest);
    mixent_text known = {0};
    mixent_text_append_names(&known, names);
    mixent_status status = mixent_text_status(&known);
    if (status == MIXENT_OK)
      status = mixent_yaml_fail(fields, "unknown layer '%s'; known are %s", fields->key, known.data);
    mixent_text_free(&known);
    return status;
  }
  if (fields->kind == MIXENT_YAML_SEQUENCE || (fields->kind == MIXENT_YAML_SCALAR && *fields->text))
    return mixent_yaml_fail(fields, "the fields of %s are written {field: value, …}", fields->key);
  return MIXENT_OK;
}

/* The layer's name in its own description. */
static const char *own_name(const reading *reading, int layer) {
  return reading->graph->layers[layer].name + (layer ? strlen(reading->prefix) : 0);
}

/* The layer of the description, or the input, that has this name there, -1 if there is none among those that are read. */
static int find_layer(const reading *reading, const char *name) {
  for (int i = reading->graph->layer_count - 2; i >= reading->begin; i--)
    if (strcmp(own_name(reading, i), name) == 0) return i;
  return strcmp(own_name(reading, 0), name) == 0 ? 0 : -1;
}

#define NAME_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"

/* As given, or the kind and a number: relu3 is the third relu. */
static mixent_status read_name(const reading *reading, const mixent_yaml *fields, mixent_layer *layer) {
  const mixent_graph *graph = reading->graph;
  const mixent_yaml *given = mixent_yaml_find(fields, "name");
  mixent_text name = {0};
  if (given && (given->kind != MIXENT_YAML_SCALAR || !*given->text))
    return mixent_yaml_fail(given, "name: expected a word");
  if (given && given->text[strspn(given->text, NAME_LETTERS)])
    return mixent_yaml_fail(given, "name: '%s' may hold letters, digits, '.', '_' and '-' only", given->text);
  if (given) {
    mixent_text_append(&name, "%s%s", reading->prefix, given->text);
  } else {
    int number = 0;
    for (int i = reading->begin; i < graph->layer_count; i++) number += graph->layers[i].type == layer->type;
    mixent_text_append(&name, "%s%s%d", reading->prefix, layer->type->name, number);
  }
  layer->name = name.data;
  MIXENT_TRY(mixent_text_status(&name));
  const char *own = own_name(reading, graph->layer_count - 1);
  if (find_layer(reading, own) >= 0)
    return mixent_yaml_fail(given ? given : fields, "the name '%s' is taken by a layer before", own);
  return MIXENT_OK;
}

static mixent_status read_source(const reading *reading, const mixent_yaml *word, mixent_layer *layer) {
  if (word->kind != MIXENT_YAML_SCALAR) return mixent_yaml_fail(word, "from: expected the name of a layer");
  int end = reading->graph->layer_count - 1, count = 0, source = find_layer(reading, word->text);
  if (source >= 0) {
    layer->inputs[layer->input_count++] = source;
    return MIXENT_OK;
  }
  const char **names;
  MIXENT_TRY(MIXENT_ALLOCATE(end + 1, &names));
  names[count++] = own_name(reading, 0);
  for (int i = reading->begin; i < end; i++) names[count++] = own_name(reading, i);
  const char *nearest = mixent_nearest_name(word->text, names);
  mixent_status status = nearest
                             ? mixent_yaml_fail(word, "from: no layer '%s' stands before; did you mean '%s'?",
                                                word->text, nearest)
                             : mixent_yaml_fail(word, "from: no layer '%s' stands before", word->text);
  free(names);
  return status;
}

static mixent_status read_sources(const reading *reading, const mixent_yaml *fields, mixent_layer *layer) {
  const mixent_yaml *from = mixent_yaml_find(fields, "from");
  int index = reading->graph->layer_count - 1;
  if (!from) {
    layer->inputs[layer->input_count++] = index == reading->begin ? 0 : index - 1;
    return MIXENT_OK;
  }
  if (from->kind != MIXENT_YAML_SEQUENCE) return read_source(reading, from, layer);
  if (from->count < 1 || from->count > MIXENT_MAX_INPUTS)
    return mixent_yaml_fail(from, "from: names %zu layers; 1 to %d are possible", from->count,
                            MIXENT_MAX_INPUTS);
  for (size_t i = 0; i < from->count; i++) MIXENT_TRY(read_source(reading, &from->children[i], layer));
  return MIXENT_OK;
}

static mixent_status read_layer(const reading *reading, const mixent_yaml *entry) {
  mixent_graph *graph = reading->graph;
  mixent_layer *layer = begin_layer(graph);
  MIXENT_TRY(read_type(entry, layer));
  const mixent_yaml *fields = &entry->children[0];
  MIXENT_TRY(read_name(reading, fields, layer));
  MIXENT_TRY(read_sources(reading, fields, layer));
  MIXENT_TRY(layer->type->describe(graph, layer, fields));
  if (layer->channels > MAX_CHANNELS || mixent_layer_row(layer) > MAX_ROW)
    return mixent_yaml_fail(fields, "%s: a value of %d channels of %dx%d is too large", layer->name,
                            layer->channels, layer->height, layer->width);
  return MIXENT_OK;
}

/* The last layer gives the logits, and every other one is read. */
static mixent_status check_ends(const reading *reading, const mixent_yaml *entries) {
  const mixent_graph *graph = reading->graph;
  const mixent_layer *last = &graph->layers[graph->layer_count - 1];
  const mixent_yaml *fields = &entries->children[entries->count - 1].children[0];
  if (last->height != 1 || last->width != 1 || last->channels != graph->options.classes)
    return mixent_yaml_fail(
        fields,
        "the last layer must give one number per class (%d), but %s gives %d channels of %dx%d; end "
        "with 'linear: {features: classes}'",
        graph->options.classes, last->name, last->channels, last->height, last->width);
  bool *read;
  MIXENT_TRY(MIXENT_ALLOCATE(graph->layer_count, &read));
  for (int i = reading->begin; i < graph->layer_count; i++)
    for (int j = 0; j < graph->layers[i].input_count; j++) read[graph->layers[i].inputs[j]] = true;
  bool input = read[0];
  int unread = reading->begin;
  while (unread < graph->layer_count - 1 && read[unread]) unread++;
  free(read);
  if (!input) return mixent_yaml_fail(entries, "no layer reads the input");
  if (unread == graph->layer_count - 1) return MIXENT_OK;
  return mixent_yaml_fail(&entries->children[unread - reading->begin].children[0],
                          "no layer reads the value of %s; remove it", graph->layers[unread].name);
}

/* NULL where *status is no success. */
static const mixent_yaml *find_name(const mixent_yaml *root, mixent_status *status) {
  static const char *const keys[] = {"name", "layers", "members", NULL};
  *status = root->kind == MIXENT_YAML_MAPPING
                ? mixent_yaml_check_keys(root, keys)
                : mixent_yaml_fail(root, "a network is written 'name: …' and 'layers:'");
  if (*status != MIXENT_OK) return NULL;
  const mixent_yaml *name = mixent_yaml_find(root, "name");
  if (name && name->kind == MIXENT_YAML_SCALAR && *name->text) return name;
  *status = mixent_yaml_fail(name ? name : root, "a network needs a name: 'name: my-network'");
  return NULL;
}

/* The list of a network's layers; NULL where *status is no success. */
static const mixent_yaml *find_entries(const mixent_yaml *root, mixent_status *status) {
  if (!find_name(root, status)) return NULL;
  const mixent_yaml *entries = mixent_yaml_find(root, "layers");
  bool list = entries && entries->kind == MIXENT_YAML_SEQUENCE && entries->count > 0;
  if (list && entries->count <= MOST_LAYERS) return entries;
  *status = list ? mixent_yaml_fail(entries, "layers: expected at most %d layers, got %zu", MOST_LAYERS,
                                    entries->count)
                 : mixent_yaml_fail(entries ? entries : root, "a network needs a list 'layers:'");
  return NULL;
}

static mixent_status read_layers(const reading *reading, const mixent_yaml *root) {
  mixent_status status;
  const mixent_yaml *entries = find_entries(root, &status);
  if (!entries) return status;
  for (size_t i = 0; i < entries->count; i++) MIXENT_TRY(read_layer(reading, &entries->children[i]));
  return check_ends(reading, entries);
}

/* The members' layers one after another, then the layer that averages what their last ones say. */
static mixent_status read_members(mixent_graph *graph, const mixent_yaml *const *roots, size_t count) {
  int last[MIXENT_MAX_INPUTS];
  for (size_t i = 0; i < count; i++) {
    reading reading = {.graph = graph, .begin = graph->layer_count};
    snprintf(reading.prefix, sizeof reading.prefix, "m%zu.", i + 1);
    MIXENT_TRY(read_layers(&reading, roots[i]));
    last[i] = graph->layer_count - 1;
  }
  mixent_layer *layer = begin_layer(graph);
  layer->type = mixent_layer_type_find("mean_probability");
  MIXENT_TRY(mixent_copy_text(layer->type->name, &layer->name));
  for (size_t i = 0; i < count; i++) layer->inputs[layer->input_count++] = last[i];
  layer->channels = graph->options.classes, layer->height = layer->width = 1;
  return MIXENT_OK;
}

/* Parses each member's text; *layers is how many they have in all. */
static mixent_status parse_members(const mixent_yaml *members, mixent_yaml **roots, size_t *layers) {
  for (size_t i = 0; i < members->count; i++) {
    const mixent_yaml *member = &members->children[i];
    mixent_status status;
    char origin[64];
    snprintf(origin, sizeof origin, "member %zu of a network", i + 1);
    if (member->kind != MIXENT_YAML_SCALAR)
      return mixent_yaml_fail(member,
                              "members: expected each as a text ('- |'), with a network's description");
    MIXENT_TRY(mixent_yaml_parse(member->text, strlen(member->text), origin, &roots[i]));
    if (mixent_yaml_find(roots[i], "members"))
      return mixent_yaml_fail(member, "an ensemble is no member of another; name its own members");
    const mixent_yaml *entries = find_entries(roots[i], &status);
    if (!entries) return status;
    *layers += entries->count;
  }
  return MIXENT_OK;
}

static mixent_status make_layers(mixent_graph *graph, size_t count) {
  MIXENT_TRY(MIXENT_ALLOCATE(count + 1, &graph->layers));
  return add_input(graph);
}

static mixent_status read_ensemble(mixent_graph *graph, const mixent_yaml *root, const mixent_yaml *members) {
  static const char *const keys[] = {"name", "members", NULL};
  mixent_yaml *roots[MIXENT_MAX_INPUTS] = {NULL};
  size_t layers = 1;
  MIXENT_TRY(mixent_yaml_check_keys(root, keys));
  if (members->kind != MIXENT_YAML_SEQUENCE || members->count < 2 || members->count > MIXENT_MAX_INPUTS)
    return mixent_yaml_fail(members, "members: expected a list of 2 to %d networks", MIXENT_MAX_INPUTS);
  mixent_status status = parse_members(members, roots, &layers);
  if (status == MIXENT_OK) status = make_layers(graph, layers);
  if (status == MIXENT_OK) status = read_members(graph, (const mixent_yaml *const *)roots, members->count);
  for (size_t i = 0; i < members->count; i++) mixent_yaml_free(roots[i]);
  return status;
}

static mixent_status read_graph(mixent_graph *graph, const mixent_yaml *root) {
  mixent_status status;
  const mixent_yaml *name = find_name(root, &status);
  if (!name) return status;
  MIXENT_TRY(mixent_copy_text(name->text, &graph->name));
  const mixent_yaml *members = mixent_yaml_find(root, "members");
  if (members) return read_ensemble(graph, root, members);
  const mixent_yaml *entries = find_entries(root, &status);
  if (!entries) return status;
  MIXENT_TRY(make_layers(graph, entries->count));
  const reading reading = {.graph = graph, .begin = graph->layer_count};
  return read_layers(&reading, root);
}

mixent_status mixent_graph_parse(const char *text, const char *origin, const mixent_graph_options *options,
                                 mixent_graph **out) {
  MIXENT_NEED(text);
  MIXENT_NEED(origin);
  MIXENT_NEED(options);
  MIXENT_NEED(out);
  *out = NULL;
  MIXENT_TRY(check_options(options));
  mixent_yaml *root;
  MIXENT_TRY(mixent_yaml_parse(text, strlen(text), origin, &root));
  mixent_graph *graph;
  mixent_status status = MIXENT_ALLOCATE(1, &graph);
  if (status == MIXENT_OK) {
    graph->options = *options;
    status = mixent_copy_text(text, &graph->text);
    if (status == MIXENT_OK) status = read_graph(graph, root);
  }
  mixent_yaml_free(root);
  if (status != MIXENT_OK) {
    mixent_graph_free(graph);
    return status;
  }
  *out = graph;
  return MIXENT_OK;
}
