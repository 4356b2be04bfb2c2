/* Rows with a test item: which items each run has right, held against the other runs on the data set. */
#include "core/locale.h"
#include "core/memory.h"
#include "lab/results/rows.h"

#include <stdlib.h>
#include <string.h>

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
  *out = (number && field->number == 1) || (!number && mixent_same_word(field->text, "true"))
             ? MIXENT_ITEM_RIGHT
         : (number && field->number == 0) || (!number && mixent_same_word(field->text, "false"))
             ? MIXENT_ITEM_WRONG
             : MIXENT_ITEM_MISSING;
  if (*out != MIXENT_ITEM_MISSING) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_FORMAT,
                     "%s:%zu:%zu: expected 0 or 1, true or false in '%.80s', got '%.80s'", header->origin,
                     field->line, field->column, header->names[header->roles[MIXENT_ROLE_CORRECT]],
                     field->text);
}

mixent_status mixent_results_name_of(const mixent_results *results, const mixent_results_run *run,
                                     char **out) {
  return mixent_print_text(out, "variant '%.80s', seed %.80s", results->variants.items[run->variant]->text,
                           run->seed == MIXENT_NO_SEED ? "none" : results->seeds.items[run->seed]->text);
}

static mixent_status fail_twice(const mixent_results_header *header, const mixent_results_field *item,
                                const mixent_results_run *run, const mixent_results *results) {
  char *who;
  MIXENT_TRY(mixent_results_name_of(results, run, &who));
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
  /* items of all runs are as many as their rows, where none is missing */
  if (index >= run->right_count && (out->rights += index + 1 - run->right_count) > MIXENT_RESULTS_ROWS)
    return mixent_fail(MIXENT_ERROR_UNSUPPORTED,
                       "%s: expected at most %d runs times items in all files together, got more",
                       header->origin, MIXENT_RESULTS_ROWS);
  while (run->right_count <= index) {
    MIXENT_TRY(MIXENT_GROW(&run->right, run->right_count, header->origin));
    run->right[run->right_count++] = MIXENT_ITEM_MISSING;
  }
  if (run->right[index] != MIXENT_ITEM_MISSING) return fail_twice(header, item, run, out);
  run->right[index] = correct;
  return MIXENT_OK;
}
