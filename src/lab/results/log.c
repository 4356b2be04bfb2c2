/* The log of one run: who it is. */
#include "lab/results/log.h"
#include "core/file.h"
#include "core/memory.h"

#include <stdlib.h>
#include <string.h>

enum { SETTINGS_BYTES = 1 << 20 };

static mixent_status add_setting(const mixent_yaml *node, mixent_results_log *log) {
  size_t count = log->count;
  MIXENT_TRY(MIXENT_GROW(&log->names, count, node->origin));
  MIXENT_TRY(MIXENT_GROW(&log->fields, count, node->origin));
  MIXENT_TRY(mixent_print_text(&log->names[count], "hparams.%s", node->key));
  log->fields[count] = mixent_results_cell_read(node->text, (size_t)node->line, (size_t)node->column);
  log->count++;
  return MIXENT_OK;
}

static mixent_status read_settings(const char *path, mixent_results_log *log) {
  char *text;
  size_t size;
  MIXENT_TRY(mixent_file_read(path, SETTINGS_BYTES, &text, &size));
  mixent_status status = mixent_yaml_parse(text, size, path, &log->settings);
  free(text);
  if (status != MIXENT_OK || log->settings->kind != MIXENT_YAML_MAPPING) return status;
  for (size_t i = 0; i < log->settings->count && status == MIXENT_OK; i++)
    if (log->settings->children[i].kind == MIXENT_YAML_SCALAR && log->count < MIXENT_RESULTS_COLUMNS)
      status = add_setting(&log->settings->children[i], log);
  return status;
}

static mixent_status find_settings(const mixent_results_file *file, mixent_results_log *log) {
  const char *slash = strrchr(file->path, '/');
  char *path;
  mixent_path_kind kind;
  MIXENT_TRY(
      mixent_print_text(&path, "%.*shparams.yaml", slash ? (int)(slash + 1 - file->path) : 0, file->path));
  mixent_status status = mixent_path_look(path, &kind);
  if (status == MIXENT_OK && kind == MIXENT_PATH_FILE) status = read_settings(path, log);
  free(path);
  return status;
}

mixent_status mixent_results_log_begin(const mixent_results_file *file, const char *origin,
                                       mixent_results_log *out) {
  out->identity = origin;
  MIXENT_TRY(mixent_results_name_run(file->root, file->name, &out->variant, &out->seed));
  return find_settings(file, out);
}

mixent_status mixent_results_log_find(const mixent_results_layout *layout, const mixent_results_log *log,
                                      mixent_results_header *header, mixent_results *out) {
  header->variant = log->variant;
  header->seed = log->seed;
  header->identity = log->identity;
  header->is_log = out->has_epochs = true;
  MIXENT_TRY(mixent_results_find_roles(layout, header));
  out->has_names |= header->roles[MIXENT_ROLE_VARIANT] == header->count ||
                    (header->roles[MIXENT_ROLE_SEED] == header->count && log->seed);
  return MIXENT_OK;
}

void mixent_results_log_end(mixent_results_log *log) {
  for (size_t i = 0; i < log->count; i++) free(log->names[i]);
  free(log->names);
  free(log->fields);
  mixent_yaml_free(log->settings);
  free(log->variant);
  free(log->seed);
  *log = (mixent_results_log){0};
}
