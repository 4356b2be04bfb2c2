/* What a study in memory is asked: its runs, their names, settings and recipes. */
#include "lab/study/study.h"
#include "core/file.h"
#include "core/json.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void free_texts(char **texts, size_t count) {
  for (size_t i = 0; i < count && texts; i++) free(texts[i]);
  free(texts);
}

static void free_settings(mixent_setting *settings, size_t count) {
  for (size_t i = 0; i < count; i++) {
    free((char *)settings[i].key);
    free((char *)settings[i].value);
  }
  free(settings);
}

void mixent_study_free(mixent_study *study) {
  if (!study) return;
  for (size_t i = 0; i < study->variant_count; i++)
    free_settings(study->variants[i].settings, study->variants[i].setting_count);
  free(study->variants);
  free_texts(study->variant_names, study->variant_count);
  free_texts(study->data, study->data_count);
  free_texts(study->data_names, study->data_count);
  free_settings(study->settings, study->setting_count);
  free(study->name);
  free(study->about);
  free(study->recipe);
  free(study->recipe_text);
  free(study->text);
  free(study->seeds);
  free(study->directory);
  json_decref(study->state);
  free(study);
}

/* "./mine/letters/" -> "letters" */
static mixent_status copy_last_part(const char *path, char **out) {
  size_t end = strlen(path), begin;
  while (end > 1 && path[end - 1] == '/') end--;
  for (begin = end; begin > 0 && path[begin - 1] != '/';) begin--;
  return mixent_copy_start(path + begin, end - begin, out);
}

mixent_status mixent_study_take_data(mixent_study *study, const char *const *data, size_t count) {
  free_texts(study->data, study->data_count);
  free_texts(study->data_names, study->data_count);
  study->data = study->data_names = NULL;
  study->data_count = 0;
  if (count > MIXENT_STUDY_MOST)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "data: expected at most %d data sets, got %zu",
                       MIXENT_STUDY_MOST, count);
  MIXENT_TRY(MIXENT_ALLOCATE(count, &study->data));
  MIXENT_TRY(MIXENT_ALLOCATE(count, &study->data_names));
  study->data_listed = true;
  for (size_t i = 0; i < count; i++) {
    study->data_count++;
    MIXENT_TRY(mixent_copy_text(data[i], &study->data[i]));
    MIXENT_TRY(copy_last_part(data[i], &study->data_names[i]));
    const char *name = study->data_names[i];
    if (count > 1 && (*name == '.' || *name == '/'))
      return mixent_fail(MIXENT_ERROR_ARGUMENT, "data: '%s' has no last part that could name a directory",
                         data[i]);
    for (size_t j = 0; j < i; j++)
      if (strcmp(name, study->data_names[j]) == 0)
        return mixent_fail(MIXENT_ERROR_ARGUMENT, "data: two are called '%s'", name);
  }
  return MIXENT_OK;
}

mixent_status mixent_study_add_seed(mixent_study *study, long seed) {
  for (size_t i = 0; i < study->seed_count; i++)
    if (study->seeds[i] == seed) return MIXENT_OK;
  MIXENT_TRY(MIXENT_GROW(&study->seeds, study->seed_count, "a study"));
  study->seeds[study->seed_count++] = seed;
  return MIXENT_OK;
}

mixent_status mixent_study_check_size(const mixent_study *study) {
  size_t runs =
      mixent_study_run_count(study); /* no overflow: each of the three is at most MIXENT_STUDY_MOST */
  if (study->seed_count <= MIXENT_STUDY_MOST && runs <= MIXENT_STUDY_MOST_RUNS) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_FORMAT, "expected a study of at most %d runs and %d seeds, got %zu and %zu",
                     MIXENT_STUDY_MOST_RUNS, MIXENT_STUDY_MOST, runs, study->seed_count);
}

size_t mixent_study_run_count(const mixent_study *study) {
  return study->seed_count * study->data_count * study->variant_count;
}

mixent_study_cell mixent_study_cell_at(const mixent_study *study, size_t index) {
  size_t variants = study->variant_count, data = study->data_count;
  return (mixent_study_cell){
      .variant = index % variants, .data = index / variants % data, .seed = index / variants / data};
}

char *mixent_study_variant_name(const mixent_study *study, mixent_study_cell cell) {
  mixent_text name = {0};
  if (study->data_count > 1) mixent_text_append(&name, "%s/", study->data_names[cell.data]);
  mixent_text_append(&name, "%s", study->variant_names[cell.variant]);
  if (mixent_text_status(&name) == MIXENT_OK) return name.data;
  mixent_text_free(&name);
  return NULL;
}

char *mixent_study_run_name(const mixent_study *study, mixent_study_cell cell) {
  char *variant = mixent_study_variant_name(study, cell), *name = NULL;
  if (variant) mixent_print_text(&name, "%s-%ld", variant, study->seeds[cell.seed]);
  free(variant);
  return name;
}

char *mixent_study_run_path(const mixent_study *study, mixent_study_cell cell) {
  char *name = mixent_study_run_name(study, cell), *path = NULL;
  if (name) path = mixent_path_join(study->directory, name);
  free(name);
  return path;
}

long mixent_study_threads(const mixent_study *study) {
  return (long)json_integer_value(json_object_get(study->state, "threads"));
}
