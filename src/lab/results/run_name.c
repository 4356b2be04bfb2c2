/* Variant and seed from the name of a run, or from where its log stands: rows.h has the rule. */
#include "core/file.h"
#include "core/locale.h"
#include "core/memory.h"
#include "core/printable.h"
#include "core/unicode.h"
#include "lab/results/rows.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static bool is_digit(char letter) {
  return letter >= '0' && letter <= '9';
}

static bool is_joint(char letter) {
  return letter && strchr("-_.=/ ", letter);
}

/* The digits from `text` on, no more than a seed has; 0: none, or too many. */
static size_t count_digits(const char *text) {
  enum { MOST = 18 };
  size_t count = 0;
  while (is_digit(text[count])) count++;
  return count <= MOST ? count : 0;
}

/* Cuts the bytes from `begin` to `end` out of a text, and one of two joints that then meet, or one at an end. */
static void cut(char *text, char *begin, char *end) {
  memmove(begin, end, strlen(end) + 1);
  if (is_joint(*begin) && (begin == text || is_joint(begin[-1]))) memmove(begin, begin + 1, strlen(begin));
  size_t length = strlen(text);
  while (length && is_joint(text[length - 1])) text[--length] = '\0';
}

/* Cuts out the seed: `digits` [length] from `begin` on, where its word begins. */
static mixent_status cut_seed(char *text, char *begin, const char *digits, size_t length, char **seed) {
  MIXENT_TRY(mixent_copy_start(digits, length, seed));
  cut(text, begin, begin + (digits - begin) + length);
  return MIXENT_OK;
}

/* "seed3", "seed_3", "seed-3", "seed=3" as a word anywhere. */
static mixent_status find_word(char *text, char **seed) {
  static const char word[] = "seed";
  for (char *at = text; *at; at++) {
    if ((at > text && !is_joint(at[-1])) || !mixent_same_letters(at, word, strlen(word))) continue;
    const char *digits = at + strlen(word);
    digits += *digits && strchr("-_=", *digits);
    size_t length = count_digits(digits);
    if (length && (!digits[length] || is_joint(digits[length])))
      return cut_seed(text, at, digits, length, seed);
  }
  return MIXENT_OK;
}

/* "-3", "_3", "_s3" at the end, or a last part that is 3 or s3. */
static mixent_status find_end(char *text, char **seed) {
  char *digits = text + strlen(text);
  while (digits > text && is_digit(digits[-1])) digits--;
  size_t length = count_digits(digits);
  if (!length) return MIXENT_OK;
  char *begin = digits;
  bool is_s = begin > text && mixent_small_letter(begin[-1]) == 's';
  if (is_s) begin--;
  if (begin > text && !strchr("-_/", begin[-1])) return MIXENT_OK;
  return cut_seed(text, begin, digits, length, seed);
}

/* Whether a part of a path says nothing of the variant: what loggers call their files and directories. */
static bool is_usual(const char *part) {
  static const char *const usual[] = {"log",      "logs",           "history", "metrics",
                                      "results",  "training",       "runs",    "train_log",
                                      "csv_logs", "lightning_logs", "progress"};
  static const char version[] = "version_";
  for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
    if (mixent_same_word(part, usual[i])) return true;
  size_t length = strlen(version);
  if (strncmp(part, version, length) == 0)
    part += length;
  else
    length = 0;
  size_t digits = strspn(part, "0123456789"),
         after = part[digits] == '.' ? strspn(part + digits + 1, "0123456789") : 0;
  bool is_time = digits && after && !part[digits + 1 + after]; /* TensorBoard's hparams: 1717171717.17 */
  return length ? digits && !part[digits] : is_time;
}

/* Drops the ending of a file of results, and the last parts that say nothing. */
static void shorten(char *path) {
  static const char *const endings[] = {".gz", ".csv", ".jsonl", ".json", ".db"};
  for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
    if (mixent_has_ending(path, endings[i])) path[strlen(path) - strlen(endings[i])] = '\0';
  for (;;) {
    size_t length = strlen(path);
    while (length && path[length - 1] == '/') path[--length] = '\0';
    char *slash = strrchr(path, '/'), *part = slash ? slash + 1 : path;
    if (!*part || !is_usual(part)) return;
    *(slash ? slash : part) = '\0';
  }
}

static mixent_status find_seed(char *text, bool by_word, char **seed) {
  *seed = NULL;
  MIXENT_TRY(find_word(text, seed));
  return *seed || by_word ? MIXENT_OK : find_end(text, seed);
}

/* The last part of the root that says something, with a seed of its own where the name had none. */
static mixent_status name_by_root(const char *root, bool by_word, char **variant, char **seed) {
  char *path = realpath(root, NULL), *found = NULL;
  if (!path) MIXENT_TRY(mixent_copy_text(root, &path));
  shorten(path);
  char *slash = strrchr(path, '/');
  mixent_status status = mixent_copy_text(slash ? slash + 1 : path, variant);
  if (status == MIXENT_OK && !*seed) {
    status = find_seed(*variant, by_word, &found);
    *seed = found;
    if (status == MIXENT_OK && found && !**variant) { /* "ce/seed3": the part before */
      if (slash) *slash = '\0';
      shorten(path);
      slash = strrchr(path, '/');
      free(*variant);
      status = mixent_copy_text(slash ? slash + 1 : path, variant);
    }
  }
  free(path);
  return status;
}

/* A path may be no UTF-8: other bytes become \\xNN. */
static mixent_status make_text(char **text) {
  if (mixent_is_utf8(*text)) return MIXENT_OK;
  char *old = *text;
  mixent_status status = mixent_copy_text(mixent_printable(old), text);
  free(old);
  return status;
}

static mixent_status name_run(const char *root, const char *name, bool by_word, char **variant, char **seed) {
  *seed = NULL;
  MIXENT_TRY(mixent_copy_text(name, variant));
  if (*root) shorten(*variant);
  mixent_status status = find_seed(*variant, by_word, seed);
  if (status == MIXENT_OK && *root) shorten(*variant);
  if (status == MIXENT_OK && !**variant) {
    free(*variant);
    *variant = NULL;
    status = *root ? name_by_root(root, by_word, variant, seed) : mixent_copy_text(name, variant);
  }
  if (status == MIXENT_OK && !**variant) {
    free(*variant);
    status = mixent_copy_text(*name ? name : *root ? root : "run", variant);
  }
  if (status == MIXENT_OK) status = make_text(variant);
  if (status == MIXENT_OK) return MIXENT_OK;
  free(*variant);
  free(*seed);
  *variant = *seed = NULL;
  return status;
}

mixent_status mixent_results_name_run(const char *root, const char *name, char **variant, char **seed) {
  return name_run(root, name, false, variant, seed);
}

mixent_status mixent_results_name_seeded(const char *root, const char *name, char **variant, char **seed) {
  return name_run(root, name, true, variant, seed);
}
