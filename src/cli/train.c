/* `mixent train`: a new run from a recipe, or on with an old one. */
#include "cli/commands.h"
#include "cli/json.h"
#include "cli/training.h"

#include <string.h>

typedef struct arguments {
  mixent_setting_list settings;
  const char *recipe, *run, *resume;
  bool overwrite, json;
} arguments;

static void print_summary(const mixent_train_summary *summary) {
  const mixent_scores *test = &summary->test;
  printf("\nEpoch %d was best. On the %s test images: %.2f %% right, NLL %.4f, ECE %.4f, Brier %.4f, entropy "
         "%.4f.\n",
         summary->best_epoch, mixent_text_count(test->images), 100 * test->accuracy, test->nll, test->ece,
         test->brier, test->entropy);
  printf("Trained for %s at %.0f images/s, with %s of memory at most.\n",
         mixent_text_duration(summary->seconds), summary->images_per_second,
         mixent_text_bytes((double)summary->peak_memory_bytes));
  printf("The model is %s/best.safetensors; 'mixent eval' and 'mixent predict' read it.\n", summary->run);
}

static int train(const arguments *arguments) {
  mixent_train_options options = {.recipe = arguments->recipe,
                                  .settings = arguments->settings.items,
                                  .setting_count = arguments->settings.count,
                                  .run = arguments->run,
                                  .overwrite = arguments->overwrite};
  mixent_training_view view;
  mixent_training_watch(&view, arguments->json, &options);
  mixent_train_summary summary = {0};
  mixent_status status = arguments->resume ? mixent_train_resume(arguments->resume, &options, &summary)
                                           : mixent_train(&options, &summary);
  mixent_training_end(&view);
  int code = MIXENT_EXIT_DONE;
  if (status != MIXENT_OK)
    code = mixent_failed(status);
  else if (arguments->json)
    code = mixent_json_text_print(summary.json);
  else
    print_summary(&summary);
  mixent_train_summary_free(&summary);
  return code;
}

static int run(const void *given, int count, char **words) {
  (void)count, (void)words;
  const arguments *arguments = given;
  if (arguments->resume &&
      (arguments->recipe || arguments->run || arguments->overwrite || arguments->settings.count))
    return mixent_wrong_use(
        "train: --resume goes on with a run as its recipe.yaml says; only --json goes with it");
  return train(arguments);
}

/* Where help is NULL, the recipe's table of options has the words. */
static const mixent_command_option options[] = {
    {"recipe", "NAME|FILE",
     "where to start from: a built-in recipe or a YAML file (default: emnist-letters-short)",
     MIXENT_VALUE_TEXT, offsetof(arguments, recipe), .fallback = NULL},
    {"data", "NAME|DIR", NULL, MIXENT_VALUE_SETTING, offsetof(arguments, settings), .key = "data"},
    {"data-dir", "DIR", NULL, MIXENT_VALUE_SETTING, offsetof(arguments, settings), .key = "data_dir"},
    {"transpose", NULL, NULL, MIXENT_VALUE_SETTING, offsetof(arguments, settings), .key = "transpose"},
    {"loss", "ce|min-ent|mix-ent",
     "cross entropy; with the entropy of the prediction; with the swapped cross entropy",
     MIXENT_VALUE_SETTING, offsetof(arguments, settings), .key = "loss.name"},
    {"net", "NAME|FILE", NULL, MIXENT_VALUE_SETTING, offsetof(arguments, settings), .key = "net"},
    {"epochs", "N", NULL, MIXENT_VALUE_SETTING, offsetof(arguments, settings), .key = "epochs"},
    {"seed", "N", NULL, MIXENT_VALUE_SETTING, offsetof(arguments, settings), .key = "seed"},
    {"threads", "N", NULL, MIXENT_VALUE_SETTING, offsetof(arguments, settings), .key = "threads"},
    {"precision", "fp32|bf16", NULL, MIXENT_VALUE_SETTING, offsetof(arguments, settings), .key = "precision"},
    {"set", "KEY=VALUE", "any option of a recipe; may be given again and again, the last word counts",
     MIXENT_VALUE_SETTING, offsetof(arguments, settings), .key = NULL},
    {"run", "DIR",
     "where the run goes (default: runs/RECIPE-LOSS-SEED, with data and net named if they are not the "
     "recipe's)",
     MIXENT_VALUE_TEXT, offsetof(arguments, run), .fallback = NULL},
    {"overwrite", NULL, "replace a run that is there already", MIXENT_VALUE_FLAG,
     offsetof(arguments, overwrite), .fallback = NULL},
    {"resume", "RUN", "go on with an interrupted run, to the same bytes as if nothing had happened",
     MIXENT_VALUE_TEXT, offsetof(arguments, resume), .fallback = NULL},
    {"json", NULL, "print a line of JSON per epoch and the summary as the last", MIXENT_VALUE_FLAG,
     offsetof(arguments, json), .fallback = NULL},
    {.name = NULL}};

const mixent_command mixent_command_train = {.name = "train",
                                             .summary = "Train a network by a recipe, and score it",
                                             .options = options,
                                             .description =
                                                 "Reads a recipe, changes it as the options say, trains, "
                                                 "keeps the network that is best on held-out images, and "
                                                 "scores that one on the test images at the end. 'mixent "
                                                 "help recipe' lists the recipes and all that --set can "
                                                 "change.\n\n"
                                                 "A run is a directory: recipe.yaml (every option), "
                                                 "metrics.jsonl (a line per epoch), best.safetensors (the "
                                                 "model), last.safetensors (all that is needed to go on) "
                                                 "and, at the end, summary.json. Ctrl-C finishes the "
                                                 "step, saves, and says how to go on; after a crash 'mixent "
                                                 "train --resume RUN' goes on from the last save.",
                                             .arguments_size = sizeof(arguments),
                                             .run = run};
