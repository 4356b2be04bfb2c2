/* Tables: every measure of every variant, and its paired differences from the baseline. */
#include "lab/report/page.h"

#include "core/layout.h"
#include <math.h>
#include <string.h>

static const char *const kind_titles[] = {[MIXENT_MEASURE_TEST] = "Test part",
                                          [MIXENT_MEASURE_CALIBRATED] =
                                              "Test part, at the temperature of the validation part",
                                          [MIXENT_MEASURE_VALIDATION] = "Validation part",
                                          [MIXENT_MEASURE_RUN] = "The runs"};

static const mixent_compare_result *compared(const mixent_section *section) {
  return &section->report->comparison->data[section->data];
}

static bool is_shown(const mixent_section *section, size_t variant) {
  return mixent_report_has_results(section->report, section->data, variant);
}

static size_t shown_count(const mixent_section *section) {
  size_t count = 0;
  for (size_t v = 0; v < section->report->variant_count; v++) count += is_shown(section, v);
  return count;
}

static bool any_has(const mixent_section *section, size_t measure) {
  for (size_t v = 0; v < section->report->variant_count; v++)
    if (compared(section)->variants[v].measures[measure].count) return true;
  return false;
}

/* The first cell of a line: "accuracy, % ↑". */
static void write_measure(mixent_text *out, const mixent_measure *measure) {
  mixent_text_append(out, "<tr><th scope=\"row\">");
  mixent_html_text(out, measure->title);
  mixent_text_append(out, "%s%s", *measure->unit ? ", " : "", measure->unit);
  if (measure->better)
    mixent_text_append(out, " <span class=\"direction\" role=\"img\" aria-label=\"%s is better\">%s</span>",
                       measure->better > 0 ? "higher" : "lower", measure->better > 0 ? "↑" : "↓");
  mixent_text_append(out, "</th>");
}

static void write_sample(mixent_text *out, const mixent_measure *measure, const mixent_sample *sample) {
  if (!sample->count) {
    mixent_text_append(out, "–</td>");
    return;
  }
  mixent_html_number(out, measure->scale * sample->mean, measure->digits);
  if (sample->count > 1) {
    mixent_text_append(out, " ± ");
    mixent_html_number(out, measure->scale * sample->deviation, measure->digits);
    mixent_text_append(out, "<small class=\"range\">[");
    mixent_html_number(out, measure->scale * sample->low, measure->digits);
    mixent_text_append(out, ", ");
    mixent_html_number(out, measure->scale * sample->high, measure->digits);
    mixent_text_append(out, "]</small>");
  }
  mixent_text_append(out, "</td>");
}

static void write_heads(const mixent_section *section, bool baseline) {
  mixent_text *out = section->out;
  mixent_text_append(out,
                     "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"table of measures\">"
                     "<table class=\"measures\"><thead><tr><th scope=\"col\">measure</th>");
  for (size_t v = 0; v < section->report->variant_count; v++) {
    if (!is_shown(section, v) || (!baseline && v == section->report->baseline)) continue;
    mixent_section_head(section, v);
    if (baseline && section->report->study)
      mixent_text_append(out, "<small>%zu seed%s</small>", compared(section)->variants[v].runs,
                         compared(section)->variants[v].runs == 1 ? "" : "s");
    mixent_text_append(out, "</th>");
  }
  mixent_text_append(out, "</tr></thead>\n");
}

static void write_kind(const mixent_section *section, mixent_measure_kind kind, size_t columns) {
  mixent_text_append(section->out,
                     "<tbody><tr class=\"kind\"><th scope=\"rowgroup\" colspan=\"%zu\">%s</th></tr>\n",
                     columns, kind_titles[kind]);
}

static void write_samples(const mixent_section *section) {
  int kind = -1;
  mixent_text *out = section->out;
  write_heads(section, true);
  for (size_t m = 0; m < MIXENT_MEASURES; m++) {
    const mixent_measure *measure = &mixent_measures[m];
    if (!any_has(section, m)) continue;
    if (kind >= 0 && (int)measure->kind != kind) mixent_text_append(out, "</tbody>\n");
    if ((int)measure->kind != kind) write_kind(section, measure->kind, 1 + shown_count(section));
    kind = (int)measure->kind;
    write_measure(out, measure);
    for (size_t v = 0; v < section->report->variant_count; v++)
      if (is_shown(section, v)) {
        mixent_section_cell(section, v);
        write_sample(out, measure, &compared(section)->variants[v].measures[m]);
      }
    mixent_text_append(out, "</tr>\n");
  }
  mixent_text_append(out, "%s</table></div>\n", kind >= 0 ? "</tbody>" : "");
}

static void write_difference(mixent_text *out, const mixent_measure *measure, const mixent_compare_pair *pair,
                             size_t index) {
  const mixent_difference *difference = &pair->measures[index].difference;
  if (isnan(difference->low)) {
    mixent_text_append(out, "–</td>");
    return;
  }
  mixent_html_difference(out, measure->scale * difference->mean, measure->digits);
  mixent_text_append(out, "<small class=\"range\">[");
  mixent_html_difference(out, measure->scale * difference->low, measure->digits);
  mixent_text_append(out, ", ");
  mixent_html_difference(out, measure->scale * difference->high, measure->digits);
  mixent_text_append(out, "], p ");
  mixent_html_p(out, pair->measures[index].holm);
  mixent_text_append(out, "</small></td>");
}

static bool any_pair(const mixent_section *section) {
  for (size_t i = 0; i + 1 < section->report->variant_count; i++)
    if (compared(section)->pairs[i].seeds > 1) return true;
  return false;
}

static void write_differences(const mixent_section *section) {
  mixent_text *out = section->out;
  mixent_text_append(out, "<details><summary>Paired differences of every measure from ");
  mixent_section_variant(section, section->report->baseline);
  mixent_text_append(out,
                     "</summary><p class=\"note\">Means over the seeds that both have finished, with 95 %% "
                     "intervals by t and p after Holm's correction over all comparisons of the study, for "
                     "each measure by itself: "
                     "of many measures some differ by chance.</p>\n");
  write_heads(section, false);
  mixent_text_append(out, "<tbody>\n");
  for (size_t m = 0; m < MIXENT_MEASURES; m++) {
    if (!any_has(section, m)) continue;
    write_measure(out, &mixent_measures[m]);
    for (size_t i = 0; i + 1 < section->report->variant_count; i++)
      if (is_shown(section, compared(section)->pairs[i].variant)) {
        mixent_section_cell(section, compared(section)->pairs[i].variant);
        write_difference(out, &mixent_measures[m], &compared(section)->pairs[i], m);
      }
    mixent_text_append(out, "</tr>\n");
  }
  mixent_text_append(out, "</tbody></table></div></details>\n");
}

mixent_status mixent_section_measures(const mixent_section *section) {
  if (!compared(section)->runs) return MIXENT_OK;
  mixent_text *out = section->out;
  mixent_section_begin(section, "measures", "Measures");
  mixent_text_append(
      out, "<p class=\"note\">%s%s test %s. ↑: higher is better, ↓: lower is.</p>\n",
      section->report->seed_count > 1
          ? "Mean ± standard deviation over the seeds, below it the 95 % interval of the mean. "
          : "",
      mixent_text_count(section->report->comparison->input.data[section->data].items),
      mixent_compare_samples(section->report->comparison, section->data));
  write_samples(section);
  if (any_pair(section)) write_differences(section);
  mixent_section_end(section);
  return mixent_text_status(out);
}
