/* `mixent compare --results PATH…`: reads files and directories, compares each metric that is asked for, prints. */
#include "cli/compare_results.h"
#include "cli/events.h"
#include "cli/message.h"
#include "cli/terminal.h"
#include "core/file.h"
#include "core/json.h"
#include "core/layout.h"
#include "core/locale.h"
#include "core/printable.h"
#include "lab/compare/json.h"
#include "lab/results/compare.h"
#include "lab/results/sources.h"
#include "lab/study/directory.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *mixent_compare_results_given(const mixent_compare_results_arguments *arguments) {
  return arguments->metric       ? "metric"
         : arguments->baseline   ? "baseline"
         : arguments->lower      ? "lower"
         : arguments->higher     ? "higher"
         : arguments->columns    ? "columns"
         : arguments->epoch      ? "epoch"
         : arguments->difference ? "difference"
         : arguments->overlap    ? "overlap"
                                 : NULL;
}

static mixent_status look(const char *path, bool *out) {
  bool is_study;
  *out = false;
  MIXENT_TRY(mixent_study_look(path, &is_study));
  return is_study ? MIXENT_OK : mixent_records_look(path, out);
}

/* Adds the directory that a word names, or the word as it is. */
static mixent_status find(const char *runs, char *word, bool *found, mixent_names *out) {
  char *below = mixent_path_join(runs, word);
  bool there = false;
  mixent_status status = below ? look(word, found) : MIXENT_ERROR_MEMORY;
  if (status == MIXENT_OK && !*found) status = look(below, &there);
  if (status == MIXENT_OK) status = mixent_names_add(out, there ? below : word);
  *found |= there;
  free(below);
  return status;
}

mixent_status mixent_compare_results_find(const char *runs, char **words, int count, mixent_names *out) {
  bool first = true, found = true;
  *out = (mixent_names){0};
  for (int i = 0; i < count && first; i++) {
    MIXENT_TRY(find(runs, words[i], &found, out));
    first = i > 0 || found;
  }
  if (!first) mixent_names_free(out);
  return MIXENT_OK;
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

static mixent_status read_overlap(const char *text, double *out) {
  char *end;
  *out = 0;
  if (!text) return MIXENT_OK;
  *out = mixent_number_read(text, &end);
  if (end > text && !*end && *out > 0 && *out <= MIXENT_RESULTS_LARGEST) return MIXENT_OK;
  return mixent_fail(
      MIXENT_ERROR_ARGUMENT,
      "--overlap: expected the test items of a split over its training items, above 0, got '%s'", text);
}

/* Reads what --columns and --epoch say. */
static mixent_status read_layout(const mixent_compare_results_arguments *arguments,
                                 const mixent_results_question *question, mixent_results_layout *out) {
  MIXENT_TRY(mixent_results_layout_parse(arguments->columns, out));
  mixent_status status =
      mixent_results_layout_choose(out, arguments->epoch ? arguments->epoch : "last", question);
  if (status != MIXENT_OK) mixent_results_layout_free(out);
  return status;
}

/* The comparisons of a table, one for each metric that --metric names. */
typedef struct comparisons {
  mixent_results_source source;      /* the question's metric: of none in particular */
  char **metrics;                    /* [count]; NULL: the default one */
  mixent_results_comparison **items; /* [count] */
  size_t count;
} comparisons;

/* The column that a comparison is on. */
static size_t column_of(const mixent_results_comparison *comparison) {
  return comparison->columns[comparison->comparison->input.primary];
}

static mixent_status add(comparisons *all, const char *metric, size_t length) {
  mixent_results_question question = all->source.question;
  MIXENT_TRY(MIXENT_GROW(&all->items, all->count, "--metric"));
  MIXENT_TRY(MIXENT_GROW(&all->metrics, all->count, "--metric"));
  all->items[all->count] = NULL;
  all->metrics[all->count] = NULL;
  size_t at = all->count++;
  if (metric) MIXENT_TRY(mixent_copy_start(metric, length, &all->metrics[at]));
  question.metric = all->metrics[at];
  MIXENT_TRY(mixent_results_compare(&all->source.results, &question, &all->items[at]));
  for (size_t i = 0; i < at; i++)
    if (column_of(all->items[i]) == column_of(all->items[at]))
      return mixent_fail(MIXENT_ERROR_ARGUMENT, "--metric: expected each metric once, got '%s' twice",
                         question.metric);
  return MIXENT_OK;
}

/* "accuracy,nll"; a metric whose name has a comma is one by itself. */
static mixent_status compare_each(const char *list, comparisons *all) {
  if (!list || mixent_name_set_find(&all->source.results.columns, list) < all->source.results.columns.count)
    return add(all, list, list ? strlen(list) : 0);
  for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
    MIXENT_TRY(add(all, at, strcspn(at, ",")));
  return MIXENT_OK;
}

static void free_comparisons(comparisons *all) {
  for (size_t i = 0; i < all->count; i++) {
    mixent_results_comparison_free(all->items[i]);
    free(all->metrics[i]);
  }
  free(all->items);
  free(all->metrics);
  mixent_results_source_free(&all->source);
}

/* The compared metrics between commas; free(). */
static char *names_of(const comparisons *all) {
  mixent_text names = {0};
  for (size_t i = 0; i < all->count; i++)
    mixent_text_append(&names, "%s%s", i ? "," : "",
                       all->source.results.columns.items[column_of(all->items[i])]->text);
  if (mixent_text_status(&names) == MIXENT_OK) return names.data;
  mixent_text_free(&names);
  return NULL;
}

static mixent_status print_text(const comparisons *all, const char *metrics) {
  mixent_text text = {0}, sources = {0};
  for (size_t i = 0; i < all->count; i++) {
    if (i) mixent_text_append(&text, "\n");
    mixent_results_append_text(all->items[i], &text);
  }
  mixent_results_append_sources(&all->source.results, &all->source.layout, metrics, &sources);
  if (all->count > 1)
    mixent_text_append(
        &sources,
        "%sHolm's correction is for each of the %zu metrics by itself; for all verdicts together, name one metric.",
        sources.data ? " " : "", all->count);
  mixent_status status = mixent_text_status(&sources);
  if (sources.data) mixent_text_append(&text, "\n");
  if (status == MIXENT_OK && sources.data) mixent_wrapped_append(&text, 0, 0, mixent_printable(sources.data));
  mixent_text_free(&sources);
  mixent_text_print(stdout, &text);
  return status;
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

static void print_json(const comparisons *all, const char *metrics, int count, char **files) {
  json_t *names = json_array(), *further = json_array();
  for (int i = 0; i < count; i++) mixent_json_append(&names, mixent_json_text(files[i]));
  for (size_t i = 1; i < all->count; i++)
    mixent_json_append(&further, mixent_comparison_to_json(all->items[i]->comparison));
  mixent_event_finished(
      json_pack("{s:o, s:o, s:o, s:o, s:o}", "files", names, "metrics",
                metrics_json(&all->source.results, &all->source.question), "comparison",
                mixent_comparison_to_json(all->items[0]->comparison), "further", further, "sources",
                mixent_results_sources_to_json(&all->source.results, &all->source.layout, metrics)));
}

/* What is asked of results, but for the metric. */
mixent_status mixent_compare_results_read(const mixent_compare_results_arguments *arguments, int count,
                                          char **files, mixent_results_source *out) {
  *out = (mixent_results_source){
      .question = {.baseline = arguments->baseline, .lower = arguments->lower, .higher = arguments->higher}};
  MIXENT_TRY(read_difference(arguments->difference, &out->question.difference));
  MIXENT_TRY(read_overlap(arguments->overlap, &out->question.test_to_train));
  MIXENT_TRY(read_layout(arguments, &out->question, &out->layout));
  return mixent_results_read(files, (size_t)count, &out->layout, &out->results);
}

void mixent_results_source_free(mixent_results_source *source) {
  mixent_results_free(&source->results);
  mixent_results_layout_free(&source->layout);
}

mixent_status mixent_compare_csv_write(const mixent_comparison *comparison, const char *path) {
  mixent_text text = {0};
  mixent_comparison_append_csv(comparison, &text);
  mixent_status status = mixent_text_status(&text);
  if (status == MIXENT_OK) status = mixent_file_replace(path, text.data, text.length);
  mixent_text_free(&text);
  return status;
}

int mixent_compare_results(const mixent_compare_results_arguments *arguments, bool json, const char *csv,
                           int count, char **files) {
  comparisons all = {0};
  mixent_status status = mixent_compare_results_read(arguments, count, files, &all.source);
  if (status == MIXENT_OK) status = compare_each(arguments->metric, &all);
  if (status == MIXENT_OK && csv) status = mixent_compare_csv_write(all.items[0]->comparison, csv);
  char *metrics = status == MIXENT_OK ? names_of(&all) : NULL;
  if (status == MIXENT_OK && !metrics) status = MIXENT_ERROR_MEMORY;
  if (status == MIXENT_OK && json)
    print_json(&all, metrics, count, files);
  else if (status == MIXENT_OK)
    status = print_text(&all, metrics);
  free(metrics);
  free_comparisons(&all);
  return status == MIXENT_OK ? MIXENT_EXIT_DONE : mixent_failed(status);
}
