/* Numbers are recognised by their letters; what stands for nothing by a list. */
#include "core/cell.h"
#include "core/locale.h"

#include <stdio.h>
#include <string.h>

static const char *skip_digits(const char *at, bool *any) {
  while (*at >= '0' && *at <= '9') at++, *any = true;
  return at;
}

bool mixent_cell_is_number(const char *text) {
  bool mantissa = false, exponent = false;
  const char *at = text;
  if (*at == '+' || *at == '-') at++;
  at = skip_digits(at, &mantissa);
  if (*at == '.') at = skip_digits(at + 1, &mantissa);
  if (!mantissa) return false;
  if (*at != 'e' && *at != 'E') return *at == 0;
  at++;
  if (*at == '+' || *at == '-') at++;
  at = skip_digits(at, &exponent);
  return exponent && *at == 0;
}

/* What R, pandas, databases, C libraries and spreadsheets write for nothing; a star stands for any end. */
static const char *const missing_words[] = {
    "?",         "NA",       "N/A",           "N.A.",    "#NA",     "#N/A*",     "<NA>",   "NaT",
    "null",      "nil",      "none",          "NaN",     "NaN(*",   "NaNQ",      "NaNS",   "QNaN",
    "SNaN",      "1.#QNAN*", "1.#SNAN*",      "1.#IND*", "#VALUE!", "#DIV/0!",   "#REF!",  "#NAME?",
    "#NUM!",     "#NULL!",   "#SPILL!",       "#CALC!",  "#FIELD!", "#BLOCKED!", "#BUSY!", "#CONNECT!",
    "#UNKNOWN!", "#ERROR!",  "#GETTING_DATA", "Err:5*"};

static bool fits(const char *text, const char *word) {
  char begin[16], text_begin[16];
  const char *star = strchr(word, '*');
  if (!star) return mixent_same_word(text, word);
  snprintf(begin, sizeof begin, "%.*s", (int)(star - word), word);
  snprintf(text_begin, sizeof text_begin, "%.*s", (int)(star - word), text);
  return mixent_same_word(text_begin, begin);
}

bool mixent_cell_is_missing(const char *text) {
  if (mixent_cell_is_number(text)) return false;
  const char *unsigned_text = text + (*text == '+' || *text == '-');
  for (size_t i = 0; i < sizeof missing_words / sizeof *missing_words; i++)
    if (fits(unsigned_text, missing_words[i])) return true;
  return text[strspn(text, " \t\r\n")] == 0;
}
