/* `mixent demo`: the main job in small, with cross entropy and MIN-ENT side by side. */
#include "cli/commands.h"
#include "cli/demo_report.h"
#include "cli/model.h"
#include "cli/training.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/printable.h"
#include "model/page.h"
#include "train/trainer.h"

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

/* The settings of the command line, and after them the loss. */
typedef struct demo_setup {
  mixent_setting *settings;
  size_t count;
  mixent_recipe recipe; /* resolved, for the loss of the moment */
} demo_setup;

static mixent_status make_setup(const arguments *arguments, demo_setup *setup) {
  size_t given = arguments->settings.count;
  for (size_t i = 0; i < given; i++)
    if (strcmp(arguments->settings.items[i].key, "loss.name") == 0)
      return mixent_fail(MIXENT_ERROR_ARGUMENT,
                         "loss.name: the demo compares ce with min-ent; mixent compare takes other losses");
  setup->count = given + 1;
  MIXENT_TRY(MIXENT_ALLOCATE(setup->count, &setup->settings));
  if (given) memcpy(setup->settings, arguments->settings.items, given * sizeof *setup->settings);
  return MIXENT_OK;
}

static mixent_status choose_loss(demo_setup *setup, const char *loss) {
  setup->settings[setup->count - 1] = (mixent_setting){"loss.name", loss};
  MIXENT_TRY(mixent_recipe_compose("demo", setup->settings, setup->count, &setup->recipe));
  return mixent_recipe_resolve(&setup->recipe, mixent_net_bf16_is_native());
}

/* Whether the run that is there was made with the options of now, places and threads aside. */
static mixent_status is_same(const demo_setup *setup, const char *run, bool *same) {
  char *path = mixent_path_join(run, "recipe.yaml");
  if (!path) return MIXENT_ERROR_MEMORY;
  mixent_recipe theirs;
  mixent_status status = mixent_recipe_load(path, &theirs);
  free(path);
  MIXENT_TRY(status);
  mixent_text text = {0}, their_text = {0};
  mixent_recipe_write(&setup->recipe, false, &text);
  mixent_recipe_write(&theirs, false, &their_text);
  status = mixent_text_status(&text);
  if (status == MIXENT_OK) status = mixent_text_status(&their_text);
  *same = status == MIXENT_OK && strcmp(text.data, their_text.data) == 0 &&
          strcmp(setup->recipe.data, theirs.data) == 0 && strcmp(setup->recipe.net, theirs.net) == 0;
  mixent_text_free(&text);
  mixent_text_free(&their_text);
  return status;
}

static const char own_place[] = "runs/demo"; /* what lies there the demo made, and may make anew */

static mixent_status train_one(const arguments *arguments, demo_setup *setup, const char *run,
                               mixent_train_summary *summary) {
  mixent_path_kind kind;
  MIXENT_TRY(mixent_path_look(run, &kind));
  bool resume = false, there = kind == MIXENT_PATH_DIRECTORY;
  if (there && !arguments->overwrite) {
    MIXENT_TRY(is_same(setup, run, &resume));
    if (!resume && strcmp(arguments->run, own_place) != 0)
      return mixent_fail(
          MIXENT_ERROR_ARGUMENT,
          "%s holds a run made with other options; --overwrite replaces it, --run chooses another place",
          run);
    if (!resume)
      printf("what is in %s was made with other options; this demo replaces it\n", mixent_printable(run));
    fflush(stdout);
  }
  mixent_train_options options = {.recipe = "demo",
                                  .settings = setup->settings,
                                  .setting_count = setup->count,
                                  .run = run,
                                  .overwrite = there && !resume};
  mixent_training_view view;
  mixent_training_watch(&view, false, &options);
  mixent_status status =
      resume ? mixent_train_resume(run, &options, summary) : mixent_train(&options, summary);
  mixent_training_end(&view);
  if (status == MIXENT_OK && !view.titled)
    printf("trained before, in %s; --overwrite trains it again\n", mixent_printable(run));
  return status;
}

/* The demo ends with a sheet of images and a page to draw on. */
static mixent_status check_images(const mixent_recipe *recipe) {
  mixent_dataset *dataset;
  MIXENT_TRY(mixent_recipe_open_data(recipe, NULL, &dataset));
  mixent_status status =
      dataset->test.features
          ? mixent_fail(MIXENT_ERROR_ARGUMENT,
                        "%s: rows of a table; the demo shows images. mixent train --recipe tabular takes it",
                        dataset->directory)
          : MIXENT_OK;
  mixent_dataset_free(dataset);
  return status;
}

static mixent_status train_all(const arguments *arguments, demo_setup *setup,
                               mixent_train_summary *summaries) {
  for (int i = 0; i < MIXENT_DEMO_RUNS; i++) {
    MIXENT_TRY(choose_loss(setup, losses[i]));
    if (i == 0) MIXENT_TRY(check_images(&setup->recipe));
    if (i == 0)
      printf("Two networks learn to name the images of %s, with the same seed and all alike but the loss.\n",
             mixent_printable(setup->recipe.data));
    printf("\n%d of %d: %s (loss %s)\n", i + 1, MIXENT_DEMO_RUNS, losses_in_words[i], losses[i]);
    fflush(stdout);
    char *run = mixent_path_join(arguments->run, losses[i]);
    if (!run) return MIXENT_ERROR_MEMORY;
    mixent_status status = train_one(arguments, setup, run, &summaries[i]);
    free(run);
    if (status == MIXENT_ERROR_INTERRUPTED)
      return mixent_fail(status, "stopped and saved; 'mixent demo' with the same options goes on from here");
    MIXENT_TRY(status);
  }
  return MIXENT_OK;
}

static mixent_status report(const arguments *arguments, const mixent_recipe *recipe,
                            const mixent_train_summary *summaries) {
  mixent_dataset *dataset;
  MIXENT_TRY(mixent_recipe_open_data(recipe, NULL, &dataset));
  char *sheet = mixent_path_join(arguments->run, "predictions.png");
  mixent_threads_choose(recipe->threads);
  mixent_status status = sheet ? mixent_demo_report(dataset, losses, summaries, sheet) : MIXENT_ERROR_MEMORY;
  free(sheet);
  mixent_dataset_free(dataset);
  return status;
}

/* The page to draw on, with both networks in it. */
static mixent_status write_page(const arguments *arguments, const mixent_train_summary *summaries) {
  mixent_model *models[MIXENT_DEMO_RUNS] = {0};
  char *page = mixent_path_join(arguments->run, "page.html");
  mixent_status status = page ? MIXENT_OK : MIXENT_ERROR_MEMORY;
  for (int i = 0; i < MIXENT_DEMO_RUNS && status == MIXENT_OK; i++) {
    char *best = mixent_path_join(summaries[i].run, "best.safetensors");
    status = best ? mixent_model_open(best, &models[i]) : MIXENT_ERROR_MEMORY;
    free(best);
  }
  if (status == MIXENT_OK)
    status = mixent_model_page_write((const mixent_model *const *)models, losses, MIXENT_DEMO_RUNS, page);
  if (status == MIXENT_OK)
    printf("%s opens in a browser: draw there, and see what both networks believe.\n",
           mixent_printable(page));
  for (int i = 0; i < MIXENT_DEMO_RUNS; i++) mixent_model_free(models[i]);
  free(page);
  return status;
}

static int run(const void *given, int count, char **words) {
  (void)count, (void)words;
  const arguments *arguments = given;
  demo_setup setup = {0};
  mixent_train_summary summaries[MIXENT_DEMO_RUNS] = {0};
  mixent_status status = make_setup(arguments, &setup);
  if (status == MIXENT_OK) status = train_all(arguments, &setup, summaries);
  if (status == MIXENT_OK) status = report(arguments, &setup.recipe, summaries);
  if (status == MIXENT_OK) status = write_page(arguments, summaries);
  for (int i = 0; i < MIXENT_DEMO_RUNS; i++) mixent_train_summary_free(&summaries[i]);
  free(setup.settings);
  return status == MIXENT_OK ? MIXENT_EXIT_DONE : mixent_failed(status);
}

/* Where help is NULL, the recipe's table of options has the words. */
static const mixent_command_option options[] = {
    {.name = "data",
     .argument = "NAME|DIR",
     .help = "the data set; otherwise emnist-letters, or fashion-mnist if that is not here",
     .kind = MIXENT_VALUE_SETTING,
     .offset = offsetof(arguments, settings),
     .names = mixent_dataset_names,
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
     .help = "any option of the recipe 'demo' but loss.name, also without --set",
     .kind = MIXENT_VALUE_SETTING,
     .offset = offsetof(arguments, settings)},
    {.name = "run",
     .argument = "DIR",
     .help = "where the two runs and the sheet go",
     .kind = MIXENT_VALUE_TEXT,
     .offset = offsetof(arguments, run),
     .fallback = own_place},
    {.name = "overwrite",
     .help = "train again what was trained before",
     .kind = MIXENT_VALUE_FLAG,
     .offset = offsetof(arguments, overwrite)},
    {.name = NULL}};

const mixent_command mixent_command_demo = {
    .name = "demo",
    .summary = "Train a small network with two losses and compare them, in minutes",
    .operands = "[KEY=VALUE]...",
    .options = options,
    .description =
        "Trains the recipe 'demo' with cross entropy (ce), then with MIN-ENT (min-ent). Prints their "
        "scores side by side and what the difference means, writes a sheet of test images with "
        "the network's answers, and a page to draw on ('mixent help page').\n\n"
        "A finished run is shown and not trained again, and an interrupted demo goes on; --overwrite "
        "begins anew.",
    .arguments_size = sizeof(arguments),
    .run = run};
