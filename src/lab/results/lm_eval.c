/* lm-evaluation-harness: samples and means. */
#include "lab/results/lm_eval.h"
#include "core/locale.h"
#include "core/memory.h"

#include <stdlib.h>
#include <string.h>

/* The run by the directory that the file is in; the seed by the word alone: phi-2 is a model. free() run, variant and seed. */
static mixent_status name_run(const mixent_results_file *file, mixent_results *out,
                              mixent_results_samples *names) {
  const char *slash = strrchr(file->path, '/'), *below = strrchr(file->name, '/');
  size_t length = slash ? (size_t)(slash - file->path) + (slash == file->path) : 1;
  char *name;
  MIXENT_TRY(mixent_results_add_source(file->path, "lm-evaluation-harness", out, &names->origin));
  MIXENT_TRY(mixent_copy_start(slash ? file->path : ".", length, &names->run));
  MIXENT_TRY(mixent_copy_start(file->name, below ? (size_t)(below - file->name) : 0, &name));
  out->has_names = true;
  mixent_status status = mixent_results_name_seeded(file->is_named ? names->run : file->root, name,
                                                    &names->variant, &names->seed);
  free(name);
  return status;
}

/* samples_TASK_2026-01-02T03-04-05.678901.jsonl */
static mixent_status name_task(const char *path, char **out) {
  static const char before[] = "samples_";
  const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *end;
  if (strncmp(name, before, strlen(before)) == 0) name += strlen(before);
  end = strrchr(name, '_');
  if (!end || end == name || strspn(end + 1, "0123456789") != 4) end = strrchr(name, '.');
  return mixent_copy_start(name, end && end > name ? (size_t)(end - name) : strlen(name), out);
}

static bool is_right_or_wrong(const json_t *value) {
  double number = json_number_value(value);
  return json_is_boolean(value) || (json_is_number(value) && (number == 0 || number == 1));
}

bool mixent_results_is_sample(const json_t *object) {
  return json_object_get(object, "doc_id") && json_object_get(object, "filtered_resps");
}

static mixent_status find_metric(const json_t *object, const mixent_results_layout *layout, char **out) {
  const char *mapped = layout->columns[MIXENT_ROLE_CORRECT];
  const json_t *names = json_object_get(object, "metrics"), *name;
  size_t index;
  if (mapped) return mixent_copy_text(mapped, out);
  json_array_foreach((json_t *)names, index, name) {
    const char *text = json_string_value(name);
    if (text && is_right_or_wrong(json_object_get(object, text))) return mixent_copy_text(text, out);
  }
  return MIXENT_OK;
}

mixent_status mixent_results_samples_begin(const mixent_results_file *file, const json_t *object,
                                           const mixent_results_layout *layout, mixent_results *out,
                                           mixent_results_samples *samples) {
  MIXENT_TRY(name_run(file, out, samples));
  MIXENT_TRY(name_task(file->path, &samples->task));
  return find_metric(object, layout, &samples->metric);
}

/* "TASK", or "TASK, FILTER". */
static mixent_status name_data(const char *task, const char *filter, char **out) {
  return strcmp(filter, "none") == 0 ? mixent_copy_text(task, out)
                                     : mixent_print_text(out, "%s, %s", task, filter);
}

static mixent_results_header header_of(const mixent_results_samples *of, size_t line,
                                       const char *const *names, const mixent_results_layout *layout) {
  mixent_results_header header = {.origin = of->origin,
                                  .line = line,
                                  .names = names,
                                  .count = 2,
                                  .layout = layout,
                                  .variant = of->variant,
                                  .seed = of->seed,
                                  .identity = of->run};
  for (int role = 0; role < MIXENT_ROLES; role++) header.roles[role] = header.count;
  return header;
}

mixent_status mixent_results_take_sample(const mixent_results_samples *samples, const json_t *object,
                                         size_t line, const mixent_results_layout *layout,
                                         mixent_results *out) {
  const char *filter = json_string_value(json_object_get(object, "filter")),
             *hash = json_string_value(json_object_get(object, "doc_hash"));
  const json_t *id = json_object_get(object, "doc_id"),
               *value = samples->metric ? json_object_get(object, samples->metric) : NULL;
  if (!samples->metric)
    return MIXENT_OK; /* no metric of this task says right or wrong: its means are in results_TIME.json */
  if (!json_is_integer(id) || !is_right_or_wrong(value))
    return mixent_fail(
        MIXENT_ERROR_FORMAT,
        "%s:%zu:1: expected a whole number 'doc_id' and 0 or 1 for '%.80s', got another value; name the metric "
        "that says whether a document is right: --columns correct=NAME",
        samples->origin, line, samples->metric);
  const char *names[2] = {"doc_id", samples->metric};
  bool right = json_is_true(value) || json_number_value(value) == 1;
  char item[64], *data;
  /* the hash holds the document against that of other models */
  mixent_print(item, sizeof item, hash ? "%lld %.12s" : "%lld%s", (long long)json_integer_value(id),
               hash ? hash : "");
  mixent_results_field fields[2] = {{.kind = MIXENT_FIELD_WORD, .text = item, .line = line, .column = 1},
                                    mixent_results_number(right, right ? "1" : "0")};
  mixent_results_header header = header_of(samples, line, names, layout);
  header.roles[MIXENT_ROLE_ITEM] = 0;
  header.roles[MIXENT_ROLE_CORRECT] = 1;
  MIXENT_TRY(name_data(samples->task, filter ? filter : "none", &data));
  header.data = data;
  mixent_status status = mixent_results_take(&header, fields, out);
  free(data);
  return status;
}

void mixent_results_samples_end(mixent_results_samples *samples) {
  free(samples->run);
  free(samples->variant);
  free(samples->seed);
  free(samples->task);
  free(samples->metric);
  *samples = (mixent_results_samples){0};
}

/* Adds "acc,none": 0.5 of a task; what has no filter, and what is a standard error, is passed over. */
static mixent_status take_mean(mixent_results_header *header, const char *task, const char *key,
                               const json_t *value, mixent_results *out) {
  const char *comma = strchr(key, ',');
  char *metric, *data = NULL;
  if (!comma || comma == key || !json_is_number(value) || strstr(key, "_stderr,")) return MIXENT_OK;
  MIXENT_TRY(mixent_copy_start(key, (size_t)(comma - key), &metric));
  mixent_status status = name_data(task, comma + 1, &data);
  if (status == MIXENT_OK) {
    const mixent_results_field fields[2] = {
        {.kind = MIXENT_FIELD_WORD, .text = metric, .line = 1, .column = 1},
        mixent_results_number(json_number_value(value), "")};
    header->data = data;
    status = mixent_results_take(header, fields, out);
  }
  free(metric);
  free(data);
  return status;
}

static mixent_status take_means(mixent_results_header *header, const json_t *object, mixent_results *out) {
  const char *task, *key;
  json_t *of, *value;
  const json_t *groups = json_object_get(object, "groups");
  json_object_foreach(json_object_get(object, "results"), task, of) {
    if (json_object_get(groups, task)) continue; /* the mean of tasks that are in the file themselves */
    json_object_foreach(of, key, value) MIXENT_TRY(take_mean(header, task, key, value, out));
  }
  return MIXENT_OK;
}

mixent_status mixent_results_read_means(const mixent_results_file *file, char *text, size_t size,
                                        const mixent_results_layout *layout, mixent_results *out,
                                        bool *found) {
  static const char *const names[2] = {"metric", "value"};
  json_t *object;
  mixent_results_samples of = {0};
  *found = false;
  mixent_json_replace_not_finite(text, text + size);
  mixent_status parsed = mixent_json_parse(text, size, 0, file->path, &object);
  if (parsed == MIXENT_ERROR_FORMAT && !file->is_named)
    return MIXENT_OK; /* a directory holds other files, too */
  MIXENT_TRY(parsed);
  *found = json_is_object(json_object_get(object, "results")) &&
           json_is_object(json_object_get(object, "versions"));
  mixent_status status = *found ? name_run(file, out, &of) : MIXENT_OK;
  if (*found && status == MIXENT_OK) {
    mixent_results_header header = header_of(&of, 1, names, layout);
    header.roles[MIXENT_ROLE_METRIC] = 0;
    header.roles[MIXENT_ROLE_VALUE] = 1;
    status = take_means(&header, object, out);
  }
  mixent_results_samples_end(&of);
  json_decref(object);
  return status;
}
