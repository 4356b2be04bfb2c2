/* Rows with a test item: which items each run has right, held against the other runs on the data set. */
#include "core/locale.h"
#include "core/memory.h"
#include "lab/results/rows.h"

#include <stdlib.h>
#include <string.h>

enum { MISSING, WRONG, RIGHT }; /* of an item while rows are read; in the end 0 or 1 */

mixent_status mixent_results_find_set(const char *origin, size_t data, mixent_results *out,
                                      mixent_results_set **set) {
  size_t count = out->data.count;
  if (out->set_count < count) {
    MIXENT_TRY(MIXENT_RESIZE(&out->sets, count, origin));
    memset(out->sets + out->set_count, 0, (count - out->set_count) * sizeof *out->sets);
    out->set_count = count;
  }
  *set = &out->sets[data];
  return MIXENT_OK;
}

static mixent_status read_correct(const mixent_results_header *header, const mixent_results_field *field,
                                  uint8_t *out) {
  bool number = field->kind == MIXENT_FIELD_NUMBER;
  *out = (number && field->number == 1) || (!number && mixent_same_word(field->text, "true"))    ? RIGHT
         : (number && field->number == 0) || (!number && mixent_same_word(field->text, "false")) ? WRONG
                                                                                                 : MISSING;
  if (*out != MISSING) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_FORMAT,
                     "%s:%zu:%zu: expected 0 or 1, true or false in '%.80s', got '%.80s'", header->origin,
                     field->line, field->column, header->names[header->roles[MIXENT_ROLE_CORRECT]],
                     field->text);
}

/* "variant 'ce', seed 3" */
static mixent_status name_run(const mixent_results *results, const mixent_results_run *run, char **out) {
  return mixent_print_text(out, "variant '%.80s', seed %.80s", results->variants.items[run->variant]->text,
                           run->seed == MIXENT_NO_SEED ? "none" : results->seeds.items[run->seed]->text);
}

static mixent_status fail_twice(const mixent_results_header *header, const mixent_results_field *item,
                                const mixent_results_run *run, const mixent_results *results) {
  char *who;
  MIXENT_TRY(name_run(results, run, &who));
  mixent_status status = mixent_fail(
      MIXENT_ERROR_FORMAT, "%s:%zu:%zu: expected each item once in a run (%s), got '%.80s' a second time",
      header->origin, item->line, item->column, who, item->text);
  free(who);
  return status;
}

mixent_status mixent_results_take_item(const mixent_results_header *header,
                                       const mixent_results_field *fields, size_t run_index,
                                       mixent_results *out) {
  const mixent_results_field *item = &fields[header->roles[MIXENT_ROLE_ITEM]];
  mixent_results_run *run = &out->runs[run_index];
  mixent_results_set *set;
  size_t index;
  uint8_t correct;
  MIXENT_TRY(read_correct(header, &fields[header->roles[MIXENT_ROLE_CORRECT]], &correct));
  MIXENT_TRY(mixent_results_find_set(header->origin, run->data, out, &set));
  MIXENT_TRY(mixent_results_add_role(header, fields, MIXENT_ROLE_ITEM, &set->items, MIXENT_RESULTS_CELLS,
                                     "items", &index));
  while (run->right_count <= index) {
    MIXENT_TRY(MIXENT_GROW(&run->right, run->right_count, header->origin));
    run->right[run->right_count++] = MISSING;
  }
  if (run->right[index] != MISSING) return fail_twice(header, item, run, out);
  run->right[index] = correct;
  return MIXENT_OK;
}

/* The run as it is compared; `file` is for messages. */
static mixent_status finish_run(mixent_results_run *run, const mixent_results_set *set, mixent_results *out) {
  size_t right = 0;
  for (size_t i = 0; i < set->items.count; i++)
    if (i >= run->right_count || run->right[i] == MISSING) {
      char *who;
      MIXENT_TRY(name_run(out, run, &who));
      mixent_status status = mixent_fail(
          MIXENT_ERROR_FORMAT,
          "%s: expected every item for every run on a data set, got no row of item '%.80s' for %s; "
          "leave the item out of all runs, or run again",
          out->file, set->items.items[i]->text, who);
      free(who);
      return status;
    }
  for (size_t i = 0; i < set->items.count; i++) right += run->right[i] = run->right[i] == RIGHT;
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
