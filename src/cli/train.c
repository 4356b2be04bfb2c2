/* `mixent train`: a new run from a recipe, or on with an old one. */
#include "cli/commands.h"
#include "cli/places.h"
#include "cli/recipe_show.h"
#include "cli/training.h"
#include "core/file.h"
#include "core/printable.h"
#include "peers/peers.h"
#include "recipe/recipe.h"

#include <stdlib.h>
#include <string.h>

typedef struct arguments {
  mixent_setting_list settings;
  const char *recipe, *run, *resume;
  bool overwrite, json, dry_run;
} arguments;

static mixent_status resume(const char *word, const mixent_train_options *options,
                            mixent_train_summary *summary) {
  char *run;
  MIXENT_TRY(mixent_place_find(MIXENT_RUNS, word, MIXENT_PLACE_RUN, &run));
  mixent_status status = mixent_train_resume(run, options, summary);
  free(run);
  return status;
}

/* Puts the directory of the run that is the baseline in place of its name; free(*out). The last word counts. */
static mixent_status find_baseline(const mixent_setting_list *settings, char **out) {
  mixent_setting *baseline = NULL;
  *out = NULL;
  for (size_t i = 0; i < settings->count; i++)
    if (strcmp(settings->items[i].key, "baseline") == 0) baseline = &settings->items[i];
  if (!baseline || !*baseline->value) return MIXENT_OK;
  mixent_status status = mixent_place_find(MIXENT_RUNS, baseline->value, MIXENT_PLACE_RUN, out);
  if (status != MIXENT_OK) return mixent_fail_within(status, "baseline");
  baseline->value = *out;
  return MIXENT_OK;
}

/* Where the model is; of a run that was finished before it may be gone. */
static void print_model(const char *run) {
  if (mixent_has_file(run, "best.safetensors"))
    printf("The model is %s/best.safetensors; 'mixent eval' and 'mixent predict' read it.\n",
           mixent_printable(run));
  else
    printf("The run is finished, but its model, %s/best.safetensors, is gone.\n", mixent_printable(run));
}

static int train(const arguments *arguments) {
  mixent_train_options options = {.recipe = arguments->recipe,
                                  .settings = arguments->settings.items,
                                  .setting_count = arguments->settings.count,
                                  .run = arguments->run,
                                  .overwrite = arguments->overwrite};
  if (arguments->dry_run) return mixent_recipe_show(&options, arguments->json);
  mixent_training_view view;
  mixent_training_watch(&view, arguments->json, &options);
  if (mixent_peers_launched() && !mixent_peers_library())
    options.warning(&view, "no-mpi: a launcher started several processes, but this build has no MPI, so each "
                           "trains alone; start a build that has it ('make mpi')");
  mixent_train_summary summary = {0};
  mixent_status status =
      arguments->resume ? resume(arguments->resume, &options, &summary) : mixent_train(&options, &summary);
  mixent_training_end(&view);
  int code = MIXENT_EXIT_DONE;
  if (status != MIXENT_OK) {
    code = mixent_failed(status);
  } else if (arguments->json) {
    mixent_event_training_finished(&summary);
  } else {
    mixent_training_summary_print(&summary);
    print_model(summary.run);
  }
  mixent_train_summary_free(&summary);
  return code;
}

static int run(const void *given, int count, char **words) {
  (void)count, (void)words;
  const arguments *arguments = given;
  if (arguments->resume && (arguments->recipe || arguments->run || arguments->overwrite ||
                            arguments->dry_run || arguments->settings.count))
    return mixent_wrong_use(
        "train: --resume goes on with a run as its recipe.yaml says; only --json goes with it");
  char *baseline;
  mixent_status status = find_baseline(&arguments->settings, &baseline);
  int code = status == MIXENT_OK ? train(arguments) : mixent_failed(status);
  free(baseline);
  return code;
}

/* An option that changes the recipe; where help is NULL, the recipe's table of options has the words. */
#define SETTING(option, value, recipe_key, words)                                                            \
  {                                                                                                          \
    .name = option, .argument = value, .help = words, .kind = MIXENT_VALUE_SETTING,                          \
    .offset = offsetof(arguments, settings), .key = recipe_key                                               \
  }
#define NAMED(option, value, recipe_key, known)                                                              \
  {                                                                                                          \
    .name = option, .argument = value, .kind = MIXENT_VALUE_SETTING,                                         \
    .offset = offsetof(arguments, settings), .key = recipe_key, .names = known                               \
  }

static const mixent_command_option options[] = {
    {.name = "recipe",
     .argument = "NAME|FILE",
     .help = "where to start from: a built-in recipe or a YAML file; otherwise emnist-letters-short",
     .names = mixent_recipe_names,
     .kind = MIXENT_VALUE_TEXT,
     .offset = offsetof(arguments, recipe)},
    NAMED("data", "NAME|DIR|FILE", "data", mixent_dataset_names),
    SETTING("data-dir", "DIR", "data_dir", NULL),
    SETTING("transpose", NULL, "transpose", NULL),
    SETTING("loss", "NAME", "loss.name", NULL),
    SETTING("baseline", "RUN", "baseline", NULL),
    NAMED("net", "NAME|FILE", "net", mixent_graph_names),
    SETTING("epochs", "N", "epochs", NULL),
    SETTING("seed", "N", "seed", NULL),
    SETTING("threads", "N", "threads", NULL),
    SETTING("precision", "auto|fp32|bf16", "precision", NULL),
    SETTING("plan", "FILE|table|auto|NAME", "plan", NULL),
    SETTING("set", "KEY=VALUE", NULL,
            "any option of a recipe, also without --set; may be repeated, the last one counts"),
    {.name = "run",
     .argument = "DIR",
     .help =
         "where the run goes (default: runs/RECIPE-LOSS-SEED, with data and net named if they are not the "
         "recipe's, and -test-selected if select is test)",
     .kind = MIXENT_VALUE_TEXT,
     .offset = offsetof(arguments, run)},
    {.name = "overwrite",
     .help = "replace a run that is there already",
     .kind = MIXENT_VALUE_FLAG,
     .offset = offsetof(arguments, overwrite)},
    {.name = "resume",
     .argument = "RUN",
     .help = "go on with an interrupted run, to the same bytes as without the interruption",
     .kind = MIXENT_VALUE_TEXT,
     .offset = offsetof(arguments, resume)},
    {.name = "dry-run",
     .help = "train nothing; print every option of the resolved recipe (with --json also its type, "
             "range and meaning)",
     .kind = MIXENT_VALUE_FLAG,
     .offset = offsetof(arguments, dry_run)},
    {.name = "json",
     .help = "print events, one line of JSON each (docs/EVENTS.md); with --dry-run one object",
     .kind = MIXENT_VALUE_FLAG,
     .offset = offsetof(arguments, json)},
    {.name = NULL}};

const mixent_command mixent_command_train = {
    .name = "train",
    .summary = "Train a network by a recipe, and score it",
    .operands = "[KEY=VALUE]...",
    .ranks = true,
    .options = options,
    .description =
        "Reads a recipe, changes it as the options say, and trains. It keeps the network that is "
        "best on the held-out set, and scores that network on the test set at the end. KEY=VALUE "
        "changes any option of the recipe; 'mixent help recipe' lists the options and the recipes.\n\n"
        "  mixent train                                  cross entropy on EMNIST-Letters\n"
        "  mixent train --loss min-ent --seed 1          MIN-ENT, another seed\n"
        "  mixent train --data ./mine batch=100          images of your own\n"
        "  mixent train epochs=3 loss.name=min-ent optimizer.learning_rate=0.1\n"
        "  mixent train --recipe tabular --data t.csv    rows of a table\n"
        "  mpirun -n 2 build/mpi/mixent train            two ranks (docs/SCALE.md)\n\n"
        "A run is a directory with these files:\n\n"
        "  recipe.yaml               every option\n"
        "  plan.yaml                 the back end of each convolution (mixent help tune)\n"
        "  metrics.jsonl             a line per epoch\n"
        "  best.safetensors          the model\n"
        "  last.safetensors          all that is needed to go on\n"
        "  member-N.safetensors      with members=M: the model of each member\n"
        "  predictions.safetensors   at the end: what the model says of each test image or row\n"
        "  summary.json              at the end: the scores\n\n"
        "Ctrl-C and SIGTERM finish the step, save, say how to go on, and exit with 130 and 143. "
        "After a crash 'mixent train --resume RUN' goes on from the last save.",
    .events = true,
    .arguments_size = sizeof(arguments),
    .run = run};
