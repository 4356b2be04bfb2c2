/* `mixent compare --results FILE…`: reads the files, compares, prints. */
#include "cli/compare_results.h"
#include "cli/events.h"
#include "cli/message.h"
#include "cli/terminal.h"
#include "core/json.h"
#include "core/locale.h"
#include "lab/compare/json.h"
#include "lab/results/compare.h"

#include <math.h>
#include <stdio.h>

const char *mixent_compare_results_given(const mixent_compare_results_arguments *arguments) {
  return arguments->metric       ? "metric"
         : arguments->baseline   ? "baseline"
         : arguments->lower      ? "lower"
         : arguments->higher     ? "higher"
         : arguments->columns    ? "columns"
         : arguments->difference ? "difference"
                                 : NULL;
}

static mixent_status read_difference(const char *text, double *out) {
  char *end;
  *out = NAN;
  if (!text) return MIXENT_OK;
  *out = mixent_number_read(text, &end);
  if (end > text && !*end && *out > 0 && *out <= MIXENT_RESULTS_LARGEST) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_ARGUMENT,
                     "--difference: expected a number above 0, in the metric's unit, got '%s'", text);
}

static mixent_status read_files(const char *columns, int count, char **files, mixent_results *out) {
  mixent_results_layout layout;
  MIXENT_TRY(mixent_results_layout_parse(columns, &layout));
  mixent_status status = MIXENT_OK;
  for (int i = 0; i < count && status == MIXENT_OK; i++) status = mixent_results_read(files[i], &layout, out);
  mixent_results_layout_free(&layout);
  return status == MIXENT_OK ? mixent_results_finish(out) : status;
}

static void print_text(const mixent_results_comparison *comparison) {
  mixent_text text = {0};
  mixent_results_append_text(comparison, &text);
  mixent_text_print(stdout, &text);
}

/* All metrics in the files. */
static json_t *metrics_json(const mixent_results *results, const mixent_results_question *question) {
  json_t *all = json_array();
  for (size_t i = 0; i < results->columns.count; i++) {
    const char *name = results->columns.items[i]->text;
    if (results->kinds[i].numbers)
      mixent_json_append(
          &all, json_pack("{s:s, s:i}", "name", name, "better", mixent_results_better(question, name)));
  }
  return all;
}

static void print_json(const mixent_results_comparison *comparison, const mixent_results_question *question,
                       int count, char **files) {
  json_t *names = json_array();
  for (int i = 0; i < count; i++) mixent_json_append(&names, mixent_json_text(files[i]));
  mixent_event_finished(json_pack("{s:o, s:o, s:o}", "files", names, "metrics",
                                  metrics_json(comparison->results, question), "comparison",
                                  mixent_comparison_to_json(comparison->comparison)));
}

int mixent_compare_results(const mixent_compare_results_arguments *arguments, bool json, int count,
                           char **files) {
  mixent_results results = {0};
  mixent_results_comparison *comparison = NULL;
  mixent_results_question question = {.metric = arguments->metric,
                                      .baseline = arguments->baseline,
                                      .lower = arguments->lower,
                                      .higher = arguments->higher};
  int code = MIXENT_EXIT_DONE;
  mixent_status status = read_difference(arguments->difference, &question.difference);
  if (status == MIXENT_OK) status = read_files(arguments->columns, count, files, &results);
  if (status == MIXENT_OK) status = mixent_results_compare(&results, &question, &comparison);
  if (status != MIXENT_OK)
    code = mixent_failed(status);
  else if (json)
    print_json(comparison, &question, count, files);
  else
    print_text(comparison);
  mixent_results_comparison_free(comparison);
  mixent_results_free(&results);
  return code;
}
