/* Words of a command line that name models and files. */
#include "cli/inputs.h"
#include "core/file.h"
#include "core/locale.h"
#include "core/memory.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

/* ------------------------------------------------------------- a trained model ---- */

static bool ends_with(const char *text, const char *ending) {
  size_t length = strlen(text), tail = strlen(ending);
  return length >= tail && strcasecmp(text + length - tail, ending) == 0;
}

/* What a file that is no checkpoint is, and what to do; NULL: it may be one. */
static const char *find_other_kind(const char *path) {
  static const char *const kinds[][2] = {
      {".png", "an image; the checkpoint comes first, images after it"},
      {".jpg", "an image; the checkpoint comes first, images after it"},
      {".jpeg", "an image; the checkpoint comes first, images after it"},
      {".csv", "a table; the checkpoint comes first, tables after it"},
      {".npz", "a data set; --data names it where one is needed"},
      {".onnx", "an ONNX file; `mixent export` writes these, and none is read"},
      {".yaml", "a text of YAML; name the run, or the best.safetensors in it"},
      {".pt", "a checkpoint of PyTorch; `python -m mixent.convert` makes it one of mixent"},
      {".pth", "a checkpoint of PyTorch; `python -m mixent.convert` makes it one of mixent"}};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (ends_with(path, kinds[i][0])) return kinds[i][1];
  return NULL;
}

static mixent_status fail_directory(const char *word) {
  static const char wanted[] = "expected a checkpoint (.safetensors) or the directory of a run";
  if (mixent_has_file(word, "study.yaml"))
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "%s: %s, got that of a study; name one of the runs in it", word,
                       wanted);
  if (mixent_has_file(word, "last.safetensors"))
    return mixent_fail(MIXENT_ERROR_ARGUMENT,
                       "%s: the run has no best.safetensors yet; %s/last.safetensors is where it stands",
                       word, word);
  return mixent_fail(MIXENT_ERROR_ARGUMENT, "%s: %s, got a directory without best.safetensors", word, wanted);
}

mixent_status mixent_checkpoint_find(const char *word, char **path) {
  *path = NULL;
  if (mixent_is_directory(word)) {
    if (!mixent_has_file(word, "best.safetensors")) return fail_directory(word);
    *path = mixent_path_join(word, "best.safetensors");
    return *path ? MIXENT_OK : MIXENT_ERROR_MEMORY;
  }
  const char *kind = find_other_kind(word);
  if (kind)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "%s: expected a checkpoint or a run, got %s", word, kind);
  *path = strdup(word);
  return *path ? MIXENT_OK : mixent_fail(MIXENT_ERROR_MEMORY, "no memory for a path");
}

mixent_status mixent_checkpoint_open(const char *word, char **path, mixent_model **out) {
  *out = NULL;
  MIXENT_TRY(mixent_checkpoint_find(word, path));
  mixent_status status = mixent_model_open(*path, out);
  if (status == MIXENT_OK) return MIXENT_OK;
  free(*path);
  *path = NULL;
  return status;
}

mixent_status mixent_temperature_choose(const char *text, const char *path, mixent_model *model) {
  char *end;
  if (!text) return MIXENT_OK;
  if (strcmp(text, "fitted") == 0) {
    if (!(model->fitted_temperature > 0))
      return mixent_fail(
          MIXENT_ERROR_ARGUMENT,
          "--temperature fitted: %s has none; the best.safetensors of a finished run brings one, if images "
          "were held out and some of them were classified wrongly. Give a number instead, as 'mixent show "
          "RUN' "
          "reports it",
          path);
    model->temperature = model->fitted_temperature;
    return MIXENT_OK;
  }
  model->temperature = mixent_number_read(text, &end);
  if (end != text && !*end && isfinite(model->temperature) && model->temperature > 0) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_ARGUMENT, "--temperature: expected 'fitted' or a number above 0, got '%s'",
                     text);
}

const char *mixent_temperature_text(const mixent_model *model) {
  static char text[64];
  if (model->temperature == 1) return "";
  snprintf(text, sizeof text, ", temperature %.4g", model->temperature);
  return text;
}

/* ---------------------------------------------------------------- files to read --- */

static mixent_status add_path(mixent_inputs *inputs, const char *path) {
  if (inputs->count == inputs->capacity) {
    size_t capacity = 2 * inputs->capacity + 64;
    char **paths = realloc(inputs->paths, capacity * sizeof *paths);
    if (!paths) return mixent_fail(MIXENT_ERROR_MEMORY, "no memory for a list of files");
    inputs->paths = paths;
    inputs->capacity = capacity;
  }
  char *copy = strdup(path);
  if (!copy) return mixent_fail(MIXENT_ERROR_MEMORY, "no memory for a path");
  inputs->paths[inputs->count++] = copy;
  return MIXENT_OK;
}

static bool is_wanted(const char *name, const char *const *endings) {
  for (; *endings; endings++)
    if (ends_with(name, *endings)) return true;
  return false;
}

static mixent_status walk(mixent_inputs *inputs, const char *directory, const char *const *endings);

/* Links to files are followed, links to directories are not: they may lead in circles. */
static mixent_status visit(mixent_inputs *inputs, const char *path, const char *name,
                           const char *const *endings) {
  struct stat info;
  if (name[0] == '.') return MIXENT_OK;
  if (lstat(path, &info) == 0 && S_ISDIR(info.st_mode)) return walk(inputs, path, endings);
  return is_wanted(name, endings) ? add_path(inputs, path) : MIXENT_OK;
}

static mixent_status walk(mixent_inputs *inputs, const char *directory, const char *const *endings) {
  mixent_names names;
  mixent_status status = mixent_directory_list(directory, &names);
  for (size_t i = 0; i < names.count && status == MIXENT_OK; i++) {
    char *path = mixent_path_join(directory, names.items[i]);
    status = path ? visit(inputs, path, names.items[i], endings) : MIXENT_ERROR_MEMORY;
    free(path);
  }
  mixent_names_free(&names);
  return status;
}

mixent_status mixent_inputs_add(mixent_inputs *inputs, const char *word, const char *const *endings) {
  size_t before = inputs->count;
  if (!mixent_is_directory(word)) return add_path(inputs, word);
  MIXENT_TRY(walk(inputs, word, endings));
  return inputs->count > before
             ? MIXENT_OK
             : mixent_fail(MIXENT_ERROR_IO, "%s: no file in it ends in %s", word, *endings);
}

void mixent_inputs_free(mixent_inputs *inputs) {
  for (size_t i = 0; i < inputs->count; i++) free(inputs->paths[i]);
  free(inputs->paths);
  *inputs = (mixent_inputs){0};
}
