/* A comparison as CSV, in the numbers' own units (accuracies of our runs as fractions). */
#include "core/layout.h"
#include "lab/compare/compare.h"

#include <math.h>

static void append_numbers(const double *values, size_t count, mixent_text *out) {
  for (size_t i = 0; i < count; i++)
    if (isfinite(values[i]))
      mixent_text_append(out, ",%.15g", values[i]);
    else
      mixent_text_append(out, ",");
}

static void append_pair(const mixent_comparison *comparison, const mixent_compare_pair *pair, size_t measure,
                        mixent_text *out) {
  const mixent_compared *compared = &pair->measures[measure];
  const mixent_difference *difference = &compared->difference;
  mixent_text_append(out, ",%zu,%zu", compared->counts[0], compared->counts[1]);
  append_numbers((const double[]){difference->mean, compared->deviation, difference->low, difference->high,
                                  difference->t, difference->p, compared->holm},
                 7, out);
  if (measure != comparison->input.primary) {
    mixent_text_append(out, ",,,,,,");
    return;
  }
  const mixent_bootstrap *like = &pair->bootstrap;
  append_numbers((const double[]){like->low, like->high, like->p, pair->bootstrap_holm}, 4, out);
  mixent_text_append(out, ",%s,%s", mixent_verdict_name(pair->verdict),
                     pair->reason  ? mixent_reason_name(pair->reason)
                     : pair->scope ? mixent_scope_name(pair->scope)
                                   : "");
}

void mixent_comparison_append_csv(const mixent_comparison *comparison, mixent_text *out) {
  const mixent_compare_input *input = &comparison->input;
  mixent_text_append(out, "data,variant,measure,count,mean,deviation,low,high,compared,baseline_compared,"
                          "difference,difference_deviation,difference_low,difference_high,t,p,holm,like_low,"
                          "like_high,like_p,like_holm,verdict,scope_or_reason\n");
  for (size_t data = 0; data < input->data_count; data++)
    for (size_t variant = 0; variant < input->variant_count; variant++)
      for (size_t m = 0; m < input->measure_count; m++) {
        const mixent_compare_pair *pair = mixent_compare_pair_of(comparison, data, variant);
        const mixent_sample *sample = &comparison->data[data].variants[variant].measures[m];
        mixent_csv_field_append(out, input->data[data].name, true);
        mixent_csv_field_append(out, input->variants[variant], false);
        mixent_csv_field_append(out, input->measures[m].name, false);
        mixent_text_append(out, ",%zu", sample->count);
        append_numbers((const double[]){sample->mean, sample->deviation, sample->low, sample->high}, 4, out);
        if (pair)
          append_pair(comparison, pair, m, out);
        else
          mixent_text_append(out, ",,,,,,,,,,,,,,,");
        mixent_text_append(out, "\n");
      }
}
