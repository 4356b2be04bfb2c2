/* A comparison as a terminal shows it: a table of accuracies, the words, a table of all measures. */
#include "core/layout.h"
#include "core/locale.h"
#include "core/printable.h"
#include "lab/compare/conclusion.h"

#include <math.h>
#include <stdio.h>

enum { VARIANTS_ACROSS = 5 };

static const mixent_compare_pair *pair_of(const mixent_comparison *comparison, size_t data, size_t variant) {
  size_t baseline = comparison->input.baseline;
  if (variant == baseline) return NULL;
  return &comparison->data[data].pairs[variant < baseline ? variant : variant - 1];
}

static void add_interval(mixent_table *table, double low, double high, double scale, int digits) {
  if (isnan(low) || isnan(high))
    mixent_table_add(table, "-");
  else
    mixent_table_add(table, "%s to %s", mixent_number_of(scale * low, digits).text,
                     mixent_number_of(scale * high, digits).text);
}

static void add_accuracy(const mixent_comparison *comparison, size_t data, size_t variant,
                         mixent_table *table) {
  const mixent_compare_variant *summary = &comparison->data[data].variants[variant];
  const mixent_sample *sample = &summary->measures[MIXENT_MEASURE_ACCURACY];
  const mixent_compare_pair *pair = pair_of(comparison, data, variant);
  int digits = mixent_points_digits(comparison);
  mixent_table_add(table, "%s", comparison->input.variants[variant]);
  mixent_table_add(table, "%zu", summary->runs);
  mixent_table_add(table, "%s", mixent_number_of(100 * sample->mean, digits).text);
  mixent_table_add(table, "%s", mixent_number_of(100 * sample->deviation, digits).text);
  add_interval(table, sample->low, sample->high, 100, digits);
  for (int i = 0; i < 5 && !pair; i++) mixent_table_add(table, i ? "" : "baseline");
  if (!pair) return;
  const mixent_sample *difference = &pair->measures[MIXENT_MEASURE_ACCURACY].difference;
  mixent_table_add(table, "%s", mixent_number_signed(100 * difference->mean, digits).text);
  add_interval(table, difference->low, difference->high, 100, digits);
  mixent_table_add(table, "%s", mixent_number_p(pair->holm[MIXENT_MEASURE_ACCURACY]).text);
  add_interval(table, pair->bootstrap.low, pair->bootstrap.high, 100, digits);
  mixent_table_add(table, "%s", mixent_number_p(pair->bootstrap_holm).text);
}

static void append_accuracies(const mixent_comparison *comparison, size_t data, mixent_text *out) {
  char interval[32], these[32], like[32];
  const char *samples = comparison->data[data].samples;
  mixent_print(interval, sizeof interval, "%g %% interval", 100 * comparison->input.confidence);
  mixent_print(these, sizeof these, "these %s", samples);
  mixent_print(like, sizeof like, "%s like these", samples);
  mixent_table table = {.columns = 10,
                        .titles = {"variant", "runs", "accuracy %", "deviation", interval, "difference",
                                   these, "Holm p", like, "Holm p"},
                        .left = {true}};
  for (size_t variant = 0; variant < comparison->input.variant_count; variant++)
    add_accuracy(comparison, data, variant, &table);
  mixent_table_append(&table, out);
  mixent_table_free(&table);
}

static void add_measure(const mixent_comparison *comparison, size_t data, size_t variant, size_t measure,
                        mixent_table *table) {
  const mixent_measure *of = &mixent_measures[measure];
  const mixent_sample *sample = &comparison->data[data].variants[variant].measures[measure];
  const mixent_compare_pair *pair = pair_of(comparison, data, variant);
  bool seen = pair && pair->holm[measure] < 1 - comparison->input.confidence;
  mixent_number mean = mixent_number_of(of->scale * sample->mean, of->digits);
  if (isnan(sample->deviation)) /* of one run, or of none: "-" */
    mixent_table_add(table, "%s", mean.text);
  else
    mixent_table_add(table, "%s%s ± %s", seen ? "*" : "", mean.text,
                     mixent_number_of(of->scale * sample->deviation, of->digits).text);
}

/* Of the variants first to last - 1. */
static void append_measures(const mixent_comparison *comparison, size_t data, size_t first, size_t last,
                            mixent_text *out) {
  static const char *const better[] = {"lower", "", "higher"};
  mixent_table table = {
      .columns = (int)(2 + last - first), .titles = {"measure", "better"}, .left = {true, true}};
  for (size_t variant = first; variant < last; variant++)
    table.titles[2 + variant - first] = comparison->input.variants[variant];
  for (size_t m = 0; m < MIXENT_MEASURES; m++) {
    const mixent_measure *measure = &mixent_measures[m];
    bool known = false;
    for (size_t variant = first; variant < last; variant++)
      known |= !isnan(comparison->data[data].variants[variant].measures[m].mean);
    if (!known) continue;
    mixent_table_add(&table, "%s%s%s", measure->title, *measure->unit ? ", " : "", measure->unit);
    mixent_table_add(&table, "%s", better[measure->better + 1]);
    for (size_t variant = first; variant < last; variant++) add_measure(comparison, data, variant, m, &table);
  }
  mixent_text_append(out, "\n");
  mixent_table_append(&table, out);
  mixent_table_free(&table);
}

static void append_data(const mixent_comparison *comparison, size_t data, mixent_text *out) {
  const mixent_compare_input *input = &comparison->input;
  const mixent_compare_result *result = &comparison->data[data];
  mixent_text_append(out, "%s%s: ", data ? "\n" : "", mixent_printable(input->data[data].name));
  if (!result->test_images) {
    mixent_text_append(out, "no run is finished yet\n");
    return;
  }
  mixent_text_append(out, "%zu variant%s, %zu seed%s, %s test %s; baseline %s\n\n", input->variant_count,
                     input->variant_count > 1 ? "s" : "", input->seed_count, input->seed_count > 1 ? "s" : "",
                     mixent_text_count(result->test_images), result->samples,
                     input->variants[input->baseline]);
  append_accuracies(comparison, data, out);
  for (size_t i = 0; i + 1 < input->variant_count; i++) {
    const mixent_compare_pair *pair = &result->pairs[i];
    mixent_text paragraph = {0};
    mixent_text_append(&paragraph, "%s%s%s", pair->conclusion, pair->calibration ? " " : "",
                       pair->calibration ? pair->calibration : "");
    mixent_text_append(out, "\n");
    if (mixent_text_status(&paragraph) == MIXENT_OK)
      mixent_wrapped_append(out, 0, 0, paragraph.data);
    else
      out->failed = 1;
    mixent_text_free(&paragraph);
  }
  for (size_t first = 0; first < input->variant_count; first += VARIANTS_ACROSS) {
    size_t last = first + VARIANTS_ACROSS;
    append_measures(comparison, data, first, last < input->variant_count ? last : input->variant_count, out);
  }
}

void mixent_comparison_append_text(const mixent_comparison *comparison, mixent_text *out) {
  const mixent_compare_input *input = &comparison->input;
  for (size_t data = 0; data < input->data_count; data++) append_data(comparison, data, out);
  const char *samples = input->data_count ? comparison->data[0].samples : "images";
  char note[1024];
  mixent_print(
      note, sizeof note,
      "On these %s: paired t over the seeds, which takes the test %s for all there are; so do the marks. "
      "On %s like these: crossed bootstrap over seeds and test %s. Holm p: after Holm's correction "
      "over all comparisons of the study. In the last table, mean ± standard deviation over seeds, * "
      "other than the baseline's "
      "(Holm p "
      "< %g, each measure for itself).",
      samples, samples, samples, samples, 1 - input->confidence);
  mixent_text_append(out, "\n");
  mixent_wrapped_append(out, 0, 0, note);
}
