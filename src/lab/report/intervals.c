/* The verdict in words, and differences in accuracy as intervals on one axis. */
#include "core/layout.h"
#include "core/locale.h"
#include "lab/report/page.h"

#include <math.h>

typedef mixent_compare_pair pair;

static const mixent_compare_result *compared(const mixent_section *section) {
  return &section->report->comparison->data[section->data];
}

static size_t pair_count(const mixent_section *section) {
  return section->report->variant_count - 1;
}

/* Whether both have finished a seed. */
static bool is_shown(const pair *pair) {
  return pair->seeds > 0;
}

static void write_badge(const mixent_section *section, const pair *pair) {
  const char *samples = compared(section)->samples;
  mixent_text *out = section->out;
  if (pair->single) {
    mixent_text_append(out, "two single models");
    return;
  }
  switch (pair->verdict) {
  case MIXENT_VERDICT_NONE: mixent_text_append(out, "no difference seen"); break;
  case MIXENT_VERDICT_HINT: mixent_text_append(out, "a hint: too few seeds to tell"); break;
  case MIXENT_VERDICT_THESE_IMAGES: mixent_text_append(out, "a difference on these test %s", samples); break;
  case MIXENT_VERDICT_IMAGES_LIKE_THESE:
    mixent_text_append(out, "a difference, on %s like these too", samples);
    break;
  default: mixent_text_append(out, "not known");
  }
}

static void write_headline(const mixent_section *section, const pair *pair) {
  mixent_text *out = section->out;
  mixent_section_variant(section, pair->variant);
  mixent_text_append(out, " against ");
  mixent_section_variant(section, section->report->baseline);
}

static void write_verdict(const mixent_section *section, const pair *pair) {
  mixent_text *out = section->out;
  mixent_text_append(out, "<article class=\"verdict %s\"><h%d>",
                     pair->single ? "single" : mixent_verdict_name(pair->verdict), section->level + 1);
  write_headline(section, pair);
  mixent_text_append(out, "</h%d><p class=\"score\"><b>", section->level + 1);
  mixent_html_difference(out, 100 * pair->measures[MIXENT_MEASURE_ACCURACY].difference.mean, 2);
  mixent_text_append(out, "</b> points <span class=\"badge\">");
  write_badge(section, pair);
  mixent_text_append(out, "</span></p><p>");
  mixent_html_text(out, pair->conclusion);
  mixent_text_append(out, "</p>");
  if (pair->calibration) {
    mixent_text_append(out, "<p>");
    mixent_html_text(out, pair->calibration);
    mixent_text_append(out, "</p>");
  }
  mixent_text_append(out, "</article>\n");
}

/* A variant without another to be held against. */
static void write_alone(const mixent_section *section, size_t variant) {
  const mixent_compare_variant *of = &compared(section)->variants[variant];
  const mixent_sample *accuracy = &of->measures[MIXENT_MEASURE_ACCURACY];
  mixent_text *out = section->out;
  mixent_text_append(out, "<article class=\"verdict single\"><h%d>", section->level + 1);
  mixent_section_variant(section, variant);
  mixent_text_append(out, "</h%d><p class=\"score\"><b>", section->level + 1);
  mixent_html_number(out, 100 * accuracy->mean, 2);
  mixent_text_append(out, " %%</b> of %s test %s</p>", mixent_text_count(compared(section)->test_images),
                     compared(section)->samples);
  mixent_text_append(out,
                     of->runs > 1
                         ? "<p>The mean of %zu seeds. Nothing stands beside it, so that nothing is compared."
                           "</p></article>\n"
                         : "<p>One run: another seed would give another number, and how far off it would be, "
                           "this run alone cannot say.</p></article>\n",
                     of->runs);
}

/* Variants of which no run is finished. */
static void write_silent(const mixent_section *section) {
  const mixent_report *report = section->report;
  for (size_t v = 0; v < report->variant_count; v++) {
    if (mixent_report_has_results(report, section->data, v) ||
        !mixent_report_run_of(report, section->data, v, 0)->path)
      continue;
    mixent_text_append(section->out, "<p class=\"note\">Nothing can be said of ");
    mixent_section_variant(section, v);
    mixent_text_append(section->out, ": none of its runs is finished.</p>\n");
  }
}

mixent_status mixent_section_verdict(const mixent_section *section) {
  size_t shown = 0;
  mixent_text *out = section->out;
  mixent_section_begin(section, "verdict", "What may be concluded");
  if (!compared(section)->test_images)
    mixent_text_append(out,
                       "<p class=\"note\">No run is finished, so that nothing can be concluded yet.</p>");
  mixent_text_append(out, "<div class=\"verdicts\">\n");
  for (size_t i = 0; i < pair_count(section); i++)
    if (is_shown(&compared(section)->pairs[i])) write_verdict(section, &compared(section)->pairs[i]), shown++;
  for (size_t v = 0; v < section->report->variant_count && !shown; v++)
    if (mixent_report_has_results(section->report, section->data, v)) write_alone(section, v);
  mixent_text_append(out, "</div>\n");
  if (compared(section)->test_images) write_silent(section);
  mixent_section_end(section);
  return mixent_text_status(out);
}

/* Points of accuracy to per cent of the chart's width. */
static double position_of(const mixent_axis *axis, double points) {
  return 100 * (points - axis->low) / (axis->high - axis->low);
}

/* The points that a pair's difference and its intervals reach down and up to. */
static void find_reach(const pair *pair, double *low, double *high) {
  const mixent_sample *these = &pair->measures[MIXENT_MEASURE_ACCURACY].difference;
  *low = 100 * fmin(these->mean, fmin(these->low, pair->bootstrap.low)); /* fmin and fmax pass over NaN */
  *high = 100 * fmax(these->mean, fmax(these->high, pair->bootstrap.high));
}

/* The distance from zero nearest above `above` to which a pair reaches; infinite if none does. */
static double find_next_reach(const mixent_section *section, double above) {
  double next = INFINITY, low, high;
  for (size_t i = 0; i < pair_count(section); i++) {
    if (!is_shown(&compared(section)->pairs[i])) continue;
    find_reach(&compared(section)->pairs[i], &low, &high);
    double reach = fmax(-low, high);
    if (reach > above) next = fmin(next, reach);
  }
  return next;
}

/* The axis takes in all pairs but those that reach ten times as far as every nearer one: beside a loss that failed, the
 * others could not be told apart. */
static mixent_axis find_axis(const mixent_section *section) {
  enum { FAR = 10 };
  double room = 1.25 * section->report->comparison->input.difference, low = -room, high = room;
  double limit = fmax(room, find_next_reach(section, -1));
  for (double next; (next = find_next_reach(section, limit)) <= FAR * limit;) limit = next;
  for (size_t i = 0; i < pair_count(section); i++) {
    double from, to;
    if (!is_shown(&compared(section)->pairs[i])) continue;
    find_reach(&compared(section)->pairs[i], &from, &to);
    if (fmax(-from, to) > limit) continue;
    low = fmin(low, from), high = fmax(high, to);
  }
  return mixent_axis_round(low, high, 6);
}

/* Whether a difference lies outside the axis. */
static bool is_beyond(const mixent_axis *axis, double points) {
  return points < axis->low || points > axis->high;
}

static int mark_count(const mixent_axis *axis) {
  return 1 + (int)lround((axis->high - axis->low) / axis->step);
}

static void draw_ground(const mixent_section *section, const mixent_axis *axis, int height) {
  double worth = section->report->comparison->input.difference;
  mixent_text *out = section->out;
  mixent_text_append(out, "<rect class=\"worth\" x=\"%.3f%%\" y=\"0\" width=\"%.3f%%\" height=\"%d\"/>",
                     position_of(axis, -worth), position_of(axis, worth) - position_of(axis, -worth), height);
  for (int i = 0; i < mark_count(axis); i++) {
    double mark = axis->low + i * axis->step;
    mixent_text_append(out, "<line class=\"%s\" x1=\"%.3f%%\" x2=\"%.3f%%\" y1=\"0\" y2=\"%d\"/>",
                       fabs(mark) < axis->step / 2 ? "zero" : "mark", position_of(axis, mark),
                       position_of(axis, mark), height);
  }
}

static void draw_interval(mixent_text *out, const mixent_axis *axis, const char *kind, double low,
                          double high, double middle, int y) {
  if (low < axis->high && high > axis->low) /* not for NaN */
    mixent_text_append(out, "<line class=\"%s\" x1=\"%.3f%%\" x2=\"%.3f%%\" y1=\"%d\" y2=\"%d\"/>", kind,
                       position_of(axis, fmax(low, axis->low)), position_of(axis, fmin(high, axis->high)), y,
                       y);
  if (is_beyond(axis, middle))
    mixent_text_append(out, "<text class=\"beyond\" x=\"%s\" y=\"%d\" text-anchor=\"%s\">%s</text>",
                       middle < 0 ? "0" : "100%", y + 4, middle < 0 ? "start" : "end",
                       middle < 0 ? "&#9668;" : "&#9658;");
  else
    mixent_text_append(out, "<circle cx=\"%.3f%%\" cy=\"%d\" r=\"%d\"/>", position_of(axis, middle), y,
                       *kind == 't' ? 5 : 4);
}

static void draw_row(const mixent_section *section, const mixent_axis *axis, const pair *pair) {
  enum { HEIGHT = 46 };
  const mixent_sample *these = &pair->measures[MIXENT_MEASURE_ACCURACY].difference;
  mixent_text *out = section->out;
  mixent_text_append(out,
                     "<svg class=\"interval\" width=\"100%%\" height=\"%d\" style=\"--hue:var(--hue-%zu)\" "
                     "role=\"img\" aria-label=\"intervals of the difference, told in the next cells\">",
                     HEIGHT, mixent_report_hue(section->report, pair->variant) % MIXENT_PLOT_HUES);
  draw_ground(section, axis, HEIGHT);
  bool both = !isnan(pair->bootstrap.low);
  draw_interval(out, axis, "these", 100 * these->low, 100 * these->high, 100 * these->mean, both ? 15 : 23);
  if (both)
    draw_interval(out, axis, "like", 100 * pair->bootstrap.low, 100 * pair->bootstrap.high,
                  100 * pair->bootstrap.difference, 31);
  mixent_text_append(out, "</svg>");
}

static void write_interval(mixent_text *out, double middle, double low, double high) {
  mixent_html_difference(out, 100 * middle, 2);
  if (isnan(low)) return;
  mixent_text_append(out, " <span class=\"range\">[");
  mixent_html_difference(out, 100 * low, 2);
  mixent_text_append(out, ", ");
  mixent_html_difference(out, 100 * high, 2);
  mixent_text_append(out, "]</span>");
}

static void write_p(mixent_text *out, double p) {
  mixent_text_append(out, "</td><td role=\"cell\" data-label=\"p\">");
  mixent_html_p(out, p);
}

static void write_row(const mixent_section *section, const mixent_axis *axis, const pair *pair) {
  mixent_text *out = section->out;
  const mixent_paired *these = &pair->measures[MIXENT_MEASURE_ACCURACY];
  mixent_text_append(out, "<tr role=\"row\"><th role=\"rowheader\" scope=\"row\">");
  mixent_section_variant(section, pair->variant);
  mixent_text_append(out, "<small>%zu seed%s</small></th><td role=\"cell\" class=\"plot\">", pair->seeds,
                     pair->seeds == 1 ? "" : "s");
  draw_row(section, axis, pair);
  const char *samples = compared(section)->samples;
  mixent_text_append(out, "</td><td role=\"cell\" data-label=\"on these %s\">", samples);
  write_interval(out, these->difference.mean, these->difference.low, these->difference.high);
  if (pair->single) {
    mixent_text_append(out, "</td><td role=\"cell\" data-label=\"right with one alone\">%zu against %zu",
                       pair->mcnemar.only_a, pair->mcnemar.only_b);
    write_p(out, pair->mcnemar.p);
  } else {
    write_p(out, pair->holm[MIXENT_MEASURE_ACCURACY]);
    mixent_text_append(out, "</td><td role=\"cell\" data-label=\"on %s like these\">", samples);
    write_interval(out, pair->bootstrap.difference, pair->bootstrap.low, pair->bootstrap.high);
    write_p(out, pair->bootstrap_holm);
  }
  mixent_text_append(out, "</td></tr>\n");
}

static void write_scale(const mixent_section *section, const mixent_axis *axis) {
  mixent_text *out = section->out;
  int digits = mixent_axis_digits(axis);
  mixent_text_append(out, "<tr role=\"row\" class=\"scale\"><td></td><td class=\"plot\"><svg "
                          "class=\"interval\" aria-hidden=\"true\" width=\"100%%\" height=\"20\">");
  for (int i = 0; i < mark_count(axis); i++) {
    double mark = axis->low + i * axis->step;
    double at = position_of(axis, mark);
    mixent_text_append(out, "<text x=\"%.3f%%\" y=\"14\" text-anchor=\"middle\">", at);
    mixent_html_difference(out, mark, digits);
    mixent_text_append(out, "</text>");
  }
  mixent_text_append(out, "</svg></td></tr>\n");
}

static bool any_single(const mixent_section *section) {
  for (size_t i = 0; i < pair_count(section); i++)
    if (compared(section)->pairs[i].single) return true;
  return false;
}

static bool any_beyond(const mixent_section *section, const mixent_axis *axis) {
  for (size_t i = 0; i < pair_count(section); i++) {
    const pair *pair = &compared(section)->pairs[i];
    if (is_shown(pair) && is_beyond(axis, 100 * pair->measures[MIXENT_MEASURE_ACCURACY].difference.mean))
      return true;
  }
  return false;
}

static void write_head(const mixent_section *section) {
  mixent_text *out = section->out;
  mixent_text_append(out,
                     "<table role=\"table\" class=\"intervals\"><thead role=\"rowgroup\"><tr role=\"row\">");
  char these[32], like[32];
  mixent_print(these, sizeof these, "on these %s", compared(section)->samples);
  mixent_print(like, sizeof like, "on %s like these", compared(section)->samples);
  const char *const titles[] = {"variant",
                                "points of accuracy, variant minus baseline",
                                these,
                                any_single(section) ? "right with one alone" : "p (t)",
                                any_single(section) ? "p (McNemar)" : like,
                                "p (bootstrap)"};
  for (size_t i = 0; i < (any_single(section) ? 5 : 6); i++)
    mixent_text_append(out, "<th role=\"columnheader\" scope=\"col\">%s</th>", titles[i]);
  mixent_text_append(out, "</tr></thead><tbody role=\"rowgroup\">\n");
}

static void write_legend(const mixent_section *section, const mixent_axis *axis) {
  mixent_text *out = section->out;
  const char *samples = compared(section)->samples;
  mixent_text_append(out, "<p class=\"note\">The baseline, ");
  mixent_section_variant(section, section->report->baseline);
  mixent_text_append(out, ", is the line at zero; the shaded band is a difference of less than ±%g points, ",
                     section->report->comparison->input.difference);
  mixent_text_append(out, section->report->study ? "which the study calls not worth seeing. "
                                                 : "too small to matter to most. ");
  if (any_beyond(section, axis))
    mixent_text_append(out, "An arrow stands for a difference so far out that the axis ends before it. ");
  if (any_single(section))
    mixent_text_append(out,
                       "These are single models: McNemar's exact test compares them on the same %s, and says "
                       "nothing about how others would come out that are trained in the same way.</p>\n",
                       samples);
  else
    mixent_text_append(out,
                       "Thick: 95 %% interval by t over seeds, which takes these test %s for all there are. "
                       "Thin: by a crossed bootstrap of seeds and %s, which speaks of %s like these too. "
                       "p after Holm's correction over all comparisons of the study.</p>\n",
                       samples, samples, samples);
}

mixent_status mixent_section_intervals(const mixent_section *section) {
  size_t shown = 0;
  for (size_t i = 0; i < pair_count(section); i++) shown += is_shown(&compared(section)->pairs[i]);
  if (!shown) return MIXENT_OK;
  mixent_section_begin(section, "differences", "Differences from the baseline");
  mixent_axis axis = find_axis(section);
  write_head(section);
  for (size_t i = 0; i < pair_count(section); i++)
    if (is_shown(&compared(section)->pairs[i])) write_row(section, &axis, &compared(section)->pairs[i]);
  write_scale(section, &axis);
  mixent_text_append(section->out, "</tbody></table>\n");
  write_legend(section, &axis);
  mixent_section_end(section);
  return mixent_text_status(section->out);
}
