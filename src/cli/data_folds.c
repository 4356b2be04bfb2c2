/* Folds trained one after another, each as a run of its own. */
#include "cli/data_folds.h"
#include "cli/signals.h"
#include "cli/terminal.h"
#include "core/file.h"
#include "core/locale.h"
#include "mixent/train.h"
#include "recipe/recipe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SETTINGS = 12, VALUE = 1100 };

/* A setting and its text. */
typedef struct settings {
  mixent_setting items[MOST_SETTINGS];
  char values[MOST_SETTINGS][VALUE];
  size_t count;
} settings;

static void add_text(settings *to, const char *key, const char *value) {
  snprintf(to->values[to->count], VALUE, "%s", value);
  to->items[to->count] = (mixent_setting){key, to->values[to->count]};
  to->count++;
}

static void add_whole(settings *to, const char *key, long value) {
  char text[32];
  mixent_print(text, sizeof text, "%ld", value);
  add_text(to, key, text);
}

/* What is trained on data of this kind unless somebody says otherwise. */
typedef struct usual {
  const char *recipe, *net; /* net NULL: the recipe's */
  long epochs;
} usual;

static usual usual_of(const mixent_dataset *dataset) {
  if (dataset->train.features) return (usual){"tabular", NULL, 15};
  if (dataset->pictures) return (usual){"photos-small", NULL, 30};
  return (usual){"emnist-letters-short", "conv3", 4};
}

/* A batch that gives some steps an epoch: the recipe's, or a power of two of which eight fit. */
static mixent_status choose_batch(const mixent_folds *folds, const char *name, const mixent_dataset *dataset,
                                  settings *to) {
  mixent_recipe recipe;
  size_t count = dataset->train.count - dataset->train.count / (size_t)folds->count, fitting = 2;
  MIXENT_TRY(mixent_recipe_compose(name, to->items, to->count, &recipe));
  while (16 * fitting <= count) fitting *= 2;
  if ((size_t)recipe.batch > fitting) add_whole(to, "batch", (long)fitting);
  return MIXENT_OK;
}

/* What the folds of a check share while they are trained. */
typedef struct view {
  mixent_progress progress;
  long fold, count;
} view;

static void show_progress(void *context, const mixent_train_progress *now) {
  view *view = context;
  char before[64];
  double epoch = (now->epoch - 1 + (now->steps ? (double)now->step / now->steps : 1)) / now->epochs;
  snprintf(before, sizeof before, "checking labels, fold %ld/%ld", view->fold + 1, view->count);
  mixent_progress_show(&view->progress, before, ((double)view->fold + epoch) / (double)view->count, "");
}

static mixent_status judge_fold(const mixent_dataset *dataset, const char *recipe, const settings *shared,
                                view *view, const char *run, mixent_out_of_sample *out) {
  settings own = *shared;
  for (size_t i = 0; i < own.count; i++) own.items[i].value = own.values[i];
  add_whole(&own, "validation.fold", view->fold);
  const mixent_train_options options = {.recipe = recipe,
                                        .settings = own.items,
                                        .setting_count = own.count,
                                        .run = run,
                                        .dataset = dataset, /* as it was read: without broken files */
                                        .stop = mixent_signals_watch("ending the check"),
                                        .context = view,
                                        .progress = show_progress};
  mixent_train_summary summary = {0};
  mixent_status status = mixent_train(&options, &summary);
  mixent_train_summary_free(&summary);
  if (status == MIXENT_OK) status = mixent_out_of_sample_add(dataset, run, out);
  if (status == MIXENT_ERROR_INTERRUPTED) mixent_fail(status, "the check was stopped");
  return status;
}

static mixent_status judge_all(const mixent_folds *folds, const mixent_dataset *dataset,
                               const char *directory, mixent_out_of_sample *out) {
  const usual usual = usual_of(dataset);
  const char *recipe = folds->recipe ? folds->recipe : usual.recipe;
  const char *net = folds->net ? folds->net : folds->recipe ? NULL : usual.net;
  long epochs = folds->epochs ? folds->epochs : folds->recipe ? 0 : usual.epochs;
  settings shared = {0};
  if (net) add_text(&shared, "net", net);
  if (epochs) add_whole(&shared, "epochs", epochs);
  add_whole(&shared, "threads", folds->threads);
  add_whole(&shared, "validation.folds", folds->count);
  add_text(&shared, "select", "last"); /* the images of the fold choose nothing */
  MIXENT_TRY(choose_batch(folds, recipe, dataset, &shared));
  view view = {.progress = mixent_progress_start(true), .count = folds->count};
  mixent_status status = MIXENT_OK;
  for (; view.fold < view.count && status == MIXENT_OK; view.fold++) {
    char *place = mixent_path_join(directory, "fold");
    status = place ? judge_fold(dataset, recipe, &shared, &view, place, out) : MIXENT_ERROR_MEMORY;
    if (status == MIXENT_OK) status = mixent_directory_remove(place);
    free(place);
  }
  mixent_progress_clear(&view.progress);
  return status;
}

mixent_status mixent_folds_judge(const mixent_folds *folds, const mixent_dataset *dataset,
                                 mixent_out_of_sample *out) {
  const char *temporary = getenv("TMPDIR");
  char *directory = mixent_path_join(temporary && *temporary ? temporary : "/tmp", "mixent-check-XXXXXX");
  if (!directory) return MIXENT_ERROR_MEMORY;
  mixent_status status = MIXENT_OK;
  if (!mkdtemp(directory))
    status = mixent_fail(MIXENT_ERROR_IO,
                         "%s: cannot make a directory: %s; set TMPDIR to one that can be written to",
                         directory, strerror(errno));
  if (status == MIXENT_OK) {
    status = judge_all(folds, dataset, directory, out);
    char message[1024];
    snprintf(message, sizeof message, "%s", mixent_last_error());
    mixent_status removed = mixent_directory_remove(directory);
    if (status == MIXENT_OK)
      status = removed;
    else
      mixent_fail(status, "%s", message);
  }
  free(directory);
  return status;
}
