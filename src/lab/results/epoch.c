/* Which of a log's epochs counts: the last one, or the one where a metric is best. Of a log only the metric that chooses is
 * kept: files are read twice, first to find the best epoch of each run, then each value that counts takes the place of the one before it.
 *
 *   last          a metric's value at the last epoch that has one
 *   best:METRIC   the values at the first epoch where METRIC is best; a metric that was measured at one epoch alone (a test when training
 *                 had ended) counts as it is, another one without a value at the best epoch is missing */
#include "lab/results/epoch.h"
#include "core/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

mixent_status mixent_results_look(const mixent_results_field *field, double epoch, mixent_results_run *run) {
  bool is_number = field->kind == MIXENT_FIELD_NUMBER;
  if (!is_number && (field->kind != MIXENT_FIELD_MISSING || mixent_results_is_blank(field->text)))
    return MIXENT_OK;
  const mixent_results_point point = {epoch, is_number ? field->number : NAN};
  size_t i = run->point_count;
  while (i && run->points[i - 1].epoch > epoch)
    i--; /* logs are in order, but for what a resumed run wrote again */
  if (i && run->points[i - 1].epoch == epoch) {
    run->points[i - 1] = point;
    return MIXENT_OK;
  }
  MIXENT_TRY(MIXENT_GROW(&run->points, run->point_count, "the epochs of a run"));
  memmove(run->points + i + 1, run->points + i, (run->point_count++ - i) * sizeof *run->points);
  run->points[i] = point;
  return MIXENT_OK;
}

void mixent_results_choose(const mixent_results_layout *layout, mixent_results *results) {
  for (size_t i = 0; i < results->keys.count; i++) {
    mixent_results_run *run = &results->runs[i];
    double best = NAN;
    for (size_t k = 0; k < run->point_count; k++) {
      const mixent_results_point *point = &run->points[k];
      if (isnan(point->value) || (run->has_best && layout->better * (point->value - best) <= 0)) continue;
      run->has_best = true;
      best = point->value;
      run->best_epoch = point->epoch;
    }
    free(run->points);
    run->points = NULL;
    run->point_count = 0;
  }
}

mixent_status mixent_results_check_best(const mixent_results_layout *layout, const mixent_results *results) {
  bool has_best = !layout->best;
  for (size_t i = 0; i < results->keys.count; i++) has_best |= results->runs[i].has_best;
  return has_best ? MIXENT_OK
                  : mixent_fail(MIXENT_ERROR_ARGUMENT,
                                "--epoch: expected a metric of a log, got '%.80s', which no run has",
                                layout->best);
}

mixent_status mixent_results_place_value(const mixent_results_header *header, const char *name,
                                         mixent_results_cell value, const mixent_results_run *run,
                                         mixent_results_cell *cell) {
  bool is_first = !cell->file;
  const char *best = header->layout->best;
  if (!is_first && !header->is_log && cell->epoch == value.epoch)
    return mixent_fail(
        MIXENT_ERROR_FORMAT,
        "%s:%zu:1: expected one value of '%.80s' at epoch %g of this run, got a second one; the first is in "
        "%s:%zu",
        header->origin, value.line, name, value.epoch, cell->file, cell->line);
  if (best) {
    value.is_settled = run->has_best && value.epoch == run->best_epoch;
    if (value.is_settled || is_first || (!cell->is_settled && cell->epoch == value.epoch))
      *cell = value;
    else if (!cell->is_settled) /* measured at several epochs, of which this is none that counts */
      cell->value = cell->epoch = NAN;
  } else if (is_first || value.epoch >= cell->epoch)
    *cell = value;
  return MIXENT_OK;
}
