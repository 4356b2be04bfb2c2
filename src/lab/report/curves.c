/* Curves over the epochs: mean of the seeds with the range between the lowest and the highest. */
#include "lab/report/page.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static double value_of(const mixent_report_run *run, mixent_series series, size_t epoch) {
  return epoch < run->epochs ? run->series[series * run->epochs + epoch] : NAN;
}

static size_t most_epochs(const mixent_section *section) {
  size_t most = 0;
  const mixent_report *report = section->report;
  for (size_t v = 0; v < report->variant_count; v++)
    for (size_t s = 0; s < report->seed_count; s++) {
      size_t epochs = mixent_report_run_of(report, section->data, v, s)->epochs;
      if (epochs > most) most = epochs;
    }
  return most;
}

static mixent_band band_at(const mixent_section *section, mixent_series series, size_t variant,
                           size_t epoch) {
  mixent_band band = {0, NAN, NAN, NAN};
  for (size_t s = 0; s < section->report->seed_count; s++)
    mixent_band_add(
        &band, value_of(mixent_report_run_of(section->report, section->data, variant, s), series, epoch));
  return band;
}

/* Whether the series of any of the variant's runs moves. */
static bool moves(const mixent_section *section, mixent_series series, size_t variant) {
  for (size_t s = 0; s < section->report->seed_count; s++) {
    const mixent_report_run *run = mixent_report_run_of(section->report, section->data, variant, s);
    for (size_t e = 1; e < run->epochs; e++)
      if (fabs(value_of(run, series, e) - value_of(run, series, 0)) > 1e-9) return true;
  }
  return false;
}

/* One chart: which series, of which variants, times what. */
typedef struct curve_chart {
  const mixent_section *section;
  mixent_series series;
  const char *title, *about;
  double scale;
  int digits;  /* of its values */
  bool moving; /* only variants whose series moves */
} curve_chart;

static bool is_drawn(const curve_chart *chart, size_t variant) {
  return !chart->moving || moves(chart->section, chart->series, variant);
}

/* The variant's last epoch with a value; its band there. false: none. */
static bool find_end(const curve_chart *chart, size_t variant, size_t epochs, mixent_band *out) {
  for (size_t e = epochs; e-- > 0;)
    if ((*out = band_at(chart->section, chart->series, variant, e)).count) return true;
  return false;
}

/* The range of one variant's curves. */
static mixent_band range_of(const curve_chart *chart, size_t variant, size_t epochs) {
  mixent_band range = {0, NAN, NAN, NAN};
  for (size_t e = 0; e < epochs; e++) {
    mixent_band band = band_at(chart->section, chart->series, variant, e);
    mixent_band_add(&range, chart->scale * band.low);
    mixent_band_add(&range, chart->scale * band.high);
  }
  return range;
}

static int compare_numbers(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(double *values, size_t count) {
  qsort(values, count, sizeof *values, compare_numbers);
  return values[(count - 1) / 2];
}

/* What the axis must hold, and all that there is (count 0: no value). A variant that runs away is cut off where it would press the
 * others flat: farther beyond the usual range than four times its width. */
static mixent_status find_range(const curve_chart *chart, size_t epochs, double *low, double *high,
                                mixent_band *whole) {
  size_t count = 0, variants = chart->section->report->variant_count;
  double *lows, *highs;
  MIXENT_TRY(MIXENT_ALLOCATE(2 * variants, &lows));
  highs = lows + variants;
  for (size_t v = 0; v < variants; v++) {
    mixent_band range = range_of(chart, v, epochs);
    if (!is_drawn(chart, v) || !range.count) continue;
    lows[count] = range.low, highs[count++] = range.high;
    mixent_band_add(whole, range.low);
    mixent_band_add(whole, range.high);
  }
  *low = whole->low, *high = whole->high;
  if (count > 2 && epochs > 1) {
    double bottom = median(lows, count), top = median(highs, count), room = 4 * (top - bottom);
    *low = fmax(*low, bottom - room), *high = fmin(*high, top + room);
  }
  free(lows);
  return MIXENT_OK;
}

static void write_number(mixent_text *out, double value) {
  if (isnan(value))
    mixent_text_append(out, " NaN");
  else
    mixent_text_append(out, " %.6g", value);
}

static void write_blocks(const curve_chart *chart, size_t epochs, mixent_text *out) {
  for (size_t v = 0; v < chart->section->report->variant_count; v++) {
    if (!is_drawn(chart, v)) continue;
    mixent_text_append(out, "$v%zu << END\n", v);
    for (size_t e = 0; e < epochs; e++) {
      mixent_band band = band_at(chart->section, chart->series, v, e);
      mixent_text_append(out, "%zu", e + 1);
      write_number(out, chart->scale * band.mean);
      write_number(out, chart->scale * band.low);
      write_number(out, chart->scale * band.high);
      mixent_text_append(out, "\n");
    }
    mixent_text_append(out, "END\n");
  }
}

static void draw_curves(const curve_chart *chart, size_t epochs, mixent_plot *plot) {
  const mixent_report *report = chart->section->report;
  for (int pass = 0; pass < 2; pass++)
    for (size_t v = 0; v < report->variant_count; v++) {
      mixent_band end;
      if ((pass == 0 && report->seed_count == 1) || !is_drawn(chart, v) || !find_end(chart, v, epochs, &end))
        continue;
      size_t index = mixent_report_hue(report, v);
      char block[24];
      snprintf(block, sizeof block, "$v%zu", v);
      mixent_plot_draw_curve(plot, index, block, pass == 0);
      if (pass == 1 && epochs == 1) /* a line of one point is none */
        mixent_text_append(mixent_plot_draw(plot, index), "%s using 1:2 with points pt 7 ps 0.6 lc rgb '%s'",
                           block, mixent_plot_color(index));
    }
}

static void write_values(const curve_chart *chart, size_t epochs, mixent_text *values) {
  const mixent_section section = mixent_section_on(chart->section, values);
  mixent_text_append(values, "<thead><tr><th scope=\"col\">epoch</th>");
  for (size_t v = 0; v < section.report->variant_count; v++) {
    if (!is_drawn(chart, v)) continue;
    mixent_section_head(&section, v);
    mixent_text_append(values, "</th>");
  }
  mixent_text_append(values, "</tr></thead><tbody>\n");
  for (size_t e = 0; e < epochs; e++) {
    mixent_text_append(values, "<tr data-x=\"%zu\"><th scope=\"row\">%zu</th>", e + 1, e + 1);
    for (size_t v = 0; v < section.report->variant_count; v++) {
      if (!is_drawn(chart, v)) continue;
      mixent_band band = band_at(chart->section, chart->series, v, e);
      mixent_section_cell(&section, v);
      mixent_html_band(values, &band, chart->scale, chart->digits);
      mixent_text_append(values, "</td>");
    }
    mixent_text_append(values, "</tr>\n");
  }
  mixent_text_append(values, "</tbody>");
}

static mixent_status draw_chart(const curve_chart *chart) {
  const mixent_report *report = chart->section->report;
  size_t epochs = most_epochs(chart->section);
  double low, high;
  mixent_band whole = {0, NAN, NAN, NAN};
  MIXENT_TRY(find_range(chart, epochs, &low, &high, &whole));
  if (!whole.count) return MIXENT_OK;
  mixent_axis x = mixent_axis_round(epochs > 1 ? 1 : 0, epochs > 1 ? (double)epochs : 2, 6);
  if (x.step < 1) x.step = 1;
  mixent_plot plot = {.x = {epochs > 1 ? 1 : 0, epochs > 1 ? (double)epochs : 2, x.step},
                      .y = mixent_axis_round(low, high, 5),
                      .x_title = "epoch"};
  for (size_t v = 0; v < report->variant_count; v++) {
    mixent_band end;
    if (is_drawn(chart, v) && find_end(chart, v, epochs, &end))
      mixent_plot_label(&plot, report->variants[v], mixent_report_hue(report, v), chart->scale * end.mean);
  }
  mixent_plot_begin(&plot);
  write_blocks(chart, epochs, &plot.script);
  draw_curves(chart, epochs, &plot);
  write_values(chart, epochs, &plot.values);
  char title[128];
  bool cut = whole.low < plot.y.low || whole.high > plot.y.high;
  snprintf(title, sizeof title, "%s%s", chart->title,
           cut ? " <small>(what runs away is cut off)</small>" : "");
  return mixent_section_chart(chart->section, MIXENT_PLOT_COMMON, title, &plot, chart->about);
}

static bool any_held_out(const mixent_section *section) {
  const mixent_report *report = section->report;
  for (size_t v = 0; v < report->variant_count; v++)
    for (size_t s = 0; s < report->seed_count; s++)
      if (mixent_report_run_of(report, section->data, v, s)->held_out) return true;
  return false;
}

mixent_status mixent_section_curves(const mixent_section *section) {
  mixent_text *out = section->out;
  if (section->report->asked) return MIXENT_OK; /* results have no epochs */
  mixent_section_begin(section, "curves", "Training");
  if (!most_epochs(section)) {
    mixent_text_append(out,
                       "<p class=\"note\">No curves: these runs come without their metrics.jsonl.</p>\n");
    mixent_section_end(section);
    return mixent_text_status(out);
  }
  bool held_out = any_held_out(section);
  mixent_text_append(
      out,
      "<p class=\"note\">%sAccuracy, NLL and entropy are of %s. Losses differ in what they measure, "
      "so that their heights cannot be compared; the other three can.</p>\n<div class=\"charts\">\n",
      section->report->seed_count > 1
          ? "A line is the mean over the seeds, its band reaches from the lowest to the highest. "
          : "",
      held_out ? "the validation part" : "the training part (nothing was held out)");
  const curve_chart charts[] = {
      {section, MIXENT_SERIES_ACCURACY, held_out ? "Validation accuracy, %" : "Training accuracy, %",
       "accuracy in per cent over the epochs, a line for each variant", 100, 2, false},
      {section, MIXENT_SERIES_NLL, held_out ? "Validation NLL" : "Training NLL",
       "negative log-likelihood over the epochs, a line for each variant", 1, 4, false},
      {section, MIXENT_SERIES_ENTROPY, "Mean entropy of the predictions, nats",
       "mean entropy of the predictions over the epochs, a line for each variant", 1, 4, false},
      {section, MIXENT_SERIES_LOSS, "Training loss", "training loss over the epochs, a line for each variant",
       1, 4, false}};
  for (size_t i = 0; i < sizeof charts / sizeof *charts; i++) MIXENT_TRY(draw_chart(&charts[i]));
  mixent_text_append(out, "</div>\n");
  mixent_section_end(section);
  return mixent_text_status(out);
}

static bool any_moves(const mixent_section *section, mixent_series series) {
  for (size_t v = 0; v < section->report->variant_count; v++)
    if (moves(section, series, v)) return true;
  return false;
}

mixent_status mixent_section_weights(const mixent_section *section) {
  static const char *const titles[] = {"Weight w<sub>1</sub>", "Weight w<sub>2</sub>", "Weight w<sub>3</sub>",
                                       "Base b<sub>1</sub>",   "Base b<sub>2</sub>",   "Base b<sub>3</sub>"};
  static const char *const about[] = {"weight w1", "weight w2", "weight w3", "base b1", "base b2", "base b3"};
  bool begun = false;
  for (unsigned k = 0; k < 6; k++) {
    mixent_series series = MIXENT_SERIES_WEIGHTS + k;
    if (!any_moves(section, series)) continue;
    if (!begun) {
      mixent_section_begin(section, "weights", "Weights and bases");
      mixent_text_append(section->out,
                         "<p class=\"note\">As they stood at the end of each epoch, where they are "
                         "learned or scheduled.</p>\n<div class=\"charts\">\n");
    }
    begun = true;
    MIXENT_TRY(draw_chart(&(curve_chart){section, series, titles[k], about[k], 1, 4, true}));
  }
  if (!begun) return MIXENT_OK;
  mixent_text_append(section->out, "</div>\n");
  mixent_section_end(section);
  return mixent_text_status(section->out);
}
