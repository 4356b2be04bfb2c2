/* What a comparison leaves out, in words: runs without a partner or a value, planned runs that are not there. */
#include "lab/compare/words.h"

#include <math.h>
#include <string.h>

enum { MOST_NAMED = 8 };

typedef mixent_words_subject subject;

/* Fractions beside per cent, as from two programs. */
static void append_scales(const subject *subject, mixent_text *out) {
  const mixent_measure *measure = &subject->input->measures[subject->input->primary];
  double means[2] = {
      subject->result->variants[subject->pair->variant].measures[subject->input->primary].mean,
      subject->result->variants[subject->input->baseline].measures[subject->input->primary].mean};
  bool per_cent = strcmp(measure->unit, "%") == 0 && measure->scale == 1;
  if (!per_cent || (means[0] > 1) == (means[1] > 1) || isnan(means[0] + means[1])) return;
  mixent_text_append(
      out, " The %s of %s is about %.3g, that of %s about %.3g: is one a fraction, the other per cent?",
      subject->metric, subject->variant, means[0], subject->baseline, means[1]);
}

/* Runs without a value of the metric. */
static void append_without_value(const subject *subject, const size_t *variants, const char *const *names,
                                 mixent_text *out) {
  size_t named = 0;
  for (int i = 0; i < 2; i++) {
    const mixent_compare_variant *of = &subject->result->variants[variants[i]];
    if (!of->missing || of->missing >= of->runs) continue;
    mixent_text_append(out, "%s%zu of %zu runs of %s",
                       named++ ? " and " : " Left out, because they have no value: ", of->missing, of->runs,
                       names[i]);
  }
  if (named)
    mixent_text_append(out, "; if such runs failed, the others flatter %s.",
                       named > 1 ? "their variant" : "it");
}

/* Runs that the difference does not use. */
static void append_unused(const subject *subject, mixent_text *out) {
  const mixent_compared *primary = subject->primary;
  const size_t variants[2] = {subject->pair->variant, subject->input->baseline};
  const char *names[2] = {subject->variant, subject->baseline};
  size_t left_out = 0;
  for (int i = 0; i < 2 && primary->paired; i++) {
    size_t count = mixent_words_count_of(subject, variants[i]);
    if (primary->counts[i] == count) continue;
    if (!left_out) mixent_text_append(out, " Left out, because they have no partner: ");
    mixent_text_append_item(out, left_out++, "%zu of %zu runs of %s", count - primary->counts[i], count,
                            names[i]);
  }
  if (left_out)
    mixent_text_append(out, "; over the seeds that both have, the means are %s and %s.",
                       mixent_words_shown(subject, primary->means[0]).text,
                       mixent_words_shown(subject, primary->means[1]).text);
  if (!primary->paired && !isnan(primary->difference.low))
    mixent_text_append(out, " %s, so the runs are compared unpaired (Welch's t).",
                       !subject->input->seed_count ? "No seeds are told"
                       : subject->pair->seeds      ? "The two share one seed alone"
                                                   : "The two share no seeds");
  append_without_value(subject, variants, names, out);
}

/* ": 3, 4 and 12 more" of the seeds that a variant has no run with. */
static void append_seeds(const subject *subject, size_t variant, size_t missing, mixent_text *out) {
  const mixent_comparison *comparison = subject->comparison;
  size_t place = mixent_compare_place(comparison, subject->data, variant), i = comparison->begins[place],
         named = 0;
  for (size_t seed = 0; seed < subject->input->seed_count && named < MOST_NAMED; seed++) {
    while (i < comparison->begins[place + 1] && comparison->runs[i]->seed < (long)seed) i++;
    if (i < comparison->begins[place + 1] && comparison->runs[i]->seed == (long)seed) continue;
    const char *before = named == 0 ? " " : named + 1 == missing ? " and " : ", ";
    mixent_text_append(out, "%s%s", before, subject->input->seeds[seed]);
    named++;
  }
  if (missing > named) mixent_text_append(out, " and %zu more", missing - named);
}

/* " Not finished: ce with seeds 3 and 4, ..." of runs that were planned. */
static void append_missing(const subject *subject, mixent_text *out) {
  const size_t variants[] = {subject->pair->variant, subject->input->baseline};
  const char *between = " Not finished: ";
  for (size_t k = 0; k < 2 && subject->input->planned; k++) {
    size_t runs = subject->result->variants[variants[k]].runs, missing = subject->input->seed_count - runs;
    if (!missing || !runs) continue; /* of none at all it has been said */
    mixent_text_append(out, "%s%s with seed%s", between, subject->input->variants[variants[k]],
                       missing > 1 ? "s" : "");
    append_seeds(subject, variants[k], missing, out);
    between = ", ";
  }
  if (*between == ',') mixent_text_append(out, ".");
}

void mixent_words_append_left_out(const subject *subject, mixent_text *out) {
  append_unused(subject, out);
  append_missing(subject, out);
  append_scales(subject, out);
}
