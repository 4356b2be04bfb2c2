/* Tables: every measure of every variant, and its paired differences from the baseline. */
#include "lab/report/page.h"

#include "core/layout.h"
#include <math.h>

static const char *const kind_titles[] = {[MIXENT_MEASURE_TEST] = "Test part",
                                          [MIXENT_MEASURE_CALIBRATED] =
                                              "Test part, at the temperature of the validation part",
                                          [MIXENT_MEASURE_VALIDATION] = "Validation part",
                                          [MIXENT_MEASURE_RUN] = "The runs"};

static const mixent_compare_result *compared(const mixent_section *section) {
  return &section->report->comparison->data[section->data];
}

static const mixent_compare_input *input_of(const mixent_section *section) {
  return &section->report->comparison->input;
}

static bool is_shown(const mixent_section *section, size_t variant) {
  return compared(section)->variants[variant].runs > 0;
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

static void write_sample(mixent_text *out, double scale, int digits, const mixent_sample *sample) {
  if (!sample->count) {
    mixent_text_append(out, "–</td>");
    return;
  }
  mixent_html_number(out, scale * sample->mean, digits);
  if (sample->count > 1) {
    mixent_text_append(out, " ± ");
    mixent_html_number(out, scale * sample->deviation, digits);
    mixent_text_append(out, "<small class=\"range\">[");
    mixent_html_number(out, scale * sample->low, digits);
    mixent_text_append(out, ", ");
    mixent_html_number(out, scale * sample->high, digits);
    mixent_text_append(out, "]</small>");
  }
  mixent_text_append(out, "</td>");
}

static void write_heads(const mixent_section *section, bool baseline) {
  mixent_text *out = section->out;
  mixent_text_append(
      out,
      "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"table of measures\">"
      "<table class=\"measures\" style=\"--columns:%zu\"><thead><tr><th scope=\"col\">measure</th>",
      shown_count(section));
  for (size_t v = 0; v < section->report->variant_count; v++) {
    if (!is_shown(section, v) || (!baseline && v == section->report->baseline)) continue;
    mixent_section_head(section, v);
    if (baseline && (section->report->study || section->report->asked))
      mixent_text_append(out, "<small>%zu run%s</small>", compared(section)->variants[v].runs,
                         compared(section)->variants[v].runs == 1 ? "" : "s");
    mixent_text_append(out, "</th>");
  }
  mixent_text_append(out, "</tr></thead>\n");
}

static void write_kind(const mixent_section *section, mixent_measure_kind kind) {
  const char *title = section->report->asked && kind == MIXENT_MEASURE_TEST ? "Metrics" : kind_titles[kind];
  mixent_text_append(section->out, "<tr class=\"kind\"><th scope=\"rowgroup\" colspan=\"%zu\">%s</th></tr>\n",
                     1 + shown_count(section), title);
}

static void write_measure_samples(const mixent_section *section, size_t measure) {
  const mixent_report *report = section->report;
  write_measure(section->out, &input_of(section)->measures[measure]);
  for (size_t v = 0; v < report->variant_count; v++) {
    if (!is_shown(section, v)) continue;
    mixent_section_cell(section, v);
    write_sample(section->out, input_of(section)->measures[measure].scale,
                 report->comparison->digits[measure], &compared(section)->variants[v].measures[measure]);
  }
  mixent_text_append(section->out, "</tr>\n");
}

static void write_samples(const mixent_section *section) {
  const mixent_compare_input *input = input_of(section);
  write_heads(section, true);
  for (mixent_measure_kind kind = 0; kind <= MIXENT_MEASURE_RUN; kind++) {
    bool begun = false;
    for (size_t m = 0; m < input->measure_count; m++) {
      if (input->measures[m].kind != kind || !any_has(section, m)) continue;
      if (!begun) mixent_text_append(section->out, "<tbody>");
      if (!begun) write_kind(section, kind);
      begun = true;
      write_measure_samples(section, m);
    }
    if (begun) mixent_text_append(section->out, "</tbody>\n");
  }
  mixent_text_append(section->out, "</table></div>\n");
}

static void write_difference(mixent_text *out, double scale, int digits, const mixent_compared *compared) {
  const mixent_difference *difference = &compared->difference;
  if (isnan(difference->low)) {
    mixent_text_append(out, "–</td>");
    return;
  }
  mixent_html_difference(out, scale * difference->mean, digits);
  mixent_text_append(out, "<small class=\"range\">[");
  mixent_html_difference(out, scale * difference->low, digits);
  mixent_text_append(out, ", ");
  mixent_html_difference(out, scale * difference->high, digits);
  mixent_text_append(out, "]");
  if (!isnan(compared->holm)) {
    mixent_text_append(out, ", p ");
    mixent_html_p(out, compared->holm);
  }
  mixent_text_append(out, "</small></td>");
}

static bool any_pair(const mixent_section *section) {
  for (size_t i = 0; i + 1 < section->report->variant_count; i++)
    if (!isnan(compared(section)->pairs[i].measures[input_of(section)->primary].difference.low)) return true;
  return false;
}

static void write_differences(const mixent_section *section) {
  const mixent_report *report = section->report;
  mixent_text *out = section->out;
  mixent_text_append(out, "<details><summary>Differences of every measure from ");
  mixent_section_variant(section, report->baseline);
  mixent_text_append(
      out,
      "</summary><p class=\"note\">Over the seeds that both have, or unpaired where they share none, with "
      "95 %% intervals by t and p after Holm's correction over all comparisons, for each measure by "
      "itself: of many measures some differ by chance.</p>\n");
  write_heads(section, false);
  mixent_text_append(out, "<tbody>\n");
  for (size_t m = 0; m < input_of(section)->measure_count; m++) {
    if (!any_has(section, m)) continue;
    write_measure(out, &input_of(section)->measures[m]);
    for (size_t i = 0; i + 1 < report->variant_count; i++) {
      const mixent_compare_pair *pair = &compared(section)->pairs[i];
      if (!is_shown(section, pair->variant)) continue;
      mixent_section_cell(section, pair->variant);
      write_difference(out, input_of(section)->measures[m].scale, report->comparison->digits[m],
                       &pair->measures[m]);
    }
    mixent_text_append(out, "</tr>\n");
  }
  mixent_text_append(out, "</tbody></table></div></details>\n");
}

mixent_status mixent_section_measures(const mixent_section *section) {
  if (!compared(section)->runs) return MIXENT_OK;
  mixent_text *out = section->out;
  mixent_section_begin(section, "measures", "Measures");
  mixent_text_append(out, "<p class=\"note\">%s",
                     section->report->seed_count > 1
                         ? "Mean ± standard deviation over the runs, below it the 95 % interval of the mean. "
                         : "");
  size_t items = input_of(section)->data[section->data].items;
  if (items)
    mixent_text_append(out, "%s test %s. ", mixent_text_count(items),
                       mixent_compare_samples(section->report->comparison, section->data));
  mixent_text_append(out, "↑: higher is better, ↓: lower is.</p>\n");
  write_samples(section);
  if (any_pair(section)) write_differences(section);
  mixent_section_end(section);
  return mixent_text_status(out);
}
