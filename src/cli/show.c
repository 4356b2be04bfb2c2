/* `mixent show`: one run, as a person wants to know it. */
#include "cli/commands.h"
#include "cli/facts.h"
#include "cli/json.h"
#include "cli/places.h"
#include "cli/training.h"
#include "core/file.h"
#include "core/printable.h"
#include "io/safetensors.h"
#include "lab/record/record.h"
#include "lab/store/store.h"
#include "model/temperature.h"
#include "recipe/recipe.h"
#include "run/directory.h"
#include "train/trainer.h"

#include <stdlib.h>
#include <string.h>

typedef struct arguments {
  const char *runs;
  bool json;
} arguments;

/* What is read of the run; NULL where there is none. */
typedef struct subject {
  char *directory;
  const char *name; /* below --runs, if it is there */
  mixent_facts facts;
  const char *status;
  mixent_text command; /* that repeats it */
  char *resume;        /* the command that goes on with it */
  json_t *history;
  mixent_result *result;
  mixent_train_summary summary;
  bool recorded;         /* by another program: record.json */
  bool has_model;        /* best.safetensors */
  bool kept_temperature; /* beside the model */
  const char *samples;   /* "images" or "rows" */
} subject;

static const char *name_below(const char *directory, const char *runs) {
  size_t length = strlen(runs);
  bool below = strncmp(directory, runs, length) == 0 && directory[length] == '/';
  return below ? directory + length + 1 : directory;
}

static mixent_status read_commands(subject *run) {
  char *path = mixent_path_join(run->directory, "recipe.yaml"), *quoted = mixent_path_quote(run->directory);
  mixent_recipe recipe;
  mixent_status status = path && quoted ? MIXENT_OK : MIXENT_ERROR_MEMORY;
  if (status == MIXENT_OK) status = mixent_recipe_load(path, &recipe);
  if (status == MIXENT_OK)
    status = mixent_recipe_command(&recipe, run->directory, &run->command);
  else if (!mixent_is_refusal(status))
    status = MIXENT_OK; /* a damaged recipe is told of already */
  bool stands = strcmp(run->status, "interrupted") == 0 || strcmp(run->status, "failed") == 0;
  if (status == MIXENT_OK && stands)
    status = mixent_print_text(&run->resume, "mixent train --resume %s", quoted);
  free(path);
  free(quoted);
  return status;
}

/* What best.safetensors says, if it is there: of the temperature that --temperature fitted asks for, and of the samples, of
 * which summaries of older versions are silent. */
static mixent_status look_at_model(subject *run) {
  char *path = mixent_path_join(run->directory, "best.safetensors");
  mixent_safetensors *file = NULL;
  mixent_path_kind kind;
  mixent_status status = path ? mixent_path_look(path, &kind) : MIXENT_ERROR_MEMORY;
  run->has_model = status == MIXENT_OK && kind == MIXENT_PATH_FILE;
  if (run->has_model) status = mixent_safetensors_open(path, &file);
  run->kept_temperature = file && mixent_safetensors_metadata(file, MIXENT_TEMPERATURE_KEY);
  const char *side = file ? mixent_safetensors_metadata(file, "side") : NULL;
  run->samples = side                   ? mixent_samples_name(strcmp(side, "1") == 0)
                 : run->summary.samples ? run->summary.samples
                                        : mixent_samples_name(false);
  run->summary.samples = run->samples;
  mixent_safetensors_free(file);
  free(path);
  return mixent_is_refusal(status) ? status : MIXENT_OK; /* whoever opens a damaged model says so */
}

/* A recorded run has neither a recipe nor a model, and its summary is its result. */
static mixent_status read_recorded(subject *run) {
  mixent_status status = mixent_result_read_predictions(run->directory, &run->result);
  if (mixent_is_refusal(status)) return status;
  if (status != MIXENT_OK) mixent_warning_print("result-unread: %s", mixent_last_error());
  MIXENT_TRY(mixent_facts_read(run->directory, run->name, &run->facts));
  MIXENT_TRY(mixent_facts_status(&run->facts));
  run->status = mixent_facts_text(&run->facts, "status");
  run->samples = mixent_samples_name(false);
  return MIXENT_OK;
}

/* A run that is damaged is shown as far as it can be read. */
static mixent_status read_subject(subject *run) {
  char *path = mixent_path_join(run->directory, "summary.json");
  if (!path) return MIXENT_ERROR_MEMORY;
  mixent_path_kind summary, result, predictions, history;
  mixent_status status = mixent_path_look(path, &summary);
  bool finished = summary != MIXENT_PATH_NOTHING;
  if (status == MIXENT_OK && finished) status = mixent_run_summary_read(path, &run->summary);
  free(path);
  if (mixent_is_refusal(status)) return status;
  finished = finished && status == MIXENT_OK;
  run->recorded = mixent_has_file(run->directory, MIXENT_RECORD_FILE) && !run->summary.json;
  if (run->recorded) return read_recorded(run);
  /* first, for it may make result.json, from which come facts */
  MIXENT_TRY(mixent_path_look_in(run->directory, "result.json", &result));
  MIXENT_TRY(mixent_path_look_in(run->directory, "predictions.safetensors", &predictions));
  if (finished && (result != MIXENT_PATH_NOTHING || predictions != MIXENT_PATH_NOTHING)) {
    status = mixent_result_read(run->directory, &run->result);
    if (mixent_is_refusal(status)) return status;
    if (status != MIXENT_OK) mixent_warning_print("result-unread: %s", mixent_last_error());
  }
  MIXENT_TRY(mixent_facts_read(run->directory, run->name, &run->facts));
  MIXENT_TRY(mixent_facts_status(&run->facts));
  run->status = mixent_store_status_now(run->directory, mixent_facts_text(&run->facts, "status"));
  MIXENT_TRY(mixent_path_look_in(run->directory, "metrics.jsonl", &history));
  if (history != MIXENT_PATH_NOTHING) status = mixent_run_history_read(run->directory, &run->history);
  if (mixent_is_refusal(status)) return status;
  MIXENT_TRY(look_at_model(run));
  return read_commands(run);
}

static void free_subject(subject *run) {
  free(run->directory);
  free(run->resume);
  mixent_facts_free(&run->facts);
  mixent_text_free(&run->command);
  json_decref(run->history);
  mixent_result_free(run->result);
  mixent_train_summary_free(&run->summary);
}

/* {"run", "directory", "status", "command", "resume", "facts": {…}, "epochs": [lines of metrics.jsonl]} */
static int print_json(const subject *run) {
  json_t *facts = mixent_facts_json(&run->facts);
  json_object_del(facts, "run");
  json_object_del(facts, "status");
  return mixent_json_print(
      json_pack("{s:o, s:o, s:s, s:o, s:o, s:o, s:o}", "run", mixent_json_text(run->name), "directory",
                mixent_json_text(run->directory), "status", run->status, "command",
                run->command.data ? mixent_json_text(run->command.data) : json_null(), "resume",
                run->resume ? mixent_json_text(run->resume) : json_null(), "facts", facts, "epochs",
                run->history ? json_incref(run->history) : json_array()));
}

static double number_of(const subject *run, const char *key) {
  const mixent_fact *fact = mixent_facts_find(&run->facts, key);
  return fact && !fact->text ? fact->number : 0;
}

/* What a recorded run measured. */
static void print_recorded(const subject *run) {
  const mixent_facts *facts = &run->facts;
  const char *data = mixent_facts_text(facts, "data");
  if (!*mixent_facts_text(facts, "variant")) return;
  printf("recorded, variant %s, seed %.0f", mixent_printable(mixent_facts_text(facts, "variant")),
         number_of(run, "seed"));
  printf("%s%s; last written %s\n", *data ? ", on " : "", mixent_printable(data),
         mixent_local_time(mixent_facts_text(facts, "changed")));
  if (run->result)
    printf("On %s test samples: %.2f %% right, NLL %.4f, ECE %.4f, Brier %.4f, entropy %.4f\n",
           mixent_text_count(run->result->test_images), 100 * run->result->test.accuracy,
           run->result->test.nll, run->result->test.ece, run->result->test.brier, run->result->test.entropy);
  for (size_t i = 0; i < facts->count; i++)
    if (strncmp(facts->items[i].key, "metrics.", 8) == 0)
      printf("%s %.6g\n", mixent_printable(facts->items[i].key + 8), facts->items[i].number);
}

static void print_head(const subject *run) {
  const mixent_facts *facts = &run->facts;
  printf("%s: %s\n", mixent_printable(run->directory), run->status);
  if (*mixent_facts_text(facts, "damage"))
    printf("%s\n", mixent_printable(mixent_facts_text(facts, "damage")));
  if (*mixent_facts_text(facts, "failure"))
    printf("%s\n", mixent_printable(mixent_facts_text(facts, "failure")));
  if (strcmp(mixent_facts_text(facts, "select"), "test") == 0)
    puts("test-selected: its best epoch was chosen by the test part");
  if (*mixent_facts_text(facts, "recipe"))
    printf("recipe %s, loss %s, net %s on %s, seed %.0f, %s, %.0f thread%s\n",
           mixent_printable(mixent_facts_text(facts, "recipe")),
           mixent_printable(mixent_facts_text(facts, "loss")),
           mixent_printable(mixent_facts_text(facts, "net")),
           mixent_printable(mixent_facts_text(facts, "data")), number_of(run, "seed"),
           mixent_printable(mixent_facts_text(facts, "precision")), number_of(run, "threads"),
           number_of(run, "threads") == 1 ? "" : "s");
  if (run->recorded) {
    print_recorded(run);
    return;
  }
  if (mixent_facts_find(facts, "epochs_done") && mixent_facts_find(facts, "epochs"))
    printf("%.0f of %.0f epochs; ", number_of(run, "epochs_done"), number_of(run, "epochs"));
  printf("begun %s", mixent_local_time(mixent_facts_text(facts, "started")));
  printf(", last written %s\n", mixent_local_time(mixent_facts_text(facts, "changed")));
  if (*mixent_facts_text(facts, "cpu"))
    printf("%s, mixent %s, oneDNN %s\n", mixent_printable(mixent_facts_text(facts, "cpu")),
           mixent_printable(mixent_facts_text(facts, "versions.mixent")),
           mixent_printable(mixent_facts_text(facts, "versions.onednn")));
  if (run->command.data) printf("\nMade again beside it by\n  %s\n", mixent_printable(run->command.data));
  if (run->resume) printf("Goes on by\n  %s\n", mixent_printable(run->resume));
}

static void print_warnings(const json_t *epoch) {
  size_t i;
  const json_t *warning;
  json_array_foreach(json_object_get(epoch, "warnings"), i, warning)
      printf("warning: %s\n", json_is_string(warning) ? mixent_printable(json_string_value(warning)) : "");
}

static void print_epochs(const subject *run) {
  mixent_training_view view = {0};
  size_t i;
  const json_t *line;
  mixent_training_table_begin(&view, mixent_facts_text(&run->facts, "loss"), run->samples);
  if (json_array_size(run->history)) putchar('\n');
  json_array_foreach(run->history, i, line) {
    mixent_train_epoch epoch;
    print_warnings(line);
    if (mixent_train_epoch_from_json(line, &epoch)) mixent_training_table_add(&view, &epoch);
  }
}

static void print_temperature(const subject *run) {
  const mixent_result *result = run->result;
  if (result && result->temperature.found) {
    const mixent_calibration *before = &result->test, *after = &result->test_calibrated;
    printf("At temperature %.3f, fitted on the %s held out: NLL %.4f (before: %.4f), ECE %.4f (%.4f), "
           "Brier %.4f (%.4f), entropy %.4f (%.4f)",
           result->temperature.temperature, run->samples, after->nll, before->nll, after->ece, before->ece,
           after->brier, before->brier, after->entropy, before->entropy);
    if (run->kept_temperature)
      printf("; --temperature fitted applies it");
    else if (run->has_model)
      printf("; --temperature %.3f applies it", result->temperature.temperature);
    puts(".");
  }
}

static void print_scores(const subject *run) {
  mixent_training_summary_print(&run->summary);
  print_temperature(run);
  if (run->has_model)
    printf("The model is %s/best.safetensors; 'mixent eval' and 'mixent predict' read it.\n",
           mixent_printable(run->directory));
}

static int show(const subject *run, bool json) {
  if (json) return print_json(run);
  print_head(run);
  if (run->recorded) {
    print_temperature(run);
    return MIXENT_EXIT_DONE;
  }
  print_epochs(run);
  if (run->summary.json) print_scores(run);
  return MIXENT_EXIT_DONE;
}

static int run(const void *given, int count, char **words) {
  (void)count;
  const arguments *arguments = given;
  subject run = {0};
  mixent_status status = mixent_place_find(arguments->runs, words[0], MIXENT_PLACE_RUN, &run.directory);
  if (status == MIXENT_OK) {
    run.name = name_below(run.directory, arguments->runs);
    status = read_subject(&run);
  }
  int code = status == MIXENT_OK ? show(&run, arguments->json) : mixent_failed(status);
  free_subject(&run);
  return code;
}

static const mixent_command_option options[] = {
    {.name = "runs",
     .argument = "DIR",
     .help = "where to look for a run that is named without its directory",
     .kind = MIXENT_VALUE_TEXT,
     .offset = offsetof(arguments, runs),
     .fallback = MIXENT_RUNS},
    {.name = "json",
     .help = "print one line of JSON",
     .kind = MIXENT_VALUE_FLAG,
     .offset = offsetof(arguments, json)},
    {.name = NULL}};

const mixent_command mixent_command_show = {
    .name = "show",
    .summary = "Show one run: what it is, how it went, how to repeat it",
    .operands = "RUN",
    .least_operands = 1,
    .most_operands = 1,
    .options = options,
    .description = "RUN is a run's directory, or its name in runs, as 'mixent runs' lists it. Every command "
                   "takes both. The answer has the status of the run, the command that makes it again to the "
                   "same bits, the command that goes on with it, the table of its epochs with the monitor's "
                   "warnings, and the scores at the end: as trained, and at the temperature that fits the "
                   "held-out set best.\n\n"
                   "  mixent show emnist-letters-short-ce-0\n"
                   "  mixent show runs/losses/min-ent-3 --json",
    .arguments_size = sizeof(arguments),
    .run = run};
