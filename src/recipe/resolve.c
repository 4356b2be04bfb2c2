/* What is automatic in a recipe, replaced by what it means on this machine. */
#include "core/file.h"
#include "core/shipped.h"
#include "core/system.h"
#include "data/find.h"
#include "recipe/recipe.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A relative path becomes a whole one, so that a run goes on from wherever it is resumed. */
static mixent_status make_absolute(char text[MIXENT_RECIPE_TEXT], const char *key) {
  char whole[PATH_MAX];
  if (!realpath(text, whole)) /* unless memory is short, whoever opens it says what is wrong */
    return errno == ENOMEM ? mixent_no_memory("the whole path of %s", text) : MIXENT_OK;
  if (strlen(whole) >= MIXENT_RECIPE_TEXT)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "%s: the path %s is too long", key, whole);
  strcpy(text, whole);
  return MIXENT_OK;
}

static const char *or_null(const char *text) {
  return *text ? text : NULL;
}

/* A known set is looked for from now on where it was found, whatever the working directory and $MIXENT_DATA
 * are then. */
static mixent_status keep_place(mixent_recipe *recipe, const char *found) {
  if (!found) return MIXENT_OK;
  const char *slash = strrchr(found, '/'); /* of PLACE/NAME */
  if (snprintf(recipe->data_directory, MIXENT_RECIPE_TEXT, "%.*s", (int)(slash - found), found) >=
      MIXENT_RECIPE_TEXT)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "data: the path %s is too long", found);
  return make_absolute(recipe->data_directory, "data_dir");
}

static mixent_status resolve_data(mixent_recipe *recipe) {
  if (mixent_dataset_is_in_memory(recipe->data)) return MIXENT_OK;
  if (*recipe->data_directory) MIXENT_TRY(make_absolute(recipe->data_directory, "data_dir"));
  char *found = NULL;
  mixent_path_kind kind;
  MIXENT_TRY(mixent_path_look(recipe->data, &kind));
  bool directory = strchr(recipe->data, '/') || kind == MIXENT_PATH_DIRECTORY || kind == MIXENT_PATH_FILE;
  if (mixent_is_name(recipe->data, mixent_dataset_names()))
    MIXENT_TRY(mixent_dataset_find(recipe->data, or_null(recipe->data_directory), &found));
  if (!found && directory) return make_absolute(recipe->data, "data");
  if (!found && *recipe->data_alternative) {
    strcpy(recipe->data, recipe->data_alternative);
    recipe->data_alternative[0] = 0;
    recipe->other_data = true;
    return resolve_data(recipe);
  }
  /* the recipes 'tabular' and 'photos' cannot name anybody's data: their words stand for directories that may be there */
  if (!found && strcmp(recipe->data, "table") == 0)
    return mixent_fail(MIXENT_ERROR_ARGUMENT,
                       "data: the recipe says 'table', which is not there; name the table with --data "
                       "TABLE.csv (or .npz, or a directory)");
  if (!found && strcmp(recipe->data, "photographs") == 0)
    return mixent_fail(
        MIXENT_ERROR_ARGUMENT,
        "data: the recipe says 'photographs', which is not there; name the folder of class folders with "
        "--data DIRECTORY (or .zip, or .tar.gz)");
  recipe->data_alternative[0] = 0;
  mixent_status status = keep_place(recipe, found);
  free(found);
  return status;
}

/* A run, or a model that comes with mixent, stands for its best.safetensors. */
static mixent_status resolve_checkpoint(const char *name, size_t length, const char *key,
                                        char out[MIXENT_RECIPE_TEXT]) {
  mixent_path_kind kind;
  char *shipped = NULL, whole[MIXENT_RECIPE_TEXT];
  snprintf(out, MIXENT_RECIPE_TEXT, "%.*s", (int)length, name);
  MIXENT_TRY(mixent_path_look(out, &kind));
  if (kind == MIXENT_PATH_NOTHING) MIXENT_TRY(mixent_shipped_model_find(out, &shipped));
  if (kind == MIXENT_PATH_NOTHING && !shipped && !strpbrk(out, "./"))
    return mixent_fail(
        MIXENT_ERROR_ARGUMENT,
        "%s: expected a checkpoint, the directory of a run, or a model that comes with mixent, "
        "got '%s'; write runs/%s for a run in runs/",
        key, out, out);
  const char *file = shipped || kind == MIXENT_PATH_DIRECTORY ? "/best.safetensors" : "";
  bool fits = snprintf(whole, sizeof whole, "%s%s", shipped ? shipped : out, file) < (int)sizeof whole;
  free(shipped);
  if (!fits) return mixent_fail(MIXENT_ERROR_ARGUMENT, "%s: the path %s is too long", key, whole);
  strcpy(out, whole);
  return make_absolute(out, key);
}

/* Each of the names, which commas part. */
static mixent_status resolve_teachers(mixent_recipe *recipe) {
  char all[MIXENT_RECIPE_TEXT] = "", one[MIXENT_RECIPE_TEXT];
  for (const char *name = recipe->teacher; *name;) {
    size_t length = strcspn(name, ",");
    if (!length)
      return mixent_fail(MIXENT_ERROR_ARGUMENT,
                         "distill.teacher: expected checkpoints with commas between, got '%s'",
                         recipe->teacher);
    MIXENT_TRY(resolve_checkpoint(name, length, "distill.teacher", one));
    if (strlen(all) + 1 + strlen(one) >= sizeof all)
      return mixent_fail(MIXENT_ERROR_ARGUMENT, "distill.teacher: the paths are longer than %d bytes in all",
                         MIXENT_RECIPE_TEXT - 1);
    if (*all) strcat(all, ",");
    strcat(all, one);
    name += length;
    name += *name == ',';
  }
  strcpy(recipe->teacher, all);
  return MIXENT_OK;
}

mixent_status mixent_recipe_resolve(mixent_recipe *recipe, bool native_bf16) {
  mixent_path_kind net, plan;
  MIXENT_TRY(resolve_data(recipe));
  MIXENT_TRY(mixent_path_look(recipe->net, &net));
  MIXENT_TRY(mixent_path_look(recipe->plan, &plan));
  if (net == MIXENT_PATH_FILE) MIXENT_TRY(make_absolute(recipe->net, "net"));
  if (plan == MIXENT_PATH_FILE) MIXENT_TRY(make_absolute(recipe->plan, "plan"));
  MIXENT_TRY(resolve_teachers(recipe));
  if (*recipe->init_from) {
    char name[MIXENT_RECIPE_TEXT];
    strcpy(name, recipe->init_from);
    MIXENT_TRY(resolve_checkpoint(name, strlen(name), "init_from", recipe->init_from));
  }
  if (*recipe->noise_matrix) MIXENT_TRY(make_absolute(recipe->noise_matrix, "noise.matrix"));
  if (*recipe->baseline) MIXENT_TRY(make_absolute(recipe->baseline, "baseline"));
  if (recipe->precision == MIXENT_CHOICE_AUTO)
    recipe->precision = native_bf16 ? MIXENT_CHOICE_BF16 : MIXENT_CHOICE_FP32;
  if (recipe->threads == 0) recipe->threads = mixent_processors_count();
  return MIXENT_OK;
}
