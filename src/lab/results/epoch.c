/* Which of a log's epochs counts: the last one, or the one where a metric is best. A log is never kept: files are read twice to find the
 * best epoch of each run, and each value that counts takes the place of the one before it.
 *
 *   last          a metric's value at the last epoch that has one
 *   best:METRIC   the values at the first epoch where METRIC is best; a metric that was measured at one epoch alone (a test when training
 *                 had ended) counts as it is, another one without a value at the best epoch is missing */
#include "lab/results/epoch.h"

#include <math.h>

void mixent_results_look(const mixent_results_layout *layout, const mixent_results_field *field, double epoch,
                         mixent_results_run *run) {
  double value = field->number;
  if (field->kind != MIXENT_FIELD_NUMBER || (run->has_best && layout->better * (value - run->best) <= 0))
    return;
  run->has_best = true;
  run->best = value;
  run->best_epoch = epoch;
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
