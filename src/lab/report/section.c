/* The pieces that sections share. */
#include "lab/report/page.h"

#include <math.h>
#include <string.h>

void mixent_section_begin(const mixent_section *section, const char *name, const char *title) {
  mixent_text_append(section->out, "<section id=\"%s-%zu\"><h%d>%s</h%d>\n", name, section->data,
                     section->level, title, section->level);
  if (section->links)
    mixent_text_append(section->links, "<a href=\"#%s-%zu\">%s</a>\n", name, section->data, title);
}

void mixent_section_end(const mixent_section *section) {
  mixent_text_append(section->out, "</section>\n");
}

mixent_primary mixent_section_primary(const mixent_section *section) {
  const mixent_comparison *comparison = section->report->comparison;
  size_t index = comparison->input.primary;
  const mixent_measure *measure = &comparison->input.measures[index];
  return (mixent_primary){index,
                          measure,
                          measure->scale,
                          comparison->digits[index],
                          strcmp(measure->unit, "%") == 0 ? "points" : measure->unit,
                          comparison->input.difference};
}

mixent_section mixent_section_on(const mixent_section *section, mixent_text *out) {
  mixent_section other = *section;
  other.out = out;
  return other;
}

void mixent_section_variant(const mixent_section *section, size_t variant) {
  size_t index = mixent_report_hue(section->report, variant);
  mixent_text_append(section->out, "<span class=\"variant dash-%u\" style=\"--hue:var(--hue-%zu)\">",
                     mixent_plot_dash(index), index % MIXENT_PLOT_HUES);
  mixent_html_text(section->out, section->report->variants[variant]);
  mixent_text_append(section->out, "</span>");
}

void mixent_section_head(const mixent_section *section, size_t variant) {
  mixent_text_append(section->out, "<th scope=\"col\" class=\"v%zu\">",
                     mixent_report_hue(section->report, variant));
  mixent_section_variant(section, variant);
}

void mixent_section_cell(const mixent_section *section, size_t variant) {
  mixent_text_append(section->out, "<td class=\"v%zu\">", mixent_report_hue(section->report, variant));
}

mixent_status mixent_section_chart(const mixent_section *section, size_t variant, const char *title,
                                   mixent_plot *plot, const char *about) {
  mixent_text *out = section->out;
  if (variant == MIXENT_PLOT_COMMON)
    mixent_text_append(out, "<figure>");
  else
    mixent_text_append(out, "<figure class=\"v%zu\">", mixent_report_hue(section->report, variant));
  mixent_text_append(out, "<figcaption>%s</figcaption>", title);
  mixent_text values = plot->values; /* plot_end frees what is left in the chart */
  mixent_status status = mixent_plot_end(plot, about, out);
  mixent_text_append(
      out, "<details class=\"values\"><summary>values</summary><div class=\"scroll\" tabindex=\"0\" "
           "role=\"region\" aria-label=\"values of the chart\"><table>");
  mixent_text_append_bytes(out, values.data, values.length);
  mixent_text_append(out, "</table></div></details></figure>\n");
  out->failed |= values.failed;
  mixent_text_free(&values);
  return status == MIXENT_OK ? mixent_text_status(out) : status;
}

void mixent_band_add(mixent_band *band, double value) {
  if (isnan(value)) return;
  if (!band->count++) {
    *band = (mixent_band){1, value, value, value};
    return;
  }
  band->mean += (value - band->mean) / (double)band->count;
  band->low = fmin(band->low, value);
  band->high = fmax(band->high, value);
}

void mixent_html_band(mixent_text *out, const mixent_band *band, double scale, int digits) {
  mixent_html_number(out, scale * band->mean, digits);
  if (band->count < 2) return;
  mixent_text_append(out, " (");
  mixent_html_number(out, scale * band->low, digits);
  mixent_text_append(out, " to ");
  mixent_html_number(out, scale * band->high, digits);
  mixent_text_append(out, ")");
}
