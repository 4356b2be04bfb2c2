/* From the option `plan` to a net: the cached plan, a file's, a back end's name, or the fixed table. */
#include "train/plan_source.h"
#include "core/cache.h"
#include "core/content.h"
#include "core/file.h"
#include "core/threads.h"
#include "net/graph/graph.h"
#include "net/plan/choices.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *mixent_plan_cache_path(const mixent_plan_key *key) {
  char *cache = mixent_cache_directory(), *name = mixent_plan_key_name(key), *path = NULL;
  char *plans = cache && name ? mixent_path_join(cache, "plans") : NULL;
  if (plans) path = mixent_path_join(plans, name);
  free(plans);
  free(name);
  free(cache);
  return path;
}

/* Anew, if the plan's choices are not those the net has. */
static mixent_status apply_plan(const mixent_graph *graph, const mixent_net_options *options,
                                const mixent_plan_file *file, mixent_net **net) {
  mixent_net_options chosen = *options;
  mixent_net_choice *choices;
  bool same;
  MIXENT_TRY(mixent_plan_file_check(file, *net, &same));
  if (same) return MIXENT_OK;
  MIXENT_TRY(mixent_plan_file_choices(file, &choices));
  mixent_net_free(*net); /* the two need not be there at once */
  chosen.choices = choices, chosen.choice_count = file->count;
  mixent_status status = mixent_net_create(graph, &chosen, net);
  free(choices);
  return status;
}

static mixent_status note_file(const char *path, mixent_plan_source *source) {
  if (snprintf(source->plan, sizeof source->plan, "%s", path) < (int)sizeof source->plan) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_ARGUMENT, "plan: the path %s is too long", path);
}

static void note_differences(const mixent_plan_key *file, const mixent_plan_key *here,
                             mixent_plan_source *source) {
  mixent_text text = {0};
  mixent_plan_key_differences(file, here, &text);
  snprintf(source->differences, sizeof source->differences, "%s",
           text.length && !text.failed ? text.data : "");
  mixent_text_free(&text);
}

/* A named file must be of this network; what else is different is told. */
static mixent_status take_file(const mixent_graph *graph, const mixent_net_options *options, const char *path,
                               const mixent_plan_key *key, mixent_plan_source *source, mixent_net **net) {
  mixent_plan_file *file;
  MIXENT_TRY(note_file(path, source));
  MIXENT_TRY(mixent_plan_file_read(path, &file));
  note_differences(&file->key, key, source);
  mixent_status status = MIXENT_OK;
  if (strcmp(file->key.net_hash, key->net_hash) != 0)
    status = mixent_fail(MIXENT_ERROR_ARGUMENT,
                         "%s: made for another network (%s); a plan is good for its own alone", path,
                         source->differences);
  if (status == MIXENT_OK) status = apply_plan(graph, options, file, net);
  mixent_plan_file_free(file);
  return status;
}

/* The cached plan, if there is one that was measured for just this; else the net stays. */
static mixent_status take_cached(const mixent_graph *graph, const mixent_net_options *options,
                                 const mixent_plan_key *key, mixent_plan_source *source, mixent_net **net) {
  char *path = mixent_plan_cache_path(key);
  mixent_plan_file *file = NULL;
  mixent_path_kind kind = MIXENT_PATH_NOTHING;
  mixent_status status = path ? mixent_path_look(path, &kind) : MIXENT_OK;
  if (kind == MIXENT_PATH_FILE) status = mixent_plan_file_read(path, &file);
  if (status != MIXENT_OK)
    mixent_fail_within(status, "a plan in the cache (remove it, or go without it by --plan table)");
  if (file && mixent_plan_key_equal(&file->key, key) && mixent_plan_file_covers(file, *net)) {
    status = note_file(path, source);
    if (status == MIXENT_OK) status = apply_plan(graph, options, file, net);
  }
  mixent_plan_file_free(file);
  free(path);
  return status;
}

static mixent_status fail_backend(const char *wanted, const char *const *names) {
  bool is_known = mixent_is_name(wanted, mixent_backend_names());
  const char *nearest = is_known ? NULL : mixent_nearest_name(wanted, names);
  if (nearest)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "plan: unknown '%s'; did you mean '%s'?", wanted, nearest);
  mixent_text known = {0};
  mixent_text_append_names(&known, (const char *const[]){"auto", "table", NULL});
  for (; *names; names++) mixent_text_append_item(&known, 1, "%s", *names);
  mixent_status status = mixent_text_status(&known);
  if (status == MIXENT_OK)
    status =
        mixent_fail(MIXENT_ERROR_ARGUMENT, "plan: %s '%s'%s; it is %s, or a plan file (it ends in .yaml)",
                    is_known ? "no convolution here is computed by" : "unknown", wanted,
                    is_known ? " (not this network's, or not in this precision)" : "", known.data);
  mixent_text_free(&known);
  return status;
}

/* Whether any pass could be computed by that back end; if none, says which there are. */
static mixent_status check_backend(const mixent_net *net, const char *wanted) {
  enum { MOST = 32 };
  const char *names[MOST + 1] = {NULL};
  size_t count = 0;
  mixent_net_step step;
  for (size_t i = 0; mixent_net_step_get(net, i, &step); i++)
    for (const char *const *name = step.candidates; name && *name; name++) {
      if (strcmp(*name, wanted) == 0) return MIXENT_OK;
      size_t known_at = 0;
      while (known_at < count && strcmp(names[known_at], *name) != 0) known_at++;
      if (known_at < count || count == MOST) continue;
      names[count++] = *name;
    }
  return fail_backend(wanted, names);
}

static mixent_status take_backend(const mixent_graph *graph, const mixent_net_options *options,
                                  const char *wanted, mixent_plan_source *source, mixent_net **net) {
  const mixent_net_choice choice = {"*", "*", wanted};
  mixent_net_options chosen = *options;
  MIXENT_TRY(check_backend(*net, wanted));
  MIXENT_TRY(note_file(wanted, source));
  mixent_net_free(*net);
  chosen.choices = &choice, chosen.choice_count = 1;
  return mixent_net_create(graph, &chosen, net);
}

static bool names_file(const char *text) {
  size_t length = strlen(text);
  return strchr(text, '/') || (length > 5 && strcmp(text + length - 5, ".yaml") == 0) || mixent_is_file(text);
}

static mixent_status check_wanted(const char *wanted) {
  if (strcmp(wanted, "auto") == 0 || strcmp(wanted, "table") == 0) return MIXENT_OK;
  if (names_file(wanted)) return mixent_content_check_file(wanted, "a plan (YAML)");
  return mixent_is_name(wanted, mixent_backend_names()) ? MIXENT_OK
                                                        : fail_backend(wanted, mixent_backend_names());
}

mixent_status mixent_recipe_check_network(const mixent_recipe *recipe) {
  MIXENT_TRY(mixent_graph_check_name(recipe->net));
  return check_wanted(recipe->plan);
}

static mixent_status take(const mixent_graph *graph, const mixent_net_options *options, const char *wanted,
                          mixent_plan_source *source, mixent_net **net) {
  mixent_plan_key key;
  MIXENT_TRY(mixent_plan_key_make(graph, options->batch, options->precision, &key));
  if (strcmp(wanted, "table") == 0) return MIXENT_OK;
  if (strcmp(wanted, "auto") == 0) return take_cached(graph, options, &key, source, net);
  if (names_file(wanted)) return take_file(graph, options, wanted, &key, source, net);
  return take_backend(graph, options, wanted, source, net);
}

mixent_status mixent_plan_source_net(const mixent_graph *graph, const mixent_net_options *options,
                                     const char *wanted, mixent_plan_source *source, mixent_net **out) {
  *source = (mixent_plan_source){.plan = "table"};
  MIXENT_TRY(mixent_net_create(graph, options, out)); /* the table's: it knows what there is to choose */
  mixent_status status = take(graph, options, wanted, source, out);
  if (status == MIXENT_OK) {
    mixent_plan_hash(*out, source->hash);
    return MIXENT_OK;
  }
  mixent_net_free(*out);
  *out = NULL;
  return status;
}

static mixent_status write_plan(const mixent_graph *graph, const mixent_net_options *options,
                                const char *wanted, mixent_text *out) {
  mixent_plan_source source;
  mixent_plan_key key;
  mixent_plan_file *file;
  mixent_net *net;
  MIXENT_TRY(mixent_plan_source_net(graph, options, wanted, &source, &net));
  mixent_status status = mixent_plan_key_make(graph, options->batch, options->precision, &key);
  if (status == MIXENT_OK) status = mixent_plan_file_of(net, &key, &file);
  if (status == MIXENT_OK) {
    mixent_plan_file_text(file, out);
    mixent_plan_file_free(file);
    status = mixent_text_status(out);
  }
  mixent_net_free(net);
  return status;
}

mixent_status mixent_recipe_plan_write(const mixent_recipe *recipe, int channels, int side, int classes,
                                       mixent_text *out) {
  const mixent_graph_options options = {
      .channels = channels, .side = side, .classes = classes, .dropout = recipe->dropout};
  const mixent_net_options net = {.batch = (int)mixent_recipe_rows(recipe),
                                  .precision = mixent_recipe_precision(recipe),
                                  .training = true};
  mixent_graph *graph;
  mixent_threads_set(mixent_recipe_replica_threads(recipe));
  MIXENT_TRY(mixent_graph_open(recipe->net, &options, &graph));
  mixent_status status = write_plan(graph, &net, recipe->plan, out);
  mixent_graph_free(graph);
  return status;
}
