/* What a comparison with the baseline says, in words that claim no more than its numbers. */
#include "core/layout.h"
#include "core/locale.h"
#include "lab/compare/engine.h"
#include "lab/compare/words.h"

#include <math.h>
#include <string.h>

typedef mixent_words_subject subject;

static mixent_number shown_difference(const subject *subject) {
  return mixent_number_signed(subject->input->measures[subject->input->primary].scale *
                                  subject->primary->difference.mean,
                              subject->comparison->digits[subject->input->primary]);
}

/* "p 0.01", or "p 0.01, Holm p 0.03" where there is something to correct for. */
static void append_p(const subject *subject, double p, double holm, mixent_text *out) {
  mixent_text_append(out, "p %s", mixent_number_p(p).text);
  if (subject->comparison->tested > 1) mixent_text_append(out, ", Holm p %s", mixent_number_p(holm).text);
}

/* "+0.12 points (95 %: 0.03 to 0.21 on these images, paired over 10 seeds, p 0.01; 0.02 to 0.22 on images like these, p 0.03)" */
static void append_difference(const subject *subject, mixent_text *out) {
  const mixent_compare_pair *pair = subject->pair;
  const mixent_compared *primary = subject->primary;
  const mixent_bootstrap *like = &pair->bootstrap;
  bool items = subject->input->data[subject->data].items > 0;
  mixent_text_append(out, "%s%s", shown_difference(subject).text, subject->unit);
  if (isnan(primary->difference.low)) return;
  mixent_text_append(out, " (%g %%: %s to %s", 100 * subject->input->confidence,
                     mixent_words_shown(subject, primary->difference.low).text,
                     mixent_words_shown(subject, primary->difference.high).text);
  if (items) mixent_text_append(out, " on these %s", subject->samples);
  if (primary->paired && subject->input->test_to_train > 0)
    mixent_text_append(out, ", over %zu splits, corrected because their training parts overlap",
                       primary->counts[0]);
  else if (primary->paired)
    mixent_text_append(out, ", paired over %zu seeds", primary->counts[0]);
  else
    mixent_text_append(out, ", unpaired, %zu and %zu runs", primary->counts[0], primary->counts[1]);
  if (!isnan(primary->difference.p)) {
    mixent_text_append(out, ", ");
    append_p(subject, primary->difference.p, primary->holm, out);
  }
  if (!isnan(like->low))
    mixent_text_append(out, "; %s to %s on %s like these", mixent_words_shown(subject, like->low).text,
                       mixent_words_shown(subject, like->high).text, subject->samples);
  if (!isnan(like->p)) {
    mixent_text_append(out, ", ");
    append_p(subject, like->p, pair->bootstrap_holm, out);
  }
  mixent_text_append(out, ")");
}

/* " on images like these"; nothing where it is not known what each run had right. */
static void append_scope(const subject *subject, mixent_text *out) {
  if (isnan(subject->pair->bootstrap.p)) return;
  if (subject->pair->scope == MIXENT_SCOPE_LIKE_THESE)
    mixent_text_append(out, " on %s like these", subject->samples);
  else
    mixent_text_append(out, " on these %s", subject->samples);
}

/* "two one-sided tests, Holm p 0.0005 on these images, 0.0007 on images like these" */
static void append_equivalence(const subject *subject, mixent_text *out) {
  const mixent_compare_pair *pair = subject->pair;
  mixent_text_append(out, "two one-sided tests, %sp %s", subject->comparison->tested > 1 ? "Holm " : "",
                     mixent_number_p(pair->equivalence.holm).text);
  if (!isnan(pair->equivalence_like.holm))
    mixent_text_append(out, " on these %s, %s on %s like these", subject->samples,
                       mixent_number_p(pair->equivalence_like.holm).text, subject->samples);
}

/* "0.1 points" */
static void append_margin(const subject *subject, mixent_text *out) {
  mixent_text_append(out, "%g%s", subject->input->difference, subject->unit);
}

/* Whether a difference is shown to be larger than what matters: its interval lies beyond it, and does so when it is as wide as Bonferroni asks
 * of an interval among all comparisons. */
static bool is_beyond(const subject *subject, const mixent_equivalence *test) {
  double p = subject->primary->difference.mean > 0 ? 1 - test->p_high : 1 - test->p_low;
  return p * (double)subject->comparison->tested < subject->level / 2;
}

/* Of a difference that is shown, in the direction in which it is: is it as large as what matters? */
static void append_size(const subject *subject, mixent_text *out) {
  const mixent_compare_pair *pair = subject->pair;
  bool like = pair->scope == MIXENT_SCOPE_LIKE_THESE;
  double holm = like ? fmax(pair->equivalence.holm, pair->equivalence_like.holm) : pair->equivalence.holm;
  bool more = is_beyond(subject, &pair->equivalence.test) &&
              (!like || is_beyond(subject, &pair->equivalence_like.test));
  if (isnan(subject->input->difference)) return;
  mixent_text_append(out, holm < subject->level ? " That is less than the "
                          : more                ? " That is more than the "
                                                : " Whether it is the ");
  append_margin(subject, out);
  if (holm < subject->level) {
    mixent_text_append(out, " that matter (");
    append_equivalence(subject, out);
    mixent_text_append(out, ").");
  } else
    mixent_text_append(out, more ? " that matter." : " that matter, or more, is open.");
}

static void append_decided(const subject *subject, mixent_text *out) {
  const mixent_compare_pair *pair = subject->pair;
  bool direction = subject->input->measures[subject->input->primary].better != 0;
  if (direction)
    mixent_text_append(out, "%s is %s than %s", subject->variant, mixent_verdict_name(pair->verdict),
                       subject->baseline);
  else
    mixent_text_append(out, "%s has a %s %s than %s", subject->variant, mixent_verdict_name(pair->verdict),
                       subject->metric, subject->baseline);
  append_scope(subject, out);
  mixent_text_append(out, direction ? ": %s differs by " : ": it differs by ", subject->metric);
  append_difference(subject, out);
  mixent_text_append(out, ".");
  append_size(subject, out);
  if (pair->scope == MIXENT_SCOPE_THESE && !isnan(pair->bootstrap.p))
    mixent_text_append(out,
                       " On other %s like these it is not shown, for it may hang on which %s these are; only "
                       "more test %s would tell.",
                       subject->samples, subject->samples, subject->samples);
  if (!direction) mixent_text_append(out, " Nothing says whether higher or lower is better.");
}

static void append_equivalent(const subject *subject, mixent_text *out) {
  mixent_text_append(out, "%s and %s are equivalent", subject->variant, subject->baseline);
  append_scope(subject, out);
  mixent_text_append(out, ": %s differs by ", subject->metric);
  append_difference(subject, out);
  mixent_text_append(out, ", and that is less than the ");
  append_margin(subject, out);
  mixent_text_append(out, " that matter (");
  append_equivalence(subject, out);
  mixent_text_append(out, ").");
}

static void append_power(const subject *subject, mixent_text *out) {
  const mixent_compare_pair *pair = subject->pair;
  if (isnan(pair->least_difference)) return;
  mixent_number these = mixent_words_shown(subject, pair->least_difference);
  mixent_number like = mixent_words_shown(subject, pair->least_difference_like);
  bool items = !isnan(pair->bootstrap.p);
  mixent_text_append(out, " A difference of %s%s or more would have been seen", these.text, subject->unit);
  if (items) mixent_text_append(out, " on these %s", subject->samples);
  if (items && strcmp(these.text, like.text) == 0)
    mixent_text_append(out, " and on %s like these", subject->samples);
  else if (!isnan(pair->least_difference_like))
    mixent_text_append(out, ", of %s or more on %s like these,", like.text, subject->samples);
  mixent_text_append(out, " with a probability of %g %%", 100 * MIXENT_COMPARE_POWER);
  bool beyond = pair->least_seeds > MIXENT_MOST_SEEDS;
  if (pair->least_seeds) {
    mixent_text_append(out, "; to see ");
    append_margin(subject, out);
    mixent_text_append(out, "%s takes %s%s seeds", items ? " on these" : "", beyond ? "more than " : "",
                       mixent_text_count(beyond ? MIXENT_MOST_SEEDS : pair->least_seeds));
  }
  mixent_text_append(out, ".");
}

/* " The probability that the difference is smaller than 0.1 points is 0.84 on these images, 0.80 on images like these." */
static void append_probability(const subject *subject, mixent_text *out) {
  const mixent_compare_pair *pair = subject->pair;
  if (isnan(pair->equivalence.test.within)) return;
  mixent_text_append(out, " The probability that the difference is smaller than ");
  append_margin(subject, out);
  mixent_text_append(out, " is %s", mixent_number_p(pair->equivalence.test.within).text);
  if (!isnan(pair->equivalence_like.test.within))
    mixent_text_append(out, " on these %s, %s on %s like these", subject->samples,
                       mixent_number_p(pair->equivalence_like.test.within).text, subject->samples);
  mixent_text_append(out, ".");
}

/* What the correction took away of the tests that a verdict rests on. */
static void append_alone(const subject *subject, mixent_text *out) {
  const mixent_compare_pair *pair = subject->pair;
  double p = subject->primary->difference.p;
  bool differs = p < subject->level, equivalent = pair->equivalence.test.p < subject->level;
  if (!differs && !equivalent) return;
  mixent_text_append(out,
                     " Alone it would have counted%s (p %s), but of several comparisons one comes out so by "
                     "chance too often: it is worth a study of its own, with new seeds.",
                     differs ? "" : " as equivalent",
                     mixent_number_p(differs ? p : pair->equivalence.test.p).text);
}

static void append_undecided(const subject *subject, mixent_text *out) {
  const mixent_compare_pair *pair = subject->pair;
  bool paired = subject->primary->paired, few = pair->reason == MIXENT_REASON_FEW_SEEDS;
  if (few)
    mixent_text_append(out, "Too few %s to conclude about %s and %s: it takes %d%s. So far %s differs by ",
                       paired ? "seeds" : "runs", subject->variant, subject->baseline,
                       MIXENT_COMPARE_LEAST_SEEDS, paired ? " that both have" : " of each", subject->metric);
  else
    mixent_text_append(out, "Whether %s differs from %s is undecided: %s differs by ", subject->variant,
                       subject->baseline, subject->metric);
  append_difference(subject, out);
  mixent_text_append(out, ".");
  if (pair->reason == MIXENT_REASON_OPEN) append_alone(subject, out);
  append_probability(subject, out);
  if (!few) append_power(subject, out);
}

/* What a choice by the test images does to a comparison with runs that were not chosen so. */
static void append_selected(const subject *subject, mixent_text *out) {
  bool variant = subject->input->test_selected[subject->pair->variant];
  const char *chosen = variant ? subject->variant : subject->baseline;
  mixent_text_append(
      out,
      "%s and %s cannot be tested: the runs of %s kept the epoch that scores best on the test %s, the others "
      "an epoch that was chosen without them. Such a choice can only raise the score on these very %s, so "
      "\"no difference\" cannot hold, and a p value would mean nothing. %c%s differs by ",
      subject->variant, subject->baseline, chosen, subject->samples, subject->samples,
      *subject->metric >= 'a' && *subject->metric <= 'z' ? *subject->metric - 'a' + 'A' : *subject->metric,
      *subject->metric ? subject->metric + 1 : "");
  append_difference(subject, out);
  mixent_text_append(out, ": what the choice adds, and whatever else differs between the two.");
}

static void append_no_runs(const subject *subject, mixent_text *out) {
  bool variant = mixent_words_count_of(subject, subject->pair->variant) > 0,
       baseline = mixent_words_count_of(subject, subject->input->baseline) > 0;
  mixent_text_append(out, "%s and %s cannot be compared: no run of %s%s%s ", subject->variant,
                     subject->baseline, variant ? "" : subject->variant, variant || baseline ? "" : " or ",
                     baseline ? "" : subject->baseline);
  if (subject->input->planned)
    mixent_text_append(out, "is finished.");
  else
    mixent_text_append(out, "has a value of %s.", subject->metric);
}

/* No test was possible. */
static void append_untested(const subject *subject, mixent_text *out) {
  const mixent_compare_pair *pair = subject->pair;
  switch (pair->reason) {
  case MIXENT_REASON_NO_RUNS: append_no_runs(subject, out); break;
  case MIXENT_REASON_ONE_RUN:
    mixent_text_append(
        out,
        "%s and %s cannot be compared: a test takes two runs of each, and there are %zu and %zu. Single runs "
        "differ by chance alone; the difference in %s is %s%s.",
        subject->variant, subject->baseline, mixent_words_count_of(subject, pair->variant),
        mixent_words_count_of(subject, subject->input->baseline), subject->metric,
        shown_difference(subject).text, subject->unit);
    break;
  case MIXENT_REASON_IDENTICAL:
    mixent_text_append(
        out,
        "%s and %s have the same %s in all runs that are compared%s%s%s. Nothing scatters, so nothing can be "
        "tested: check that these are different runs.",
        subject->variant, subject->baseline, subject->metric,
        subject->input->data[subject->data].items ? ", with the same " : "",
        subject->input->data[subject->data].items ? subject->samples : "",
        subject->input->data[subject->data].items ? " right" : "");
    break;
  default:
    mixent_text_append(
        out,
        "%s and %s differ in %s by %s%s in all runs that are compared%s%s%s. Nothing scatters, so nothing can "
        "be tested: check that the seed changes the run.",
        subject->variant, subject->baseline, subject->metric, shown_difference(subject).text, subject->unit,
        subject->primary->difference.mean == 0 ? ", though not in which " : "",
        subject->primary->difference.mean == 0 ? subject->samples : "",
        subject->primary->difference.mean == 0 ? " they have right" : "");
  }
}

/* The two models themselves. */
static void append_mcnemar(const subject *subject, mixent_text *out) {
  const mixent_mcnemar *test = &subject->pair->mcnemar;
  mixent_text_append(
      out,
      " Of the %s test %s %s are right with %s alone and %s with %s alone (exact McNemar p %s); "
      "that speaks of these two models only, not of how they were trained.",
      mixent_text_count(subject->input->data[subject->data].items), subject->samples,
      mixent_text_count(test->only_a), subject->variant, mixent_text_count(test->only_b), subject->baseline,
      mixent_number_p(test->p).text);
}

static void append_words(const subject *subject, mixent_text *out) {
  const mixent_compare_pair *pair = subject->pair;
  if (pair->verdict == MIXENT_VERDICT_EQUIVALENT)
    append_equivalent(subject, out);
  else if (pair->verdict != MIXENT_VERDICT_UNDECIDED)
    append_decided(subject, out);
  else if (pair->reason == MIXENT_REASON_TEST_SELECTED)
    append_selected(subject, out);
  else if (isnan(subject->primary->difference.p))
    append_untested(subject, out);
  else
    append_undecided(subject, out);
  if (pair->single) append_mcnemar(subject, out);
  if (pair->bootstrap.seed_variance < 0)
    mixent_text_append(out,
                       " The variance between seeds comes out below 0: they scatter less than the %s alone "
                       "would make them, so the intervals may be too narrow.",
                       subject->samples);
  mixent_words_append_left_out(subject, out);
}

mixent_status mixent_compare_conclude(const mixent_comparison *comparison, size_t data,
                                      mixent_compare_pair *pair) {
  const mixent_compare_input *input = &comparison->input;
  const mixent_measure *measure = &input->measures[input->primary];
  subject subject = {.comparison = comparison,
                     .input = input,
                     .result = &comparison->data[data],
                     .data = data,
                     .pair = pair,
                     .primary = &pair->measures[input->primary],
                     .variant = input->variants[pair->variant],
                     .baseline = input->variants[input->baseline],
                     .metric = measure->title,
                     .samples = mixent_compare_samples(comparison, data),
                     .level = 1 - input->confidence};
  mixent_print(subject.unit, sizeof subject.unit, "%s%.20s", *measure->unit ? " " : "",
               strcmp(measure->unit, "%") == 0 ? "points" : measure->unit);
  mixent_text words = {0}, calibration = {0};
  append_words(&subject, &words);
  mixent_words_append_calibration(&subject, &calibration);
  pair->words = words.data;
  pair->calibration = calibration.data;
  MIXENT_TRY(mixent_text_status(&words));
  return mixent_text_status(&calibration);
}
