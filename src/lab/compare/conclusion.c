/* What a comparison with the baseline says, in words that claim no more than its numbers. */
#include "lab/compare/conclusion.h"
#include "core/layout.h"
#include "core/locale.h"
#include "mixent/statistics.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { FEW_SEEDS = 4, MOST_NAMED = 8 };

/* What the sentences are about. */
typedef struct subject {
  const mixent_comparison *comparison;
  size_t data;
  const mixent_compare_pair *pair;
  const char *variant, *baseline;
  double percent; /* of the intervals */
  double level;
  bool corrected; /* there are several comparisons, and Holm's correction */
  int digits;     /* of points */
} subject;

mixent_number mixent_number_of(double value, int digits) {
  mixent_number number = {"-"};
  if (!isfinite(value)) return number;
  mixent_print(number.text, sizeof number.text, "%.*f", digits, fabs(value));
  if (value >= 0 || strspn(number.text, "0.") == strlen(number.text)) return number;
  mixent_print(number.text, sizeof number.text, "−%.*f", digits, -value);
  return number;
}

mixent_number mixent_number_signed(double value, int digits) {
  mixent_number number = mixent_number_of(value, digits);
  if (!(value > 0) || strspn(number.text, "0.") == strlen(number.text)) return number;
  mixent_print(number.text, sizeof number.text, "+%.*f", digits, value);
  return number;
}

mixent_number mixent_number_p(double p) {
  mixent_number number = {"-"};
  if (p < 0.0001)
    mixent_print(number.text, sizeof number.text, "< 0.0001");
  else if (p >= 0.1)
    mixent_print(number.text, sizeof number.text, "%.2f", p);
  else if (p < 0.1)
    mixent_print(number.text, sizeof number.text, "%.*f", p < 0.001 ? 5 : p < 0.01 ? 4 : 3, p);
  return number;
}

int mixent_points_digits(const mixent_comparison *comparison) {
  int digits = 2;
  for (double least = 0.05; comparison->input.difference < least && digits < 9; least /= 10) digits++;
  return digits;
}

static mixent_number points(const subject *subject, double fraction) {
  return mixent_number_of(100 * fraction, subject->digits);
}

/* "images", or "rows". */
static const char *samples(const subject *subject) {
  return subject->comparison->data[subject->data].samples;
}

/* "p 0.03", or "Holm p 0.03" where there is something to correct for. */
static mixent_number holm(const subject *subject, double p) {
  mixent_number number;
  mixent_print(number.text, sizeof number.text, "%sp %.20s", subject->corrected ? "Holm " : "",
               mixent_number_p(p).text);
  return number;
}

/* " (95 %: 0.03 to 0.21 over 10 seeds on these test images, p 0.01; ... for images like these, p 0.03)", of the
 * difference times `sign`. */
static void append_intervals(const subject *subject, int sign, mixent_text *out) {
  const mixent_compare_pair *pair = subject->pair;
  const mixent_sample *these = &pair->measures[MIXENT_MEASURE_ACCURACY].difference;
  const mixent_bootstrap *like = &pair->bootstrap;
  mixent_text_append(out,
                     " (%g %%: %s to %s over %zu seeds on these test %s, %s; %s to %s for %s like these, %s)",
                     subject->percent, points(subject, sign > 0 ? these->low : -these->high).text,
                     points(subject, sign > 0 ? these->high : -these->low).text, pair->seeds,
                     samples(subject), holm(subject, pair->holm[MIXENT_MEASURE_ACCURACY]).text,
                     points(subject, sign > 0 ? like->low : -like->high).text,
                     points(subject, sign > 0 ? like->high : -like->low).text, samples(subject),
                     holm(subject, pair->bootstrap_holm).text);
}

/* "min-ent is more accurate than ce by 0.12 points" */
static void append_difference(const subject *subject, double difference, mixent_text *out) {
  mixent_text_append(out, "%s is %s accurate than %s by %s points", subject->variant,
                     difference > 0 ? "more" : "less", subject->baseline,
                     points(subject, fabs(difference)).text);
}

static void append_power(const subject *subject, mixent_text *out) {
  const mixent_compare_pair *pair = subject->pair;
  if (isnan(pair->least_difference)) return;
  mixent_number these = points(subject, pair->least_difference);
  mixent_number like = points(subject, pair->least_difference_like);
  mixent_text_append(out, " A difference of %s points or more would have been seen on these %s", these.text,
                     samples(subject));
  if (strcmp(these.text, like.text) == 0)
    mixent_text_append(out, " and on %s like these", samples(subject));
  else if (!isnan(pair->least_difference_like))
    mixent_text_append(out, ", of %s or more on %s like these,", like.text, samples(subject));
  bool beyond = pair->least_seeds > MIXENT_MOST_SEEDS;
  mixent_text_append(out, " with a probability of %g %%; to see %g points on these takes %s%s seeds.",
                     100 * MIXENT_COMPARE_POWER, subject->comparison->input.difference,
                     beyond ? "more than " : "",
                     mixent_text_count(beyond ? MIXENT_MOST_SEEDS : pair->least_seeds));
}

static void append_within(const subject *subject, mixent_text *out) {
  const mixent_compare_pair *pair = subject->pair;
  if (!pair->within_these) return;
  mixent_text_append(out, " Any difference%s%s is smaller than the %g points said to be worth seeing.",
                     pair->within_like ? "" : " on these ", pair->within_like ? "" : samples(subject),
                     subject->comparison->input.difference);
}

static void append_none(const subject *subject, double difference, mixent_text *out) {
  const mixent_compare_pair *pair = subject->pair;
  if (pair->identical) {
    mixent_text_append(out,
                       "%s and %s have exactly the same test %s right with each of %zu seeds: if they were "
                       "meant to differ, see whether their recipes do.",
                       subject->variant, subject->baseline, samples(subject), pair->seeds);
    return;
  }
  mixent_text_append(out, "No difference is seen between %s and %s: %s points", subject->variant,
                     subject->baseline, points(subject, difference).text);
  append_intervals(subject, 1, out);
  mixent_text_append(out, ".");
  double p = fmin(pair->measures[MIXENT_MEASURE_ACCURACY].p, pair->bootstrap.p);
  if (p < subject->level)
    mixent_text_append(
        out,
        " Alone it would have counted (p %s), but of several comparisons one comes out so by chance "
        "too often: it is worth a study of its own, with new seeds.",
        mixent_number_p(p).text);
  append_within(subject, out);
  append_power(subject, out);
}

static void append_hint(const subject *subject, double difference, mixent_text *out) {
  append_difference(subject, difference, out);
  append_intervals(subject, difference > 0 ? 1 : -1, out);
  mixent_text_append(out,
                     ", but that is a hint, not a finding: the bootstrap over seeds and %s counts it as a "
                     "difference, t over the seeds alone does not. More seeds would settle it.",
                     samples(subject));
  append_within(subject, out);
  append_power(subject, out);
}

static void append_these(const subject *subject, double difference, mixent_text *out) {
  append_difference(subject, difference, out);
  mixent_text_append(out, " on these test %s", samples(subject));
  append_intervals(subject, difference > 0 ? 1 : -1, out);
  mixent_text_append(out,
                     ". The two disagree: on other %s like these it is not shown, for it may hang on which "
                     "%s these are; only more test %s would tell.",
                     samples(subject), samples(subject), samples(subject));
  append_within(subject, out);
}

static void append_like(const subject *subject, double difference, mixent_text *out) {
  const mixent_compare_pair *pair = subject->pair;
  double worth = subject->comparison->input.difference, reach = worth / 100;
  const mixent_sample *these = &pair->measures[MIXENT_MEASURE_ACCURACY].difference;
  double least =
      difference > 0 ? fmin(these->low, pair->bootstrap.low) : fmin(-these->high, -pair->bootstrap.high);
  append_difference(subject, difference, out);
  append_intervals(subject, difference > 0 ? 1 : -1, out);
  mixent_text_append(out, ": a real %s", difference > 0 ? "gain" : "loss");
  if (pair->within_these && pair->within_like)
    mixent_text_append(out, ", but smaller than the %g points said to be worth seeing.", worth);
  else if (least > reach)
    mixent_text_append(out, ", and more than the %g points said to be worth seeing.", worth);
  else
    mixent_text_append(out, "; whether it is %g points or more, which were said to be worth seeing, is open.",
                       worth);
}

static size_t runs_of(const subject *subject, size_t variant) {
  return subject->comparison->data[subject->data].variants[variant].runs;
}

static void append_unknown(const subject *subject, double difference, mixent_text *out) {
  const mixent_compare_pair *pair = subject->pair;
  if (pair->seeds == 0) {
    bool variant = runs_of(subject, pair->variant) > 0,
         baseline = runs_of(subject, subject->comparison->input.baseline) > 0;
    mixent_text_append(out, "Nothing can be said of %s and %s", subject->variant, subject->baseline);
    if (variant && baseline)
      mixent_text_append(out, ": they have no finished seed in common.");
    else
      mixent_text_append(out, ": no run of %s%s%s is finished.", variant ? "" : subject->variant,
                         variant || baseline ? "" : " or ", baseline ? "" : subject->baseline);
    return;
  }
  if (difference == 0)
    mixent_text_append(out, "%s and %s have the same accuracy", subject->variant, subject->baseline);
  else
    append_difference(subject, difference, out);
  if (pair->seeds == 1)
    mixent_text_append(
        out, " with the one seed that both have finished, which says nothing about another: two are "
             "the least, ten a good number.");
  else
    mixent_text_append(
        out,
        " with each of %zu seeds%s%s%s. Without any scatter no interval can be drawn; more seeds, or more "
        "test %s, would show some.",
        pair->seeds, difference == 0 ? ", though not the same " : "", difference == 0 ? samples(subject) : "",
        difference == 0 ? " right" : "", samples(subject));
}

static void append_mcnemar(const subject *subject, mixent_text *out) {
  const mixent_mcnemar *test = &subject->pair->mcnemar;
  mixent_text_append(
      out,
      " Of the %s test %s %s are right with %s alone and %s with %s alone (exact McNemar p %s); "
      "that speaks of these two models only, not of how they were trained.",
      mixent_text_count(subject->comparison->data[subject->data].test_images), samples(subject),
      mixent_text_count(test->only_a), subject->variant, mixent_text_count(test->only_b), subject->baseline,
      mixent_number_p(test->p).text);
}

/* " Not finished: ce with seeds 3 and 4, ..." */
static void append_missing(const subject *subject, mixent_text *out) {
  const mixent_compare_input *input = &subject->comparison->input;
  const size_t variants[] = {subject->pair->variant, input->baseline};
  const char *between = " Not finished: ";
  for (size_t k = 0; k < 2; k++) {
    const mixent_result *const *results =
        input->data[subject->data].results + variants[k] * input->seed_count;
    size_t missing = input->seed_count - runs_of(subject, variants[k]), named = 0;
    if (!missing || missing == input->seed_count) continue; /* of none at all it has been said */
    mixent_text_append(out, "%s%s with seed%s", between, input->variants[variants[k]],
                       missing > 1 ? "s" : "");
    between = ", ";
    for (size_t seed = 0; seed < input->seed_count; seed++) {
      if (results[seed] || named == MOST_NAMED) continue;
      const char *before = named == 0 ? " " : named + 1 == missing ? " and " : ", ";
      mixent_text_append(out, "%s%ld", before, input->seeds[seed]);
      named++;
    }
    if (missing > named) mixent_text_append(out, " and %zu more", missing - named);
  }
  if (*between == ',') mixent_text_append(out, ".");
}

static void append_conclusion(const subject *subject, mixent_text *out) {
  const mixent_compare_pair *pair = subject->pair;
  double difference = pair->measures[MIXENT_MEASURE_ACCURACY].difference.mean;
  switch (pair->verdict) {
  case MIXENT_VERDICT_UNKNOWN: append_unknown(subject, difference, out); break;
  case MIXENT_VERDICT_NONE: append_none(subject, difference, out); break;
  case MIXENT_VERDICT_HINT: append_hint(subject, difference, out); break;
  case MIXENT_VERDICT_THESE_IMAGES: append_these(subject, difference, out); break;
  case MIXENT_VERDICT_IMAGES_LIKE_THESE: append_like(subject, difference, out); break;
  }
  if (pair->single) append_mcnemar(subject, out);
  if (pair->seeds >= 2 && pair->seeds <= FEW_SEEDS)
    mixent_text_append(out, " All of this rests on %zu seeds, which is very few.", pair->seeds);
  append_missing(subject, out);
}

/* What one measure shows: -1 worse, 1 better, 0 no difference seen. */
static int shown(const subject *subject, size_t measure) {
  double mean = subject->pair->measures[measure].difference.mean;
  if (!(subject->pair->holm[measure] < subject->level) || mean == 0) return 0;
  return (mean > 0 ? 1 : -1) * mixent_measures[measure].better;
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
  const mixent_paired *measures = subject->pair->measures;
  mixent_text_append(out, " (NLL %s, %s; ECE %s, %s)",
                     mixent_number_signed(measures[nll].difference.mean, mixent_measures[nll].digits).text,
                     holm(subject, subject->pair->holm[nll]).text,
                     mixent_number_signed(measures[ece].difference.mean, mixent_measures[ece].digits).text,
                     holm(subject, subject->pair->holm[ece]).text);
}

static void append_calibration(const subject *subject, mixent_text *out) {
  const mixent_compare_pair *pair = subject->pair;
  size_t nll = mixent_measure_find("nll"), ece = mixent_measure_find("ece");
  size_t nll_after = mixent_measure_find("nll_calibrated"), ece_after = mixent_measure_find("ece_calibrated");
  if (isnan(pair->holm[nll]) || isnan(pair->holm[ece])) return;
  mixent_text_append(out, "As trained, ");
  append_stage(subject, nll, ece, true, out);
  if (!isnan(pair->holm[nll_after]) && !isnan(pair->holm[ece_after])) {
    mixent_text_append(out, "; at the temperature fitted on the validation %s ", samples(subject));
    append_stage(subject, nll_after, ece_after, false, out);
  }
  mixent_text_append(out, ".");
  const mixent_compare_variant *variants = subject->comparison->data[subject->data].variants;
  const size_t both[] = {pair->variant, subject->comparison->input.baseline};
  for (size_t k = 0; k < 2; k++)
    if (variants[both[k]].temperatures_missing)
      mixent_text_append(out, " %s: no temperature was found in %zu of %zu runs.",
                         k ? subject->baseline : subject->variant, variants[both[k]].temperatures_missing,
                         variants[both[k]].runs);
}

mixent_status mixent_compare_conclude(const mixent_comparison *comparison, size_t data,
                                      mixent_compare_pair *pair) {
  const mixent_compare_input *input = &comparison->input;
  subject subject = {.comparison = comparison,
                     .data = data,
                     .pair = pair,
                     .variant = input->variants[pair->variant],
                     .baseline = input->variants[input->baseline],
                     .percent = 100 * input->confidence,
                     .level = 1 - input->confidence,
                     .corrected = input->data_count * (input->variant_count - 1) > 1,
                     .digits = mixent_points_digits(comparison)};
  mixent_text conclusion = {0}, calibration = {0};
  append_conclusion(&subject, &conclusion);
  append_calibration(&subject, &calibration);
  pair->conclusion = conclusion.data;
  pair->calibration = calibration.data;
  MIXENT_TRY(mixent_text_status(&conclusion));
  return mixent_text_status(&calibration);
}
