/* The words by which a study's runs are started, or gone on with. */
#include "lab/study/command.h"
#include "core/file.h"
#include "io/plan_file.h"

#include <stdio.h>
#include <stdlib.h>

static void add_word(mixent_study_command *command, const char *before, const char *text) {
  char *word = NULL;
  if (command->count == MIXENT_STUDY_COMMAND_WORDS ||
      mixent_print_text(&word, "%s%s", before, text) != MIXENT_OK)
    command->failed = true;
  else
    command->words[command->count++] = word;
}

static void add_set(mixent_study_command *command, const char *key, const char *value) {
  char text[MIXENT_RECIPE_TEXT + 128];
  snprintf(text, sizeof text, "%s=%s", key, value);
  add_word(command, "--set", "");
  add_word(command, "", text);
}

void mixent_study_command_free(mixent_study_command *command) {
  for (size_t i = 0; i < command->count; i++) free(command->words[i]);
}

/* A new run: the study's recipe, its settings, and the plan with what that was made for. */
static mixent_status add_new_run(const mixent_study *study, mixent_study_cell cell, const char *path,
                                 mixent_study_command *command) {
  mixent_run_settings settings;
  mixent_recipe recipe;
  mixent_plan_file *file = NULL;
  char threads[24], *plan, *base;
  MIXENT_TRY(mixent_study_recipe(study, cell, &recipe));
  if (!(plan = mixent_study_plan_path(study, cell))) return MIXENT_ERROR_MEMORY;
  base = mixent_path_join(study->directory, "base.yaml");
  mixent_status status = base ? mixent_plan_file_read(plan, &file) : MIXENT_ERROR_MEMORY;
  if (status == MIXENT_OK) status = mixent_study_settings(study, cell, &settings);
  if (status == MIXENT_OK) {
    add_word(command, "--recipe=", base);
    add_word(command, "--run=", path);
    for (size_t i = 0; i < settings.count; i++)
      add_set(command, settings.items[i].key, settings.items[i].value);
    free(settings.items);
    snprintf(threads, sizeof threads, "%ld", mixent_study_threads(study));
    add_set(command, "name", recipe.name);
    add_set(command, "threads", threads);
    add_set(command, "precision", file->key.precision);
    add_set(command, "plan", plan);
  }
  mixent_plan_file_free(file);
  free(plan);
  free(base);
  return status;
}

mixent_status mixent_study_command_make(const mixent_study *study, mixent_study_cell cell, const char *path,
                                        mixent_study_command *command) {
  mixent_path_kind last;
  MIXENT_TRY(mixent_path_look_in(path, "last.safetensors", &last));
  add_word(command, "", "mixent");
  add_word(command, "", "train");
  add_word(command, "", "--json");
  if (last == MIXENT_PATH_FILE)
    add_word(command, "--resume=", path);
  else
    MIXENT_TRY(add_new_run(study, cell, path, command));
  return command->failed ? mixent_no_memory("a command line") : MIXENT_OK;
}
