/* `mixent compare`: trains what a study lacks, and says what its runs show; compare_results.c takes anybody's results. */
#include "cli/commands.h"
#include "cli/compare_ledger.h"
#include "cli/compare_results.h"
#include "cli/events.h"
#include "cli/places.h"
#include "cli/planner.h"
#include "cli/signals.h"
#include "cli/terminal.h"
#include "core/file.h"
#include "core/json.h"
#include "core/printable.h"
#include "core/system.h"
#include "lab/compare/json.h"
#include "lab/study/results.h"
#include "lab/study/searches.h"
#include "lab/study/train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct arguments {
  long seeds, jobs, threads;
  const char *runs, *csv;
  bool no_train, json, results, ledger;
  mixent_compare_results_arguments asked; /* of results */
} arguments;

typedef struct view {
  bool json;
  mixent_progress progress;
} view;

static json_t *progress_to_json(const mixent_study_progress *now) {
  json_t *progress = json_object();
  mixent_json_set(&progress, "phase", json_string("train"));
  mixent_json_set(&progress, "fraction", json_real(now->fraction));
  mixent_json_set(&progress, "runs", json_integer((json_int_t)now->total));
  mixent_json_set(&progress, "finished", json_integer((json_int_t)now->finished));
  mixent_json_set(&progress, "failed", json_integer((json_int_t)now->failed));
  mixent_json_set(&progress, "running", mixent_json_texts(now->names, now->running));
  mixent_json_set(&progress, "images_per_second",
                  mixent_json_number(now->images_per_second > 0 ? now->images_per_second : NAN));
  mixent_json_set(&progress, "seconds_left", mixent_json_number(now->seconds_left));
  return progress;
}

static void show_progress(void *context, const mixent_study_progress *now) {
  view *view = context;
  char before[96], speed[64] = "", left[64] = "";
  snprintf(before, sizeof before, now->failed ? "%zu of %zu runs done, %zu failed" : "%zu of %zu runs done",
           now->finished, now->total, now->failed);
  if (now->images_per_second > 0) snprintf(speed, sizeof speed, "%.0f images/s, ", now->images_per_second);
  if (isfinite(now->seconds_left))
    snprintf(left, sizeof left, "%s left, ", mixent_text_duration(now->seconds_left));
  if (view->json && mixent_event_progress_is_due()) mixent_event_progress(progress_to_json(now));
  mixent_text after = {0};
  mixent_text_append(&after, "%s%s", left, speed);
  for (size_t i = 0; i < now->running; i++) mixent_text_append_item(&after, i, "%s", now->names[i]);
  if (after.data) mixent_progress_show(&view->progress, before, now->fraction, after.data);
  mixent_text_free(&after);
}

static void show_ended(void *context, const mixent_study_ended *run) {
  view *view = context;
  mixent_progress_clear(&view->progress);
  if (run->signal) {
    mixent_signals_pass_on(run->signal);
    fprintf(stderr, "mixent: run %s was stopped by signal %d (%s) and is saved\n", run->name, run->signal,
            strsignal(run->signal));
  } else if (run->message)
    fprintf(stderr, "mixent: run %s failed: %s\n", run->name, mixent_printable_message(run->message));
  else if (!view->json)
    printf("%s: %.2f %% right, NLL %.4f, %s (%zu of %zu)\n", run->name, 100 * run->accuracy, run->nll,
           mixent_text_duration(run->seconds), run->finished, run->total);
  fflush(stdout);
}

static void show_event(void *context, json_t *event) {
  (void)context;
  mixent_event_forward(event);
}

static void show_warning(void *context, const char *run, const char *message) {
  view *view = context;
  mixent_progress_clear(&view->progress);
  mixent_warning_print("run %s: %s", run, message);
}

static mixent_status train(const arguments *arguments, mixent_study *study, int lock, size_t *failed) {
  view view = {.json = arguments->json, .progress = mixent_progress_start(!arguments->json)};
  mixent_study_train_options options = {
      .program = mixent_program_self,
      .jobs = arguments->jobs,
      .lock = lock,
      .stop = mixent_signals_watch("finishing this step of each run and saving"),
      .context = &view,
      .progress = show_progress,
      .ended = show_ended,
      .warning = show_warning,
      .event = arguments->json ? show_event : NULL};
  mixent_status status = mixent_study_train(study, &options, failed);
  mixent_progress_clear(&view.progress);
  return status;
}

/* Where the study stands or will stand; free(). */
static char *directory_of(const arguments *arguments, const mixent_study *study) {
  char *directory;
  if (!study->directory) return mixent_path_join(arguments->runs, study->name);
  mixent_copy_text(study->directory, &directory);
  return directory;
}

/* A study's directory, a built-in study, a study under --runs, or a file. */
static mixent_status find_study(const arguments *arguments, const char *word, mixent_study **out) {
  char *place;
  bool here;
  mixent_path_kind kind;
  *out = NULL;
  MIXENT_TRY(mixent_study_look(word, &here));
  MIXENT_TRY(mixent_path_look(word, &kind));
  bool file = kind == MIXENT_PATH_NOTHING ? mixent_has_ending(word, ".yaml") : kind != MIXENT_PATH_DIRECTORY;
  if (!here && (file || mixent_study_is_builtin(word))) return mixent_study_read(word, out);
  mixent_status status = mixent_place_find(arguments->runs, word, MIXENT_PLACE_STUDY, &place);
  if (status == MIXENT_OK)
    status = mixent_study_open(place, out);
  else if (status == MIXENT_ERROR_ARGUMENT && kind == MIXENT_PATH_NOTHING && !strchr(word, '/'))
    status = mixent_study_read(word, out); /* its message lists the built-in studies */
  free(place);
  return status;
}

/* The failed runs of a variant in one line, with what the first of them failed with. */
static void print_failed(const mixent_study *study, mixent_study_cell cell, const json_t *failed) {
  mixent_text seeds = {0};
  const char *message = NULL;
  size_t count = 0;
  for (cell.seed = 0; cell.seed < study->seed_count; cell.seed++) {
    char *name = mixent_study_run_name(study, cell);
    const char *said = name ? json_string_value(json_object_get(failed, name)) : NULL;
    if (!name) mixent_output_lacks();
    if (said) mixent_text_append_item(&seeds, count++, "%ld", study->seeds[cell.seed]);
    if (!message) message = said;
    free(name);
  }
  char *variant = mixent_study_variant_name(study, cell);
  mixent_text line = {0};
  if (!variant || seeds.failed)
    mixent_output_lacks();
  else if (count)
    mixent_text_append(&line, "%s with seed%s %s%s: %s", variant, count > 1 ? "s" : "", seeds.data,
                       count > 1 ? "; the first" : "", message);
  if (line.failed) mixent_output_lacks();
  if (line.data) {
    printf("failed: ");
    mixent_wrapped_print(stdout, (int)strlen("failed: "), 2, line.data);
  }
  mixent_text_free(&line);
  mixent_text_free(&seeds);
  free(variant);
}

static void print_text(const mixent_study *study, const mixent_study_results *results, const json_t *failed) {
  mixent_text text = {0};
  printf("\n%s: %zu of %zu runs are finished\n", study->name, results->finished, results->count);
  if (*study->about) mixent_wrapped_print(stdout, 0, 0, study->about);
  mixent_study_vary_append_text(study, &text);
  if (text.failed) mixent_output_lacks();
  if (text.data) mixent_wrapped_print(stdout, 0, 0, text.data);
  mixent_text_free(&text);
  for (size_t i = 0; i < study->data_count * study->variant_count; i++)
    print_failed(study, mixent_study_cell_at(study, i), failed);
  putchar('\n');
  mixent_comparison_append_text(results->compared.comparison, &text);
  if (results->variance) mixent_study_variance_append_text(study, results->variance, &text);
  mixent_text_print(stdout, &text);
  char *directory = mixent_path_quote(study->directory);
  if (directory)
    printf("\n'mixent report %s' draws all this as a page.\n", mixent_printable(directory));
  else
    mixent_output_lacks();
  free(directory);
}

static void print_start(const arguments *arguments, const mixent_study *study) {
  json_t *event = json_object(), *seeds = json_array();
  for (size_t i = 0; i < study->seed_count; i++) mixent_json_append(&seeds, json_integer(study->seeds[i]));
  mixent_json_set(&event, "study", json_string(study->name));
  mixent_json_set(&event, "directory", mixent_json_text(study->directory));
  mixent_json_set(&event, "data", mixent_json_texts(study->data, study->data_count));
  mixent_json_set(&event, "variants", mixent_json_texts(study->variant_names, study->variant_count));
  mixent_json_set(&event, "seeds", seeds);
  mixent_json_set(&event, "runs", json_integer((json_int_t)mixent_study_run_count(study)));
  mixent_json_set(&event, "jobs",
                  json_integer(arguments->no_train ? 0
                               : arguments->jobs   ? arguments->jobs
                                                   : mixent_study_jobs(study)));
  mixent_json_set(&event, "threads", json_integer(mixent_study_threads(study)));
  mixent_event_print(MIXENT_EVENT_START, event);
}

static json_t *results_to_json(const mixent_study *study, const mixent_study_results *results,
                               json_t *failed) {
  return json_pack("{s:s, s:s, s:o, s:I, s:I, s:O, s:o, s:o, s:o*}", "study", study->name, "about",
                   study->about, "directory", mixent_json_text(study->directory), "runs",
                   (json_int_t)results->count, "finished", (json_int_t)results->finished, "failed", failed,
                   "comparison", mixent_comparison_to_json(results->compared.comparison), "vary",
                   mixent_study_vary_to_json(study), "variance",
                   results->variance ? mixent_study_variance_to_json(study, results->variance) : NULL);
}

/* What the finished runs say. */
static int show(const arguments *arguments, const mixent_study *study) {
  mixent_study_results results;
  json_t *failed = json_object();
  int code = MIXENT_EXIT_DONE;
  if (arguments->json) mixent_event_progress(json_pack("{s:s}", "phase", "compare"));
  mixent_status status = mixent_study_results_read(study, &results);
  if (status == MIXENT_OK) status = mixent_study_list_failed(study, failed);
  if (status == MIXENT_OK && arguments->csv)
    status = mixent_compare_csv_write(results.compared.comparison, arguments->csv);
  if (status != MIXENT_OK)
    code = mixent_failed(status);
  else if (arguments->json)
    mixent_event_finished(results_to_json(study, &results, failed));
  else
    print_text(study, &results, failed);
  mixent_study_results_free(&results);
  json_decref(failed);
  return code;
}

/* What tuned variants need before they are trained: searches, which mixent-sweep runs. */
static mixent_status take_searches(const arguments *arguments, mixent_study *study) {
  mixent_text commands = {0};
  mixent_status status = mixent_study_search(study, &commands);
  if (commands.data && !arguments->json) fputs(commands.data, stdout);
  mixent_text_free(&commands);
  return status;
}

static int compare(const arguments *arguments, mixent_study *study, const char *place) {
  const mixent_study_planner planner = mixent_planner();
  int lock = -1;
  size_t failed = 0;
  if (arguments->seeds && study->vary.crossed)
    return mixent_wrong_use("compare: --seeds is not for %s, whose 'vary' gives levels of each factor",
                            study->name);
  for (long seed = 0; seed < arguments->seeds; seed++)
    if (mixent_study_add_seed(study, seed) != MIXENT_OK) return mixent_failed(MIXENT_ERROR_MEMORY);
  mixent_status status = arguments->no_train
                             ? mixent_study_join(study, place)
                             : mixent_study_begin(study, &planner, place, arguments->threads, &lock);
  if (status == MIXENT_OK && !arguments->no_train) status = take_searches(arguments, study);
  if (status == MIXENT_OK && arguments->json) print_start(arguments, study);
  if (status == MIXENT_OK && !arguments->no_train) status = train(arguments, study, lock, &failed);
  if (lock >= 0) close(lock);
  if (status != MIXENT_OK) return mixent_failed(status);
  int code = show(arguments, study);
  return code == MIXENT_EXIT_DONE && failed ? MIXENT_EXIT_FAILED : code;
}

/* The option of a study that was given with results; NULL: none. */
static const char *study_option(const arguments *arguments) {
  return arguments->seeds      ? "seeds"
         : arguments->jobs     ? "jobs"
         : arguments->threads  ? "threads"
         : arguments->no_train ? "no-train"
                               : NULL;
}

/* MIXENT_EXIT_NOT_YET, or an exit code: options and operands of studies and of results do not mix. */
static int check(const arguments *arguments, bool results, int count, char **words) {
  const char *of_study = study_option(arguments),
             *of_results = mixent_compare_results_given(&arguments->asked);
  if (results && of_study)
    return mixent_wrong_use("compare: --%s is for a study, not for %s", of_study,
                            arguments->results ? "--results" : "recorded runs");
  if (results) return MIXENT_EXIT_NOT_YET;
  if (of_results)
    return mixent_wrong_use("compare: --%s is for results: mixent compare --results PATH…", of_results);
  for (int i = 0; i < 5; i++) {
    static const char *const endings[] = {".csv", ".csv.gz", ".jsonl", ".jsonl.gz", ".npz"};
    if (mixent_has_ending(words[0], endings[i]))
      return mixent_wrong_use(
          "compare: expected a study, got '%s'; if it holds results: mixent compare --results PATH...",
          words[0]);
  }
  if (count > 1)
    return mixent_wrong_use(
        "compare: expected one study, got '%s' as well; 'mixent help compare' says what belongs there",
        words[1]);
  return MIXENT_EXIT_NOT_YET;
}

static int compare_study(const arguments *arguments, const char *word) {
  mixent_study *study;
  mixent_status status = find_study(arguments, word, &study);
  if (status != MIXENT_OK) return mixent_failed(status);
  char *directory = directory_of(arguments, study);
  int code = directory ? compare(arguments, study, directory) : mixent_failed(MIXENT_ERROR_MEMORY);
  free(directory);
  mixent_study_free(study);
  return code;
}

/* The option of a study or of results that was given with --ledger, and a second word, are errors. */
static int compare_ledger(const arguments *arguments, int count, char **words) {
  const char *option = arguments->results        ? "results"
                       : study_option(arguments) ? study_option(arguments)
                       : arguments->csv          ? "csv"
                                                 : mixent_compare_results_given(&arguments->asked);
  if (option) return mixent_wrong_use("compare: --%s does not go with --ledger", option);
  if (count > 1)
    return mixent_wrong_use("compare: expected one directory for --ledger, got '%s' as well", words[1]);
  return mixent_compare_ledger(words[0], arguments->json);
}

static int run(const void *given, int count, char **words) {
  const arguments *arguments = given;
  if (arguments->ledger) return compare_ledger(arguments, count, words);
  bool results = arguments->results;
  mixent_status status = results ? MIXENT_OK : mixent_compare_results_look(words[0], &results);
  if (status != MIXENT_OK) return mixent_failed(status);
  int wrong = check(arguments, results, count, words);
  if (wrong != MIXENT_EXIT_NOT_YET) return wrong;
  return results ? mixent_compare_results(&arguments->asked, arguments->json, arguments->csv, count, words)
                 : compare_study(arguments, words[0]);
}

static const mixent_command_option options[] = {
    {.name = "seeds",
     .argument = "N",
     .help = "train also seeds 0 to N - 1; they stay with the study",
     .kind = MIXENT_VALUE_WHOLE,
     .offset = offsetof(arguments, seeds),
     .low = 2,
     .high = 100000},
    {.name = "jobs",
     .argument = "N",
     .help = "runs trained at once (default: processors over threads)",
     .kind = MIXENT_VALUE_WHOLE,
     .offset = offsetof(arguments, jobs),
     .low = 1,
     .high = 4096},
    {.name = "threads",
     .argument = "N",
     .help = "threads of each run; fixed when the study begins, because the bits depend on them (default: 1)",
     .kind = MIXENT_VALUE_WHOLE,
     .offset = offsetof(arguments, threads),
     .low = 1,
     .high = 4096},
    {.name = "runs",
     .argument = "DIR",
     .help = "where the study's directory goes",
     .kind = MIXENT_VALUE_TEXT,
     .offset = offsetof(arguments, runs),
     .fallback = MIXENT_RUNS},
    {.name = "no-train",
     .help = "train nothing: show what the finished runs say",
     .kind = MIXENT_VALUE_FLAG,
     .offset = offsetof(arguments, no_train)},
    {.name = "json",
     .help = "print events, one line of JSON each (docs/EVENTS.md); the last one has the comparison",
     .kind = MIXENT_VALUE_FLAG,
     .offset = offsetof(arguments, json)},
    {.name = "csv",
     .argument = "FILE",
     .help = "also write a table with a line per data set, variant and measure",
     .kind = MIXENT_VALUE_TEXT,
     .offset = offsetof(arguments, csv)},
    {.name = "ledger",
     .help =
         "the word is a directory: list every comparison of the studies below it, with one correction over all",
     .kind = MIXENT_VALUE_FLAG,
     .offset = offsetof(arguments, ledger)},
    MIXENT_RESULTS_OPTIONS(arguments),
    {.name = NULL}};

const mixent_command mixent_command_compare = {
    .name = "compare",
    .summary = "Train every variant of a study with many seeds, and say what may be concluded",
    .operands = "STUDY.yaml|NAME|DIR|FILE...",
    .names = mixent_study_names,
    .least_operands = 1,
    .most_operands = -1,
    .options = options,
    .description =
        "A study is a recipe, variants of it (other losses, or any other options), seeds and data "
        "sets. Its runs share seeds, so variants begin with the same weights and see the same "
        "batches. They also share plans of back ends, which are copied when the study begins. The "
        "study goes into runs/NAME, with a directory per run. A finished run is never trained again: "
        "the same command goes on with an interrupted study, and you can add seeds and variants "
        "later.\n\n"
        "  mixent compare my-study.yaml                 train what is missing, then compare\n"
        "  mixent compare my-study.yaml --seeds 20      more seeds\n"
        "  mixent compare runs/my-study --no-train      compare what is finished\n\n"
        "Results of other programs are compared without a study. A file has a column 'variant', best a column 'seed', perhaps "
        "'data', and a column for each metric, or the columns 'metric' and 'value'; docs/COMPARING.md says more.\n\n"
        "  mixent compare --results runs.csv            accuracy, each variant with the first\n"
        "  mixent compare --results runs.csv --metric nll --difference 0.01\n"
        "  mixent compare --results a.jsonl.gz b.jsonl.gz --columns variant=group,seed=rng\n"
        "  mixent compare --results runs/               event files of TensorBoard, logs of Lightning and Keras\n"
        "  mixent compare --results mlflow.db --columns variant=params.loss,seed=params.seed\n\n"
        "A directory of runs that mixent.lab.record (Python) kept at the end of anybody's training is compared like a study's "
        "runs.\n\n"
        "  mixent compare runs/mine                     accuracy, each variant with the first by name\n"
        "  mixent compare runs/mine runs/theirs --baseline ce --metric nll\n\n"
        "Many studies are many chances to see what is not there. A ledger lists the comparisons of all studies below a "
        "directory (their directories, files of 'mixent study export', recorded runs), with Holm's correction over all, and "
        "says which studies share runs.\n\n"
        "  mixent compare --ledger runs/\n\n"
        "Ctrl-C and SIGTERM let the runs save and end with 130 and 143; a second one ends at once. "
        "If a signal stops one run alone, it is saved, the others go on, and the exit code tells the "
        "signal. If a run fails, the others go on, the exit code is 1, and the next call tries it "
        "again.",
    .events = true,
    .arguments_size = sizeof(arguments),
    .run = run};
