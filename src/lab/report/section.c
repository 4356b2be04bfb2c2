/* The pieces that sections share. */
#include "lab/report/page.h"

#include <math.h>

void mixent_section_begin(const mixent_section *section, const char *name, const char *title) {
  mixent_text_append(section->out, "<section id=\"%s-%zu\"><h%d>%s</h%d>\n", name, section->data,
                     section->level, title, section->level);
  mixent_text_append(section->links, "<a href=\"#%s-%zu\">%s</a>\n", name, section->data, title);
}

void mixent_section_end(const mixent_section *section) {
  mixent_text_append(section->out, "</section>\n");
}

void mixent_section_variant(const mixent_section *section, size_t variant) {
  size_t hue = mixent_report_hue(section->report, variant);
  mixent_text_append(section->out, "<span class=\"variant%s\" style=\"--hue:var(--hue-%zu)\">",
                     hue >= MIXENT_PLOT_HUES ? " again" : "", hue % MIXENT_PLOT_HUES);
  mixent_html_text(section->out, section->report->variants[variant]);
  mixent_text_append(section->out, "</span>");
}

mixent_status mixent_section_chart(const mixent_section *section, const char *title, mixent_plot *plot,
                                   const char *about) {
  mixent_text_append(section->out, "<figure><figcaption>%s</figcaption>", title);
  MIXENT_TRY(mixent_plot_end(plot, about, section->out));
  mixent_text_append(section->out, "</figure>\n");
  return mixent_text_status(section->out);
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
