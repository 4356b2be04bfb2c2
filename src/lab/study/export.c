/* Writing a study's file. */
#include "core/file.h"
#include "core/json.h"
#include "lab/result/result.h"
#include "lab/study/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST = 1 << 28 };

const char *const mixent_study_run_files[] = {"recipe.yaml",  "plan.yaml",   "metrics.jsonl",
                                              "summary.json", "result.json", NULL};

static mixent_status read_file(const char *directory, const char *name, char **out) {
  char *path = mixent_path_join(directory, name);
  mixent_status status = path ? mixent_file_read(path, LARGEST, out, NULL) : MIXENT_ERROR_MEMORY;
  free(path);
  return status;
}

/* A whole path says where something was on this machine; its last part is what it is called. */
static void forget_path(char *text) {
  const char *slash = strrchr(text, '/');
  if (*text == '/' && slash) memmove(text, slash + 1, strlen(slash + 1) + 1);
}

/* recipe.yaml without places, its data set called as in the study; on another machine a plan is found anew where somebody takes the recipe by itself. */
static mixent_status clean_recipe(char **text, const char *data, const char *run) {
  mixent_recipe recipe;
  mixent_text out = {0};
  MIXENT_TRY(mixent_recipe_parse(*text, run, "run", NULL, 0, &recipe));
  if (*recipe.data == '/') snprintf(recipe.data, sizeof recipe.data, "%s", data);
  forget_path(recipe.net);
  forget_path(recipe.baseline);
  recipe.data_directory[0] = 0;
  strcpy(recipe.plan, "auto");
  mixent_recipe_write(&recipe, true, &out);
  mixent_status status = mixent_text_status(&out);
  if (status != MIXENT_OK) {
    mixent_text_free(&out);
    return status;
  }
  free(*text);
  *text = out.data;
  return MIXENT_OK;
}

/* summary.json without the plan's place. */
static mixent_status clean_summary(char **text, const char *run) {
  json_t *json;
  MIXENT_TRY(mixent_json_parse(*text, strlen(*text), 0, run, &json));
  const char *plan = json_string_value(json_object_get(json, "plan"));
  if (plan) {
    char *copy;
    if (mixent_copy_text(plan, &copy) == MIXENT_OK) forget_path(copy);
    mixent_json_set(&json, "plan", mixent_json_text(copy));
    free(copy);
  }
  free(*text);
  return mixent_json_write(json, JSON_INDENT(2) | JSON_REAL_PRECISION(15), text);
}

/* A line of JSON; takes `json`. */
static mixent_status append_line(json_t *json, mixent_text *out) {
  char *line;
  MIXENT_TRY(mixent_json_write(json, JSON_COMPACT, &line));
  mixent_text_append(out, "%s\n", line);
  free(line);
  return mixent_text_status(out);
}

static mixent_status append_run(const char *name, const char *data, const char *path, mixent_text *out) {
  mixent_result *result; /* makes result.json where it is not there yet */
  MIXENT_TRY(mixent_result_read(path, &result));
  mixent_result_free(result);
  json_t *line = json_pack("{s:s}", "run", name);
  mixent_status status = MIXENT_OK;
  for (const char *const *file = mixent_study_run_files; *file && status == MIXENT_OK; file++) {
    char *text = NULL;
    status = read_file(path, *file, &text);
    if (status == MIXENT_OK && strcmp(*file, "recipe.yaml") == 0) status = clean_recipe(&text, data, path);
    if (status == MIXENT_OK && strcmp(*file, "summary.json") == 0) status = clean_summary(&text, path);
    if (status == MIXENT_OK) mixent_json_set(&line, *file, json_string(text));
    free(text);
  }
  if (status == MIXENT_OK) return append_line(line, out);
  json_decref(line);
  return status;
}

/* The texts of the plan files that study.json names. */
static mixent_status read_plans(const mixent_study *study, json_t *out) {
  const char *variant;
  json_t *plan;
  json_object_foreach(json_object_get(study->state, "plans"), variant, plan) {
    char *text;
    const char *name = json_string_value(plan);
    if (json_object_get(out, name)) continue;
    MIXENT_TRY(read_file(study->directory, name, &text));
    int failed = json_object_set_new(out, name, json_string(text));
    free(text);
    if (failed) return mixent_no_memory("a study's file");
  }
  return MIXENT_OK;
}

/* What failed runs failed with, a run's own place in it left out. */
static mixent_status list_failed(const mixent_study *study, json_t *out) {
  const char *name;
  json_t *message;
  MIXENT_TRY(mixent_study_list_failed(study, out));
  json_object_foreach(out, name, message) {
    const char *text = json_string_value(message);
    char *path = mixent_path_join(study->directory, name), *found = path ? strstr(text, path) : NULL;
    if (!path) return MIXENT_ERROR_MEMORY;
    int failed = found
                     ? json_object_set_new(out, name,
                                           json_sprintf("%.*s%s", (int)(found - text), text,
                                                        found + strlen(path) + (found[strlen(path)] == '/')))
                     : 0;
    free(path);
    if (failed) return mixent_no_memory("a study's file");
  }
  return MIXENT_OK;
}

static mixent_status append_header(const mixent_study *study, size_t runs, mixent_text *out) {
  json_t *state = json_deep_copy(study->state), *data = json_object_get(state, "data"),
         *failed = json_object_get(state, "failed"), *plans = json_object();
  json_object_clear(failed);
  mixent_status status = state && plans ? MIXENT_OK : mixent_no_memory("a study's file");
  for (size_t i = 0; i < study->data_count && status == MIXENT_OK; i++)
    if (study->data[i][0] == '/' && json_array_set_new(data, i, json_string(study->data_names[i])) != 0)
      status = mixent_no_memory("a study's file");
  if (status == MIXENT_OK) status = read_plans(study, plans);
  if (status == MIXENT_OK) status = list_failed(study, failed);
  json_t *line = json_pack("{s:s, s:I, s:s, s:s, s:o, s:o}", "kind", "mixent study", "runs", (json_int_t)runs,
                           "study.yaml", study->text, "base.yaml", study->recipe_text, "study.json", state,
                           "plans", plans);
  if (status == MIXENT_OK) return append_line(line, out);
  json_decref(line);
  return status;
}

mixent_status mixent_study_export(const mixent_study *study, mixent_text *out, size_t *runs) {
  mixent_text lines = {0};
  mixent_status status = MIXENT_OK;
  *runs = 0;
  for (size_t i = 0; i < mixent_study_run_count(study) && status == MIXENT_OK; i++) {
    mixent_study_cell cell = mixent_study_cell_at(study, i);
    mixent_run_state state;
    char *name = mixent_study_run_name(study, cell), *path = mixent_study_run_path(study, cell);
    status = name && path ? mixent_study_run_state(study, cell, &state, NULL) : MIXENT_ERROR_MEMORY;
    if (status == MIXENT_OK && state == MIXENT_RUN_FINISHED) {
      status = append_run(name, study->data_names[cell.data], path, &lines);
      ++*runs;
    }
    free(name);
    free(path);
  }
  if (status == MIXENT_OK) status = append_header(study, *runs, out);
  if (status == MIXENT_OK && lines.data) mixent_text_append_bytes(out, lines.data, lines.length);
  mixent_text_free(&lines);
  return status == MIXENT_OK ? mixent_text_status(out) : status;
}
