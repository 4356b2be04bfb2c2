/* Finds the metric, the baseline, the difference that matters and the epoch that counts, by name or by default. */
#include "lab/results/question.h"
#include "core/locale.h"
#include "core/memory.h"
#include "lab/results/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *name_of(const mixent_name_set *set, size_t index) {
  return set->items[index]->text;
}

/* "FLAG: expected one of a, b, c and 20 more, got 'x'" */
static mixent_status fail_unknown(const char *flag, const mixent_name_set *names,
                                  const mixent_results_column *kinds, const char *text, size_t length) {
  enum { MOST_NAMED = 12 };
  mixent_text list = {0};
  size_t named = 0;
  for (size_t i = 0; i < names->count && named < MOST_NAMED; i++)
    if (!kinds || kinds[i].numbers) mixent_text_append_item(&list, named++, "%.40s", name_of(names, i));
  mixent_text_append(&list, "%s", named == MOST_NAMED ? ", …" : "");
  mixent_status status = mixent_text_status(&list);
  if (status == MIXENT_OK)
    status = mixent_fail(MIXENT_ERROR_ARGUMENT, "%s: expected one of %s, got '%.*s'", flag, list.data,
                         (int)(length < 80 ? length : 80), text);
  mixent_text_free(&list);
  return status;
}

static mixent_status fail_words(const mixent_results *results, size_t column) {
  const mixent_results_column *kind = &results->kinds[column];
  return mixent_fail(MIXENT_ERROR_FORMAT, "%s:%zu:%zu: expected a number in column '%.80s', got '%s'",
                     kind->file, kind->line, kind->column, name_of(&results->columns, column), kind->word);
}

bool mixent_results_is_listed(const char *list, const char *name) {
  size_t length = strlen(name);
  for (; list; list = strchr(list, ',') ? strchr(list, ',') + 1 : NULL)
    if (strncmp(list, name, length) == 0 && (!list[length] || list[length] == ',')) return true;
  return false;
}

static mixent_status check_list(const mixent_results *results, const char *flag, const char *list) {
  while (list) {
    size_t length = strcspn(list, ",");
    char *name;
    MIXENT_TRY(mixent_copy_start(list, length, &name));
    size_t column = mixent_name_set_find(&results->columns, name);
    free(name);
    if (column == results->columns.count || !results->kinds[column].numbers)
      return fail_unknown(flag, &results->columns, results->kinds, list, length);
    list = list[length] ? list + length + 1 : NULL;
  }
  return MIXENT_OK;
}

static mixent_status check_directions(const mixent_results *results,
                                      const mixent_results_question *question) {
  MIXENT_TRY(check_list(results, "--lower", question->lower));
  MIXENT_TRY(check_list(results, "--higher", question->higher));
  for (size_t i = 0; i < results->columns.count; i++) {
    const char *name = name_of(&results->columns, i);
    if (mixent_results_is_listed(question->lower, name) && mixent_results_is_listed(question->higher, name))
      return mixent_fail(MIXENT_ERROR_ARGUMENT,
                         "--lower and --higher: expected each metric in one of them, got '%.80s' in both",
                         name);
  }
  return MIXENT_OK;
}

int mixent_results_better(const mixent_results_question *question, const char *metric) {
  return mixent_results_is_listed(question->lower, metric)    ? -1
         : mixent_results_is_listed(question->higher, metric) ? 1
                                                              : mixent_metric_better(metric);
}

mixent_status mixent_results_layout_choose(mixent_results_layout *layout, const char *text,
                                           const mixent_results_question *question) {
  static const char best[] = "best:";
  if (strcmp(text, "last") == 0) return MIXENT_OK;
  const char *metric = text + strlen(best);
  if (strncmp(text, best, strlen(best)) != 0 || !*metric)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "--epoch: expected last or best:METRIC, got '%.80s'", text);
  if (mixent_metric_part_of(metric) == MIXENT_PART_TEST)
    return mixent_fail(
        MIXENT_ERROR_ARGUMENT,
        "--epoch: expected a metric of held-out images, got '%.80s'; the best of many test scores is no test "
        "score: choose by a validation metric, or take the last epoch",
        metric);
  int better = mixent_results_better(question, metric);
  if (!better)
    return mixent_fail(
        MIXENT_ERROR_ARGUMENT,
        "--epoch: expected a metric whose better direction its name tells, got '%.80s'; say it: --lower or "
        "--higher %.80s",
        metric, metric);
  layout->better = better;
  return mixent_copy_text(metric, &layout->best);
}

/* How likely a metric is what is asked for, if nobody says: of tables the one that is called accuracy, else an accuracy, best not one of
 * training. A log has several of each kind: test before validation before what names no part, and before training. */
static int rank_of(const mixent_results *results, size_t column) {
  enum { CALLED_SO = 1000, ACCURACY = 100, KNOWN = 50, PART = 10 };
  const char *name = name_of(&results->columns, column);
  int part = (int)mixent_metric_part_of(name), rank = mixent_metric_is_accuracy(name) ? ACCURACY : 0;
  if (results->has_epochs) return rank + (mixent_metric_better(name) ? KNOWN : 0) + PART * part;
  return rank + (mixent_same_word(name, "accuracy") ? CALLED_SO : 0) + (part == MIXENT_PART_TRAIN ? 0 : PART);
}

/* The first of the highest rank. */
static mixent_status default_metric(const mixent_results *results, size_t *out) {
  size_t count = results->columns.count;
  int highest = -1;
  *out = count;
  for (size_t i = 0; i < count; i++) {
    bool called_so = mixent_same_word(name_of(&results->columns, i), "accuracy");
    if (called_so && !results->kinds[i].numbers) return fail_words(results, i);
    if (!results->kinds[i].numbers || rank_of(results, i) <= highest) continue;
    highest = rank_of(results, i);
    *out = i;
  }
  if (*out < count) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_FORMAT,
                     "%s: expected a column of numbers beside the variant and the seed, got none",
                     results->file);
}

static mixent_status find_metric(const mixent_results *results, const char *name, size_t *out) {
  if (!name) return default_metric(results, out);
  *out = mixent_name_set_find(&results->columns, name);
  if (*out == results->columns.count)
    return fail_unknown("--metric", &results->columns, results->kinds, name, strlen(name));
  return results->kinds[*out].numbers ? MIXENT_OK : fail_words(results, *out);
}

static bool exceeds_one(const mixent_results *results, size_t metric) {
  bool found = false;
  for (size_t i = 0; i < results->keys.count; i++)
    found |= mixent_results_value(&results->runs[i], metric) > 1;
  return found;
}

bool mixent_results_is_per_cent(const mixent_results *results, size_t column) {
  if (results->kinds[column].predicted) return mixent_metric_is_accuracy(name_of(&results->columns, column));
  return mixent_metric_is_accuracy(name_of(&results->columns, column)) && exceeds_one(results, column);
}

mixent_status mixent_results_ask(const mixent_results *results, const mixent_results_question *question,
                                 mixent_results_asked *out) {
  const double points = 0.1;
  *out = (mixent_results_asked){0};
  MIXENT_TRY(find_metric(results, question->metric, &out->metric));
  MIXENT_TRY(check_directions(results, question));
  if (question->baseline) {
    out->baseline = mixent_name_set_find(&results->variants, question->baseline);
    if (out->baseline == results->variants.count)
      return fail_unknown("--baseline", &results->variants, NULL, question->baseline,
                          strlen(question->baseline));
  }
  bool accuracy = mixent_metric_is_accuracy(name_of(&results->columns, out->metric));
  out->points = mixent_results_is_per_cent(results, out->metric);
  out->difference = !isnan(question->difference) ? question->difference
                    : !accuracy                  ? NAN
                    : out->points                ? points
                                                 : points / 100;
  return MIXENT_OK;
}
