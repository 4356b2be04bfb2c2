/* Numbers are recognised by their letters; what stands for nothing by a list. */
#include "core/cell.h"
#include "core/locale.h"

#include <string.h>

static const char *skip_digits(const char *at, bool *any) {
  while (*at >= '0' && *at <= '9') at++, *any = true;
  return at;
}

bool mixent_cell_is_decimal(const char *text, char point) {
  bool mantissa = false, exponent = false;
  const char *at = text;
  if (*at == '+' || *at == '-') at++;
  at = skip_digits(at, &mantissa);
  if (*at == point) at = skip_digits(at + 1, &mantissa);
  if (!mantissa) return false;
  if (*at != 'e' && *at != 'E') return *at == 0;
  at++;
  if (*at == '+' || *at == '-') at++;
  at = skip_digits(at, &exponent);
  return exponent && *at == 0;
}

bool mixent_cell_is_number(const char *text) {
  return mixent_cell_is_decimal(text, '.');
}

/* ------------------------------------------------------------------ dates --------- */

static bool is_letter(char letter) {
  letter = mixent_small_letter(letter);
  return letter >= 'a' && letter <= 'z';
}

/* A part of a date: `digits` of a number, or 0 for a month's name. NULL: neither. */
static const char *skip_part(const char *at, size_t *digits) {
  static const char months[] = "janfebmaraprmayjunjulaugsepoctnovdec";
  *digits = strspn(at, "0123456789");
  if (*digits) return *digits <= 4 ? at + *digits : NULL;
  size_t letters = 0;
  while (is_letter(at[letters])) letters++;
  for (const char *month = months; letters >= 3 && *month; month += 3)
    if (mixent_same_letters(at, month, 3)) return at + letters;
  return NULL;
}

/* Behind a time such as 12:30, 12:30:05.25, 9:00 PM or 12:30:00+02:00; NULL: none stands there. */
static const char *skip_time(const char *at) {
  size_t hours = strspn(at, "0123456789");
  if (hours < 1 || hours > 2 || at[hours] != ':') return NULL;
  at += hours + 1;
  if (strspn(at, "0123456789") < 2) return NULL;
  return at + strspn(at, "0123456789:.,+-ZAPMapm UTC");
}

/* Behind a date; NULL: none stands there. */
static const char *skip_date(const char *at) {
  size_t digits[3] = {0}, parts = 0;
  char between = 0;
  while (parts < 3) {
    at = skip_part(at, &digits[parts++]);
    if (!at) return NULL;
    if (!*at || !strchr("-/. ,", *at) || (between && *at != between && *at != ' ' && *at != ',')) break;
    if (parts == 3 || (parts == 2 && *at == ' ' && strchr(at, ':'))) break;
    between = *at++;
    while (*at == ' ') at++;
  }
  bool year_first = digits[0] == 4, names_month = !digits[0] || (parts > 1 && !digits[1]);
  if (parts == 2) return year_first && (digits[1] == 2 || !digits[1]) && between != '.' ? at : NULL;
  if (parts < 3 || (!names_month && digits[1] > 2)) return NULL;
  return year_first || digits[2] == 4 || digits[2] == 2 ? at : NULL;
}

bool mixent_cell_is_date(const char *text) {
  const char *end = skip_date(text);
  if (end && (*end == 'T' || *end == ' ' || *end == ',')) {
    end += *end == ',';
    end = skip_time(end + 1);
  } else if (!end) {
    end = skip_time(text);
  }
  return end && !*end;
}

/* ------------------------------------------------------------------ nothing ------- */

/* What R, pandas, databases, C libraries and spreadsheets write for nothing; a star stands for any end. */
static const char *const missing_words[] = {
    "?",         "NA",       "N/A",           "N.A.",    "#NA",     "#N/A*",     "<NA>",   "NaT",
    "null",      "nil",      "none",          "NaN",     "NaN(*",   "NaNQ",      "NaNS",   "QNaN",
    "SNaN",      "1.#QNAN*", "1.#SNAN*",      "1.#IND*", "#VALUE!", "#DIV/0!",   "#REF!",  "#NAME?",
    "#NUM!",     "#NULL!",   "#SPILL!",       "#CALC!",  "#FIELD!", "#BLOCKED!", "#BUSY!", "#CONNECT!",
    "#UNKNOWN!", "#ERROR!",  "#GETTING_DATA", "Err:5*"};

static bool fits(const char *text, const char *word) {
  for (; *word && *word != '*' && mixent_small_letter(*text) == mixent_small_letter(*word); word++) text++;
  return *word == '*' || *word == *text; /* both may have ended */
}

bool mixent_cell_is_missing(const char *text) {
  if (mixent_cell_is_number(text)) return false;
  const char *unsigned_text = text + (*text == '+' || *text == '-');
  for (size_t i = 0; i < sizeof missing_words / sizeof *missing_words; i++)
    if (fits(unsigned_text, missing_words[i])) return true;
  return text[strspn(text, " \t\r\n")] == 0;
}

bool mixent_cell_may_be_word(const char *text) {
  return strcmp(text, "none") == 0;
}
