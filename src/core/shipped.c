/* Where the models that come with mixent are. */
#include "core/shipped.h"
#include "core/memory.h"
#include "core/system.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* The directory of all models; NULL: there is none. free(). */
static mixent_status find_models(char **out) {
  const char *named = getenv("MIXENT_MODELS");
  char program[PATH_MAX];
  *out = NULL;
  if (named && *named) return mixent_copy_text(named, out);
  if (!mixent_program_path(program, sizeof program)) return MIXENT_OK;
  static const char *const places[] = {"models",
                                       "share/mixent/models"}; /* in its directory, in the one above */
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    mixent_path_kind kind;
    char *slash = strrchr(program, '/');
    if (!slash) return MIXENT_OK;
    *slash = 0;
    MIXENT_TRY(mixent_path_look_in(program, places[i], &kind));
    if (kind != MIXENT_PATH_DIRECTORY) continue;
    *out = mixent_path_join(program, places[i]);
    return *out ? MIXENT_OK : MIXENT_ERROR_MEMORY;
  }
  return MIXENT_OK;
}

/* Whether it has a model of that name, and where; *out NULL: no. */
static mixent_status look(const char *models, const char *name, char **out) {
  *out = NULL;
  if (!*name || *name == '.' || strchr(name, '/')) return MIXENT_OK;
  char *directory = mixent_path_join(models, name);
  if (!directory) return MIXENT_ERROR_MEMORY;
  mixent_path_kind kind;
  mixent_status status = mixent_path_look_in(directory, "best.safetensors", &kind);
  if (status == MIXENT_OK && kind == MIXENT_PATH_FILE)
    *out = directory;
  else
    free(directory);
  return status;
}

mixent_status mixent_shipped_model_find(const char *name, char **out) {
  char *models;
  *out = NULL;
  MIXENT_TRY(find_models(&models));
  mixent_status status = models ? look(models, name, out) : MIXENT_OK;
  free(models);
  return status;
}

static mixent_status add_models(const char *models, mixent_names *out) {
  mixent_names entries;
  mixent_path_kind kind;
  MIXENT_TRY(mixent_path_look(models, &kind));
  if (kind != MIXENT_PATH_DIRECTORY) return MIXENT_OK;
  MIXENT_TRY(mixent_directory_list(models, &entries));
  mixent_status status = MIXENT_OK;
  for (size_t i = 0; i < entries.count && status == MIXENT_OK; i++) {
    char *directory;
    status = look(models, entries.items[i], &directory);
    if (directory) status = mixent_names_add(out, entries.items[i]);
    free(directory);
  }
  mixent_names_free(&entries);
  return status;
}

mixent_status mixent_shipped_models(mixent_names *out) {
  char *models;
  *out = (mixent_names){.count = 0};
  MIXENT_TRY(find_models(&models));
  mixent_status status = models ? add_models(models, out) : MIXENT_OK;
  free(models);
  if (status != MIXENT_OK) mixent_names_free(out);
  return status;
}
