/* A comparison of results as a terminal shows it, and as JSON. */
#include "core/json.h"
#include "core/layout.h"
#include "core/locale.h"
#include "core/printable.h"
#include "lab/compare/conclusion.h"
#include "lab/results/compare.h"

#include <math.h>

static const char *text_of(const mixent_name_set *set, size_t index) {
  return set->items[index]->text;
}

static void add_interval(mixent_table *table, double low, double high, int digits) {
  if (isnan(low))
    mixent_table_add(table, "-");
  else
    mixent_table_add(table, "%s to %s", mixent_number_of(low, digits).text,
                     mixent_number_of(high, digits).text);
}

static void add_row(const mixent_results_comparison *comparison, size_t data, size_t variant,
                    mixent_table *table) {
  const mixent_sample *sample = &comparison->data[data].variants[variant].sample;
  const mixent_results_pair *pair = mixent_results_pair_of(comparison, data, variant);
  int digits = comparison->digits;
  mixent_table_add(table, "%s", text_of(&comparison->results->variants, variant));
  mixent_table_add(table, "%zu", sample->count);
  mixent_table_add(table, "%s", mixent_number_of(sample->mean, digits).text);
  add_interval(table, sample->low, sample->high, digits);
  for (int i = 0; i < 5 && !pair; i++) mixent_table_add(table, i ? "" : "baseline");
  if (!pair) return;
  mixent_table_add(table, "%s", mixent_number_signed(pair->difference.mean, digits).text);
  add_interval(table, pair->difference.low, pair->difference.high, digits);
  mixent_table_add(table, "%s", mixent_number_p(pair->difference.p).text);
  mixent_table_add(table, "%s", mixent_number_p(pair->holm).text);
  mixent_table_add(table, "%s%s%s", mixent_results_verdicts[pair->verdict], pair->reason ? ": " : "",
                   pair->reason ? mixent_results_reasons[pair->reason] : "");
}

static void append_table(const mixent_results_comparison *comparison, size_t data, const char *metric,
                         mixent_text *out) {
  char interval[32];
  mixent_print(interval, sizeof interval, "%g %% interval", 100 * comparison->confidence);
  mixent_table table = {
      .columns = 9,
      .titles = {"variant", "runs", metric, interval, "difference", interval, "p", "Holm p", "verdict"},
      .left = {[0] = true, [8] = true}};
  for (size_t variant = 0; variant < comparison->results->variants.count; variant++)
    add_row(comparison, data, variant, &table);
  mixent_table_append(&table, out);
  mixent_table_free(&table);
}

static void append_data(const mixent_results_comparison *comparison, size_t data, const char *metric,
                        mixent_text *out) {
  const mixent_results *results = comparison->results;
  const char *name = text_of(&results->data, data);
  mixent_text_append(out, "%s%s%s", data ? "\n" : "", mixent_printable(name), *name ? ":\n" : "");
  append_table(comparison, data, metric, out);
  for (size_t i = 0; i + 1 < results->variants.count; i++) {
    mixent_text_append(out, "\n");
    mixent_wrapped_append(out, 0, 0, mixent_printable(comparison->data[data].pairs[i].words));
  }
}

/* "(also: nll, ece)" of the other metrics */
static void append_others(const mixent_results_comparison *comparison, mixent_text *out) {
  enum { MOST_NAMED = 12 };
  const mixent_results *results = comparison->results;
  size_t named = 0, count = 0;
  mixent_text names = {0};
  for (size_t i = 0; i < results->columns.count; i++) {
    if (i == comparison->metric || !results->kinds[i].numbers) continue;
    count++;
    if (named < MOST_NAMED) mixent_text_append_item(&names, named++, "%.40s", text_of(&results->columns, i));
  }
  if (count > named) mixent_text_append(&names, ", …");
  out->failed |= names.failed;
  if (names.data)
    mixent_text_append(out, " Other metrics (--metric NAME): %s.", mixent_printable(names.data));
  mixent_text_free(&names);
}

void mixent_results_append_text(const mixent_results_comparison *comparison, mixent_text *out) {
  const mixent_results *results = comparison->results;
  char metric[64];
  mixent_text note = {0};
  mixent_print(metric, sizeof metric, "%.50s%s",
               mixent_printable(text_of(&results->columns, comparison->metric)),
               comparison->points ? " %" : "");
  for (size_t data = 0; data < results->data.count; data++) append_data(comparison, data, metric, out);
  mixent_text_append(
      &note,
      "p: t test over runs, which takes the test set for all there is. Holm p: after Holm's correction over all "
      "comparisons of this metric. ");
  if (isnan(comparison->difference))
    mixent_text_append(&note,
                       "No difference was said to matter (--difference X), so no verdict is 'equivalent'.");
  else
    mixent_text_append(&note, "A difference of %g%s matters (--difference).", comparison->difference,
                       comparison->points ? " points" : "");
  append_others(comparison, &note);
  mixent_text_append(out, "\n");
  if (note.failed)
    out->failed = 1;
  else
    mixent_wrapped_append(out, 0, 0, note.data);
  mixent_text_free(&note);
}

static json_t *metrics_json(const mixent_results *results, const mixent_results_question *question) {
  json_t *all = json_array();
  for (size_t i = 0; i < results->columns.count; i++)
    if (results->kinds[i].numbers)
      mixent_json_append(&all, json_pack("{s:s, s:i}", "name", text_of(&results->columns, i), "better",
                                         mixent_results_better(question, text_of(&results->columns, i))));
  return all;
}

static json_t *variant_json(const mixent_results_comparison *comparison, size_t data, size_t variant) {
  const mixent_results *results = comparison->results;
  const mixent_results_variant *of = &comparison->data[data].variants[variant];
  size_t place = mixent_results_place(comparison, data, variant);
  json_t *seeds = json_array(), *values = json_array();
  for (size_t i = comparison->begins[place]; i < comparison->begins[place + 1]; i++) {
    const mixent_results_run *run = comparison->runs[i];
    mixent_json_append(&seeds, run->seed == MIXENT_NO_SEED
                                   ? json_null()
                                   : json_string(text_of(&results->seeds, (size_t)run->seed)));
    mixent_json_append(&values, mixent_json_number(mixent_results_value(run, comparison->metric)));
  }
  return json_pack("{s:s, s:o, s:o, s:I, s:I, s:o, s:o, s:o, s:o}", "name",
                   text_of(&results->variants, variant), "seeds", seeds, "values", values, "count",
                   (json_int_t)of->sample.count, "missing", (json_int_t)of->missing, "mean",
                   mixent_json_number(of->sample.mean), "deviation", mixent_json_number(of->sample.deviation),
                   "low", mixent_json_number(of->sample.low), "high", mixent_json_number(of->sample.high));
}

static json_t *pair_json(const mixent_results_comparison *comparison, const mixent_results_pair *pair) {
  const mixent_difference *difference = &pair->difference;
  const char *test = isnan(difference->p) ? NULL : pair->paired ? "paired" : "unpaired";
  const struct {
    const char *key;
    double value;
  } numbers[] = {{"mean", pair->means[0]},
                 {"baseline_mean", pair->means[1]},
                 {"difference", difference->mean},
                 {"error", difference->error},
                 {"freedom", difference->freedom},
                 {"low", difference->low},
                 {"high", difference->high},
                 {"t", difference->t},
                 {"p", difference->p},
                 {"holm", pair->holm},
                 {"equivalence_p", pair->equivalence.p},
                 {"equivalence_holm", pair->equivalence_holm},
                 {"within", pair->equivalence.within}};
  json_t *json = json_pack("{s:s, s:s?, s:I, s:s, s:s?, s:s}", "variant",
                           text_of(&comparison->results->variants, pair->variant), "test", test, "seeds",
                           (json_int_t)pair->seeds, "verdict", mixent_results_verdicts[pair->verdict],
                           "reason", mixent_results_reasons[pair->reason], "words", pair->words);
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    mixent_json_set(&json, numbers[i].key, mixent_json_number(numbers[i].value));
  return json;
}

json_t *mixent_results_to_json(const mixent_results_comparison *comparison,
                               const mixent_results_question *question) {
  const mixent_results *results = comparison->results;
  json_t *all = json_array();
  for (size_t data = 0; data < results->data.count; data++) {
    json_t *variants = json_array(), *pairs = json_array();
    for (size_t i = 0; i < results->variants.count; i++)
      mixent_json_append(&variants, variant_json(comparison, data, i));
    for (size_t i = 0; i + 1 < results->variants.count; i++)
      mixent_json_append(&pairs, pair_json(comparison, &comparison->data[data].pairs[i]));
    mixent_json_append(&all, json_pack("{s:s, s:o, s:o}", "name", text_of(&results->data, data), "variants",
                                       variants, "comparisons", pairs));
  }
  return json_pack("{s:s, s:i, s:s, s:o, s:f, s:o, s:o}", "metric",
                   text_of(&results->columns, comparison->metric), "better", comparison->better, "baseline",
                   text_of(&results->variants, comparison->baseline), "difference",
                   mixent_json_number(comparison->difference), "confidence", comparison->confidence,
                   "metrics", metrics_json(results, question), "data", all);
}
