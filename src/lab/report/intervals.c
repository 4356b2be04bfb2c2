/* Differences and their intervals as SVG. */
#include "lab/report/intervals.h"
#include "core/layout.h"

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

/* Points of accuracy to per cent of the chart's width. */
static double position_of(const mixent_axis *axis, double points) {
  return 100 * (points - axis->low) / (axis->high - axis->low);
}

/* The points that a pair's difference and its intervals reach down and up to. */
static void find_reach(const pair *pair, double *low, double *high) {
  const mixent_difference *these = &pair->measures[MIXENT_MEASURE_ACCURACY].difference;
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

mixent_axis mixent_intervals_axis(const mixent_section *section) {
  enum { FAR = 10 };
  double room = 1.25 * section->report->comparison->input.difference, low = -room, high = room;
  double next = find_next_reach(section, -1), limit = isfinite(next) ? fmax(room, next) : room;
  while (isfinite(next = find_next_reach(section, limit)) && next <= FAR * limit) limit = next;
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

/* What a row shows, line by line, to those who point at it. */
static void write_title(const mixent_section *section, const pair *pair) {
  const mixent_compared *these = &pair->measures[MIXENT_MEASURE_ACCURACY];
  const char *samples = mixent_compare_samples(section->report->comparison, section->data);
  mixent_text *out = section->out;
  mixent_text_append(out, "<title>");
  mixent_html_text(out, section->report->variants[pair->variant]);
  mixent_text_append(out, " minus ");
  mixent_html_text(out, section->report->variants[section->report->baseline]);
  mixent_text_append(out, "\non these %s: ", samples);
  mixent_intervals_append(out, 100 * these->difference.mean, 100 * these->difference.low,
                          100 * these->difference.high);
  mixent_text_append(out, "%s", isnan(these->holm) ? "" : ", p ");
  if (!isnan(these->holm)) mixent_html_p(out, these->holm);
  if (!isnan(pair->bootstrap.low)) {
    mixent_text_append(out, "\non %s like these: ", samples);
    mixent_intervals_append(out, 100 * pair->bootstrap.difference, 100 * pair->bootstrap.low,
                            100 * pair->bootstrap.high);
    mixent_text_append(out, ", p ");
    mixent_html_p(out, pair->bootstrap_holm);
  }
  mixent_text_append(out, "\n%zu seed%s</title>", pair->seeds, pair->seeds == 1 ? "" : "s");
}

enum { HEIGHT = 27 };

static void draw_pair(const mixent_section *section, const mixent_axis *axis, const pair *pair) {
  const mixent_difference *these = &pair->measures[MIXENT_MEASURE_ACCURACY].difference;
  bool both = !isnan(pair->bootstrap.low);
  write_title(section, pair);
  draw_ground(section, axis, HEIGHT);
  draw_interval(section->out, axis, "these", 100 * these->low, 100 * these->high, 100 * these->mean,
                both ? HEIGHT / 2 - 5 : HEIGHT / 2);
  if (both)
    draw_interval(section->out, axis, "like", 100 * pair->bootstrap.low, 100 * pair->bootstrap.high,
                  100 * pair->bootstrap.difference, HEIGHT / 2 + 6);
}

void mixent_intervals_draw(const mixent_section *section, const mixent_axis *axis, const pair *pair) {
  size_t variant = pair ? pair->variant : section->report->baseline;
  mixent_text *out = section->out;
  mixent_text_append(out,
                     "<svg class=\"interval\" width=\"100%%\" height=\"%d\" style=\"--hue:var(--hue-%zu)\" ",
                     HEIGHT, mixent_report_hue(section->report, variant) % MIXENT_PLOT_HUES);
  if (pair && is_shown(pair)) {
    mixent_text_append(out,
                       "role=\"img\" aria-label=\"intervals of the difference, told in the next cells\">");
    draw_pair(section, axis, pair);
  } else {
    mixent_text_append(out, "aria-hidden=\"true\">");
    draw_ground(section, axis, HEIGHT);
  }
  mixent_text_append(out, "</svg>");
}

void mixent_intervals_append(mixent_text *out, double middle, double low, double high) {
  mixent_html_difference(out, middle, 2);
  if (isnan(low)) return;
  mixent_text_append(out, " [");
  mixent_html_difference(out, low, 2);
  mixent_text_append(out, ", ");
  mixent_html_difference(out, high, 2);
  mixent_text_append(out, "]");
}

void mixent_intervals_scale(const mixent_section *section, const mixent_axis *axis) {
  mixent_text *out = section->out;
  int digits = mixent_axis_digits(axis);
  mixent_text_append(out, "<svg class=\"interval\" aria-hidden=\"true\" width=\"100%%\" height=\"20\">");
  for (int i = 0; i < mark_count(axis); i++) {
    double mark = axis->low + i * axis->step;
    double at = position_of(axis, mark);
    mixent_text_append(out, "<text x=\"%.3f%%\" y=\"14\" text-anchor=\"middle\">", at);
    mixent_html_difference(out, mark, digits);
    mixent_text_append(out, "</text>");
  }
  mixent_text_append(out, "</svg>");
}

bool mixent_intervals_any_beyond(const mixent_section *section, const mixent_axis *axis) {
  for (size_t i = 0; i < pair_count(section); i++) {
    const pair *pair = &compared(section)->pairs[i];
    if (is_shown(pair) && is_beyond(axis, 100 * pair->measures[MIXENT_MEASURE_ACCURACY].difference.mean))
      return true;
  }
  return false;
}
