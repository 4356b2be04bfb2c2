/* Reading a run's directory into facts. */
#include "lab/store/facts.h"
#include "core/file.h"
#include "core/json.h"
#include "core/locale.h"
#include "core/yaml.h"
#include "lab/record/record.h"
#include "recipe/recipe.h"
#include "run/directory.h"
#include "run/scores.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LARGEST_JSON = 1 << 26, LARGEST_TEXT = 1 << 20 };

/* What is known of a run while its files are read. */
typedef struct reading {
  const char *directory;
  mixent_facts *facts;
  bool finished, recorded;
  bool in_study; /* the run is in a study's directory */
} reading;

/* The last failure; what the system refused it may allow the next time. */
static void add_damage(const reading *reading, mixent_status status) {
  reading->facts->refused |= status == MIXENT_ERROR_IO;
  mixent_facts_add_text(reading->facts, "damage", mixent_last_error());
}

/* Each new fact is compared with all before it. A run has about 150. */
enum { MOST_FACTS = 2000 };

/* Numbers, texts, yes and no of a JSON value, by their dotted names. */
static void add_json(mixent_facts *facts, const char *key, const json_t *value) {
  if (facts->count >= MOST_FACTS) return;
  if (json_is_number(value)) mixent_facts_add_number(facts, key, json_number_value(value));
  if (json_is_string(value)) mixent_facts_add_text(facts, key, json_string_value(value));
  if (json_is_boolean(value)) mixent_facts_add_text(facts, key, json_is_true(value) ? "true" : "false");
  const char *name;
  const json_t *member;
  json_object_foreach((json_t *)value, name, member) {
    char *path;
    if (mixent_print_text(&path, "%s%s%s", key, *key ? "." : "", name) != MIXENT_OK) {
      facts->failed = true;
      return;
    }
    add_json(facts, path, member);
    free(path);
  }
}

/* What a file looks like from outside; false where it is not there, or is hidden, which is then damage. */
static bool look_at(const reading *reading, const char *name, struct stat *out) {
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/%s", reading->directory, name);
  bool there;
  mixent_status status = mixent_path_stat(path, out, &there);
  if (status != MIXENT_OK) add_damage(reading, status);
  return there;
}

/* A file of the run; *out NULL where it is not there or cannot be read, which is then damage. */
static mixent_status read_text(const reading *reading, const char *name, size_t limit, char **out) {
  struct stat info;
  *out = NULL;
  if (!look_at(reading, name, &info)) return MIXENT_OK;
  char *path = mixent_path_join(reading->directory, name);
  mixent_status status = path ? mixent_file_read(path, limit, out, NULL) : MIXENT_ERROR_MEMORY;
  free(path);
  if (status == MIXENT_OK || status == MIXENT_ERROR_MEMORY) return status;
  add_damage(reading, status);
  return MIXENT_OK;
}

/* The same as JSON. */
static mixent_status read_json(const reading *reading, const char *name, json_t **out) {
  char *text, path[PATH_MAX];
  *out = NULL;
  MIXENT_TRY(read_text(reading, name, LARGEST_JSON, &text));
  if (!text) return MIXENT_OK;
  snprintf(path, sizeof path, "%s/%s", reading->directory, name);
  mixent_status status = mixent_json_parse(text, strlen(text), 0, path, out);
  free(text);
  if (status == MIXENT_ERROR_FORMAT) add_damage(reading, status);
  return status == MIXENT_ERROR_FORMAT ? MIXENT_OK : status;
}

static void add_option(mixent_facts *facts, const mixent_option *option, const mixent_recipe *recipe) {
  const void *field = (const char *)recipe + option->offset;
  mixent_text text = {0};
  switch (option->type) {
  case MIXENT_OPTION_WHOLE: mixent_facts_add_number(facts, option->key, (double)*(const long *)field); break;
  case MIXENT_OPTION_NUMBER: mixent_facts_add_number(facts, option->key, *(const double *)field); break;
  case MIXENT_OPTION_TEXT: mixent_facts_add_text(facts, option->key, field); break;
  default:
    mixent_option_write(option, recipe, &text);
    facts->failed |= text.failed;
    mixent_facts_add_text(facts, option->key, text.data);
    mixent_text_free(&text);
  }
}

static mixent_status read_recipe(const reading *reading) {
  mixent_recipe recipe;
  struct stat info;
  bool there = look_at(reading, "recipe.yaml", &info);
  char *path = mixent_path_join(reading->directory, "recipe.yaml");
  if (!path) return MIXENT_ERROR_MEMORY;
  mixent_status status = mixent_recipe_load(path, &recipe);
  free(path);
  if (status == MIXENT_ERROR_MEMORY) return status;
  if (status != MIXENT_OK) {
    add_damage(reading, there ? status : MIXENT_ERROR_FORMAT);
    return MIXENT_OK;
  }
  for (const mixent_option *option = mixent_options; option->key; option++)
    add_option(reading->facts, option, &recipe);
  mixent_facts_add_text(reading->facts, "recipe", recipe.name);
  mixent_facts_add_text(reading->facts, "loss", mixent_loss_names[recipe.loss_kind]);
  return MIXENT_OK;
}

static mixent_status read_summary(reading *reading) {
  json_t *summary;
  MIXENT_TRY(read_json(reading, "summary.json", &summary));
  if (!summary) return MIXENT_OK;
  const json_t *test = json_object_get(summary, "test");
  mixent_status status =
      json_is_number(json_object_get(test, "accuracy"))
          ? mixent_scores_check(test, "summary.json", "test")
          : mixent_fail(MIXENT_ERROR_FORMAT, "summary.json: it has no scores on the test images");
  if (status == MIXENT_OK)
    status = mixent_scores_check(json_object_get(summary, "validation"), "summary.json", "validation");
  reading->finished = status == MIXENT_OK;
  if (status != MIXENT_OK) {
    json_decref(summary);
    add_damage(reading, status);
    return status == MIXENT_ERROR_MEMORY ? status : MIXENT_OK;
  }
  add_json(reading->facts, "", summary);
  json_decref(summary);
  return MIXENT_OK;
}

/* What result.json adds to the summary: scores at the fitted temperature, and others of the same predictions. */
static mixent_status read_result(const reading *reading) {
  static const char *const parts[] = {"temperature", "test", "test_calibrated", "validation",
                                      "validation_calibrated"};
  json_t *result;
  MIXENT_TRY(read_json(reading, "result.json", &result));
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    add_json(reading->facts, parts[i], json_object_get(result, parts[i]));
  json_decref(result);
  return MIXENT_OK;
}

/* Names of the warnings in the order they came: "collapse, base-at-bound". */
static void add_warnings(const json_t *line, mixent_text *names) {
  size_t i;
  const json_t *value;
  json_array_foreach(json_object_get(line, "warnings"), i, value) {
    const char *words = json_is_string(value) ? json_string_value(value) : "";
    mixent_text_append_item(names, names->length, "%.*s", (int)strcspn(words, ":"), words);
  }
}

static void add_history(const reading *reading, const json_t *history) {
  size_t count = json_array_size(history);
  const json_t *best = NULL;
  mixent_text warnings = {0};
  double seconds = 0;
  for (size_t i = 0; i < count; i++) {
    const json_t *line = json_array_get(history, i);
    if (json_is_true(json_object_get(line, "best"))) best = line;
    seconds += json_number_value(json_object_get(line, "seconds"));
    add_warnings(line, &warnings);
  }
  mixent_facts *facts = reading->facts;
  mixent_facts_add_number(facts, "epochs_done", (double)count);
  mixent_facts_add_number(facts, "seconds", seconds);
  add_json(facts, "last", count ? json_array_get(history, count - 1) : NULL);
  add_json(facts, "best_epoch", json_object_get(best, "epoch"));
  add_json(facts, "validation", json_object_get(best, "validation"));
  if (warnings.length) mixent_facts_add_text(facts, "warnings", warnings.data);
  facts->failed |= warnings.failed;
  mixent_text_free(&warnings);
}

static mixent_status read_history(const reading *reading) {
  json_t *history;
  struct stat info;
  bool there = look_at(reading, "metrics.jsonl", &info);
  if (!there && reading->finished) return MIXENT_OK; /* it may have been left behind */
  mixent_status status = mixent_run_history_read(reading->directory, &history);
  if (status == MIXENT_ERROR_MEMORY) return status;
  if (status != MIXENT_OK) add_damage(reading, there ? status : MIXENT_ERROR_FORMAT);
  if (history) add_history(reading, history);
  json_decref(history);
  return MIXENT_OK;
}

/* A recorded run has none of the files of ours but result.json. */
static mixent_status read_record(reading *reading) {
  char *text, path[PATH_MAX];
  mixent_record record;
  MIXENT_TRY(read_text(reading, MIXENT_RECORD_FILE, MIXENT_RECORD_BYTES, &text));
  if (!text) return MIXENT_OK;
  snprintf(path, sizeof path, "%s/" MIXENT_RECORD_FILE, reading->directory);
  mixent_status status = mixent_record_parse(text, strlen(text), path, &record);
  free(text);
  if (status == MIXENT_OK) {
    mixent_facts *facts = reading->facts;
    mixent_facts_add_text(facts, "variant", record.variant);
    mixent_facts_add_number(facts, "seed", mixent_number_read(record.seed, NULL));
    if (*record.data) mixent_facts_add_text(facts, "data", record.data);
    for (size_t i = 0; i < record.metric_count && facts->count < MOST_FACTS; i++) {
      char *key;
      facts->failed |= mixent_print_text(&key, "metrics.%s", record.metrics[i].name) != MIXENT_OK;
      if (facts->failed) break;
      mixent_facts_add_number(facts, key, record.metrics[i].value);
      free(key);
    }
    reading->finished = true;
  } else if (status != MIXENT_ERROR_MEMORY) {
    add_damage(reading, status);
    status = MIXENT_OK;
  }
  mixent_record_free(&record);
  return status == MIXENT_OK ? read_result(reading) : status;
}

/* Of a run without summary.json the plan says on what it runs. */
static mixent_status read_plan(const reading *reading) {
  static const char *const names[][2] = {{"processor", "cpu"},
                                         {"instructions", "instructions"},
                                         {"mixent", "versions.mixent"},
                                         {"onednn", "versions.onednn"}};
  char *text;
  mixent_yaml *plan = NULL;
  MIXENT_TRY(read_text(reading, "plan.yaml", LARGEST_TEXT, &text));
  mixent_status status = text ? mixent_yaml_parse(text, strlen(text), "plan.yaml", &plan) : MIXENT_OK;
  free(text);
  if (status == MIXENT_ERROR_MEMORY) return status;
  if (status != MIXENT_OK) add_damage(reading, status);
  if (!plan) return MIXENT_OK;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const mixent_yaml *node = plan->kind == MIXENT_YAML_MAPPING ? mixent_yaml_find(plan, names[i][0]) : NULL;
    if (node && node->kind == MIXENT_YAML_SCALAR)
      mixent_facts_add_text(reading->facts, names[i][1], node->text);
  }
  mixent_yaml_free(plan);
  return MIXENT_OK;
}

static mixent_status read_failure(const reading *reading) {
  char *text;
  MIXENT_TRY(read_text(reading, "failure.txt", LARGEST_TEXT, &text));
  if (!text) return MIXENT_OK;
  text[strcspn(text, "\n")] = '\0';
  mixent_facts_add_text(reading->facts, "failure", text);
  free(text);
  return MIXENT_OK;
}

/* A run of ours. */
static mixent_status read_run(reading *reading) {
  MIXENT_TRY(read_recipe(reading));
  MIXENT_TRY(read_summary(reading)); /* of two that say the same the first counts */
  MIXENT_TRY(read_result(reading));
  MIXENT_TRY(read_history(reading));
  MIXENT_TRY(read_plan(reading));
  return reading->finished ? MIXENT_OK : read_failure(reading);
}

/* When a file was written; false if it is not there. */
static bool time_of(const reading *reading, const char *name, time_t *out) {
  struct stat info;
  if (!look_at(reading, name, &info)) return false;
  *out = info.st_mtime;
  return true;
}

static void add_time(mixent_facts *facts, const char *key, time_t time) {
  struct tm parts;
  char text[64];
  if (gmtime_r(&time, &parts) && strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts))
    mixent_facts_add_text(facts, key, text);
}

/* recipe.yaml is written once, at the start; record.json when the run ends. */
static void add_times(const reading *reading) {
  static const char *const names[] = {"recipe.yaml", "metrics.jsonl", "last.safetensors", "summary.json",
                                      MIXENT_RECORD_FILE};
  time_t time, newest = 0;
  if (time_of(reading, reading->recorded ? MIXENT_RECORD_FILE : names[0], &time))
    add_time(reading->facts, "started", time);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (time_of(reading, names[i], &time) && time > newest) newest = time;
  add_time(reading->facts, "changed", newest);
}

static void add_status(const reading *reading) {
  mixent_facts *facts = reading->facts;
  time_t saved;
  if (facts->count >= MOST_FACTS)
    add_damage(reading,
               mixent_fail(MIXENT_ERROR_FORMAT,
                           "%s: expected at most %d values in summary.json and metrics.jsonl, got more",
                           reading->directory, MOST_FACTS));
  if (!reading->finished && !reading->recorded && !mixent_facts_find(facts, "failure") &&
      !time_of(reading, "last.safetensors", &saved))
    add_damage(reading, mixent_fail(MIXENT_ERROR_FORMAT, "last.safetensors is missing; it cannot go on"));
  mixent_facts_add_text(facts, "status",
                        mixent_facts_find(facts, "damage")    ? "damaged"
                        : reading->finished                   ? "finished"
                        : mixent_facts_find(facts, "failure") ? "failed"
                                                              : "interrupted");
}

/* The directory of a study that the run is in (study.yaml is in it), else the one that it is in, below that of all runs. */
static void add_study(reading *reading, const char *name) {
  size_t whole = strlen(reading->directory), own = strlen(name);
  const char *last = strrchr(name, '/');
  if (!last) return;
  size_t length = (size_t)(last - name);
  if (whole >= own && strcmp(reading->directory + whole - own, name) == 0)
    for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
      char path[4096];
      snprintf(path, sizeof path, "%.*s%.*s/study.yaml", (int)(whole - own), reading->directory,
               (int)(slash - name), name);
      if (access(path, F_OK) != 0) continue;
      length = (size_t)(slash - name);
      reading->in_study = true;
      break;
    }
  char *study;
  if (mixent_copy_start(name, length, &study) == MIXENT_OK)
    mixent_facts_add_text(reading->facts, "study", study);
  else
    reading->facts->failed = true;
  free(study);
}

/* A run of a study is called VARIANT-SEED. */
static void add_variant(const reading *reading, const char *name) {
  const mixent_fact *seed = mixent_facts_find(reading->facts, "seed");
  const char *slash = strrchr(name, '/'), *own = slash ? slash + 1 : name, *dash = strrchr(own, '-');
  char *variant;
  if (!reading->in_study || !seed || !dash || dash == own ||
      mixent_number_read(dash + 1, NULL) != seed->number)
    return;
  if (mixent_copy_start(own, (size_t)(dash - own), &variant) == MIXENT_OK)
    mixent_facts_add_text(reading->facts, "variant", variant);
  else
    reading->facts->failed = true;
  free(variant);
}

mixent_status mixent_facts_read(const char *directory, const char *name, mixent_facts *out) {
  *out = (mixent_facts){0};
  reading reading = {.directory = directory, .facts = out};
  mixent_facts_add_text(out, "run", name);
  add_study(&reading, name);
  reading.recorded =
      mixent_has_file(directory, MIXENT_RECORD_FILE) && !mixent_has_file(directory, "recipe.yaml");
  mixent_status status = reading.recorded ? read_record(&reading) : read_run(&reading);
  if (status == MIXENT_OK) add_variant(&reading, name);
  if (status == MIXENT_OK) {
    add_times(&reading);
    add_status(&reading);
  }
  if (status == MIXENT_OK && out->failed) status = mixent_no_memory("%s", name);
  if (status != MIXENT_OK) mixent_facts_free(out);
  return status;
}
