/* `mixent demo`: the main job in small, with cross entropy and MIN-ENT side by side. */
#include "cli/demo.h"
#include "cli/commands.h"
#include "cli/model.h"
#include "cli/training.h"
#include "core/file.h"
#include "core/memory.h"
#include "train/recipe.h"

#include <stdlib.h>
#include <string.h>

typedef struct arguments {
  mixent_setting_list settings;
  const char *run;
  bool overwrite;
} arguments;

static const char *const losses[MIXENT_DEMO_RUNS] = {"ce", "min-ent"};
static const char *const losses_in_words[MIXENT_DEMO_RUNS] = {
    "cross entropy alone", "cross entropy and the entropy of the predictions"};

/* The settings of the command line, and after them the data set that is there and the loss. */
typedef struct plan {
  mixent_setting *settings;
  size_t count; /* without those two */
  mixent_recipe recipe;
  const char *data;
} plan;

static mixent_status make_plan(const arguments *arguments, plan *plan) {
  plan->count = arguments->settings.count;
  MIXENT_TRY(MIXENT_ALLOCATE(plan->count + 2, &plan->settings));
  if (plan->count) memcpy(plan->settings, arguments->settings.items, plan->count * sizeof *plan->settings);
  mixent_recipe *recipe = &plan->recipe;
  MIXENT_TRY(mixent_recipe_resolve("demo", plan->settings, plan->count, recipe));
  const char *directory = *recipe->data_directory ? recipe->data_directory : NULL;
  char *found, *other = NULL;
  MIXENT_TRY(mixent_dataset_find(recipe->data, directory, &found));
  if (!found && *recipe->data_alternative)
    MIXENT_TRY(mixent_dataset_find(recipe->data_alternative, directory, &other));
  /* Where neither is there, the message is about the first. */
  plan->data = other ? recipe->data_alternative : recipe->data;
  free(found);
  free(other);
  plan->settings[plan->count] = (mixent_setting){"data", plan->data};
  return MIXENT_OK;
}

static mixent_status train_one(const arguments *arguments, plan *plan, int index, const char *run,
                               mixent_train_summary *summary) {
  plan->settings[plan->count + 1] = (mixent_setting){"loss.name", losses[index]};
  mixent_train_options options = {.recipe = "demo",
                                  .settings = plan->settings,
                                  .setting_count = plan->count + 2,
                                  .run = run,
                                  .overwrite = arguments->overwrite};
  bool on = mixent_is_directory(run) && !arguments->overwrite;
  printf("\n%d of %d: %s (loss %s)\n", index + 1, MIXENT_DEMO_RUNS, losses_in_words[index], losses[index]);
  fflush(stdout);
  mixent_training_view view;
  mixent_training_watch(&view, false, &options);
  mixent_status status = on ? mixent_train_resume(run, &options, summary) : mixent_train(&options, summary);
  mixent_training_end(&view);
  if (status == MIXENT_OK && !view.titled)
    printf("trained before, in %s; --overwrite trains it again\n", run);
  return status;
}

static mixent_status train_all(const arguments *arguments, plan *plan, mixent_train_summary *summaries) {
  for (int i = 0; i < MIXENT_DEMO_RUNS; i++) {
    char *run = mixent_path_join(arguments->run, losses[i]);
    if (!run) return MIXENT_ERROR_MEMORY;
    mixent_status status = train_one(arguments, plan, i, run, &summaries[i]);
    free(run);
    if (status == MIXENT_ERROR_INTERRUPTED)
      return mixent_fail(status, "stopped and saved; 'mixent demo' with the same options goes on from here");
    MIXENT_TRY(status);
  }
  return MIXENT_OK;
}

static mixent_status report(const arguments *arguments, const plan *plan,
                            const mixent_train_summary *summaries) {
  mixent_dataset_options options = {.data_directory =
                                        *plan->recipe.data_directory ? plan->recipe.data_directory : NULL,
                                    .transpose = plan->recipe.transpose};
  mixent_dataset *dataset;
  MIXENT_TRY(mixent_dataset_open(plan->data, &options, &dataset));
  char *sheet = mixent_path_join(arguments->run, "predictions.png");
  mixent_threads_choose(plan->recipe.threads);
  mixent_status status = sheet ? mixent_demo_report(dataset, losses, summaries, sheet) : MIXENT_ERROR_MEMORY;
  free(sheet);
  mixent_dataset_free(dataset);
  return status;
}

static int run(const void *given, int count, char **words) {
  (void)count, (void)words;
  const arguments *arguments = given;
  plan plan = {0};
  mixent_train_summary summaries[MIXENT_DEMO_RUNS] = {0};
  mixent_status status = make_plan(arguments, &plan);
  if (status == MIXENT_OK) {
    printf(
        "Two networks learn to name the images of %s, with the same seed and all else alike but the loss.\n",
        plan.data);
    status = train_all(arguments, &plan, summaries);
  }
  if (status == MIXENT_OK) status = report(arguments, &plan, summaries);
  for (int i = 0; i < MIXENT_DEMO_RUNS; i++) mixent_train_summary_free(&summaries[i]);
  free(plan.settings);
  return status == MIXENT_OK ? MIXENT_EXIT_DONE : mixent_failed(status);
}

/* Where help is NULL, the recipe's table of options has the words. */
static const mixent_command_option options[] = {
    {.name = "data",
     .argument = "NAME|DIR",
     .help = "the data set; otherwise emnist-letters, or fashion-mnist if that is not here",
     .kind = MIXENT_VALUE_SETTING,
     .offset = offsetof(arguments, settings),
     .key = "data"},
    {.name = "data-dir",
     .argument = "DIR",
     .kind = MIXENT_VALUE_SETTING,
     .offset = offsetof(arguments, settings),
     .key = "data_dir"},
    {.name = "epochs",
     .argument = "N",
     .kind = MIXENT_VALUE_SETTING,
     .offset = offsetof(arguments, settings),
     .key = "epochs"},
    {.name = "threads",
     .argument = "N",
     .kind = MIXENT_VALUE_SETTING,
     .offset = offsetof(arguments, settings),
     .key = "threads"},
    {.name = "set",
     .argument = "KEY=VALUE",
     .help = "any option of the recipe 'demo'",
     .kind = MIXENT_VALUE_SETTING,
     .offset = offsetof(arguments, settings)},
    {.name = "run",
     .argument = "DIR",
     .help = "where the two runs and the sheet go",
     .kind = MIXENT_VALUE_TEXT,
     .offset = offsetof(arguments, run),
     .fallback = "runs/demo"},
    {.name = "overwrite",
     .help = "train again what was trained before",
     .kind = MIXENT_VALUE_FLAG,
     .offset = offsetof(arguments, overwrite)},
    {.name = NULL}};

const mixent_command mixent_command_demo = {
    .name = "demo",
    .summary = "Train a small network with two losses and compare them, in minutes",
    .options = options,
    .description = "Trains the recipe 'demo' with cross entropy (ce) and with MIN-ENT (min-ent), one after "
                   "the other, prints their "
                   "scores side by side with a word on what the difference means, and writes a sheet of test "
                   "images with what the "
                   "network says of each.\n\n"
                   "What is trained already is shown and not trained again, and an interrupted demo goes on; "
                   "--overwrite begins anew.",
    .arguments_size = sizeof(arguments),
    .run = run};
