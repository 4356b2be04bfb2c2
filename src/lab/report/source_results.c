/* Anybody's results as what a page tells of: the comparison that was asked for, and of each run its predictions, where they are known. */
#include "lab/report/source_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static mixent_status take_names(const char *const *names, size_t count, char ***out) {
  MIXENT_TRY(MIXENT_ALLOCATE(count, out));
  for (size_t i = 0; i < count; i++) MIXENT_TRY(mixent_copy_text(names[i], &(*out)[i]));
  return MIXENT_OK;
}

static mixent_status name_report(const char *const *places, size_t count, mixent_report *report) {
  const char *slash = strrchr(places[0], '/');
  if (count == 1) return mixent_copy_text(slash && slash[1] ? slash + 1 : places[0], &report->title);
  return mixent_print_text(&report->title, "Results of %zu files", count);
}

/* Takes over the run's result: the comparison points to what it has right, which lives as long as the report. */
static mixent_status take_run(mixent_report *report, const mixent_compare_run *compared, size_t place) {
  mixent_results_run *from = &report->from->table->runs[compared - report->asked->runs];
  mixent_report_run *run = mixent_report_run_at(report, compared->data, compared->variant, place);
  const char *seed =
      compared->seed == MIXENT_NO_SEED ? "" : report->asked->comparison->input.seeds[compared->seed];
  MIXENT_TRY(mixent_copy_text(report->variants[compared->variant], &run->path));
  MIXENT_TRY(mixent_print_text(&run->name, "%s-%s", report->variants[compared->variant], seed));
  run->result = from->result;
  from->result = NULL;
  return MIXENT_OK;
}

static mixent_status take_runs(mixent_report *report) {
  const mixent_comparison *comparison = report->comparison;
  size_t places = report->data_count * report->variant_count;
  for (size_t p = 0; p < places; p++) {
    size_t runs = comparison->begins[p + 1] - comparison->begins[p];
    if (runs > report->seed_count) report->seed_count = runs;
  }
  MIXENT_TRY(MIXENT_ALLOCATE(mixent_report_run_count(report), &report->runs));
  for (size_t p = 0; p < places; p++)
    for (size_t i = comparison->begins[p]; i < comparison->begins[p + 1]; i++)
      MIXENT_TRY(take_run(report, comparison->runs[i], i - comparison->begins[p]));
  return MIXENT_OK;
}

mixent_status mixent_report_results_read(const char *const *places, size_t count,
                                         const mixent_report_options *options, mixent_report *report) {
  report->from = options->results;
  MIXENT_TRY(name_report(places, count, report));
  MIXENT_TRY(mixent_results_compare(report->from->table, report->from->question, &report->asked));
  report->comparison = report->asked->comparison;
  const mixent_compare_input *input = &report->comparison->input;
  report->baseline = input->baseline;
  MIXENT_TRY(take_names(input->variants, input->variant_count, &report->variants));
  report->variant_count = input->variant_count;
  MIXENT_TRY(MIXENT_ALLOCATE(input->data_count, &report->data));
  report->data_count = input->data_count;
  for (size_t d = 0; d < input->data_count; d++)
    MIXENT_TRY(mixent_copy_text(input->data[d].name, &report->data[d]));
  return take_runs(report);
}
