/* A comparison for programs: JSON and CSV, in the numbers' own units (accuracies as fractions). */
#include "core/json.h"
#include "core/layout.h"
#include "lab/compare/compare.h"
#include "mixent/statistics.h"

#include <math.h>
#include <string.h>

static json_t *sample_json(const mixent_sample *sample) {
  return json_pack("{s:I, s:o, s:o, s:o, s:o}", "count", (json_int_t)sample->count, "mean",
                   mixent_json_number(sample->mean), "deviation", mixent_json_number(sample->deviation),
                   "low", mixent_json_number(sample->low), "high", mixent_json_number(sample->high));
}

static json_t *measures_json(void) {
  json_t *all = json_array();
  for (size_t m = 0; m < MIXENT_MEASURES; m++) {
    const mixent_measure *measure = &mixent_measures[m];
    mixent_json_append(&all,
                       json_pack("{s:s, s:s, s:s, s:f, s:i}", "name", measure->name, "title", measure->title,
                                 "unit", measure->unit, "scale", measure->scale, "better", measure->better));
  }
  return all;
}

static json_t *seeds_json(const mixent_compare_input *input, const mixent_result *const *results,
                          bool finished) {
  json_t *seeds = json_array();
  for (size_t seed = 0; seed < input->seed_count; seed++)
    if (!results[seed] == !finished) mixent_json_append(&seeds, json_integer(input->seeds[seed]));
  return seeds;
}

static json_t *variant_json(const mixent_comparison *comparison, size_t data, size_t variant) {
  const mixent_compare_input *input = &comparison->input;
  const mixent_result *const *results = input->data[data].results + variant * input->seed_count;
  json_t *measures = json_object();
  for (size_t m = 0; m < MIXENT_MEASURES; m++) {
    json_t *sample = sample_json(&comparison->data[data].variants[variant].measures[m]);
    json_t *values = json_array();
    for (size_t seed = 0; seed < input->seed_count; seed++)
      if (results[seed])
        mixent_json_append(&values,
                           mixent_json_number(mixent_measure_of(&mixent_measures[m], results[seed])));
    mixent_json_set(&sample, "values", values);
    mixent_json_set(&measures, mixent_measures[m].name, sample);
  }
  return json_pack(
      "{s:s, s:o, s:o, s:I, s:o}", "name", input->variants[variant], "seeds",
      seeds_json(input, results, true), "missing", seeds_json(input, results, false), "temperatures_missing",
      (json_int_t)comparison->data[data].variants[variant].temperatures_missing, "measures", measures);
}

static json_t *bootstrap_json(const mixent_compare_pair *pair) {
  const mixent_bootstrap *bootstrap = &pair->bootstrap;
  if (isnan(bootstrap->p)) return json_null();
  const struct {
    const char *key;
    double value;
  } numbers[] = {{"difference", bootstrap->difference},
                 {"low", bootstrap->low},
                 {"high", bootstrap->high},
                 {"error", bootstrap->error},
                 {"freedom", bootstrap->freedom},
                 {"p", bootstrap->p},
                 {"holm", pair->bootstrap_holm},
                 {"percentile_low", bootstrap->percentile_low},
                 {"percentile_high", bootstrap->percentile_high},
                 {"deviation", bootstrap->deviation}};
  json_t *json = json_object();
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    mixent_json_set(&json, numbers[i].key, mixent_json_number(numbers[i].value));
  return json;
}

static json_t *power_json(const mixent_compare_pair *pair) {
  bool known = pair->least_seeds > 0, beyond = pair->least_seeds > MIXENT_MOST_SEEDS;
  return json_pack("{s:o, s:o, s:o, s:b}", "least_difference", mixent_json_number(pair->least_difference),
                   "least_difference_like", mixent_json_number(pair->least_difference_like), "least_seeds",
                   known && !beyond ? json_integer((json_int_t)pair->least_seeds) : json_null(),
                   "beyond_a_million_seeds", beyond);
}

static json_t *pair_json(const mixent_comparison *comparison, const mixent_compare_pair *pair) {
  json_t *measures = json_object();
  for (size_t m = 0; m < MIXENT_MEASURES; m++) {
    json_t *paired = sample_json(&pair->measures[m].difference);
    mixent_json_set(&paired, "t", mixent_json_number(pair->measures[m].t));
    mixent_json_set(&paired, "p", mixent_json_number(pair->measures[m].p));
    mixent_json_set(&paired, "holm", mixent_json_number(pair->holm[m]));
    mixent_json_set(&measures, mixent_measures[m].name, paired);
  }
  json_t *mcnemar = json_null();
  if (pair->single)
    mcnemar = json_pack("{s:I, s:I, s:o}", "only_variant", (json_int_t)pair->mcnemar.only_a, "only_baseline",
                        (json_int_t)pair->mcnemar.only_b, "p", mixent_json_number(pair->mcnemar.p));
  return json_pack("{s:s, s:I, s:s, s:b, s:b, s:b, s:o, s:o, s:o, s:o, s:s, s:s?}", "variant",
                   comparison->input.variants[pair->variant], "seeds", (json_int_t)pair->seeds, "verdict",
                   mixent_verdict_name(pair->verdict), "within_these", pair->within_these, "within_like",
                   pair->within_like, "identical", pair->identical, "measures", measures, "bootstrap",
                   bootstrap_json(pair), "power", power_json(pair), "mcnemar", mcnemar, "words",
                   pair->conclusion, "calibration", pair->calibration);
}

static json_t *data_json(const mixent_comparison *comparison, size_t data) {
  json_t *variants = json_array(), *pairs = json_array();
  for (size_t i = 0; i < comparison->input.variant_count; i++)
    mixent_json_append(&variants, variant_json(comparison, data, i));
  for (size_t i = 0; i + 1 < comparison->input.variant_count; i++)
    mixent_json_append(&pairs, pair_json(comparison, &comparison->data[data].pairs[i]));
  return json_pack("{s:s, s:I, s:o, s:o}", "name", comparison->input.data[data].name, "test_images",
                   (json_int_t)comparison->data[data].test_images, "variants", variants, "comparisons",
                   pairs);
}

json_t *mixent_comparison_to_json(const mixent_comparison *comparison) {
  const mixent_compare_input *input = &comparison->input;
  json_t *all = json_array(), *seeds = json_array();
  for (size_t data = 0; data < input->data_count; data++)
    mixent_json_append(&all, data_json(comparison, data));
  for (size_t seed = 0; seed < input->seed_count; seed++)
    mixent_json_append(&seeds, json_integer(input->seeds[seed]));
  return json_pack("{s:s, s:o, s:f, s:f, s:f, s:I, s:o, s:o}", "baseline", input->variants[input->baseline],
                   "seeds", seeds, "difference", input->difference, "confidence", input->confidence, "power",
                   MIXENT_COMPARE_POWER, "replicates", (json_int_t)input->replicates, "measures",
                   measures_json(), "data", all);
}

static void append_numbers(const double *values, size_t count, mixent_text *out) {
  for (size_t i = 0; i < count; i++)
    if (isfinite(values[i]))
      mixent_text_append(out, ",%.15g", values[i]);
    else
      mixent_text_append(out, ",");
}

static void append_sample(const mixent_sample *sample, mixent_text *out) {
  mixent_text_append(out, ",%zu", sample->count);
  append_numbers((const double[]){sample->mean, sample->deviation, sample->low, sample->high}, 4, out);
}

static void append_pair(const mixent_compare_pair *pair, size_t measure, mixent_text *out) {
  const mixent_paired *paired = &pair->measures[measure];
  append_sample(&paired->difference, out);
  append_numbers((const double[]){paired->t, paired->p, pair->holm[measure]}, 3, out);
  const mixent_bootstrap *like = &pair->bootstrap;
  const double numbers[] = {like->low, like->high, like->p, pair->bootstrap_holm};
  if (measure == MIXENT_MEASURE_ACCURACY)
    append_numbers(numbers, 4, out);
  else
    mixent_text_append(out, ",,,,");
}

void mixent_comparison_append_csv(const mixent_comparison *comparison, mixent_text *out) {
  const mixent_compare_input *input = &comparison->input;
  mixent_text_append(out, "data,variant,measure,count,mean,deviation,low,high,pairs,difference,"
                          "difference_deviation,difference_low,difference_high,t,p,holm,like_low,like_high,"
                          "like_p,like_holm\n");
  for (size_t data = 0; data < input->data_count; data++)
    for (size_t variant = 0; variant < input->variant_count; variant++)
      for (size_t m = 0; m < MIXENT_MEASURES; m++) {
        const mixent_compare_result *result = &comparison->data[data];
        mixent_csv_field_append(out, input->data[data].name, true);
        mixent_csv_field_append(out, input->variants[variant], false);
        mixent_text_append(out, ",%s", mixent_measures[m].name);
        append_sample(&result->variants[variant].measures[m], out);
        if (variant == input->baseline)
          mixent_text_append(out, ",,,,,,,,,,,,");
        else
          append_pair(&result->pairs[variant - (variant > input->baseline)], m, out);
        mixent_text_append(out, "\n");
      }
}
