/* The value of an option: read from text, written as YAML. */
#include "core/locale.h"
#include "core/yaml.h"
#include "recipe/aliases.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static mixent_status fail_value(const mixent_option *option, const char *wanted, const char *text) {
  return mixent_fail(MIXENT_ERROR_ARGUMENT, "%s: expected %s, got '%s'", option->key, wanted, text);
}

/* The index of a choice. */
static mixent_status set_choice(const mixent_option *option, const char *text, long *out) {
  for (long i = 0; option->choices[i]; i++)
    if (strcmp(option->choices[i], text) == 0) {
      *out = i;
      return MIXENT_OK;
    }
  mixent_text wanted = {0};
  mixent_text_append(&wanted, "one of ");
  mixent_text_append_names(&wanted, option->choices);
  mixent_status status = mixent_text_status(&wanted);
  const char *nearest = mixent_typed_choice_find(option, text);
  if (!nearest) nearest = mixent_nearest_name(text, option->choices);
  if (status == MIXENT_OK && nearest)
    status = mixent_fail(MIXENT_ERROR_ARGUMENT, "%s: unknown '%s'; did you mean '%s'?", option->key, text,
                         nearest);
  else if (status == MIXENT_OK)
    status = fail_value(option, wanted.data, text);
  mixent_text_free(&wanted);
  return status;
}

/* "w1 w2" or "w1,b2"; "none" and nothing are none. */
static mixent_status set_names(const mixent_option *option, const char *text, bool *field) {
  static const char between[] = ", \t";
  bool named[64] = {0};
  size_t choices = 0;
  while (option->choices[choices]) choices++;
  if (strcmp(text, "none") == 0) text = "";
  while (*(text += strspn(text, between))) {
    size_t length = strcspn(text, between);
    char name[64];
    long i = 0;
    snprintf(name, sizeof name, "%.*s", (int)length, text);
    MIXENT_TRY(set_choice(option, name, &i));
    if (named[i]) return mixent_fail(MIXENT_ERROR_ARGUMENT, "%s: %s is named twice", option->key, name);
    named[i] = true;
    text += length;
  }
  memcpy(field, named, choices * sizeof *field);
  return MIXENT_OK;
}

/* "e" is the base of natural logarithms, wherever a number may stand. */
static mixent_status set_number(const mixent_option *option, const char *given, void *field) {
  const char *text = strcmp(given, "e") == 0 ? "2.718281828459045" : given;
  bool whole = option->type == MIXENT_OPTION_WHOLE;
  char wanted[128], *end = NULL;
  errno = 0;
  long integer = whole ? strtol(text, &end, 10) : 0;
  double number = whole ? (double)integer : mixent_number_read(text, &end);
  /* an underflow sets errno, too, and is no mistake */
  if (end == text || *end || strpbrk(text, "xX") || (whole && errno) ||
      !(number >= option->low && number <= option->high)) {
    mixent_print(wanted, sizeof wanted, "a %snumber from %.10g to %.10g", whole ? "whole " : "", option->low,
                 option->high);
    return fail_value(option, wanted, given);
  }
  if (whole)
    *(long *)field = integer;
  else
    *(double *)field = number;
  return MIXENT_OK;
}

mixent_status mixent_option_set(const mixent_option *option, const char *text, mixent_recipe *recipe) {
  void *field = (char *)recipe + option->offset;
  switch (option->type) {
  case MIXENT_OPTION_CHOICE: return set_choice(option, text, field);
  case MIXENT_OPTION_NAMES: return set_names(option, text, field);
  case MIXENT_OPTION_YES_NO:
    return mixent_yaml_word_boolean(text, field) ? MIXENT_OK : fail_value(option, "true or false", text);
  case MIXENT_OPTION_TEXT:
    if (strlen(text) >= MIXENT_RECIPE_TEXT)
      return mixent_fail(MIXENT_ERROR_ARGUMENT, "%s: longer than %d bytes", option->key,
                         MIXENT_RECIPE_TEXT - 1);
    memcpy(field, text, strlen(text) + 1);
    return MIXENT_OK;
  default: return set_number(option, text, field);
  }
}

void mixent_number_write(double value, mixent_text *out) {
  char text[40];
  if (fabs(value) < 1e15 && value == floor(value)) {
    mixent_text_append(out, "%.0f", value);
    return;
  }
  for (int digits = 1; digits <= 17; digits++) { /* 17 always do */
    mixent_print(text, sizeof text, "%.*g", digits, value);
    if (mixent_number_read(text, NULL) == value) break;
  }
  mixent_text_append(out, "%s", text);
}

static void write_names(const mixent_option *option, const bool *field, mixent_text *out) {
  bool any = false;
  for (size_t i = 0; option->choices[i]; i++) {
    if (field[i]) mixent_text_append(out, "%s%s", any ? " " : "", option->choices[i]);
    any |= field[i];
  }
  if (!any) mixent_text_append(out, "none");
}

void mixent_option_write(const mixent_option *option, const mixent_recipe *recipe, mixent_text *out) {
  const void *field = (const char *)recipe + option->offset;
  switch (option->type) {
  case MIXENT_OPTION_TEXT: mixent_yaml_word_write(field, out); break;
  case MIXENT_OPTION_WHOLE: mixent_text_append(out, "%ld", *(const long *)field); break;
  case MIXENT_OPTION_NUMBER: mixent_number_write(*(const double *)field, out); break;
  case MIXENT_OPTION_YES_NO: mixent_text_append(out, "%s", *(const bool *)field ? "true" : "false"); break;
  case MIXENT_OPTION_CHOICE: mixent_text_append(out, "%s", option->choices[*(const long *)field]); break;
  case MIXENT_OPTION_NAMES: write_names(option, field, out); break;
  }
}

bool mixent_option_is_default(const mixent_option *option, const mixent_recipe *recipe) {
  mixent_recipe usual = {0};
  mixent_text value = {0}, fallback = {0};
  if (mixent_option_set(option, option->fallback, &usual) == MIXENT_OK)
    mixent_option_write(option, &usual, &fallback);
  mixent_option_write(option, recipe, &value);
  bool same = value.data && fallback.data && strcmp(value.data, fallback.data) == 0;
  mixent_text_free(&value);
  mixent_text_free(&fallback);
  return same;
}
