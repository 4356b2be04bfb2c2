/* What all data sets' comparisons say together: Holm's correction over them, equivalence, what could have been seen, verdicts. */
#include "core/memory.h"
#include "lab/compare/engine.h"

#include <math.h>
#include <stdlib.h>

/* The families of p values: each measure's, and of the primary one the crossed bootstrap's and those of equivalence. */
typedef enum family { BOOTSTRAP, EQUIVALENCE, EQUIVALENCE_LIKE, MEASURES } family;

/* Where in a pair a p value and its corrected one are; families from MEASURES on: of that measure. */
static double *p_of(mixent_compare_pair *pair, size_t family, double **adjusted) {
  switch (family) {
  case BOOTSTRAP: *adjusted = &pair->bootstrap_holm; return &pair->bootstrap.p;
  case EQUIVALENCE: *adjusted = &pair->equivalence.holm; return &pair->equivalence.test.p;
  case EQUIVALENCE_LIKE: *adjusted = &pair->equivalence_like.holm; return &pair->equivalence_like.test.p;
  default: break;
  }
  mixent_compared *measure = &pair->measures[family - MEASURES];
  *adjusted = &measure->holm;
  return &measure->difference.p;
}

static size_t pair_count(const mixent_comparison *comparison) {
  return comparison->input.data_count * (comparison->input.variant_count - 1);
}

static mixent_compare_pair *pair_at(const mixent_comparison *comparison, size_t index) {
  size_t each = comparison->input.variant_count - 1;
  return &comparison->data[index / each].pairs[index % each];
}

/* Over all comparisons that have a p, of every data set and variant; *tested: how many. p [pairs] is room. */
static mixent_status adjust(const mixent_comparison *comparison, size_t family, double *p, size_t *tested) {
  double *adjusted;
  *tested = 0;
  for (size_t i = 0; i < pair_count(comparison); i++) {
    double of = *p_of(pair_at(comparison, i), family, &adjusted);
    if (!isnan(of)) p[(*tested)++] = of;
  }
  MIXENT_TRY(mixent_holm_adjust(p, *tested, p));
  for (size_t i = 0, next = 0; i < pair_count(comparison); i++) {
    bool known = !isnan(*p_of(pair_at(comparison, i), family, &adjusted));
    *adjusted = known ? p[next++] : NAN;
  }
  return MIXENT_OK;
}

static mixent_status test_equivalence(double mean, double error, double freedom, double p, double margin,
                                      mixent_compare_equivalence *out) {
  *out = (mixent_compare_equivalence){{NAN, NAN, NAN, NAN, NAN, NAN}, NAN};
  if (isnan(p) || isnan(margin)) return MIXENT_OK;
  return mixent_equivalence_test(mean, error, freedom, margin, &out->test);
}

/* The difference that matters, in the primary measure's own unit. */
static double margin_of(const mixent_compare_input *input) {
  return input->difference / input->measures[input->primary].scale;
}

static mixent_status test_equivalences(const mixent_compare_input *input, mixent_compare_pair *pair) {
  const mixent_difference *these = &pair->measures[input->primary].difference;
  const mixent_bootstrap *like = &pair->bootstrap;
  MIXENT_TRY(test_equivalence(these->mean, these->error, these->freedom, these->p, margin_of(input),
                              &pair->equivalence));
  return test_equivalence(like->difference, like->error, like->freedom, like->p, margin_of(input),
                          &pair->equivalence_like);
}

/* What could have been seen, at the level that the first step of Holm's correction asks for: a lone difference among
 * the variants is seen with the power stated or more. */
static void reckon_power(const mixent_comparison *comparison, mixent_compare_pair *out) {
  const mixent_compare_input *input = &comparison->input;
  const mixent_compared *difference = &out->measures[input->primary];
  out->least_difference = out->least_difference_like = NAN;
  if (isnan(difference->difference.p) || !(difference->deviation > 0) || input->test_to_train > 0) return;
  if (out->seeds < MIXENT_COMPARE_LEAST_SEEDS) return; /* nothing is concluded, and the sums are long */
  double level = (1 - input->confidence) / (double)comparison->tested, power = MIXENT_COMPARE_POWER, shift;
  if (mixent_power_least_difference(out->seeds, difference->deviation, level, power,
                                    &out->least_difference) != MIXENT_OK)
    out->least_difference = NAN;
  if (!isnan(input->difference) && mixent_power_least_seeds(margin_of(input), difference->deviation, level,
                                                            power, &out->least_seeds) != MIXENT_OK)
    out->least_seeds = MIXENT_MOST_SEEDS + 1;
  /* where so few degrees of freedom show nothing at all it is not known */
  if (out->bootstrap.error > 0 &&
      mixent_power_least_shift(out->bootstrap.freedom, level, power, &shift) == MIXENT_OK)
    out->least_difference_like =
        fmax(out->least_difference, shift * out->bootstrap.error); /* both must see it */
}

static mixent_verdict direction_of(const mixent_compare_input *input, double mean) {
  int better = input->measures[input->primary].better;
  if (!better) return mean > 0 ? MIXENT_VERDICT_HIGHER : MIXENT_VERDICT_LOWER;
  return (better > 0) == (mean > 0) ? MIXENT_VERDICT_BETTER : MIXENT_VERDICT_WORSE;
}

void mixent_compare_decide(const mixent_compare_input *input, mixent_compare_pair *pair) {
  const mixent_compared *primary = &pair->measures[input->primary];
  size_t fewer = primary->counts[0] < primary->counts[1] ? primary->counts[0] : primary->counts[1];
  double level = 1 - input->confidence;
  if (pair->reason != MIXENT_REASON_NONE) return;
  if (fewer < MIXENT_COMPARE_LEAST_SEEDS) {
    pair->reason = MIXENT_REASON_FEW_SEEDS;
  } else if (primary->holm < level) {
    pair->verdict = direction_of(input, primary->difference.mean);
    pair->scope = pair->bootstrap_holm < level ? MIXENT_SCOPE_LIKE_THESE : MIXENT_SCOPE_THESE;
  } else if (pair->equivalence.holm < level) {
    pair->verdict = MIXENT_VERDICT_EQUIVALENT;
    pair->scope = pair->equivalence_like.holm < level ? MIXENT_SCOPE_LIKE_THESE : MIXENT_SCOPE_THESE;
  } else
    pair->reason = MIXENT_REASON_OPEN;
}

mixent_status mixent_compare_judge(mixent_comparison *comparison) {
  const mixent_compare_input *input = &comparison->input;
  size_t pairs = pair_count(comparison), tested;
  double *p;
  for (size_t i = 0; i < pairs; i++) MIXENT_TRY(test_equivalences(input, pair_at(comparison, i)));
  MIXENT_TRY(MIXENT_ALLOCATE(pairs, &p));
  mixent_status status = MIXENT_OK;
  for (size_t f = 0; f < MEASURES + input->measure_count && status == MIXENT_OK; f++) {
    status = adjust(comparison, f, p, &tested);
    if (f == MEASURES + input->primary) comparison->tested = tested;
  }
  free(p);
  MIXENT_TRY(status);
  for (size_t i = 0; i < pairs; i++) {
    reckon_power(comparison, pair_at(comparison, i));
    mixent_compare_decide(input, pair_at(comparison, i));
  }
  return MIXENT_OK;
}
