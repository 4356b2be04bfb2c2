/* Whether the predictions' certainty is worth believing: reliability diagrams, entropy of right against wrong
 * predictions, risk against coverage. Counts are pooled over the seeds. */
#include "lab/report/page.h"

#include "core/layout.h"
#include <math.h>
#include <stdio.h>

/* Sums over the runs of a variant. */
typedef struct pooled {
  mixent_reliability_bin before[MIXENT_RELIABILITY_BINS], after[MIXENT_RELIABILITY_BINS];
  size_t entropy_right[MIXENT_ENTROPY_BINS], entropy_wrong[MIXENT_ENTROPY_BINS];
  size_t right, wrong, images; /* images: of all runs */
  bool calibrated;             /* a temperature was fitted */
} pooled;

static void add_bins(mixent_reliability_bin *sum, const mixent_reliability_bin *bins) {
  for (size_t i = 0; i < MIXENT_RELIABILITY_BINS; i++) { /* sums until finish_bins */
    sum[i].count += bins[i].count;
    sum[i].confidence += (double)bins[i].count * bins[i].confidence;
    sum[i].accuracy += (double)bins[i].count * bins[i].accuracy;
  }
}

static void finish_bins(mixent_reliability_bin *sum) {
  for (size_t i = 0; i < MIXENT_RELIABILITY_BINS; i++)
    if (sum[i].count) sum[i].confidence /= (double)sum[i].count, sum[i].accuracy /= (double)sum[i].count;
}

static pooled pool_runs(const mixent_section *section, size_t variant) {
  pooled pool = {.calibrated = false};
  for (size_t s = 0; s < section->report->seed_count; s++) {
    const mixent_result *result = mixent_report_run_of(section->report, section->data, variant, s)->result;
    if (!result) continue;
    add_bins(pool.before, result->reliability);
    add_bins(pool.after, result->reliability_calibrated);
    for (size_t i = 0; i < MIXENT_ENTROPY_BINS; i++) {
      pool.entropy_right[i] += result->entropy_right[i], pool.right += result->entropy_right[i];
      pool.entropy_wrong[i] += result->entropy_wrong[i], pool.wrong += result->entropy_wrong[i];
    }
    pool.images += result->test_images;
    pool.calibrated |= result->temperature.found;
  }
  finish_bins(pool.before);
  finish_bins(pool.after);
  return pool;
}

/* NaN where no run of the variant has the measure. */
static double mean_of(const mixent_section *section, size_t variant, const char *name) {
  const mixent_comparison *comparison = section->report->comparison;
  size_t index = mixent_compare_find(&comparison->input, name);
  if (index == comparison->input.measure_count) return NAN;
  const mixent_sample *sample = &comparison->data[section->data].variants[variant].measures[index];
  return sample->count ? sample->mean : NAN;
}

static void write_bins(const mixent_reliability_bin *bins, const char *name, mixent_text *out) {
  mixent_text_append(out, "$%s << END\n", name);
  for (size_t i = 0; i < MIXENT_RELIABILITY_BINS; i++)
    if (bins[i].count) mixent_text_append(out, "%.5f %.5f\n", bins[i].confidence, bins[i].accuracy);
  mixent_text_append(out, "END\n");
}

/* Shares of the images, as bars from the bottom. */
static void write_shares(const pooled *pool, mixent_text *out) {
  mixent_text_append(out, "$share << END\n");
  for (size_t i = 0; i < MIXENT_RELIABILITY_BINS; i++)
    mixent_text_append(out, "%.5f %.5f\n", (double)(2 * i + 1) / (2 * MIXENT_RELIABILITY_BINS),
                       (double)pool->before[i].count / (double)pool->images);
  mixent_text_append(out, "END\n");
}

/* The title of a variant's own chart: its name, and below it what `write` adds. */
static mixent_status draw_titled(const mixent_section *section, size_t variant, const pooled *pool,
                                 void (*write)(const mixent_section *title, size_t variant,
                                               const pooled *pool),
                                 mixent_plot *plot, const char *about) {
  mixent_text text = {0};
  const mixent_section title = mixent_section_on(section, &text);
  mixent_section_variant(&title, variant);
  mixent_text_append(&text, "<small>");
  write(&title, variant, pool);
  mixent_text_append(&text, "</small>");
  plot->script.failed |= text.failed;
  mixent_status status = mixent_section_chart(section, variant, text.failed ? "" : text.data, plot, about);
  mixent_text_free(&text);
  return status;
}

static void write_calibration(const mixent_section *title, size_t variant, const pooled *pool) {
  mixent_text_append(title->out, "ECE %.4f", mean_of(title, variant, "ece"));
  if (pool->calibrated)
    mixent_text_append(title->out, ", %.4f at temperature %.2f", mean_of(title, variant, "ece_calibrated"),
                       mean_of(title, variant, "temperature"));
}

/* "0.947 at confidence 0.961", or nothing of a bin without images. */
static void write_bin(mixent_text *values, const mixent_reliability_bin *bin) {
  mixent_text_append(values, "<td>");
  if (bin->count) mixent_text_append(values, "%.3f at confidence %.3f", bin->accuracy, bin->confidence);
  mixent_text_append(values, "</td>");
}

static void write_reliability_values(const pooled *pool, mixent_text *values) {
  const double width = 1.0 / MIXENT_RELIABILITY_BINS;
  mixent_text_append(values,
                     "<thead><tr><th scope=\"col\">confidence</th><th scope=\"col\">accuracy</th>%s<th "
                     "scope=\"col\">share</th></tr></thead><tbody>\n",
                     pool->calibrated ? "<th scope=\"col\">accuracy at the temperature</th>" : "");
  for (size_t i = 0; i < MIXENT_RELIABILITY_BINS; i++) {
    const mixent_reliability_bin *before = &pool->before[i], *after = &pool->after[i];
    if (!before->count && !(pool->calibrated && after->count)) continue;
    mixent_text_append(values, "<tr data-x=\"%.5f\"><th scope=\"row\">%.3f to %.3f</th>",
                       ((double)i + 0.5) * width, (double)i * width, (double)(i + 1) * width);
    write_bin(values, before);
    if (pool->calibrated) write_bin(values, after);
    mixent_text_append(values, "<td>%.1f %%</td></tr>\n", 100 * (double)before->count / (double)pool->images);
  }
  mixent_text_append(values, "</tbody>");
}

static mixent_status draw_reliability(const mixent_section *section, size_t variant) {
  pooled pool = pool_runs(section, variant);
  size_t index = mixent_report_hue(section->report, variant);
  mixent_plot plot = {
      .width = 320, .height = 300, .x = {0, 1, 0.2}, .y = {0, 1, 0.2}, .x_title = "confidence"};
  mixent_plot_begin(&plot);
  write_shares(&pool, &plot.script);
  write_bins(pool.before, "before", &plot.script);
  write_bins(pool.after, "after", &plot.script);
  mixent_text_append(&plot.script, "$even << END\n0 0\n1 1\nEND\nset boxwidth %.5f\n",
                     0.9 / MIXENT_RELIABILITY_BINS);
  mixent_text_append(mixent_plot_draw(&plot, MIXENT_PLOT_COMMON),
                     "$share using 1:2 with boxes fc rgb '%s' fs solid 1 noborder", MIXENT_PLOT_GRID);
  mixent_text_append(mixent_plot_draw(&plot, MIXENT_PLOT_COMMON),
                     "$even using 1:2 with lines lw 1 lc rgb '%s' dt (2,3)", MIXENT_PLOT_MUTED);
  if (pool.calibrated)
    mixent_text_append(mixent_plot_draw(&plot, MIXENT_PLOT_COMMON),
                       "$after using 1:2 with lines lw 1.5 lc rgb '%s' dt (6,3)", MIXENT_PLOT_MUTED);
  mixent_text_append(mixent_plot_draw(&plot, MIXENT_PLOT_COMMON),
                     "$before using 1:2 with lines lw 2 lc rgb '%s'", mixent_plot_color(index));
  mixent_text_append(mixent_plot_draw(&plot, MIXENT_PLOT_COMMON),
                     "$before using 1:2 with points pt 7 ps 0.45 lc rgb '%s'", mixent_plot_color(index));
  write_reliability_values(&pool, &plot.values);
  return draw_titled(section, variant, &pool, write_calibration, &plot,
                     "accuracy against confidence, with the diagonal");
}

mixent_status mixent_section_reliability(const mixent_section *section) {
  if (!mixent_report_any_result(section->report, section->data)) return MIXENT_OK;
  mixent_text *out = section->out;
  mixent_section_begin(section, "reliability", "Reliability");
  bool calibrated = false;
  for (size_t v = 0; v < section->report->variant_count; v++) calibrated |= pool_runs(section, v).calibrated;
  mixent_text_append(
      out,
      "<p class=\"note\">How often the predictions of a confidence come true%s: on the diagonal "
      "certainty can be believed, below it the network claims too much. %sGrey bars: the share of "
      "the test %s of that confidence.</p>\n<div class=\"charts small\">\n",
      section->report->seed_count > 1 ? ", pooled over the seeds" : "",
      calibrated
          ? "Dashed: after division of the logits by the temperature that fits the validation part best. "
          : "",
      mixent_compare_samples(section->report->comparison, section->data));
  for (size_t v = 0; v < section->report->variant_count; v++)
    if (mixent_report_has_results(section->report, section->data, v))
      MIXENT_TRY(draw_reliability(section, v));
  mixent_text_append(out, "</div>\n");
  mixent_section_end(section);
  return mixent_text_status(out);
}

static double largest_share(const pooled *pool) {
  double most = 0;
  for (size_t i = 0; i < MIXENT_ENTROPY_BINS; i++) {
    if (pool->right) most = fmax(most, (double)pool->entropy_right[i] / (double)pool->right);
    if (pool->wrong) most = fmax(most, (double)pool->entropy_wrong[i] / (double)pool->wrong);
  }
  return most;
}

static double percent_of(size_t count, size_t all) {
  return all ? 100 * (double)count / (double)all : 0;
}

static void write_histogram(const size_t *counts, size_t all, const char *name, double width,
                            mixent_text *out) {
  mixent_text_append(out, "$%s << END\n", name);
  for (size_t i = 0; i < MIXENT_ENTROPY_BINS; i++)
    mixent_text_append(out, "%.5f %.4f\n", ((double)i + 0.5) * width, percent_of(counts[i], all));
  mixent_text_append(out, "END\n");
}

static void write_kinds(const mixent_section *title, size_t variant, const pooled *pool) {
  double right = 100 * (double)pool->right / (double)(pool->right + pool->wrong);
  mixent_text_append(
      title->out, "<span class=\"right\">right: %.1f %%</span>, <span class=\"wrong\">wrong: %.1f %%</span>",
      right, 100 - right);
  double auroc = mean_of(title, variant, "auroc");
  if (!isnan(auroc)) mixent_text_append(title->out, ", AUROC %.3f", auroc);
}

static void write_entropy_values(const pooled *pool, double width, mixent_text *values) {
  mixent_text_append(
      values, "<thead><tr><th scope=\"col\">entropy</th><th scope=\"col\"><span class=\"right\">right"
              "</span></th><th scope=\"col\"><span class=\"wrong\">wrong</span></th></tr></thead><tbody>\n");
  for (size_t i = 0; i < MIXENT_ENTROPY_BINS; i++)
    mixent_text_append(
        values,
        "<tr data-x=\"%.5f\"><th scope=\"row\">%.2f to %.2f</th><td>%.2f %%</td><td>%.2f %%</td></tr>\n",
        ((double)i + 0.5) * width, (double)i * width, (double)(i + 1) * width,
        percent_of(pool->entropy_right[i], pool->right), percent_of(pool->entropy_wrong[i], pool->wrong));
  mixent_text_append(values, "</tbody>");
}

static mixent_status draw_entropy(const mixent_section *section, size_t variant, size_t classes, double top) {
  pooled pool = pool_runs(section, variant);
  double most = log((double)classes), width = most / MIXENT_ENTROPY_BINS;
  mixent_plot plot = {.width = 320,
                      .height = 240,
                      .x = {0, most, most > 2 ? 1 : 0.2},
                      .y = mixent_axis_round(0, top, 4),
                      .x_title = "entropy, nats"};
  mixent_plot_begin(&plot);
  write_histogram(pool.entropy_right, pool.right, "right", width, &plot.script);
  write_histogram(pool.entropy_wrong, pool.wrong, "wrong", width, &plot.script);
  mixent_text_append(&plot.script, "set boxwidth %.5f\n", 0.92 * width);
  mixent_text_append(mixent_plot_draw(&plot, MIXENT_PLOT_COMMON),
                     "$right using 1:2 with boxes fc rgb '%s' fs transparent solid 0.45 noborder",
                     MIXENT_PLOT_RIGHT);
  mixent_text_append(mixent_plot_draw(&plot, MIXENT_PLOT_COMMON),
                     "$wrong using 1:2 with histeps lw 2 lc rgb '%s'", MIXENT_PLOT_WRONG);
  write_entropy_values(&pool, width, &plot.values);
  return draw_titled(section, variant, &pool, write_kinds, &plot,
                     "histograms of the entropy of right and of wrong predictions");
}

static mixent_band risk_at(const mixent_section *section, size_t variant, size_t point) {
  mixent_band band = {0, NAN, NAN, NAN};
  for (size_t s = 0; s < section->report->seed_count; s++) {
    const mixent_result *result = mixent_report_run_of(section->report, section->data, variant, s)->result;
    if (result) mixent_band_add(&band, 100 * result->risk[point]);
  }
  return band;
}

static double largest_risk(const mixent_section *section) {
  double top = 0;
  for (size_t v = 0; v < section->report->variant_count; v++)
    for (size_t i = 0; i < MIXENT_COVERAGE_POINTS; i++) {
      mixent_band band = risk_at(section, v, i);
      if (band.count) top = fmax(top, band.high);
    }
  return top;
}

static double coverage_of(size_t point) {
  return 100.0 * (double)(point + 1) / MIXENT_COVERAGE_POINTS;
}

static void write_risks(const mixent_section *section, size_t variant, mixent_text *out) {
  mixent_text_append(out, "$v%zu << END\n", variant);
  for (size_t i = 0; i < MIXENT_COVERAGE_POINTS; i++) {
    mixent_band band = risk_at(section, variant, i);
    mixent_text_append(out, "%g %.4f %.4f %.4f\n", coverage_of(i), band.mean, band.low, band.high);
  }
  mixent_text_append(out, "END\n");
}

static void write_risk_values(const mixent_section *chart, mixent_text *values) {
  const mixent_section section = mixent_section_on(chart, values);
  mixent_text_append(values, "<thead><tr><th scope=\"col\">coverage</th>");
  for (size_t v = 0; v < section.report->variant_count; v++) {
    if (!mixent_report_has_results(section.report, section.data, v)) continue;
    mixent_section_head(&section, v);
    mixent_text_append(values, "</th>");
  }
  mixent_text_append(values, "</tr></thead><tbody>\n");
  for (size_t i = 0; i < MIXENT_COVERAGE_POINTS; i++) {
    mixent_text_append(values, "<tr data-x=\"%g\"><th scope=\"row\">%g %%</th>", coverage_of(i),
                       coverage_of(i));
    for (size_t v = 0; v < section.report->variant_count; v++) {
      if (!mixent_report_has_results(section.report, section.data, v)) continue;
      mixent_band band = risk_at(&section, v, i);
      mixent_section_cell(&section, v);
      mixent_html_band(values, &band, 1, 2);
      mixent_text_append(values, "</td>");
    }
    mixent_text_append(values, "</tr>\n");
  }
  mixent_text_append(values, "</tbody>");
}

static mixent_status draw_risk(const mixent_section *section) {
  const mixent_report *report = section->report;
  mixent_plot plot = {.width = 560,
                      .height = 320,
                      .x = {0, 100, 20},
                      .y = mixent_axis_round(0, largest_risk(section), 5),
                      .x_title = "coverage: the most confident kept, %"};
  for (size_t v = 0; v < report->variant_count; v++)
    if (mixent_report_has_results(report, section->data, v))
      mixent_plot_label(&plot, report->variants[v], mixent_report_hue(report, v),
                        risk_at(section, v, MIXENT_COVERAGE_POINTS - 1).mean);
  mixent_plot_begin(&plot);
  for (size_t v = 0; v < report->variant_count; v++)
    if (mixent_report_has_results(report, section->data, v)) write_risks(section, v, &plot.script);
  for (int pass = report->seed_count > 1 ? 0 : 1; pass < 2; pass++) /* bands, lines */
    for (size_t v = 0; v < report->variant_count; v++) {
      if (!mixent_report_has_results(report, section->data, v)) continue;
      char block[24];
      snprintf(block, sizeof block, "$v%zu", v);
      mixent_plot_draw_curve(&plot, mixent_report_hue(report, v), block, pass == 0);
    }
  write_risk_values(section, &plot.values);
  return mixent_section_chart(section, MIXENT_PLOT_COMMON, "Errors among the most confident, %", &plot,
                              "share of errors against coverage, a line for each variant");
}

mixent_status mixent_section_certainty(const mixent_section *section) {
  const mixent_report *report = section->report;
  const mixent_result *any = mixent_report_any_result(report, section->data);
  if (!any) return MIXENT_OK;
  double top = 0;
  for (size_t v = 0; v < report->variant_count; v++) {
    pooled pool = pool_runs(section, v);
    top = fmax(top, 100 * largest_share(&pool));
  }
  mixent_text *out = section->out;
  mixent_section_begin(section, "certainty", "Who knows when it is wrong");
  mixent_text_append(
      out,
      "<p class=\"note\">Entropy of the predictions for test %s that were classified rightly and "
      "wrongly, each in per cent of its own kind. The further apart the two, the better entropy "
      "tells errors (AUROC: the chance that a wrong prediction has the higher entropy).</p>\n"
      "<div class=\"charts small\">\n",
      mixent_compare_samples(report->comparison, section->data));
  for (size_t v = 0; v < report->variant_count; v++)
    if (mixent_report_has_results(report, section->data, v))
      MIXENT_TRY(draw_entropy(section, v, any->classes, top));
  mixent_text_append(
      out,
      "</div>\n<p class=\"note\">If the least confident %s are left to a person, how many errors "
      "stay? The lower the curve, the better.</p>\n<div class=\"charts wide\">\n",
      mixent_compare_samples(report->comparison, section->data));
  MIXENT_TRY(draw_risk(section));
  mixent_text_append(out, "</div>\n");
  mixent_section_end(section);
  return mixent_text_status(out);
}
