/* Anybody's results as the engine's input; question.c finds what is asked. */
#include "lab/results/compare.h"
#include "core/layout.h"
#include "core/memory.h"
#include "core/printable.h"
#include "lab/compare/runs.h"
#include "lab/results/question.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *text_of(const mixent_name_set *set, size_t index) {
  return set->items[index]->text;
}

void mixent_results_comparison_free(mixent_results_comparison *comparison) {
  if (!comparison) return;
  mixent_comparison_free(comparison->comparison);
  free(comparison->columns);
  free(comparison->measures);
  free(comparison->variants);
  free(comparison->seeds);
  free(comparison->data);
  free(comparison->runs);
  free(comparison->values);
  free(comparison);
}

/* How many metrics are compared at most: what is asked for always is. */
static size_t most_measures(const mixent_results *results) {
  size_t pairs = results->data.count * results->variants.count, runs = results->keys.count;
  size_t by_pairs = pairs ? MIXENT_RESULTS_COMPARISONS / pairs : 1,
         by_runs = runs ? MIXENT_RESULTS_CELLS / runs : 1;
  size_t most = by_pairs < by_runs ? by_pairs : by_runs;
  return most ? most : 1;
}

/* What predictions give is measured as for our own runs. */
static mixent_measure describe(const mixent_results *results, size_t column, int better) {
  const char *name = text_of(&results->columns, column);
  mixent_measure measure = {.name = name,
                            .title = name,
                            .unit = mixent_results_is_per_cent(results, column) ? "%" : "",
                            .scale = 1,
                            .digits = MIXENT_DIGITS_BY_SCATTER,
                            .kind = MIXENT_MEASURE_TEST};
  if (results->kinds[column].predicted) measure = mixent_measures[mixent_measure_find(name)];
  measure.better = better;
  return measure;
}

/* Columns of numbers, in order; *primary: the place of the one that is asked for. */
static mixent_status take_measures(const mixent_results_question *question, const mixent_results_asked *asked,
                                   mixent_results_comparison *out, mixent_compare_input *input) {
  const mixent_results *results = out->results;
  size_t most = most_measures(results), others = 0;
  MIXENT_TRY(MIXENT_ALLOCATE(results->columns.count, &out->columns));
  MIXENT_TRY(MIXENT_ALLOCATE(results->columns.count, &out->measures));
  for (size_t i = 0; i < results->columns.count; i++) {
    const char *name = text_of(&results->columns, i);
    if (!results->kinds[i].numbers || (i != asked->metric && others + 1 >= most)) continue;
    others += i != asked->metric;
    if (i == asked->metric) input->primary = input->measure_count;
    if (strcmp(name, mixent_measures[MIXENT_MEASURE_ACCURACY].name) == 0)
      input->accuracy = input->measure_count;
    out->columns[input->measure_count] = i;
    out->measures[input->measure_count++] = describe(results, i, mixent_results_better(question, name));
  }
  input->measures = out->measures;
  return MIXENT_OK;
}

static mixent_status take_names(const mixent_name_set *set, const char ***out) {
  MIXENT_TRY(MIXENT_ALLOCATE(set->count, out));
  for (size_t i = 0; i < set->count; i++) (*out)[i] = text_of(set, i);
  return MIXENT_OK;
}

static mixent_compare_data describe_data(const mixent_results *results, size_t data) {
  mixent_compare_data out = {.name = text_of(&results->data, data), .samples = "items"};
  if (data >= results->set_count) return out;
  const mixent_results_set *set = &results->sets[data];
  out.items = set->count;
  if (set->scored) out.samples = "samples";
  return out;
}

static mixent_status take_runs(mixent_results_comparison *out, mixent_compare_input *input) {
  const mixent_results *results = out->results;
  MIXENT_TRY(take_names(&results->variants, &out->variants));
  MIXENT_TRY(take_names(&results->seeds, &out->seeds));
  MIXENT_TRY(MIXENT_ALLOCATE(results->data.count, &out->data));
  MIXENT_TRY(MIXENT_ALLOCATE(results->keys.count, &out->runs));
  MIXENT_TRY(MIXENT_ALLOCATE(results->keys.count * input->measure_count, &out->values));
  for (size_t i = 0; i < results->data.count; i++) out->data[i] = describe_data(results, i);
  for (size_t i = 0; i < results->keys.count; i++) {
    const mixent_results_run *run = &results->runs[i];
    double *values = out->values + i * input->measure_count;
    for (size_t m = 0; m < input->measure_count; m++) values[m] = mixent_results_value(run, out->columns[m]);
    out->runs[i] = (mixent_compare_run){.data = run->data,
                                        .variant = run->variant,
                                        .seed = run->seed,
                                        .values = values,
                                        .right = mixent_results_right(run),
                                        .no_temperature = run->result && run->result->validation_images &&
                                                          !run->result->temperature.found};
  }
  input->variants = out->variants, input->variant_count = results->variants.count;
  input->seeds = out->seeds, input->seed_count = results->seeds.count;
  input->data = out->data, input->data_count = results->data.count;
  input->runs = out->runs, input->run_count = results->keys.count;
  return MIXENT_OK;
}

static mixent_status compare(const mixent_results_question *question, mixent_results_comparison *out) {
  const mixent_results *results = out->results;
  mixent_results_asked asked;
  MIXENT_TRY(mixent_results_ask(results, question, &asked));
  size_t pairs = results->data.count * (results->variants.count - 1);
  if (pairs > MIXENT_RESULTS_COMPARISONS)
    return mixent_fail(MIXENT_ERROR_UNSUPPORTED,
                       "%s: expected at most %d comparisons (variants times data sets), got %zu",
                       results->file, MIXENT_RESULTS_COMPARISONS, pairs);
  mixent_compare_input input = {.baseline = asked.baseline,
                                .difference = asked.difference,
                                .test_to_train = question->test_to_train,
                                .accuracy = results->columns.count};
  MIXENT_TRY(take_measures(question, &asked, out, &input));
  MIXENT_TRY(take_runs(out, &input));
  return mixent_compare(&input, &out->comparison);
}

mixent_status mixent_results_compare(const mixent_results *results, const mixent_results_question *question,
                                     mixent_results_comparison **out) {
  *out = NULL;
  MIXENT_TRY(MIXENT_ALLOCATE(1, out));
  (*out)->results = results;
  mixent_status status = compare(question, *out);
  if (status != MIXENT_OK) mixent_results_comparison_free(*out), *out = NULL;
  return status;
}

/* "Verdicts on another metric (--metric NAME): nll, ece." */
static void append_others(const mixent_results_comparison *comparison, mixent_text *out) {
  enum { MOST_NAMED = 12 };
  const mixent_results *results = comparison->results;
  size_t named = 0, count = 0;
  mixent_text line = {0};
  mixent_text_append(&line, "Verdicts on another metric (--metric NAME): ");
  for (size_t i = 0; i < results->columns.count; i++) {
    if (i == comparison->columns[comparison->comparison->input.primary] || !results->kinds[i].numbers)
      continue;
    count++;
    if (named < MOST_NAMED) mixent_text_append_item(&line, named++, "%.40s", text_of(&results->columns, i));
  }
  mixent_text_append(&line, count > named ? ", …" : ".");
  if (mixent_text_status(&line) != MIXENT_OK)
    out->failed = 1;
  else if (count)
    mixent_wrapped_append(out, 0, 0, mixent_printable(line.data));
  mixent_text_free(&line);
}

void mixent_results_append_text(const mixent_results_comparison *comparison, mixent_text *out) {
  mixent_comparison_append_text(comparison->comparison, out);
  append_others(comparison, out);
}
