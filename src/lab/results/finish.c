/* Rows of items become runs: every item is there for every run, and accuracy is their mean. */
#include "lab/results/rows.h"

#include <stdlib.h>

/* The run as it is compared; `file` is for messages. */
static mixent_status finish_run(mixent_results_run *run, const mixent_results_set *set, mixent_results *out) {
  size_t right = 0;
  for (size_t i = 0; i < set->items.count; i++)
    if (i >= run->right_count || run->right[i] == MIXENT_ITEM_MISSING) {
      char *who;
      MIXENT_TRY(mixent_results_name_of(out, run, &who));
      mixent_status status = mixent_fail(
          MIXENT_ERROR_FORMAT,
          "%s: expected every item for every run on a data set, got no row of item '%.80s' for %s; "
          "leave the item out of all runs, or run again",
          out->file, set->items.items[i]->text, who);
      free(who);
      return status;
    }
  for (size_t i = 0; i < set->items.count; i++) right += run->right[i] = run->right[i] == MIXENT_ITEM_RIGHT;
  double accuracy = (double)right / (double)set->items.count;
  const mixent_results_field field = mixent_results_number(accuracy, "");
  size_t columns = out->columns.count;
  MIXENT_TRY(mixent_results_put(out->file, "accuracy", &field, run, out));
  if (out->columns.count > columns) out->kinds[columns].predicted = true;
  return MIXENT_OK;
}

mixent_status mixent_results_finish(mixent_results *out) {
  for (size_t i = 0; i < out->keys.count; i++) {
    mixent_results_run *run = &out->runs[i];
    if (!run->right_count) continue;
    mixent_results_set *set = &out->sets[run->data];
    if (set->scored)
      return mixent_fail(
          MIXENT_ERROR_FORMAT,
          "%s: expected runs with items or runs with logits on one data set, got both; name the data "
          "sets (a column 'data'), or leave one kind out",
          out->file);
    set->count = set->items.count;
    MIXENT_TRY(finish_run(run, set, out));
  }
  return MIXENT_OK;
}

const uint8_t *mixent_results_right(const mixent_results_run *run) {
  return run->result ? run->result->right : run->right;
}
