/* All data sets together, where there are five or more: each variant's interquartile mean, its mean effect, how likely its runs are
 * better, and the performance profile. docs/COMPARING.md explains the measures. */
#include "lab/report/words.h"

#include <math.h>
#include <stdio.h>

static const mixent_across *across(const mixent_section *section) {
  return section->report->comparison->across;
}

/* "0.81 [0.79, 0.83]", or a dash. */
static void write_estimate(mixent_text *out, double value, double low, double high, double scale,
                           int digits) {
  mixent_html_number(out, scale * value, digits);
  if (isnan(low)) return;
  mixent_text_append(out, " <span class=\"range\">[");
  mixent_html_number(out, scale * low, digits);
  mixent_text_append(out, ", ");
  mixent_html_number(out, scale * high, digits);
  mixent_text_append(out, "]</span>");
}

static void write_pair(const mixent_section *section, const mixent_across_pair *pair) {
  const mixent_primary primary = mixent_section_primary(section);
  mixent_text *out = section->out;
  mixent_text_append(out, "</td><td>");
  mixent_html_difference(out, primary.scale * pair->effect.mean, primary.digits);
  mixent_text_append(out, "<span class=\"range\">");
  mixent_words_interval(out, &primary, pair->effect.low, pair->effect.high);
  mixent_text_append(out, "</span></td><td>");
  write_estimate(out, pair->improvement.value, pair->improvement.low, pair->improvement.high, 1, 2);
  mixent_text_append(out, "</td><td>%zu of %zu", pair->better, pair->data_sets);
}

static void write_row(const mixent_section *section, size_t variant) {
  const mixent_primary primary = mixent_section_primary(section);
  const mixent_estimate *mean = &across(section)->variants[variant].interquartile;
  const mixent_across_pair *pair = mixent_across_pair_of(section->report->comparison, variant);
  mixent_text *out = section->out;
  mixent_text_append(out, "<tr><th scope=\"row\">");
  mixent_section_variant(section, variant);
  mixent_text_append(out, "</th><td>");
  write_estimate(out, mean->value, mean->low, mean->high, primary.scale, primary.digits);
  if (pair)
    write_pair(section, pair);
  else
    mixent_text_append(out, "</td><td><small>baseline</small></td><td></td><td>");
  mixent_text_append(out, "</td></tr>\n");
}

static void write_table(const mixent_section *section) {
  const mixent_report *report = section->report;
  const mixent_primary primary = mixent_section_primary(section);
  mixent_text *out = section->out;
  mixent_text_append(
      out, "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"across data sets\"><table>"
           "<thead><tr><th scope=\"col\">variant</th><th scope=\"col\">interquartile mean, ");
  mixent_html_text(out, primary.measure->title);
  mixent_text_append(out,
                     "%s%s</th><th scope=\"col\">mean effect%s%s</th><th scope=\"col\">P(better)</th>"
                     "<th scope=\"col\">better on</th></tr></thead><tbody>\n",
                     *primary.measure->unit ? ", " : "", primary.measure->unit, *primary.unit ? ", " : "",
                     primary.unit);
  for (size_t pass = 0; pass < 2; pass++) /* the baseline first */
    for (size_t v = 0; v < report->variant_count; v++)
      if ((v == report->baseline) == (pass == 0)) write_row(section, v);
  mixent_text_append(out, "</tbody></table></div>\n");
}

static void write_words(const mixent_section *section) {
  mixent_text *out = section->out;
  mixent_text_append(out, "<div class=\"verdicts\">\n");
  for (size_t i = 0; i + 1 < section->report->variant_count; i++) {
    const mixent_across_pair *pair = &across(section)->pairs[i];
    if (!pair->words) continue;
    mixent_words_fold(section, pair->variant, MIXENT_VERDICT_UNDECIDED);
    mixent_text_append(out, "<p>");
    mixent_html_text(out, pair->words);
    mixent_text_append(out, "</p></details>\n");
  }
  mixent_text_append(out, "</div>\n");
}

static double threshold_of(const mixent_section *section, size_t index) {
  return mixent_section_primary(section).scale * across(section)->thresholds[index];
}

static void write_profiles(const mixent_section *chart, mixent_plot *plot) {
  const mixent_section section = mixent_section_on(chart, &plot->values);
  const mixent_primary primary = mixent_section_primary(chart);
  mixent_text *values = &plot->values, *script = &plot->script;
  mixent_text_append(values, "<thead><tr><th scope=\"col\">threshold</th>");
  for (size_t v = 0; v < section.report->variant_count; v++) {
    mixent_section_head(&section, v);
    mixent_text_append(values, "</th>");
    mixent_text_append(script, "$v%zu << END\n", v);
    for (size_t k = 0; k < MIXENT_ACROSS_THRESHOLDS; k++) {
      const mixent_estimate *share = &across(&section)->variants[v].profile[k];
      mixent_text_append(script, "%.10g %.6f %.6f %.6f\n", threshold_of(&section, k), 100 * share->value,
                         100 * share->low, 100 * share->high);
    }
    mixent_text_append(script, "END\n");
  }
  mixent_text_append(values, "</tr></thead><tbody>\n");
  for (size_t k = 0; k < MIXENT_ACROSS_THRESHOLDS; k++) {
    double place = threshold_of(&section, k);
    mixent_text_append(values, "<tr data-x=\"%.10g\"><th scope=\"row\">%.*f</th>", place, primary.digits,
                       place);
    for (size_t v = 0; v < section.report->variant_count; v++) {
      const mixent_estimate *share = &across(&section)->variants[v].profile[k];
      mixent_section_cell(&section, v);
      mixent_text_append(values, "%.0f %% (%.0f to %.0f)</td>", 100 * share->value, 100 * share->low,
                         100 * share->high);
    }
    mixent_text_append(values, "</tr>\n");
  }
  mixent_text_append(values, "</tbody>");
}

static mixent_status draw_profiles(const mixent_section *section) {
  const mixent_report *report = section->report;
  double first = threshold_of(section, 0), last = threshold_of(section, MIXENT_ACROSS_THRESHOLDS - 1);
  mixent_plot plot = {.width = 560,
                      .height = 320,
                      .x = mixent_axis_round(fmin(first, last), fmax(first, last), 6),
                      .y = {0, 100, 20},
                      .x_title = "threshold"};
  for (size_t v = 0; v < report->variant_count; v++)
    mixent_plot_label(&plot, report->variants[v], mixent_report_hue(report, v),
                      100 * across(section)->variants[v].profile[MIXENT_ACROSS_THRESHOLDS - 1].value);
  mixent_plot_begin(&plot);
  write_profiles(section, &plot);
  for (int band = 1; band >= 0; band--)
    for (size_t v = 0; v < report->variant_count; v++) {
      char block[24];
      snprintf(block, sizeof block, "$v%zu", v);
      mixent_plot_draw_curve(&plot, mixent_report_hue(report, v), block, band);
    }
  return mixent_section_chart(section, MIXENT_PLOT_COMMON, "Runs that are better than a threshold, %", &plot,
                              "performance profile: share of the runs that are better than each threshold");
}

mixent_status mixent_section_across(const mixent_section *section) {
  mixent_text *out = section->out;
  if (!across(section)) return MIXENT_OK;
  mixent_section_begin(section, "across", "Across data sets");
  write_table(section);
  write_words(section);
  if (across(section)->common >= MIXENT_ACROSS_LEAST) {
    mixent_text_append(out, "<div class=\"charts wide\">\n");
    MIXENT_TRY(draw_profiles(section));
    mixent_text_append(out, "</div>\n");
  }
  mixent_section_end(section);
  return mixent_text_status(out);
}
