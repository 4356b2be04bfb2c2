/* Which of two variants is better calibrated, by the measures nll, ece, nll_calibrated and ece_calibrated, in a sentence. */
#include "lab/compare/words.h"

#include <math.h>

typedef mixent_words_subject subject;

/* NaN: it is not a measure, or not tested. */
static double holm_of(const subject *subject, size_t measure) {
  return measure < subject->comparison->input.measure_count ? subject->pair->measures[measure].holm : NAN;
}

/* What one measure shows: -1 worse, 1 better, 0 no difference seen. */
static int shown(const subject *subject, size_t measure) {
  double mean = subject->pair->measures[measure].difference.mean;
  if (!(holm_of(subject, measure) < 1 - subject->comparison->input.confidence) || mean == 0) return 0;
  return mean > 0 ? -1 : 1; /* of both measures lower is better */
}

/* "NLL +0.0415, Holm p < 0.0001" */
static void append_measure(const subject *subject, const char *name, size_t measure, mixent_text *out) {
  const mixent_comparison *comparison = subject->comparison;
  mixent_text_append(out, "%s %s, %sp %s", name,
                     mixent_number_signed(comparison->input.measures[measure].scale *
                                              subject->pair->measures[measure].difference.mean,
                                          comparison->digits[measure])
                         .text,
                     comparison->tested > 1 ? "Holm " : "", mixent_number_p(holm_of(subject, measure)).text);
}

/* Which is better calibrated by NLL and ECE, with the numbers. `between`: the names are still to be said. */
static void append_stage(const subject *subject, size_t nll, size_t ece, bool between, mixent_text *out) {
  int by_nll = shown(subject, nll), by_ece = shown(subject, ece);
  static const char *const words[] = {"worse", "", "better"};
  if (!by_nll && !by_ece) {
    mixent_text_append(out, "no difference is seen");
    if (between) mixent_text_append(out, " between %s and %s", subject->variant, subject->baseline);
  } else {
    const char *first = words[(by_nll ? by_nll : by_ece) + 1], *than = between ? " than " : "";
    mixent_text_append(out, "%s is %s%s%s%s", between ? subject->variant : "it", first,
                       by_nll == by_ece ? " calibrated" : "", than, between ? subject->baseline : "");
    if (!by_nll != !by_ece)
      mixent_text_append(out, " by %s alone", by_nll ? "NLL" : "ECE");
    else if (by_nll != by_ece)
      mixent_text_append(out, " by NLL and %s by ECE", words[by_ece + 1]);
  }
  mixent_text_append(out, " (");
  append_measure(subject, "NLL", nll, out);
  mixent_text_append(out, "; ");
  append_measure(subject, "ECE", ece, out);
  mixent_text_append(out, ")");
}

void mixent_words_append_calibration(const subject *subject, mixent_text *out) {
  const mixent_compare_input *input = subject->input;
  size_t nll = mixent_compare_find(input, "nll"), ece = mixent_compare_find(input, "ece");
  size_t nll_after = mixent_compare_find(input, "nll_calibrated"),
         ece_after = mixent_compare_find(input, "ece_calibrated");
  if (isnan(holm_of(subject, nll)) || isnan(holm_of(subject, ece))) return;
  mixent_text_append(out, "As trained, ");
  append_stage(subject, nll, ece, true, out);
  if (!isnan(holm_of(subject, nll_after)) && !isnan(holm_of(subject, ece_after))) {
    mixent_text_append(out, "; at the temperature fitted on the validation %s ", subject->samples);
    append_stage(subject, nll_after, ece_after, false, out);
  }
  mixent_text_append(out, ".");
  const mixent_compare_variant *variants = subject->result->variants;
  const size_t both[] = {subject->pair->variant, input->baseline};
  for (size_t k = 0; k < 2; k++)
    if (variants[both[k]].no_temperature)
      mixent_text_append(out, " %s: no temperature was found in %zu of %zu runs.", input->variants[both[k]],
                         variants[both[k]].no_temperature, variants[both[k]].runs);
}
