/* A verdict in words: in one, with its reason, and at length, folded away. */
#ifndef MIXENT_LAB_REPORT_WORDS_H
#define MIXENT_LAB_REPORT_WORDS_H

#include "lab/report/page.h"

/* "▲ better", in its colour. */
void mixent_words_verdict(mixent_text *out, mixent_verdict verdict);
/* What a verdict holds for, or why there is none, in small letters. */
void mixent_words_reason(const mixent_section *section, const mixent_compare_pair *pair);
/* " [−0.12, +0.13]" in the measure's shown unit, or nothing where it is not known (NaN). */
void mixent_words_interval(mixent_text *out, const mixent_primary *primary, double low, double high);
/* "<details>" with the variant's name as what stays to be seen, in the verdict's colour; without its end tag. */
void mixent_words_fold(const mixent_section *section, size_t variant, mixent_verdict verdict);
/* The words on a variant and its tests, as <details>. */
void mixent_words_write(const mixent_section *section, const mixent_compare_pair *pair);

#endif
