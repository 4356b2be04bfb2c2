/* What a row says of its variant, seed, data set and item, as names: each has one spelling, and is found once. */
#include "core/cell.h"
#include "core/locale.h"
#include "core/unicode.h"
#include "lab/results/rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

mixent_status mixent_results_add_name(mixent_name_set *set, const char *text, size_t most, const char *what,
                                      const char *origin, size_t *out) {
  char *composed;
  MIXENT_TRY(mixent_text_compose(text, &composed));
  mixent_status status = mixent_name_set_add(set, composed, out);
  free(composed);
  if (status == MIXENT_OK && set->count > most)
    status = mixent_fail(MIXENT_ERROR_UNSUPPORTED,
                         "%s: expected at most %zu %s in all files together, got more", origin, most, what);
  return status;
}

mixent_results_told mixent_results_told_of(const mixent_results_header *header,
                                           const mixent_results_field *fields, mixent_results_role role,
                                           const char *fixed) {
  size_t column = header->roles[role];
  if (column < header->count) return (mixent_results_told){role, header->names[column], fields[column]};
  return (mixent_results_told){
      role, "", {.kind = fixed ? MIXENT_FIELD_WORD : MIXENT_FIELD_MISSING, .text = fixed}};
}

bool mixent_results_is_blank(const char *text) {
  return !text || text[strspn(text, " \t\r\n")] == 0;
}

mixent_status mixent_results_add_told(const char *origin, const mixent_results_told *told,
                                      mixent_name_set *set, size_t most, const char *what, size_t *out) {
  const mixent_results_field *field = &told->field;
  bool blank = mixent_results_is_blank(field->text);
  /* a variant may be called "none"; a seed that is NaN is what a data frame makes of a missing one */
  if (blank || field->kind == MIXENT_FIELD_NESTED ||
      (told->role == MIXENT_ROLE_SEED && field->kind == MIXENT_FIELD_MISSING))
    return mixent_fail(MIXENT_ERROR_FORMAT, "%s:%zu:%zu: expected the %s of this row in '%.80s', got %s",
                       origin, field->line, field->column, mixent_results_roles[told->role], told->column,
                       blank                                ? "a blank"
                       : field->kind == MIXENT_FIELD_NESTED ? "a list or an object"
                                                            : field->text);
  char whole[32], *end;
  const double most_whole = 9007199254740992; /* 2^53: each whole number up to it is a double */
  double number = field->kind == MIXENT_FIELD_NUMBER ? field->number : mixent_number_read(field->text, &end);
  bool is_number =
      field->kind == MIXENT_FIELD_NUMBER || (!*told->column && !*end && mixent_cell_is_number(field->text));
  bool is_whole = is_number && fabs(number) < most_whole && number == floor(number);
  if (is_whole) mixent_print(whole, sizeof whole, "%.0f", number + 0.0 /* no -0 */);
  return mixent_results_add_name(set, is_whole ? whole : field->text, most, what, origin, out);
}

mixent_status mixent_results_add_role(const mixent_results_header *header, const mixent_results_field *fields,
                                      mixent_results_role role, mixent_name_set *set, size_t most,
                                      const char *what, size_t *out) {
  const mixent_results_told told = mixent_results_told_of(header, fields, role, NULL);
  return mixent_results_add_told(header->origin, &told, set, most, what, out);
}
