/* The directory of a model hub. config.json is for programs, the model card README.md for people. The card shows what others wrote
 * (names, the recipe) in indented blocks, where Markdown obeys nothing, and in quoted words of its YAML. */
#include "model/hub.h"
#include "core/file.h"
#include "core/json.h"
#include "core/layout.h"
#include "core/memory.h"
#include "core/printable.h"
#include "core/yaml.h"
#include "model/one_file.h"
#include "run/directory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char library[] = "mixent"; /* "library_name" in both files */

typedef struct hub {
  const mixent_model *model;
  const char *title; /* the directory's own name */
  bool table;        /* a model of rows of a table */
  bool scored;       /* the summary is known */
  mixent_train_summary summary;
} hub;

/* ------------------------------------------------------------------ config.json ---- */

static json_t *make_numbers(const float *values, int count) {
  json_t *array = json_array();
  for (int i = 0; i < count; i++) mixent_json_append(&array, mixent_json_number((double)values[i]));
  return array;
}

/* {"0": "A", …} and, the other way, {"A": 0, …}: of classes with one name the first. */
static void add_classes(json_t **config, const mixent_model *model) {
  json_t *names = json_object(), *numbers = json_object();
  char number[16];
  for (int k = 0; k < model->classes; k++) {
    snprintf(number, sizeof number, "%d", k);
    mixent_json_set(&names, number, mixent_json_text(model->class_names[k]));
    if (!json_object_get(numbers, model->class_names[k]))
      mixent_json_set(&numbers, model->class_names[k], json_integer(k));
  }
  mixent_json_set(config, "id2label", names);
  mixent_json_set(config, "label2id", numbers);
}

static mixent_status write_config(const hub *hub, const char *path) {
  const mixent_model *model = hub->model;
  json_t *config = json_object(), *networks = json_array();
  char *text;
  mixent_json_append(&networks, mixent_json_text(mixent_graph_name(model->graph)));
  mixent_json_set(&config, "library_name", json_string(library));
  mixent_json_set(&config, "model_type", json_string(library));
  mixent_json_set(&config, "mixent_version", json_string(MIXENT_VERSION));
  mixent_json_set(&config, "architectures", networks);
  mixent_json_set(&config, hub->table ? "num_features" : "num_channels", json_integer(model->channels));
  if (!hub->table) mixent_json_set(&config, "image_size", json_integer(model->side));
  mixent_json_set(&config, hub->table ? "feature_mean" : "image_mean",
                  make_numbers(model->mean, model->channels));
  mixent_json_set(&config, hub->table ? "feature_std" : "image_std",
                  make_numbers(model->deviation, model->channels));
  if (model->fitted_temperature > 0)
    mixent_json_set(&config, "temperature", mixent_json_number(model->fitted_temperature));
  mixent_json_set(&config, "data", mixent_json_text(model->data));
  add_classes(&config, model);
  MIXENT_TRY(mixent_json_write(config, JSON_INDENT(2) | JSON_REAL_PRECISION(9), &text));
  mixent_text lines = {0};
  mixent_text_append(&lines, "%s\n", text);
  free(text);
  mixent_status status = mixent_text_status(&lines);
  if (status == MIXENT_OK) status = mixent_file_replace(path, lines.data, lines.length);
  mixent_text_free(&lines);
  return status;
}

/* -------------------------------------------------------------------- README.md ---- */

static void append_word(mixent_text *out, const char *before, const char *word) {
  mixent_text_append(out, "%s", before);
  mixent_yaml_word_write(word, out);
  mixent_text_append(out, "\n");
}

/* What a hub's page reads: YAML between two lines "---". */
static void append_front_matter(const hub *hub, mixent_text *out) {
  const char *task = hub->table ? "tabular-classification" : "image-classification";
  const char *network = mixent_graph_name(hub->model->graph);
  mixent_text_append(out, "---\nlibrary_name: %s\npipeline_tag: %s\n", library, task);
  mixent_text_append(out, "# license: without one nobody else may use the model; name yours, such as mit\n");
  append_word(out, "tags:\n- mixent\n- ", network);
  if (hub->scored) {
    append_word(out, "metrics:\n- accuracy\nmodel-index:\n- name: ", hub->title);
    mixent_text_append(out, "  results:\n  - task:\n      type: %s\n", task);
    append_word(out, "    dataset:\n      name: ", hub->model->data);
    append_word(out, "      type: ", hub->model->data);
    mixent_text_append(out, "    metrics:\n    - type: accuracy\n      value: %.6g\n",
                       hub->summary.test.accuracy);
  }
  mixent_text_append(out, "---\n\n");
}

static void append_scores(const char *part, const mixent_scores *scores, mixent_text *out) {
  if (scores->images)
    mixent_text_append(out, "| %s | %zu | %.2f%% | %.4f | %.4f |\n", part, scores->images,
                       100 * scores->accuracy, scores->nll, scores->ece);
}

static void append_results(const hub *hub, mixent_text *out) {
  mixent_text_append(out, "## Scores\n\n");
  if (!hub->scored) {
    mixent_text_append(out, "None are known here. 'mixent eval DIRECTORY --data DATA' measures them.\n\n");
    return;
  }
  mixent_text_append(out, "| part of the data | %s | accuracy | NLL | ECE |\n|---|---|---|---|---|\n",
                     hub->summary.samples);
  append_scores("test", &hub->summary.test, out);
  append_scores("held out of training", &hub->summary.validation, out);
  mixent_text_append(out, "\n");
  if (hub->summary.test_views > 1)
    mixent_text_append(out, "Each is of the mean over %d views of an image (--views %d).\n\n",
                       hub->summary.test_views, hub->summary.test_views);
}

static void append_use(const hub *hub, mixent_text *out) {
  mixent_text_append(out,
                     "## Use\n\nDIRECTORY is where the files of this page are.\n\n"
                     "    mixent predict DIRECTORY %s\n    mixent eval DIRECTORY --data DATA\n\n",
                     hub->table ? "rows.csv" : "picture.png");
  if (hub->table)
    mixent_text_append(out, "In PyTorch (features: [rows, %d]):\n\n", hub->model->channels);
  else
    mixent_text_append(out, "In PyTorch (pixels: 0 to 255, [rows, %d, %d, %d]):\n\n", hub->model->channels,
                       hub->model->side, hub->model->side);
  mixent_text_append(out,
                     "    from mixent.torch import networks\n"
                     "    network = networks.load(\"DIRECTORY\")\n"
                     "    logits = network(network.normalise(%s))\n\n",
                     hub->table ? "features" : "pixels");
}

static void append_facts(const hub *hub, mixent_text *out) {
  const mixent_model *model = hub->model;
  mixent_text_append(out, "## Model\n\n    network  %s, %zu parameters\n",
                     mixent_printable(mixent_graph_name(model->graph)),
                     mixent_graph_parameter_count(model->graph));
  if (hub->table)
    mixent_text_append(out, "    reads    rows of %d features\n", model->channels);
  else
    mixent_text_append(out, "    reads    images of %dx%d pixels, %s\n", model->side, model->side,
                       model->channels == 1 ? "grey" : "colour");
  mixent_text_append(out, "    data     %s\n    classes  %d:", mixent_printable(model->data), model->classes);
  for (int k = 0; k < model->classes; k++)
    mixent_text_append(out, "%s%s", k ? ", " : " ", mixent_printable(model->class_names[k]));
  mixent_text_append(out, "\n\n");
}

static void append_recipe(const hub *hub, mixent_text *out) {
  mixent_text_append(out, "## Recipe\n\nThe options of the training that the checkpoint knows:\n\n");
  const char *line = mixent_printable_lines(hub->model->recipe);
  while (*line) {
    int length = (int)strcspn(line, "\n");
    mixent_text_append(out, length ? "    %.*s\n" : "%.*s\n", length, line);
    line += length + (line[length] == '\n');
  }
}

static mixent_status write_card(const hub *hub, const char *path) {
  mixent_text out = {0};
  append_front_matter(hub, &out);
  mixent_text_append(&out, "# %s\n\nA classifier of %s, in the format of mixent.\n\n",
                     mixent_printable(hub->title), mixent_samples_name(hub->table));
  append_results(hub, &out);
  append_use(hub, &out);
  append_facts(hub, &out);
  append_recipe(hub, &out);
  mixent_status status = mixent_text_status(&out);
  if (status == MIXENT_OK && mixent_printable_lacked()) status = mixent_no_memory("%s", path);
  if (status == MIXENT_OK) status = mixent_file_replace(path, out.data, out.length);
  mixent_text_free(&out);
  return status;
}

/* ---------------------------------------------------------------- the directory ---- */

/* The summary of the run whose best.safetensors the file is. */
static mixent_status read_scores(const char *file, hub *hub) {
  const char *slash = strrchr(file, '/'), *own = slash ? slash + 1 : file;
  mixent_path_kind kind;
  char *path;
  if (strcmp(own, "best.safetensors") != 0) return MIXENT_OK;
  MIXENT_TRY(mixent_print_text(&path, "%.*ssummary.json", (int)(own - file), file));
  mixent_status status = mixent_path_look(path, &kind);
  if (status == MIXENT_OK && kind == MIXENT_PATH_FILE) {
    status = mixent_run_summary_read(path, &hub->summary);
    hub->scored = status == MIXENT_OK;
  }
  free(path);
  return status;
}

/* Whether a config.json is one of these. */
static mixent_status is_ours(const char *path, bool *ours) {
  enum { LARGEST = 1 << 26 };
  char *text;
  size_t size;
  json_t *config;
  *ours = false;
  MIXENT_TRY(mixent_file_read(path, LARGEST, &text, &size));
  mixent_status status = mixent_json_parse(text, size, 0, path, &config);
  free(text);
  if (status != MIXENT_OK) return status == MIXENT_ERROR_MEMORY ? status : MIXENT_OK;
  const char *name = json_string_value(json_object_get(config, "library_name"));
  *ours = name && strcmp(name, library) == 0;
  json_decref(config);
  return MIXENT_OK;
}

/* What would be replaced must have been written here before. */
static mixent_status check_directory(const char *directory, const char *config) {
  static const char *const replaced[] = {"config.json", "model.safetensors"};
  for (size_t i = 0; i < 2; i++) {
    mixent_path_kind kind, config_kind;
    bool ours = false;
    MIXENT_TRY(mixent_path_look_in(directory, replaced[i], &kind));
    if (kind == MIXENT_PATH_NOTHING) continue;
    MIXENT_TRY(mixent_path_look(config, &config_kind));
    if (config_kind == MIXENT_PATH_FILE) MIXENT_TRY(is_ours(config, &ours));
    if (!ours)
      return mixent_fail(MIXENT_ERROR_ARGUMENT,
                         "%s holds %s, which 'mixent export --hub' did not write; name another directory",
                         directory, replaced[i]);
  }
  return MIXENT_OK;
}

static mixent_status write_files(const hub *hub, const char *const *files, size_t count, bool half,
                                 const char *directory, char *const paths[3], bool *card) {
  mixent_path_kind kind;
  MIXENT_TRY(mixent_directory_make(directory));
  MIXENT_TRY(check_directory(directory, paths[0]));
  MIXENT_TRY(mixent_path_look(paths[2], &kind));
  *card = kind == MIXENT_PATH_NOTHING;
  MIXENT_TRY(write_config(hub, paths[0]));
  MIXENT_TRY(mixent_one_file_write(hub->model, files, count, half, paths[1]));
  return *card ? write_card(hub, paths[2]) : MIXENT_OK;
}

mixent_status mixent_hub_write(const mixent_model *model, const char *const *files, size_t count, bool half,
                               const char *directory, bool *card) {
  static const char *const names[] = {"config.json", "model.safetensors", "README.md"};
  hub hub = {.model = model, .table = model->side == 1};
  char *paths[3] = {NULL}, *title = NULL;
  size_t length = strlen(directory);
  while (length > 1 && directory[length - 1] == '/') length--;
  mixent_status status = mixent_print_text(&title, "%.*s", (int)length, directory);
  for (int i = 0; i < 3 && status == MIXENT_OK; i++) {
    paths[i] = mixent_path_join(directory, names[i]);
    if (!paths[i]) status = MIXENT_ERROR_MEMORY;
  }
  if (status == MIXENT_OK) {
    const char *slash = strrchr(title, '/');
    hub.title = slash && slash[1] ? slash + 1 : title;
    if (count == 1) status = read_scores(files[0], &hub);
  }
  if (status == MIXENT_OK) status = write_files(&hub, files, count, half, directory, paths, card);
  for (int i = 0; i < 3; i++) free(paths[i]);
  free(title);
  mixent_train_summary_free(&hub.summary);
  return status;
}
