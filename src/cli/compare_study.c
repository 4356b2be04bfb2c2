/* `mixent compare STUDY`: trains what a study lacks, and says what its runs show. */
#include "cli/compare_study.h"
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

static mixent_status train(const mixent_compare_study_arguments *arguments, mixent_study *study, int lock,
                           size_t *failed) {
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
static char *directory_of(const mixent_compare_study_arguments *arguments, const mixent_study *study) {
  char *directory;
  if (!study->directory) return mixent_path_join(arguments->runs, study->name);
  mixent_copy_text(study->directory, &directory);
  return directory;
}

/* A study's directory, a built-in study, a study under --runs, or a file. */
static mixent_status find_study(const mixent_compare_study_arguments *arguments, const char *word,
                                mixent_study **out) {
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

static void print_start(const mixent_compare_study_arguments *arguments, const mixent_study *study) {
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
static int show(const mixent_compare_study_arguments *arguments, const mixent_study *study) {
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
static mixent_status take_searches(const mixent_compare_study_arguments *arguments, mixent_study *study) {
  mixent_text commands = {0};
  mixent_status status = mixent_study_search(study, &commands);
  if (commands.data && !arguments->json) fputs(commands.data, stdout);
  mixent_text_free(&commands);
  return status;
}

static int compare(const mixent_compare_study_arguments *arguments, mixent_study *study, const char *place) {
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

int mixent_compare_study(const mixent_compare_study_arguments *arguments, const char *word) {
  mixent_study *study;
  mixent_status status = find_study(arguments, word, &study);
  if (status != MIXENT_OK) return mixent_failed(status);
  char *directory = directory_of(arguments, study);
  int code = directory ? compare(arguments, study, directory) : mixent_failed(MIXENT_ERROR_MEMORY);
  free(directory);
  mixent_study_free(study);
  return code;
}
