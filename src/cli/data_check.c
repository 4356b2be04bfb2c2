/* `mixent data check`: what may be wrong with a data set. */
#include "cli/commands.h"
#include "cli/data_folds.h"
#include "cli/json.h"
#include "cli/model.h"
#include "cli/places.h"
#include "cli/reading.h"
#include "cli/terminal.h"
#include "core/cell.h"
#include "core/file.h"
#include "core/locale.h"
#include "core/printable.h"
#include "recipe/recipe.h"

#include <stdlib.h>
#include <string.h>

typedef struct arguments {
  const char *data_directory, *near, *predictions, *recipe, *net, *html;
  long folds, epochs, threads, most;
  bool no_labels, json;
  mixent_setting_list settings;
} arguments;

static int read_near(const arguments *arguments, double *near) {
  *near = mixent_cell_is_number(arguments->near) ? mixent_number_read(arguments->near, NULL) : -1;
  if (*near >= 0 && *near <= 1) return MIXENT_EXIT_DONE;
  return mixent_wrong_use("data check: --near: expected a correlation from 0 to 1, got '%s'",
                          arguments->near);
}

/* Every run of a list with commas between. */
static mixent_status add_runs(const char *list, const mixent_dataset *dataset, mixent_out_of_sample *out) {
  char *names, *rest, *place;
  MIXENT_TRY(mixent_copy_text(list, &names));
  mixent_status status = MIXENT_OK;
  for (char *name = strtok_r(names, ",", &rest); name && status == MIXENT_OK;
       name = strtok_r(NULL, ",", &rest)) {
    status = mixent_place_find(MIXENT_RUNS, name, MIXENT_PLACE_RUN, &place);
    if (status != MIXENT_OK) break;
    status = mixent_out_of_sample_add(dataset, place, out);
    free(place);
  }
  free(names);
  return status;
}

static mixent_status judge(const arguments *arguments, mixent_data_check *check) {
  mixent_out_of_sample said;
  const mixent_folds folds = {.recipe = arguments->recipe,
                              .net = arguments->net,
                              .count = arguments->folds,
                              .epochs = arguments->epochs,
                              .threads = arguments->threads};
  MIXENT_TRY(mixent_out_of_sample_make(check->dataset, &said));
  mixent_status status = arguments->predictions ? add_runs(arguments->predictions, check->dataset, &said)
                                                : mixent_folds_judge(&folds, check->dataset, &said);
  if (status == MIXENT_OK) status = mixent_data_check_judge(&said, check);
  mixent_out_of_sample_free(&said);
  return status;
}

static mixent_status write_page(const mixent_data_check *check, mixent_new_file *file) {
  enum { MOST_ON_PAGE = 500 };
  mixent_text page = {0};
  mixent_status status = mixent_data_check_page(check, MOST_ON_PAGE, &page);
  if (status == MIXENT_OK) {
    fwrite(page.data, 1, page.length, file->stream); /* the commit finds what fails */
    status = mixent_new_file_commit(file);
  }
  mixent_text_free(&page);
  return status;
}

static int print(const arguments *arguments, const mixent_data_check *check) {
  if (arguments->json) return mixent_json_print(mixent_data_check_json(check));
  mixent_text text = {0};
  mixent_data_check_text(check, (size_t)arguments->most, &text);
  mixent_text_print(stdout, &text);
  if (arguments->html) printf("\n%s shows them\n", mixent_printable(arguments->html));
  return MIXENT_EXIT_DONE;
}

static int check_dataset(const arguments *arguments, double near, const mixent_dataset *dataset,
                         const mixent_broken_files *broken) {
  mixent_data_check check = {0};
  mixent_new_file page = {0}; /* opened first: a path that cannot be written is known before the trainings */
  mixent_status status = arguments->html ? mixent_new_file_open(arguments->html, &page) : MIXENT_OK;
  if (status == MIXENT_OK) status = mixent_data_check_make(dataset, broken, near, &check);
  if (status == MIXENT_OK && !arguments->no_labels) status = judge(arguments, &check);
  if (status == MIXENT_OK && arguments->html) status = write_page(&check, &page);
  mixent_new_file_abandon(&page);
  int code = status == MIXENT_OK ? print(arguments, &check) : mixent_failed(status);
  mixent_data_check_free(&check);
  return code;
}

/* An option that another one makes useless is a mistake. */
static int check_options(const arguments *arguments) {
  const struct {
    const char *name;
    bool given;
  } of_folds[] = {{"folds", arguments->folds != 5},
                  {"epochs", arguments->epochs},
                  {"recipe", arguments->recipe != NULL},
                  {"net", arguments->net != NULL}};
  if (arguments->no_labels && arguments->predictions)
    return mixent_wrong_use(
        "data check: --predictions has no effect with --no-labels; leave one of them out");
  const char *other = arguments->no_labels ? "no-labels" : arguments->predictions ? "predictions" : NULL;
  for (size_t i = 0; other && i < sizeof of_folds / sizeof *of_folds; i++)
    if (of_folds[i].given)
      return mixent_wrong_use("data check: --%s has no effect with --%s; leave one of them out",
                              of_folds[i].name, other);
  return MIXENT_EXIT_DONE;
}

static int run(const void *given, int count, char **words) {
  (void)count;
  const arguments *arguments = given;
  double near;
  mixent_threads_choose(arguments->threads);
  int code = check_options(arguments);
  if (code == MIXENT_EXIT_DONE) code = read_near(arguments, &near);
  if (code != MIXENT_EXIT_DONE) return code;
  mixent_broken_files broken = {0};
  mixent_dataset_options options = {.data_directory = arguments->data_directory, .broken = &broken};
  mixent_recipe recipe;
  mixent_dataset *dataset;
  mixent_status status = mixent_reading_choose(&arguments->settings, &recipe, &options);
  if (status == MIXENT_OK) status = mixent_dataset_open(words[0], &options, &dataset);
  if (status == MIXENT_OK) {
    mixent_notes_print(dataset->note);
    code = check_dataset(arguments, near, dataset, &broken);
    mixent_dataset_free(dataset);
  } else {
    for (size_t i = 0; i < broken.count; i++) mixent_warning_print("%s", broken.reasons[i]);
    code = mixent_failed(status);
  }
  mixent_broken_files_free(&broken);
  return code;
}

static const char *const *list_recipes(void) {
  return mixent_recipe_names();
}

static const mixent_command_option options[] = {
    {.name = "html",
     .argument = "FILE",
     .help =
         "also write a page with the images, the worst of each kind first; one file, which opens from disk",
     .kind = MIXENT_VALUE_TEXT,
     .offset = offsetof(arguments, html)},
    {.name = "json",
     .help = "print one line of JSON with every finding",
     .kind = MIXENT_VALUE_FLAG,
     .offset = offsetof(arguments, json)},
    {.name = "most",
     .argument = "N",
     .help = "findings of each kind that are printed",
     .kind = MIXENT_VALUE_WHOLE,
     .offset = offsetof(arguments, most),
     .fallback = "10",
     .low = 0,
     .high = 1000000},
    {.name = "near",
     .argument = "R",
     .help = "least correlation of two images that are near duplicates; 0: look for none",
     .kind = MIXENT_VALUE_TEXT,
     .offset = offsetof(arguments, near),
     .fallback = "0.995"},
    {.name = "no-labels",
     .help = "train nothing, and look for no label errors",
     .kind = MIXENT_VALUE_FLAG,
     .offset = offsetof(arguments, no_labels)},
    {.name = "predictions",
     .argument = "RUN,...",
     .help = "take what these finished runs say of the images that they held out, and train nothing",
     .kind = MIXENT_VALUE_TEXT,
     .offset = offsetof(arguments, predictions)},
    {.name = "folds",
     .argument = "N",
     .help = "parts of the train images; for each a model is trained without it",
     .kind = MIXENT_VALUE_WHOLE,
     .offset = offsetof(arguments, folds),
     .fallback = "5",
     .low = 2,
     .high = 100},
    {.name = "recipe",
     .argument = "NAME|FILE",
     .help =
         "what is trained on each fold (default: tabular, photos-small or emnist-letters-short, by the data)",
     .kind = MIXENT_VALUE_TEXT,
     .names = list_recipes,
     .offset = offsetof(arguments, recipe)},
    {.name = "net",
     .argument = "NAME|FILE",
     .help = "its network (default: the recipe's; conv3 for emnist-letters-short)",
     .kind = MIXENT_VALUE_TEXT,
     .names = mixent_graph_names,
     .offset = offsetof(arguments, net)},
    {.name = "epochs",
     .argument = "N",
     .help = "its epochs; 0: 15 for tables, 30 for pictures, 4 for other images, or the --recipe's",
     .kind = MIXENT_VALUE_WHOLE,
     .offset = offsetof(arguments, epochs),
     .fallback = "0",
     .high = 1000000},
    {.name = "threads",
     .argument = "N",
     .help = "number of threads; 0: one per processor that may be used",
     .kind = MIXENT_VALUE_WHOLE,
     .offset = offsetof(arguments, threads),
     .fallback = "0",
     .high = 4096},
    {.name = "data-dir",
     .argument = "DIR",
     .help = "look for data sets there first",
     .kind = MIXENT_VALUE_TEXT,
     .offset = offsetof(arguments, data_directory)},
    MIXENT_READING_OPTION(arguments),
    {.name = NULL}};

const mixent_command mixent_command_data_check = {
    .name = "data check",
    .summary = "Look for broken files, duplicates, wrong labels and unequal classes",
    .operands = "NAME|DIR|FILE [KEY=VALUE]...",
    .names = mixent_dataset_names,
    .least_operands = 1,
    .most_operands = 1,
    .options = options,
    .description =
        "Lists picture files that cannot be read (all of them), images that are the same or nearly the same within and "
        "across train and test, duplicates with different labels, images of one colour, the sizes of the classes, and "
        "labels that are likely wrong.\n\n"
        "Labels are checked by confident learning: for each of five parts of the train images a small model is trained on "
        "the others and says what it thinks of the part. That takes as long as five short trainings; --no-labels leaves it "
        "out, and --predictions takes runs that there are.\n\n"
        "The exit code is 0 whatever is found: findings are for people to judge. It is 1 or 2 where the data cannot be read.",
    .arguments_size = sizeof(arguments),
    .run = run};
