/* Between the files that put a comparison into words: conclusion.c, left_out.c, calibration.c. */
#ifndef MIXENT_LAB_COMPARE_WORDS_H
#define MIXENT_LAB_COMPARE_WORDS_H

#include "lab/compare/compare.h"
#include "lab/compare/number.h"

/* What the sentences are about. */
typedef struct mixent_words_subject {
  const mixent_comparison *comparison;
  const mixent_compare_input *input;
  const mixent_compare_result *result;
  size_t data;
  const mixent_compare_pair *pair;
  const mixent_compared *primary;
  const char *variant, *baseline, *metric, *samples;
  char unit[24]; /* of differences: " points", " s", or "" */
  double level;
} mixent_words_subject;

/* A number of the primary measure as it is shown. */
static inline mixent_number mixent_words_shown(const mixent_words_subject *subject, double value) {
  return mixent_number_of(subject->input->measures[subject->input->primary].scale * value,
                          subject->comparison->digits[subject->input->primary]);
}

/* Runs of a variant that have a value of the primary measure. */
static inline size_t mixent_words_count_of(const mixent_words_subject *subject, size_t variant) {
  return subject->result->variants[variant].measures[subject->input->primary].count;
}

/* Runs that the difference does not use, planned runs that are missing, values that look like another unit. */
void mixent_words_append_left_out(const mixent_words_subject *subject, mixent_text *out);
/* A sentence on NLL and ECE; nothing where they are not known. */
void mixent_words_append_calibration(const mixent_words_subject *subject, mixent_text *out);

#endif
