/* Names of verdicts, and where things of a comparison are. */
#include "lab/compare/compare.h"

#include <math.h>
#include <string.h>

const char *mixent_verdict_name(mixent_verdict verdict) {
  static const char *const names[] = {"undecided", "better", "worse", "higher", "lower", "equivalent"};
  return names[verdict];
}

const char *mixent_reason_name(mixent_reason reason) {
  static const char *const names[MIXENT_REASONS] = {NULL,         "no-runs",       "one-run",   "identical",
                                                    "no-scatter", "test-selected", "few-seeds", "open"};
  return names[reason];
}

const char *mixent_scope_name(mixent_scope scope) {
  static const char *const names[] = {NULL, "these", "like-these"};
  return names[scope];
}

size_t mixent_compare_find(const mixent_compare_input *input, const char *name) {
  size_t index = 0;
  while (index < input->measure_count && strcmp(input->measures[index].name, name) != 0) index++;
  return index;
}

size_t mixent_compare_place(const mixent_comparison *comparison, size_t data, size_t variant) {
  return data * comparison->input.variant_count + variant;
}

const mixent_compare_pair *mixent_compare_pair_of(const mixent_comparison *comparison, size_t data,
                                                  size_t variant) {
  size_t baseline = comparison->input.baseline;
  if (variant == baseline) return NULL;
  return &comparison->data[data].pairs[variant - (variant > baseline)];
}

const char *mixent_compare_samples(const mixent_comparison *comparison, size_t data) {
  const char *samples = comparison->input.data[data].samples;
  return samples ? samples : "images";
}

const char *mixent_compare_test_name(const mixent_compare_input *input, const mixent_compared *compared) {
  return isnan(compared->difference.p) ? NULL
         : !compared->paired           ? "unpaired"
         : input->test_to_train > 0    ? "resampled"
                                       : "paired";
}
