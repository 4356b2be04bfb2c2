/* A comparison as JSON, in the numbers' own units (accuracies of our runs as fractions). */
#include "lab/compare/json.h"
#include "core/json.h"

#include <math.h>

/* What a key of an object is. */
typedef struct number {
  const char *key;
  double value;
} number;

static void set_numbers(json_t **object, const number *numbers, size_t count) {
  for (size_t i = 0; i < count; i++)
    mixent_json_set(object, numbers[i].key, mixent_json_number(numbers[i].value));
}
#define SET_NUMBERS(object, ...)                                                                             \
  set_numbers(object, (const number[]){__VA_ARGS__}, sizeof(const number[]){__VA_ARGS__} / sizeof(number))

static json_t *sample_json(const mixent_sample *sample) {
  json_t *json = json_pack("{s:I}", "count", (json_int_t)sample->count);
  SET_NUMBERS(&json, {"mean", sample->mean}, {"deviation", sample->deviation}, {"low", sample->low},
              {"high", sample->high});
  return json;
}

static json_t *measures_json(const mixent_compare_input *input) {
  json_t *all = json_array();
  for (size_t m = 0; m < input->measure_count; m++) {
    const mixent_measure *measure = &input->measures[m];
    mixent_json_append(&all,
                       json_pack("{s:s, s:s, s:s, s:f, s:i}", "name", measure->name, "title", measure->title,
                                 "unit", measure->unit, "scale", measure->scale, "better", measure->better));
  }
  return all;
}

static json_t *seed_json(const mixent_compare_input *input, long seed) {
  return seed == MIXENT_NO_SEED ? json_null() : json_string(input->seeds[seed]);
}

/* Of planned runs, the seeds that a variant lacks. */
static json_t *missing_json(const mixent_comparison *comparison, size_t place) {
  json_t *missing = json_array();
  size_t i = comparison->begins[place];
  for (size_t seed = 0; seed < comparison->input.seed_count && comparison->input.planned; seed++) {
    while (i < comparison->begins[place + 1] && comparison->runs[i]->seed < (long)seed) i++;
    if (i == comparison->begins[place + 1] || comparison->runs[i]->seed != (long)seed)
      mixent_json_append(&missing, seed_json(&comparison->input, (long)seed));
  }
  return missing;
}

static json_t *variant_json(const mixent_comparison *comparison, size_t data, size_t variant) {
  const mixent_compare_input *input = &comparison->input;
  const mixent_compare_variant *of = &comparison->data[data].variants[variant];
  size_t place = mixent_compare_place(comparison, data, variant);
  json_t *measures = json_object(), *seeds = json_array();
  for (size_t i = comparison->begins[place]; i < comparison->begins[place + 1]; i++)
    mixent_json_append(&seeds, seed_json(input, comparison->runs[i]->seed));
  for (size_t m = 0; m < input->measure_count; m++) {
    json_t *sample = sample_json(&of->measures[m]), *values = json_array();
    for (size_t i = comparison->begins[place]; i < comparison->begins[place + 1]; i++)
      mixent_json_append(&values, mixent_json_number(comparison->runs[i]->values[m]));
    mixent_json_set(&sample, "values", values);
    mixent_json_set(&measures, input->measures[m].name, sample);
  }
  bool selected = input->test_selected && input->test_selected[variant];
  return json_pack("{s:s, s:o, s:o, s:b, s:I, s:o}", "name", input->variants[variant], "seeds", seeds,
                   "missing", missing_json(comparison, place), "test_selected", selected,
                   "temperatures_missing", (json_int_t)of->no_temperature, "measures", measures);
}

static json_t *compared_json(const mixent_compare_input *input, const mixent_compared *of) {
  const mixent_difference *difference = &of->difference;
  const char *test = mixent_compare_test_name(input, of);
  json_t *json = json_pack("{s:s?, s:I, s:I}", "test", test, "count", (json_int_t)of->counts[0],
                           "baseline_count", (json_int_t)of->counts[1]);
  SET_NUMBERS(&json, {"variant_mean", of->means[0]}, {"baseline_mean", of->means[1]},
              {"mean", difference->mean}, {"deviation", of->deviation}, {"error", difference->error},
              {"freedom", difference->freedom}, {"low", difference->low}, {"high", difference->high},
              {"t", difference->t}, {"p", difference->p}, {"holm", of->holm});
  return json;
}

static json_t *bootstrap_json(const mixent_compare_pair *pair) {
  const mixent_bootstrap *bootstrap = &pair->bootstrap;
  if (isnan(bootstrap->low)) return json_null();
  json_t *json = json_object();
  SET_NUMBERS(&json, {"difference", bootstrap->difference}, {"low", bootstrap->low},
              {"high", bootstrap->high}, {"error", bootstrap->error}, {"freedom", bootstrap->freedom},
              {"p", bootstrap->p}, {"holm", pair->bootstrap_holm},
              {"percentile_low", bootstrap->percentile_low}, {"percentile_high", bootstrap->percentile_high},
              {"deviation", bootstrap->deviation}, {"seed_variance", bootstrap->seed_variance},
              {"image_variance", bootstrap->image_variance}, {"rest_variance", bootstrap->rest_variance});
  mixent_json_set(&json, "negative_seeds", json_boolean(bootstrap->seed_variance < 0));
  return json;
}

static json_t *equivalence_json(const mixent_compare_equivalence *of) {
  json_t *json = json_object();
  if (isnan(of->test.p)) {
    json_decref(json);
    return json_null();
  }
  SET_NUMBERS(&json, {"p", of->test.p}, {"holm", of->holm}, {"within", of->test.within});
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
  const mixent_compare_input *input = &comparison->input;
  json_t *measures = json_object(), *mcnemar = json_null();
  for (size_t m = 0; m < input->measure_count; m++)
    mixent_json_set(&measures, input->measures[m].name, compared_json(input, &pair->measures[m]));
  if (pair->single)
    mcnemar = json_pack("{s:I, s:I, s:o}", "only_variant", (json_int_t)pair->mcnemar.only_a, "only_baseline",
                        (json_int_t)pair->mcnemar.only_b, "p", mixent_json_number(pair->mcnemar.p));
  return json_pack("{s:s, s:I, s:s, s:s?, s:s?, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:s?}", "variant",
                   input->variants[pair->variant], "seeds", (json_int_t)pair->seeds, "verdict",
                   mixent_verdict_name(pair->verdict), "scope", mixent_scope_name(pair->scope), "reason",
                   mixent_reason_name(pair->reason), "measures", measures, "equivalence",
                   equivalence_json(&pair->equivalence), "equivalence_like",
                   equivalence_json(&pair->equivalence_like), "bootstrap", bootstrap_json(pair), "power",
                   power_json(pair), "mcnemar", mcnemar, "words", pair->words, "calibration",
                   pair->calibration);
}

static json_t *data_json(const mixent_comparison *comparison, size_t data) {
  const mixent_compare_data *of = &comparison->input.data[data];
  json_t *variants = json_array(), *pairs = json_array();
  for (size_t i = 0; i < comparison->input.variant_count; i++)
    mixent_json_append(&variants, variant_json(comparison, data, i));
  for (size_t i = 0; i + 1 < comparison->input.variant_count; i++)
    mixent_json_append(&pairs, pair_json(comparison, &comparison->data[data].pairs[i]));
  return json_pack("{s:s, s:o, s:s, s:o, s:o}", "name", of->name, "test_images",
                   of->items ? json_integer((json_int_t)of->items) : json_null(), "samples",
                   mixent_compare_samples(comparison, data), "variants", variants, "comparisons", pairs);
}

static json_t *estimate_json(const mixent_estimate *of) {
  json_t *json = json_object();
  SET_NUMBERS(&json, {"value", of->value}, {"low", of->low}, {"high", of->high});
  return json;
}

static json_t *across_variant_json(const mixent_across_variant *of, const char *name) {
  json_t *profile = json_array();
  for (size_t k = 0; of->profile && k < MIXENT_ACROSS_THRESHOLDS; k++)
    mixent_json_append(&profile, estimate_json(&of->profile[k]));
  return json_pack("{s:s, s:o, s:o}", "name", name, "interquartile_mean", estimate_json(&of->interquartile),
                   "profile", profile);
}

static json_t *across_json(const mixent_comparison *comparison) {
  const mixent_across *across = comparison->across;
  const mixent_compare_input *input = &comparison->input;
  if (!across) return json_null();
  json_t *thresholds = json_array(), *variants = json_array(), *pairs = json_array();
  for (size_t k = 0; k < MIXENT_ACROSS_THRESHOLDS && across->common >= MIXENT_ACROSS_LEAST; k++)
    mixent_json_append(&thresholds, mixent_json_number(across->thresholds[k]));
  for (size_t i = 0; i < input->variant_count; i++)
    mixent_json_append(&variants, across_variant_json(&across->variants[i], input->variants[i]));
  for (size_t i = 0; i + 1 < input->variant_count; i++) {
    const mixent_across_pair *pair = &across->pairs[i];
    mixent_json_append(&pairs,
                       json_pack("{s:s, s:I, s:I, s:o, s:o, s:s?}", "variant", input->variants[pair->variant],
                                 "data_sets", (json_int_t)pair->data_sets, "better", (json_int_t)pair->better,
                                 "effect", sample_json(&pair->effect), "improvement",
                                 estimate_json(&pair->improvement), "words", pair->words));
  }
  return json_pack("{s:I, s:I, s:o, s:o, s:o}", "data_sets", (json_int_t)across->common, "replicates",
                   (json_int_t)across->replicates, "thresholds", thresholds, "variants", variants,
                   "comparisons", pairs);
}

json_t *mixent_comparison_to_json(const mixent_comparison *comparison) {
  const mixent_compare_input *input = &comparison->input;
  json_t *all = json_array(), *seeds = json_array();
  for (size_t data = 0; data < input->data_count; data++)
    mixent_json_append(&all, data_json(comparison, data));
  for (size_t seed = 0; seed < input->seed_count; seed++)
    mixent_json_append(&seeds, json_string(input->seeds[seed]));
  return json_pack("{s:s, s:s, s:o, s:o, s:f, s:f, s:i, s:I, s:I, s:o, s:o, s:o}", "metric",
                   input->measures[input->primary].name, "baseline", input->variants[input->baseline],
                   "seeds", seeds, "difference", mixent_json_number(input->difference), "confidence",
                   input->confidence, "power", MIXENT_COMPARE_POWER, "least_seeds",
                   (int)MIXENT_COMPARE_LEAST_SEEDS, "tested", (json_int_t)comparison->tested, "replicates",
                   (json_int_t)input->replicates, "measures", measures_json(input), "data", all, "across",
                   across_json(comparison));
}
