/* Words of a command line that name models and files. */
#include "cli/inputs.h"
#include "cli/places.h"
#include "core/locale.h"
#include "core/memory.h"
#include "data/find.h"
#include "data/formats/single_file.h"
#include "model/ensemble.h"
#include "model/temperature.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ------------------------------------------------------------- a trained model ---- */

/* What a file that is no checkpoint is, and what to do; NULL: it may be one. */
static const char *find_other_kind(const char *path) {
  static const char *const kinds[][2] = {
      {".png", "an image; the checkpoint comes first, images after it"},
      {".jpg", "an image; the checkpoint comes first, images after it"},
      {".jpeg", "an image; the checkpoint comes first, images after it"},
      {".bmp", "an image; the checkpoint comes first, images after it"},
      {".webp", "an image; the checkpoint comes first, images after it"},
      {".csv", "a table; the checkpoint comes first, tables after it"},
      {".npz", "a data set; --data names it where one is needed"},
      {".zip", "a data set; --data names it where one is needed"},
      {".yaml", "a text of YAML; name the run, or the best.safetensors in it"},
      {".pt", "a checkpoint of PyTorch; 'python -m mixent.convert' makes it one of mixent"},
      {".pth", "a checkpoint of PyTorch; 'python -m mixent.convert' makes it one of mixent"}};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (mixent_has_ending(path, kinds[i][0])) return kinds[i][1];
  return NULL;
}

bool mixent_names_checkpoint(const char *path) {
  return mixent_has_ending(path, ".safetensors") || mixent_has_ending(path, ".onnx");
}

static mixent_status fail_directory(const char *word) {
  static const char wanted[] = "expected a checkpoint (.safetensors, .onnx) or the directory of a run";
  if (mixent_has_file(word, "study.yaml"))
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "%s: %s, got that of a study; name one of the runs in it", word,
                       wanted);
  if (mixent_has_file(word, "summary.json"))
    return mixent_fail(
        MIXENT_ERROR_ARGUMENT,
        "%s: the run is finished, but its best.safetensors is gone; put it back, or train again", word);
  if (mixent_has_file(word, "last.safetensors"))
    return mixent_fail(MIXENT_ERROR_ARGUMENT,
                       "%s: the run has no best.safetensors yet; %s/last.safetensors is where it stands",
                       word, word);
  return mixent_fail(MIXENT_ERROR_ARGUMENT,
                     "%s: %s, got a directory without best.safetensors and model.safetensors", word, wanted);
}

/* Of a run, and of a directory that `mixent export --hub` wrote. */
static const char *const own_names[] = {"best.safetensors", "model.safetensors", NULL};

/* *path stays NULL if the directory has none. */
static mixent_status look_for_best(const char *directory, char **path) {
  for (int i = 0; own_names[i]; i++) {
    mixent_path_kind kind;
    MIXENT_TRY(mixent_path_look_in(directory, own_names[i], &kind));
    if (kind != MIXENT_PATH_FILE) continue;
    *path = mixent_path_join(directory, own_names[i]);
    return *path ? MIXENT_OK : MIXENT_ERROR_MEMORY;
  }
  return MIXENT_OK;
}

static mixent_status find_best(const char *directory, char **path) {
  MIXENT_TRY(look_for_best(directory, path));
  return *path ? MIXENT_OK : fail_directory(directory);
}

static mixent_status find_in_run(const char *word, char **path) {
  char *run;
  MIXENT_TRY(mixent_place_find(MIXENT_RUNS, word, MIXENT_PLACE_MODEL, &run));
  mixent_status status = find_best(run, path);
  free(run);
  return status;
}

/* A directory may hold a checkpoint alone. One without a checkpoint, such as a data set's, hides no run of that name. */
static mixent_status find_in_directory(const char *word, char **path) {
  char *run;
  MIXENT_TRY(look_for_best(word, path));
  if (*path) return MIXENT_OK;
  MIXENT_TRY(mixent_place_look(MIXENT_RUNS, word, MIXENT_PLACE_MODEL, &run));
  mixent_status status = find_best(run ? run : word, path);
  free(run);
  return status;
}

mixent_status mixent_checkpoint_find(const char *word, char **path) {
  mixent_path_kind kind_there;
  *path = NULL;
  MIXENT_TRY(mixent_path_look(word, &kind_there));
  if (kind_there == MIXENT_PATH_DIRECTORY) return find_in_directory(word, path);
  const char *kind = find_other_kind(word);
  if (kind)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "%s: expected a checkpoint or a run, got %s", word, kind);
  if (kind_there == MIXENT_PATH_NOTHING && !mixent_names_checkpoint(word)) return find_in_run(word, path);
  return mixent_copy_text(word, path);
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

mixent_status mixent_checkpoint_is_named(const char *word, bool *named) {
  mixent_path_kind kind;
  char *run = NULL;
  MIXENT_TRY(mixent_path_look(word, &kind));
  *named = mixent_names_checkpoint(word);
  for (int i = 0; own_names[i] && kind == MIXENT_PATH_DIRECTORY && !*named; i++)
    *named = mixent_has_file(word, own_names[i]);
  if (kind != MIXENT_PATH_NOTHING || *named || find_other_kind(word)) return MIXENT_OK;
  MIXENT_TRY(mixent_place_look(MIXENT_RUNS, word, MIXENT_PLACE_MODEL, &run));
  *named = run != NULL;
  free(run);
  return MIXENT_OK;
}

/* Each by itself, then all as one. */
static mixent_status open_all(char *const *words, mixent_checkpoints *out, mixent_model **models) {
  for (size_t i = 0; i < out->count; i++)
    MIXENT_TRY(mixent_checkpoint_open(words[i], &out->paths[i], &models[i]));
  if (out->count > 1)
    return mixent_ensemble_make((const mixent_model *const *)models, (const char *const *)out->paths,
                                out->count, &out->model);
  out->model = models[0];
  models[0] = NULL;
  return MIXENT_OK;
}

mixent_status mixent_checkpoints_open(char *const *words, size_t count, mixent_checkpoints *out) {
  mixent_model **models;
  *out = (mixent_checkpoints){.count = 0};
  MIXENT_TRY(MIXENT_ALLOCATE(count, &out->paths));
  out->count = count;
  MIXENT_TRY(MIXENT_ALLOCATE(count, &models));
  mixent_status status = open_all(words, out, models);
  for (size_t i = 0; i < count; i++) mixent_model_free(models[i]);
  free(models);
  return status;
}

void mixent_checkpoints_free(mixent_checkpoints *checkpoints) {
  for (size_t i = 0; i < checkpoints->count; i++) free(checkpoints->paths[i]);
  free(checkpoints->paths);
  mixent_model_free(checkpoints->model);
}

const char *mixent_checkpoints_more(const mixent_checkpoints *checkpoints) {
  static char text[64];
  if (checkpoints->count == 1) return "";
  snprintf(text, sizeof text, " and %zu more", checkpoints->count - 1);
  return text;
}

mixent_status mixent_temperature_choose(const char *text, const char *path, mixent_model *model) {
  char *end;
  if (!text) return MIXENT_OK;
  if (strcmp(text, "fitted") == 0) {
    if (!(model->fitted_temperature > 0))
      return mixent_fail(
          MIXENT_ERROR_ARGUMENT,
          "--temperature fitted: %s has none; the best.safetensors of a finished run brings one, if "
          "a part was held out and some of it was classified wrongly. Give a number instead, as 'mixent show "
          "RUN' "
          "reports it",
          path);
    model->temperature = model->fitted_temperature;
    return MIXENT_OK;
  }
  model->temperature = mixent_number_read(text, &end);
  if (end != text && !*end && mixent_is_temperature(model->temperature)) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_ARGUMENT,
                     "--temperature: expected 'fitted' or a number from %g to %g, got '%s'",
                     MIXENT_LEAST_TEMPERATURE, MIXENT_MOST_TEMPERATURE, text);
}

const char *mixent_temperature_text(const mixent_model *model) {
  static char text[64];
  if (model->temperature == 1) return "";
  snprintf(text, sizeof text, ", temperature %.4g", model->temperature);
  return text;
}

/* ---------------------------------------------------------------- files to read --- */

/* Links to files are followed, links to directories are not: they may lead in circles. */
static mixent_status visit(void *context, const char *path, const char *name) {
  mixent_inputs *inputs = context;
  struct stat info;
  if (lstat(path, &info) == 0 && S_ISDIR(info.st_mode)) return mixent_directory_visit(path, visit, context);
  if (mixent_has_one_ending(name, inputs->endings)) return mixent_names_add(&inputs->files, path);
  mixent_passed_over_file(&inputs->passed_over, name);
  return MIXENT_OK;
}

mixent_status mixent_inputs_add(mixent_inputs *inputs, const char *word) {
  size_t before = inputs->files.count;
  if (!mixent_is_directory(word)) return mixent_names_add(&inputs->files, word);
  MIXENT_TRY(mixent_directory_visit(word, visit, inputs));
  return inputs->files.count > before
             ? MIXENT_OK
             : mixent_fail(MIXENT_ERROR_IO, "%s: no file in it ends in %s", word, inputs->wanted);
}

void mixent_inputs_free(mixent_inputs *inputs) {
  mixent_names_free(&inputs->files);
  mixent_passed_over_free(&inputs->passed_over);
}
