/* A comparison as a terminal shows it: a table of the primary measure, the words, a table of all measures. */
#include "core/layout.h"
#include "core/locale.h"
#include "core/printable.h"
#include "core/unicode.h"
#include "lab/compare/compare.h"
#include "lab/compare/number.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { VARIANTS_ACROSS = 5, MOST_TITLE = 48 };

/* A title as a terminal may show it, of at most so many characters; free(). NULL: no memory, which `out` then lacks, too. */
static char *make_title(const char *text, size_t most, mixent_text *out) {
  mixent_text title = {0};
  text = mixent_printable(text);
  size_t length = 0;
  for (size_t count = 0; text[length] && count < most; count++)
    length += mixent_character_size(text + length);
  mixent_text_append(&title, "%.*s%s", (int)length, text, text[length] ? "…" : "");
  out->failed |= mixent_text_status(&title) != MIXENT_OK;
  if (out->failed) mixent_text_free(&title);
  return title.data;
}

static void add_interval(mixent_table *table, double low, double high, double scale, int digits) {
  if (isnan(low) || isnan(high))
    mixent_table_add(table, "-");
  else
    mixent_table_add(table, "%s to %s", mixent_number_of(scale * low, digits).text,
                     mixent_number_of(scale * high, digits).text);
}

/* Whether the table has columns for items like these: it is known which ones each run has right. */
static bool has_like(const mixent_comparison *comparison, size_t data) {
  const mixent_compare_input *input = &comparison->input;
  return input->primary == input->accuracy && input->data[data].items > 0;
}

static void add_verdict(const mixent_compare_pair *pair, bool like, const char *samples,
                        mixent_table *table) {
  if (pair->reason)
    mixent_table_add(table, "%s: %s", mixent_verdict_name(pair->verdict), mixent_reason_name(pair->reason));
  else if (like && pair->scope == MIXENT_SCOPE_THESE)
    mixent_table_add(table, "%s on these %s", mixent_verdict_name(pair->verdict), samples);
  else
    mixent_table_add(table, "%s", mixent_verdict_name(pair->verdict));
}

static void add_row(const mixent_comparison *comparison, size_t data, size_t variant, bool like,
                    mixent_table *table) {
  const mixent_compare_input *input = &comparison->input;
  const mixent_sample *sample = &comparison->data[data].variants[variant].measures[input->primary];
  const mixent_compare_pair *pair = mixent_compare_pair_of(comparison, data, variant);
  double scale = input->measures[input->primary].scale;
  int digits = comparison->digits[input->primary];
  mixent_table_add(table, "%s", input->variants[variant]);
  mixent_table_add(table, "%zu", sample->count);
  mixent_table_add(table, "%s", mixent_number_of(scale * sample->mean, digits).text);
  mixent_table_add(table, "%s", mixent_number_of(scale * sample->deviation, digits).text);
  add_interval(table, sample->low, sample->high, scale, digits);
  for (int i = 0; i < (like ? 6 : 4) && !pair; i++) mixent_table_add(table, i ? "" : "baseline");
  if (!pair) return;
  const mixent_compared *compared = &pair->measures[input->primary];
  mixent_table_add(table, "%s", mixent_number_signed(scale * compared->difference.mean, digits).text);
  add_interval(table, compared->difference.low, compared->difference.high, scale, digits);
  mixent_table_add(table, "%s", mixent_number_p(compared->holm).text);
  if (like) add_interval(table, pair->bootstrap.low, pair->bootstrap.high, scale, digits);
  if (like) mixent_table_add(table, "%s", mixent_number_p(pair->bootstrap_holm).text);
  add_verdict(pair, like, mixent_compare_samples(comparison, data), table);
}

static void append_primary(const mixent_comparison *comparison, size_t data, mixent_text *out) {
  const mixent_compare_input *input = &comparison->input;
  const mixent_measure *measure = &input->measures[input->primary];
  const char *samples = mixent_compare_samples(comparison, data);
  char metric[256], interval[32], these[32], likes[32], *title = make_title(measure->title, MOST_TITLE, out);
  bool like = has_like(comparison, data);
  mixent_print(metric, sizeof metric, "%s%s%.8s", title ? title : "", *measure->unit ? " " : "",
               measure->unit);
  mixent_print(interval, sizeof interval, "%g %% interval", 100 * input->confidence);
  mixent_print(these, sizeof these, "these %.20s", samples);
  mixent_print(likes, sizeof likes, "%.20s like these", samples);
  mixent_table table = {.titles = {"variant", "runs", metric, "deviation", interval, "difference",
                                   like ? these : interval, "Holm p", like ? likes : "verdict",
                                   like ? "Holm p" : NULL, like ? "verdict" : NULL},
                        .columns = like ? 11 : 9,
                        .left = {true}};
  table.left[table.columns - 1] = true;
  for (size_t variant = 0; variant < input->variant_count; variant++)
    add_row(comparison, data, variant, like, &table);
  mixent_table_append(&table, out);
  mixent_table_free(&table);
  free(title);
}

static void add_measure(const mixent_comparison *comparison, size_t data, size_t variant, size_t measure,
                        mixent_table *table) {
  double scale = comparison->input.measures[measure].scale;
  int digits = comparison->digits[measure];
  const mixent_sample *sample = &comparison->data[data].variants[variant].measures[measure];
  const mixent_compare_pair *pair = mixent_compare_pair_of(comparison, data, variant);
  bool seen = pair && pair->measures[measure].holm < 1 - comparison->input.confidence;
  mixent_number mean = mixent_number_of(scale * sample->mean, digits);
  if (isnan(sample->deviation)) /* of one run, or of none: "-" */
    mixent_table_add(table, "%s", mean.text);
  else
    mixent_table_add(table, "%s%s ± %s", seen ? "*" : "", mean.text,
                     mixent_number_of(scale * sample->deviation, digits).text);
}

/* Of the variants first to last - 1. */
static void append_measures(const mixent_comparison *comparison, size_t data, size_t first, size_t last,
                            mixent_text *out) {
  static const char *const better[] = {"lower", "", "higher"};
  const mixent_compare_input *input = &comparison->input;
  mixent_table table = {
      .columns = (int)(2 + last - first), .titles = {"measure", "better"}, .left = {true, true}};
  char *titles[VARIANTS_ACROSS];
  for (size_t i = 0; i < last - first; i++) {
    titles[i] = make_title(input->variants[first + i], MOST_TITLE, out);
    table.titles[2 + i] = titles[i] ? titles[i] : "";
  }
  for (size_t m = 0; m < input->measure_count; m++) {
    const mixent_measure *measure = &input->measures[m];
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
  for (size_t i = 0; i < last - first; i++) free(titles[i]);
}

/* "letters: 3 variants, 10 seeds, 5,000 test images; baseline ce" */
static void append_heading(const mixent_comparison *comparison, size_t data, mixent_text *out) {
  const mixent_compare_input *input = &comparison->input;
  const mixent_compare_data *of = &input->data[data];
  mixent_text_append(out, "%s", mixent_text_counted(input->variant_count, "variants"));
  if (input->seed_count) mixent_text_append(out, ", %s", mixent_text_counted(input->seed_count, "seeds"));
  if (of->items)
    mixent_text_append(out, ", %s test %s", mixent_text_count(of->items),
                       mixent_compare_samples(comparison, data));
  mixent_text_append(out, "; baseline %s\n\n", mixent_printable(input->variants[input->baseline]));
}

static void append_words(const mixent_compare_pair *pair, mixent_text *out) {
  mixent_text paragraph = {0};
  mixent_text_append(&paragraph, "%s%s%s", pair->words, pair->calibration ? " " : "",
                     pair->calibration ? pair->calibration : "");
  mixent_text_append(out, "\n");
  if (mixent_text_status(&paragraph) == MIXENT_OK)
    mixent_wrapped_append(out, 0, 0, mixent_printable(paragraph.data));
  else
    out->failed = 1;
  mixent_text_free(&paragraph);
}

static void append_data(const mixent_comparison *comparison, size_t data, mixent_text *out) {
  const mixent_compare_input *input = &comparison->input;
  const char *name = input->data[data].name;
  mixent_text_append(out, "%s%s%s", data ? "\n" : "", mixent_printable(name), *name ? ": " : "");
  if (!comparison->data[data].runs) {
    mixent_text_append(out, "no run is finished yet\n");
    return;
  }
  append_heading(comparison, data, out);
  append_primary(comparison, data, out);
  for (size_t i = 0; i + 1 < input->variant_count; i++) append_words(&comparison->data[data].pairs[i], out);
  for (size_t first = 0; first < input->variant_count && input->measure_count > 1; first += VARIANTS_ACROSS) {
    size_t last = first + VARIANTS_ACROSS;
    append_measures(comparison, data, first, last < input->variant_count ? last : input->variant_count, out);
  }
}

static void append_note(const mixent_comparison *comparison, mixent_text *note) {
  const mixent_compare_input *input = &comparison->input;
  const char *samples = mixent_compare_samples(comparison, 0);
  bool like = false;
  if (input->variant_count == 1) {
    mixent_text_append(note, "One variant alone: there is nothing to compare it with.");
    return;
  }
  for (size_t data = 0; data < input->data_count; data++) like |= has_like(comparison, data);
  if (like)
    mixent_text_append(note,
                       "On these %s: t over the seeds, which takes the test %s for all there are; so do the "
                       "marks. On %s like these: analysis of variance over seeds and test %s. ",
                       samples, samples, samples, samples);
  else if (input->test_to_train > 0)
    mixent_text_append(
        note,
        "Intervals and p: corrected resampled t over the splits (Nadeau and Bengio 2003), with "
        "%.3g test %s for a training one. ",
        input->test_to_train, samples);
  else
    mixent_text_append(note, "Intervals and p: t over the runs, which takes the test set for all there is. ");
  mixent_text_append(note,
                     "A variant's own interval is over its runs alone and leaves out that the test %s are a "
                     "sample. Holm p: after Holm's correction over all comparisons of this measure. ",
                     samples);
  if (isnan(input->difference))
    mixent_text_append(note, "No difference was said to matter, so no verdict is 'equivalent'.");
  else
    mixent_text_append(note, "A difference of %g%s matters.", input->difference,
                       strcmp(input->measures[input->primary].unit, "%") == 0 ? " points" : "");
  if (input->measure_count > 1)
    mixent_text_append(note,
                       " In the last table, mean ± standard deviation over runs, * other than the baseline's "
                       "(Holm p < %g, each measure for itself).",
                       1 - input->confidence);
}

static void add_estimate(mixent_table *table, const mixent_estimate *of, double scale, int digits) {
  mixent_table_add(table, "%s", mixent_number_of(scale * of->value, digits).text);
  add_interval(table, of->low, of->high, scale, digits);
}

static void append_across_words(const mixent_across *across, size_t count, mixent_text *out) {
  for (size_t i = 0; i < count; i++) {
    if (!across->pairs[i].words) continue;
    mixent_text_append(out, "\n");
    mixent_wrapped_append(out, 0, 0, mixent_printable(across->pairs[i].words));
  }
  mixent_text_append(out, "\n");
  mixent_wrapped_append(
      out, 0, 0,
      "IQM: interquartile mean of the runs on the data sets that all variants have; P: probability that a run "
      "is better than one of the baseline on the same data set. Their intervals are over runs on these data "
      "sets; that of the difference is over data sets like these.");
}

static void append_across(const mixent_comparison *comparison, mixent_text *out) {
  const mixent_across *across = comparison->across;
  const mixent_compare_input *input = &comparison->input;
  double scale = input->measures[input->primary].scale;
  int digits = comparison->digits[input->primary];
  char interval[32];
  mixent_print(interval, sizeof interval, "%g %% interval", 100 * input->confidence);
  mixent_table table = {
      .columns = 8,
      .titles = {"variant", "IQM", interval, "data sets", "difference", interval, "P", interval},
      .left = {true}};
  for (size_t i = 0; i < input->variant_count; i++) {
    const mixent_across_pair *pair = mixent_across_pair_of(comparison, i);
    mixent_table_add(&table, "%s", input->variants[i]);
    add_estimate(&table, &across->variants[i].interquartile, scale, digits);
    mixent_table_add(&table, pair ? "%zu" : "baseline", pair ? pair->data_sets : 0);
    for (int k = 0; k < 4 && !pair; k++) mixent_table_add(&table, "%s", "");
    if (!pair) continue;
    mixent_table_add(&table, "%s", mixent_number_signed(scale * pair->effect.mean, digits).text);
    add_interval(&table, pair->effect.low, pair->effect.high, scale, digits);
    add_estimate(&table, &pair->improvement, 1, 3);
  }
  mixent_text_append(out, "\nacross %zu data sets: %s\n\n", input->data_count,
                     mixent_printable(input->measures[input->primary].title));
  mixent_table_append(&table, out);
  mixent_table_free(&table);
  append_across_words(across, input->variant_count - 1, out);
}

void mixent_comparison_append_text(const mixent_comparison *comparison, mixent_text *out) {
  mixent_text note = {0};
  for (size_t data = 0; data < comparison->input.data_count; data++) append_data(comparison, data, out);
  if (comparison->across) append_across(comparison, out);
  append_note(comparison, &note);
  mixent_text_append(out, "\n");
  if (mixent_text_status(&note) == MIXENT_OK)
    mixent_wrapped_append(out, 0, 0, note.data);
  else
    out->failed = 1;
  mixent_text_free(&note);
}
