/* A variant and the baseline in words that claim no more than the numbers. */
#include "core/memory.h"
#include "lab/compare/conclusion.h"
#include "lab/results/compare.h"

#include <math.h>
#include <stdlib.h>

typedef struct subject {
  const mixent_results_comparison *comparison;
  const mixent_results_data *data;
  const mixent_results_pair *pair;
  const char *variant, *baseline, *metric;
  const char *unit; /* of differences: " points", or "" */
} subject;

static mixent_number number(const subject *subject, double value) {
  return mixent_number_of(value, subject->comparison->digits);
}

static double level_of(const subject *subject) {
  return 1 - subject->comparison->confidence;
}

/* "+0.62 points (95 %: 0.35 to 0.89, paired over 10 seeds; p 0.0003, Holm p 0.0006)" */
static void append_difference(const subject *subject, mixent_text *out) {
  const mixent_results_pair *pair = subject->pair;
  const mixent_difference *difference = &pair->difference;
  mixent_text_append(out, "%s%s (%g %%: %s to %s, ",
                     mixent_number_signed(difference->mean, subject->comparison->digits).text, subject->unit,
                     100 * subject->comparison->confidence, number(subject, difference->low).text,
                     number(subject, difference->high).text);
  if (pair->paired)
    mixent_text_append(out, "paired over %zu seeds", pair->seeds);
  else
    mixent_text_append(out, "unpaired, %zu and %zu runs", subject->data->variants[pair->variant].sample.count,
                       subject->data->variants[subject->comparison->baseline].sample.count);
  mixent_text_append(out, "; p %s, Holm p %s)", mixent_number_p(difference->p).text,
                     mixent_number_p(pair->holm).text);
}

/* "0.1 points" */
static void append_margin(const subject *subject, mixent_text *out) {
  mixent_text_append(out, "%g%s", subject->comparison->difference, subject->unit);
}

static void append_undecided(const subject *subject, mixent_text *out) {
  const mixent_results_pair *pair = subject->pair;
  double margin = subject->comparison->difference;
  if (pair->reason == MIXENT_REASON_FEW_SEEDS)
    mixent_text_append(out, "Too few %s to conclude about %s and %s: it takes %d%s. So far %s differs by ",
                       pair->paired ? "seeds" : "runs", subject->variant, subject->baseline,
                       MIXENT_RESULTS_LEAST_SEEDS, pair->paired ? " that both have" : " of each",
                       subject->metric);
  else
    mixent_text_append(out, "Whether %s differs from %s is undecided: %s differs by ", subject->variant,
                       subject->baseline, subject->metric);
  append_difference(subject, out);
  mixent_text_append(out, ".");
  if (isnan(margin)) return;
  mixent_text_append(out, " The probability that the difference is smaller than ");
  append_margin(subject, out);
  mixent_text_append(out, " is %s.", mixent_number_p(pair->equivalence.within).text);
}

static void append_decided(const subject *subject, mixent_text *out) {
  const mixent_results_pair *pair = subject->pair;
  bool equivalent = pair->verdict == MIXENT_RESULTS_EQUIVALENT;
  if (equivalent)
    mixent_text_append(out, "%s and %s are equivalent: %s differs by ", subject->variant, subject->baseline,
                       subject->metric);
  else if (subject->comparison->better)
    mixent_text_append(out, "%s is %s than %s: %s differs by ", subject->variant,
                       mixent_results_verdicts[pair->verdict], subject->baseline, subject->metric);
  else
    mixent_text_append(out, "%s has a %s %s than %s, by ", subject->variant,
                       mixent_results_verdicts[pair->verdict], subject->metric, subject->baseline);
  append_difference(subject, out);
  if (pair->equivalence_holm < level_of(subject)) {
    mixent_text_append(out, equivalent ? ", and that is less than " : ". That is less than ");
    append_margin(subject, out);
    mixent_text_append(out, " (two one-sided tests, Holm p %s)",
                       mixent_number_p(pair->equivalence_holm).text);
  }
  mixent_text_append(out, ".");
  if (!equivalent && !subject->comparison->better)
    mixent_text_append(out, " Say --lower or --higher for which is better.");
}

/* No test was possible. */
static void append_untested(const subject *subject, mixent_text *out) {
  const mixent_results_pair *pair = subject->pair;
  const mixent_results_variant *variants = subject->data->variants;
  const char *who = variants[pair->variant].sample.count ? subject->baseline : subject->variant;
  if (pair->reason == MIXENT_REASON_NO_RUNS)
    mixent_text_append(out, "%s and %s cannot be compared: no run of %s has a value of %s.", subject->variant,
                       subject->baseline, who, subject->metric);
  else if (pair->reason == MIXENT_REASON_ONE_RUN)
    mixent_text_append(
        out,
        "%s and %s cannot be compared: a test takes two runs of each, and there are %zu and %zu. Single runs "
        "differ by chance alone; the difference in %s is %s%s.",
        subject->variant, subject->baseline, variants[pair->variant].sample.count,
        variants[subject->comparison->baseline].sample.count, subject->metric,
        mixent_number_signed(pair->difference.mean, subject->comparison->digits).text, subject->unit);
  else if (pair->reason == MIXENT_REASON_IDENTICAL)
    mixent_text_append(
        out,
        "%s and %s have the same %s in all runs that are compared. Nothing scatters, so nothing can be "
        "tested: check that these are different runs.",
        subject->variant, subject->baseline, subject->metric);
  else
    mixent_text_append(
        out,
        "%s and %s differ in %s by %s%s in all runs that are compared. Nothing scatters, so nothing can be "
        "tested: check that the seed changes the run.",
        subject->variant, subject->baseline, subject->metric,
        mixent_number_signed(pair->difference.mean, subject->comparison->digits).text, subject->unit);
}

/* Fractions beside per cent, as from two programs. */
static void append_scales(const subject *subject, mixent_text *out) {
  const mixent_results_variant *variants = subject->data->variants;
  double means[2] = {variants[subject->pair->variant].sample.mean,
                     variants[subject->comparison->baseline].sample.mean};
  if (!subject->comparison->points || (means[0] > 1) == (means[1] > 1) || isnan(means[0] + means[1])) return;
  mixent_text_append(
      out, " The %s of %s is about %.3g, that of %s about %.3g: is one a fraction, the other per cent?",
      subject->metric, subject->variant, means[0], subject->baseline, means[1]);
}

/* Runs that the difference does not use. */
static void append_left_out(const subject *subject, mixent_text *out) {
  const mixent_results_pair *pair = subject->pair;
  const mixent_results_variant *variant = &subject->data->variants[pair->variant],
                               *baseline = &subject->data->variants[subject->comparison->baseline];
  const size_t counts[2] = {variant->sample.count, baseline->sample.count};
  const char *names[2] = {subject->variant, subject->baseline};
  size_t left_out = 0;
  for (int i = 0; i < 2 && pair->paired; i++)
    if (pair->seeds < counts[i]) {
      if (!left_out) mixent_text_append(out, " Left out, because they have no partner: ");
      mixent_text_append_item(out, left_out++, "%zu of %zu runs of %s", counts[i] - pair->seeds, counts[i],
                              names[i]);
    }
  if (left_out)
    mixent_text_append(out, "; over the seeds that both have, the means are %s and %s.",
                       number(subject, pair->means[0]).text, number(subject, pair->means[1]).text);
  if (!pair->paired && !isnan(pair->difference.p))
    mixent_text_append(out, " The two share %s, so the runs are compared unpaired (Welch's t).",
                       pair->seeds ? "one seed alone" : "no seeds");
  for (int i = 0; i < 2; i++) {
    const mixent_results_variant *of = i ? baseline : variant;
    if (of->missing && of->sample.count)
      mixent_text_append(
          out,
          " Left out, because they have no value: %zu of %zu runs of %s; if such runs failed, the others flatter it.",
          of->missing, of->missing + of->sample.count, names[i]);
  }
}

mixent_status mixent_results_conclude(const mixent_results_comparison *comparison, size_t data,
                                      mixent_results_pair *pair) {
  const mixent_results *results = comparison->results;
  const subject subject = {.comparison = comparison,
                           .data = &comparison->data[data],
                           .pair = pair,
                           .variant = results->variants.items[pair->variant]->text,
                           .baseline = results->variants.items[comparison->baseline]->text,
                           .metric = results->columns.items[comparison->metric]->text,
                           .unit = comparison->points ? " points" : ""};
  mixent_text text = {0};
  if (isnan(pair->difference.p))
    append_untested(&subject, &text);
  else if (pair->verdict == MIXENT_RESULTS_UNDECIDED)
    append_undecided(&subject, &text);
  else
    append_decided(&subject, &text);
  append_left_out(&subject, &text);
  append_scales(&subject, &text);
  mixent_status status = mixent_text_status(&text);
  if (status == MIXENT_OK)
    pair->words = text.data;
  else
    mixent_text_free(&text);
  return status;
}
