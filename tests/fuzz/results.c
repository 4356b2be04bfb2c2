/* Fuzzing the reader of anybody's results: what is accepted can be compared, what is refused says where. */
#include "fuzz/text.h"
#include "lab/results/compare.h"

#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Each metric of what was read. */
static void compare(const mixent_results *results) {
  for (size_t i = 0; i < results->columns.count; i++) {
    const mixent_results_question question = {.metric = results->columns.items[i]->text, .difference = NAN};
    mixent_results_comparison *comparison;
    mixent_status status = mixent_results_compare(results, &question, &comparison);
    if ((status == MIXENT_OK) != results->kinds[i].numbers) abort();
    mixent_text text = {0};
    if (comparison) mixent_results_append_text(comparison, &text);
    mixent_text_free(&text);
    mixent_results_comparison_free(comparison);
  }
}

/* The best epoch of each run, found by one reading and taken by another. */
static void choose(const uint8_t *data, size_t size) {
  const mixent_results_layout layout = {.best = (char[]){"loss"}, .better = -1};
  mixent_results results = {0};
  bool right = true;
  for (int reading = 1; reading >= 0 && right; reading--) {
    char *text = text_of(data, size);
    if (!text) break;
    results.choosing = reading;
    right = mixent_results_parse("fuzz", text, size, &layout, &results) == MIXENT_OK;
    free(text);
    if (!right && strncmp(mixent_last_error(), "fuzz:", 5) != 0) abort();
  }
  mixent_results_free(&results);
}

/* Twice, so that the second file is held against the first. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const mixent_results_layout layout = {.best = NULL};
  mixent_results results = {0};
  bool right = true;
  choose(data, size);
  for (int file = 0; file < 2 && right; file++) {
    char *text = text_of(data, size);
    if (!text) break;
    right = mixent_results_parse("fuzz", text, size, &layout, &results) == MIXENT_OK;
    free(text);
    if (!right && strncmp(mixent_last_error(), "fuzz:", 5) != 0) abort();
    for (size_t i = 0; right && i < results.keys.count; i++)
      for (size_t j = 0; j < results.runs[i].cell_count; j++)
        if (isinf(results.runs[i].cells[j].value)) abort();
    if (right) compare(&results);
  }
  if (right && mixent_results_finish(&results) == MIXENT_OK)
    compare(&results);
  else if (right && strncmp(mixent_last_error(), "fuzz:", 5) != 0)
    abort();
  mixent_results_free(&results);
  return 0;
}
