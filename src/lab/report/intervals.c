/* Differences and their intervals as SVG. */
#include "lab/report/intervals.h"
#include "lab/report/words.h"

#include <math.h>
#include <stdio.h>

typedef mixent_compare_pair pair;

static const mixent_compare_result *compared(const mixent_section *section) {
  return &section->report->comparison->data[section->data];
}

static size_t pair_count(const mixent_section *section) {
  return section->report->variant_count - 1;
}

static const mixent_difference *difference_of(const mixent_section *section, const pair *pair) {
  return &pair->measures[section->report->comparison->input.primary].difference;
}

/* Whether a difference is known. */
static bool is_shown(const mixent_section *section, const pair *pair) {
  return !isnan(difference_of(section, pair)->mean);
}

/* A difference, as it is shown, to per cent of the chart's width. */
static double position_of(const mixent_axis *axis, double value) {
  return 100 * (value - axis->low) / (axis->high - axis->low);
}

/* How far a pair's difference and its intervals reach down and up, as it is shown. */
static void find_reach(const mixent_section *section, const pair *pair, double *low, double *high) {
  const mixent_difference *these = difference_of(section, pair);
  double scale = mixent_section_primary(section).scale;
  *low = scale * fmin(these->mean, fmin(these->low, pair->bootstrap.low)); /* fmin and fmax pass over NaN */
  *high = scale * fmax(these->mean, fmax(these->high, pair->bootstrap.high));
}

/* The distance from zero nearest above `above` to which a pair reaches; infinite if none does. */
static double find_next_reach(const mixent_section *section, double above) {
  double next = INFINITY, low, high;
  for (size_t i = 0; i < pair_count(section); i++) {
    if (!is_shown(section, &compared(section)->pairs[i])) continue;
    find_reach(section, &compared(section)->pairs[i], &low, &high);
    double reach = fmax(-low, high);
    if (reach > above) next = fmin(next, reach);
  }
  return next;
}

/* Pairs that reach no further from zero. */
static size_t count_within(const mixent_section *section, double limit) {
  size_t count = 0;
  double low, high;
  for (size_t i = 0; i < pair_count(section); i++) {
    if (!is_shown(section, &compared(section)->pairs[i])) continue;
    find_reach(section, &compared(section)->pairs[i], &low, &high);
    count += fmax(-low, high) <= limit;
  }
  return count;
}

/* What is ten times as far out as the next has an arrow, unless that were more than half of the pairs. */
mixent_axis mixent_intervals_axis(const mixent_section *section) {
  enum { FAR = 10 };
  double worth = mixent_section_primary(section).worth, room = isnan(worth) ? 0 : 1.25 * worth;
  double low = -room, high = room;
  double next = find_next_reach(section, -1), limit = isfinite(next) ? fmax(room, next) : room;
  while (isfinite(next = find_next_reach(section, limit)) &&
         (next <= FAR * limit || 2 * count_within(section, limit) < count_within(section, INFINITY)))
    limit = next;
  for (size_t i = 0; i < pair_count(section); i++) {
    double from, to;
    if (!is_shown(section, &compared(section)->pairs[i])) continue;
    find_reach(section, &compared(section)->pairs[i], &from, &to);
    if (fmax(-from, to) > limit) continue;
    low = fmin(low, from), high = fmax(high, to);
  }
  return mixent_axis_round(low, high, 6);
}

/* Whether a difference lies outside the axis. */
static bool is_beyond(const mixent_axis *axis, double value) {
  double rounding = 1e-9 * (axis->high - axis->low);
  return value < axis->low - rounding || value > axis->high + rounding;
}

static int mark_count(const mixent_axis *axis) {
  return 1 + (int)lround((axis->high - axis->low) / axis->step);
}

static void draw_ground(const mixent_section *section, const mixent_axis *axis, int height) {
  double worth = mixent_section_primary(section).worth;
  mixent_text *out = section->out;
  if (!isnan(worth))
    mixent_text_append(out, "<rect class=\"worth\" x=\"%.3f%%\" y=\"0\" width=\"%.3f%%\" height=\"%d\"/>",
                       position_of(axis, -worth), position_of(axis, worth) - position_of(axis, -worth),
                       height);
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

static void write_row(const mixent_section *section, const char *title, double middle, double low,
                      double high, double p) {
  const mixent_primary primary = mixent_section_primary(section);
  mixent_text *out = section->out;
  mixent_text_append(out, "\n%s", title);
  mixent_html_difference(out, primary.scale * middle, primary.digits);
  mixent_words_interval(out, &primary, low, high);
  if (isnan(p)) return;
  mixent_text_append(out, ", p ");
  mixent_html_p(out, p);
}

/* What a row shows, line by line, to those who point at it. */
static void write_title(const mixent_section *section, const pair *pair) {
  const mixent_compared *these = &pair->measures[section->report->comparison->input.primary];
  const char *samples = mixent_compare_samples(section->report->comparison, section->data);
  bool like = !isnan(pair->bootstrap.low);
  char title[48] = "";
  mixent_text *out = section->out;
  mixent_text_append(out, "<title>");
  mixent_html_text(out, section->report->variants[pair->variant]);
  mixent_text_append(out, " minus ");
  mixent_html_text(out, section->report->variants[section->report->baseline]);
  if (like) snprintf(title, sizeof title, "on these %s: ", samples);
  write_row(section, title, these->difference.mean, these->difference.low, these->difference.high,
            these->holm);
  snprintf(title, sizeof title, "on %s like these: ", samples);
  if (like)
    write_row(section, title, pair->bootstrap.difference, pair->bootstrap.low, pair->bootstrap.high,
              pair->bootstrap_holm);
  if (these->paired)
    mixent_text_append(out, "\n%zu seed%s</title>", these->counts[0], these->counts[0] == 1 ? "" : "s");
  else
    mixent_text_append(out, "\n%zu and %zu runs, unpaired</title>", these->counts[0], these->counts[1]);
}

enum { HEIGHT = 27 };

static void draw_pair(const mixent_section *section, const mixent_axis *axis, const pair *pair) {
  const mixent_difference *these = difference_of(section, pair);
  double scale = mixent_section_primary(section).scale;
  bool both = !isnan(pair->bootstrap.low);
  write_title(section, pair);
  draw_ground(section, axis, HEIGHT);
  draw_interval(section->out, axis, "these", scale * these->low, scale * these->high, scale * these->mean,
                both ? HEIGHT / 2 - 5 : HEIGHT / 2);
  if (both)
    draw_interval(section->out, axis, "like", scale * pair->bootstrap.low, scale * pair->bootstrap.high,
                  scale * pair->bootstrap.difference, HEIGHT / 2 + 6);
}

void mixent_intervals_draw(const mixent_section *section, const mixent_axis *axis, const pair *pair) {
  size_t variant = pair ? pair->variant : section->report->baseline;
  mixent_text *out = section->out;
  mixent_text_append(out,
                     "<svg class=\"interval\" width=\"100%%\" height=\"%d\" style=\"--hue:var(--hue-%zu)\" ",
                     HEIGHT, mixent_report_hue(section->report, variant) % MIXENT_PLOT_HUES);
  if (pair && is_shown(section, pair)) {
    mixent_text_append(out,
                       "role=\"img\" aria-label=\"intervals of the difference, told in the next cells\">");
    draw_pair(section, axis, pair);
  } else {
    mixent_text_append(out, "aria-hidden=\"true\">");
    draw_ground(section, axis, HEIGHT);
  }
  mixent_text_append(out, "</svg>");
}

void mixent_intervals_scale(const mixent_section *section, const mixent_axis *axis) {
  mixent_text *out = section->out;
  int digits = mixent_axis_digits(axis);
  mixent_text_append(out, "<svg class=\"interval\" aria-hidden=\"true\" width=\"100%%\" height=\"20\">");
  for (int i = 0; i < mark_count(axis); i++) {
    double mark = axis->low + i * axis->step;
    double at = position_of(axis, mark);
    if (mark_count(axis) > 6 && lround(mark / axis->step) % 2) continue; /* numbers need room */
    mixent_text_append(out, "<text x=\"%.3f%%\" y=\"14\" text-anchor=\"middle\">", at);
    mixent_html_difference(out, mark, digits);
    mixent_text_append(out, "</text>");
  }
  mixent_text_append(out, "</svg>");
}

bool mixent_intervals_any_beyond(const mixent_section *section, const mixent_axis *axis) {
  double scale = mixent_section_primary(section).scale;
  for (size_t i = 0; i < pair_count(section); i++) {
    const pair *pair = &compared(section)->pairs[i];
    if (is_shown(section, pair) && is_beyond(axis, scale * difference_of(section, pair)->mean)) return true;
  }
  return false;
}
