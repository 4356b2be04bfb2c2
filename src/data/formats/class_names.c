/* Labels from words: a sorted list finds them, so that many rows cost little. */
#include "data/formats/class_names.h"
#include "core/cell.h"
#include "core/memory.h"
#include "core/unicode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  DIGITS = 18,       /* that a long holds for sure */
  SOME_CLASSES = 20, /* as many are never suspected */
  FEW_ROWS = 5,      /* fewer for each label than classes have */
  MOST_STRAYS = 2    /* distinct words among labels that are numbers */
};

/* What labels are that are no classes. */
static const char measurements[] = "measurements (regression)", row_names[] = "names of the rows";

/* `text` is in normal form C. */
static mixent_status add_composed(mixent_class_names *words, const char *origin, const char *text,
                                  int32_t *out) {
  int low = 0, high = words->count;
  while (low < high) {
    int middle = (low + high) / 2, order = strcmp(text, words->text[words->sorted[middle]]);
    if (order == 0) {
      *out = words->sorted[middle];
      return MIXENT_OK;
    }
    if (order < 0)
      high = middle;
    else
      low = middle + 1;
  }
  if (words->count == MIXENT_MOST_LABELS)
    return mixent_fail(MIXENT_ERROR_UNSUPPORTED,
                       "%s: more than %d distinct labels; are they classes, or measurements (regression)?",
                       origin, MIXENT_MOST_LABELS);
  char *copy;
  MIXENT_TRY(mixent_copy_text(text, &copy));
  memmove(words->sorted + low + 1, words->sorted + low, (size_t)(words->count - low) * sizeof *words->sorted);
  words->sorted[low] = *out = words->count;
  words->text[words->count++] = copy;
  return MIXENT_OK;
}

mixent_status mixent_class_names_add(mixent_class_names *words, const char *origin, const char *text,
                                     int32_t *out) {
  char *composed;
  MIXENT_TRY(mixent_text_compose(text, &composed));
  mixent_status status = add_composed(words, origin, composed, out);
  free(composed);
  return status;
}

/* Whether a word is a whole number as it is usually written. */
static bool is_whole(const char *text) {
  const char *digits = text + (*text == '-');
  size_t length = strspn(digits, "0123456789");
  return length > 0 && length <= DIGITS && !digits[length] && (*digits != '0' || strcmp(text, "0") == 0);
}

static int compare_whole(const void *a, const void *b) {
  long first = strtol(*(char *const *)a, NULL, 10), second = strtol(*(char *const *)b, NULL, 10);
  return (first > second) - (first < second);
}

static int compare_bytes(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

/* label[word]: what the word there comes to. */
static mixent_status find_labels(const mixent_class_names *words, int *label, mixent_format_set *set) {
  bool whole = true, small = true;
  char *ordered[MIXENT_MOST_LABELS];
  for (int i = 0; i < words->count; i++) {
    ordered[i] = words->text[i];
    whole &= is_whole(words->text[i]);
    long value = strtol(words->text[i], NULL, 10);
    small &= whole && value >= 0 && value < MIXENT_MOST_LABELS;
    label[i] = (int)value;
  }
  if (small) return MIXENT_OK;
  qsort(ordered, (size_t)words->count, sizeof *ordered, whole ? compare_whole : compare_bytes);
  for (int word = 0; word < words->count; word++)
    for (int i = 0; i < words->count; i++)
      if (ordered[i] == words->text[word]) label[word] = i;
  for (int i = 0; i < words->count; i++) MIXENT_TRY(mixent_copy_text(ordered[i], &set->label_names[i]));
  return MIXENT_OK;
}

/* Whether a word is a number with a fraction; 3.0 has none. */
static bool has_fraction(const char *text) {
  const char *point = strchr(text, '.');
  return mixent_cell_is_number(text) && point && point[1 + strspn(point + 1, "0")];
}

static bool is_number(const char *text) {
  return mixent_cell_is_number(text);
}

/* How many of the words are no numbers. */
static int count_strays(const mixent_class_names *words) {
  int strays = 0;
  for (int i = 0; i < words->count; i++) strays += !is_number(words->text[i]);
  return strays;
}

/* A column of measurements read as labels makes a class of each distinct value. */
static mixent_status check_classes(const mixent_class_names *words, const char *meaning,
                                   const mixent_format_set *set) {
  const char *fraction = NULL;
  for (int i = 0; i < words->count; i++)
    if (has_fraction(words->text[i])) fraction = words->text[i];
  if (words->count > SOME_CLASSES && meaning == measurements && fraction)
    return mixent_fail(
        MIXENT_ERROR_FORMAT,
        "%s: %d distinct numbers with fractions as labels ('%.80s'): these are measurements "
        "(regression), but a classifier needs classes; call the column of the classes 'label', or "
        "make classes of ranges",
        set->train_origin, words->count, fraction);
  if (!set->one_part || words->count < 2 || (size_t)words->count < set->train.count) return MIXENT_OK;
  return mixent_fail(
      MIXENT_ERROR_FORMAT,
      "%s: no label occurs twice in %zu rows, but a class needs two rows, of which one is set apart for "
      "testing; are the labels %s? Call the column of the classes 'label', or make classes of ranges",
      set->train_origin, set->train.count, meaning);
}

/* "row 7 has 'unknown' (and 2 more)" for each stray word */
static void append_strays(const mixent_class_names *words, const mixent_images *train, mixent_text *note) {
  const char *before = "words-among-numbers: the labels are numbers, but";
  for (int i = 0; i < words->count; i++) {
    size_t first = 0, count = 0;
    if (is_number(words->text[i])) continue;
    for (size_t row = train->count; row-- > 0;)
      if (train->labels[row] == i) first = row + 1, count++;
    mixent_text_append(note, "%s row %zu has '%.80s'", before, first, words->text[i]);
    if (count > 1) mixent_text_append(note, " (and %zu more)", count - 1);
    before = ",";
  }
  mixent_text_append(note, "; leave out the rows whose label is missing");
}

/* What people should know of labels that are read. */
static mixent_status note_labels(const mixent_class_names *words, const char *meaning,
                                 mixent_format_set *set) {
  mixent_text note = {0};
  size_t rows = set->train.count + set->test.count;
  if (meaning == measurements && count_strays(words)) append_strays(words, &set->train, &note);
  if (words->count > SOME_CLASSES && (size_t)words->count * FEW_ROWS > rows)
    mixent_text_append(&note,
                       "%smany-labels: %d distinct labels in %zu rows, fewer than %d rows for each; are they "
                       "classes, or %s?",
                       note.length ? "; " : "", words->count, rows, FEW_ROWS, meaning);
  mixent_status status = mixent_text_status(&note);
  if (status == MIXENT_OK && note.length) return mixent_format_set_note(set, note.data);
  mixent_text_free(&note);
  return status;
}

mixent_status mixent_class_names_number(const mixent_class_names *words, mixent_format_set *set) {
  int strays = count_strays(words);
  bool numbers = strays <= MOST_STRAYS && 2 * strays <= words->count;
  const char *meaning = numbers ? measurements : row_names;
  MIXENT_TRY(check_classes(words, meaning, set));
  int label[MIXENT_MOST_LABELS];
  bool in_train[MIXENT_MOST_LABELS] = {false};
  for (size_t i = 0; i < set->train.count; i++) in_train[set->train.labels[i]] = true;
  for (size_t i = 0; i < set->test.count; i++)
    if (!in_train[set->test.labels[i]])
      return mixent_fail(MIXENT_ERROR_FORMAT, "%s: row %zu has the label '%s', which does not occur in %s",
                         set->test_origin, i + 1, words->text[set->test.labels[i]], set->train_origin);
  MIXENT_TRY(note_labels(words, meaning, set));
  MIXENT_TRY(find_labels(words, label, set));
  for (size_t i = 0; i < set->train.count; i++) set->train.labels[i] = label[set->train.labels[i]];
  for (size_t i = 0; i < set->test.count; i++) set->test.labels[i] = label[set->test.labels[i]];
  return MIXENT_OK;
}

void mixent_class_names_free(mixent_class_names *words) {
  for (int i = 0; i < words->count; i++) free(words->text[i]);
  *words = (mixent_class_names){0};
}
