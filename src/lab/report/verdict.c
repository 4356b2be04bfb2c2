/* The first screen: which variant is better, and how sure that is. A sentence for each kind of verdict, and a line for each variant
 * with the picture of its interval. */
#include "core/layout.h"
#include "lab/report/intervals.h"
#include "lab/report/words.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef mixent_compare_pair pair;

static const mixent_compare_result *compared(const mixent_section *section) {
  return &section->report->comparison->data[section->data];
}

static const pair *pair_of(const mixent_section *section, size_t variant) {
  return mixent_compare_pair_of(section->report->comparison, section->data, variant);
}

/* Whether the variant was asked for on this data set: of runs alone each has its own. */
static bool is_here(const mixent_section *section, size_t variant) {
  return mixent_report_run_of(section->report, section->data, variant, 0)->path != NULL;
}

/* ---- A sentence for each kind of verdict ---- */

enum { MOST_NAMED = 4 };

/* Kinds in the order in which they are told. */
static const struct {
  mixent_verdict verdict;
  const char *than;
} kinds[] = {{MIXENT_VERDICT_BETTER, " than "},   {MIXENT_VERDICT_HIGHER, " than "},
             {MIXENT_VERDICT_WORSE, " than "},    {MIXENT_VERDICT_LOWER, " than "},
             {MIXENT_VERDICT_EQUIVALENT, " to "}, {MIXENT_VERDICT_UNDECIDED, " against "}};

typedef struct ranked {
  const pair *pair;
  double distance; /* of its difference from zero, towards the verdict */
} ranked;

static int compare_ranked(const void *a, const void *b) {
  double x = ((const ranked *)a)->distance, y = ((const ranked *)b)->distance;
  return (x < y) - (x > y);
}

static void write_answer(const mixent_section *section, size_t kind, const ranked *sorted, size_t count) {
  const mixent_primary primary = mixent_section_primary(section);
  bool whole = kinds[kind].verdict == MIXENT_VERDICT_BETTER || kinds[kind].verdict == MIXENT_VERDICT_HIGHER ||
               count == 1;
  mixent_text *out = section->out;
  mixent_text_append(out, "<li>");
  mixent_words_verdict(out, kinds[kind].verdict);
  mixent_text_append(out, "%s", kinds[kind].than);
  mixent_html_text(out, section->report->variants[section->report->baseline]);
  for (size_t i = 0; i < count && i < MOST_NAMED; i++) {
    const mixent_difference *these = &sorted[i].pair->measures[primary.index].difference;
    mixent_text_append(out, "%s<b>", i ? ", " : ": ");
    mixent_html_text(out, section->report->variants[sorted[i].pair->variant]);
    mixent_text_append(out, "</b>");
    if (isnan(these->mean)) continue;
    mixent_text_append(out, " ");
    mixent_html_difference(out, primary.scale * these->mean, primary.digits);
    if (!whole) continue;
    mixent_words_interval(out, &primary, these->low, these->high);
    mixent_text_append(out, "%s%s", *primary.unit ? " " : "", primary.unit);
  }
  if (count > MOST_NAMED) mixent_text_append(out, " and %zu more", count - MOST_NAMED);
  mixent_text_append(out, "</li>\n");
}

/* The most of what the verdict says first: the largest gain, the largest loss. */
static mixent_status write_answers(const mixent_section *section) {
  const mixent_primary primary = mixent_section_primary(section);
  size_t all = section->report->variant_count - 1;
  ranked *sorted;
  MIXENT_TRY(MIXENT_ALLOCATE(all, &sorted));
  mixent_text_append(section->out, "<ul class=\"answers\">\n");
  for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
    size_t count = 0;
    bool down = kinds[kind].verdict == MIXENT_VERDICT_LOWER ||
                (kinds[kind].verdict == MIXENT_VERDICT_WORSE) != (primary.measure->better < 0);
    for (size_t i = 0; i < all; i++) {
      const pair *pair = &compared(section)->pairs[i];
      double difference = pair->measures[primary.index].difference.mean;
      if (is_here(section, pair->variant) && pair->verdict == kinds[kind].verdict)
        sorted[count++] = (ranked){pair, isnan(difference) ? -INFINITY : down ? -difference : difference};
    }
    qsort(sorted, count, sizeof *sorted, compare_ranked);
    if (count) write_answer(section, kind, sorted, count);
  }
  mixent_text_append(section->out, "</ul>\n");
  free(sorted);
  return mixent_text_status(section->out);
}

/* ---- A line for each variant ---- */

static void write_mean(const mixent_section *section, size_t variant) {
  const mixent_primary primary = mixent_section_primary(section);
  const mixent_sample *sample = &compared(section)->variants[variant].measures[primary.index];
  mixent_text *out = section->out;
  mixent_html_number(out, sample->count ? primary.scale * sample->mean : NAN, primary.digits);
  if (sample->count < 2) return;
  mixent_text_append(out, " <span class=\"range\">[");
  mixent_html_number(out, primary.scale * sample->low, primary.digits);
  mixent_text_append(out, ", ");
  mixent_html_number(out, primary.scale * sample->high, primary.digits);
  mixent_text_append(out, "]</span>");
}

static void write_difference(const mixent_section *section, const pair *pair) {
  const mixent_primary primary = mixent_section_primary(section);
  const mixent_difference *these = &pair->measures[primary.index].difference;
  mixent_text *out = section->out;
  mixent_text_append(out, "<b>");
  mixent_html_difference(out, primary.scale * these->mean, primary.digits);
  mixent_text_append(out, "</b><span class=\"range\">");
  mixent_words_interval(out, &primary, these->low, these->high);
  mixent_text_append(out, "</span>");
}

/* The measure that the column on calibration shows; measure_count: none is known, or the verdicts are on it. */
static size_t find_calibration(const mixent_section *section) {
  const mixent_compare_input *input = &section->report->comparison->input;
  size_t ece = mixent_compare_find(input, "ece");
  bool known = false;
  for (size_t v = 0; ece < input->measure_count && v < input->variant_count; v++)
    known |= compared(section)->variants[v].measures[ece].count > 0;
  return known && ece != input->primary ? ece : input->measure_count;
}

/* ECE as trained, and whether it differs from the baseline's. */
static void write_calibration(const mixent_section *section, size_t ece, size_t variant, const pair *pair) {
  const mixent_comparison *comparison = section->report->comparison;
  const mixent_sample *sample = &compared(section)->variants[variant].measures[ece];
  mixent_text *out = section->out;
  mixent_html_number(out, sample->count ? comparison->input.measures[ece].scale * sample->mean : NAN,
                     comparison->digits[ece]);
  if (!pair || !(pair->measures[ece].holm < 1 - comparison->input.confidence)) return;
  const char *word = pair->measures[ece].difference.mean > 0 ? "worse" : "better";
  mixent_text_append(out, " <small class=\"%s\">%s</small>", word, word);
}

/* A cell that the last one stands before; its label is shown on a narrow screen. */
static void begin_cell(mixent_text *out, const char *kind, const char *label) {
  mixent_text_append(out, "</td><td role=\"cell\" class=\"%s\" data-label=\"", kind);
  mixent_html_text(out, label);
  mixent_text_append(out, "\">");
}

static const char *title_of_difference(const mixent_primary *primary) {
  return *primary->unit ? primary->unit : "difference";
}

static void write_line(const mixent_section *section, const mixent_axis *axis, size_t variant) {
  const mixent_primary primary = mixent_section_primary(section);
  const pair *pair = pair_of(section, variant);
  size_t ece = find_calibration(section);
  mixent_text *out = section->out;
  mixent_text_append(out, "<tr role=\"row\"%s><th role=\"rowheader\" scope=\"row\">",
                     pair ? "" : " class=\"baseline\"");
  if (pair) mixent_text_append(out, "<a href=\"#pair%zu.%zu\">", section->data, variant);
  mixent_section_variant(section, variant);
  mixent_text_append(out, "%s</th><td role=\"cell\" class=\"mean\" data-label=\"", pair ? "</a>" : "");
  mixent_html_text(out, primary.measure->title);
  mixent_text_append(out, "%s%s\">", *primary.measure->unit ? ", " : "", primary.measure->unit);
  write_mean(section, variant);
  if (section->report->variant_count > 1) {
    mixent_text_append(out, "</td><td role=\"cell\" class=\"plot\">");
    mixent_intervals_draw(section, axis, pair);
    begin_cell(out, "difference", title_of_difference(&primary));
    if (pair) write_difference(section, pair);
    begin_cell(out, "outcome-cell", "verdict");
    if (pair) {
      mixent_words_verdict(out, pair->verdict);
      mixent_words_reason(section, pair);
    } else
      mixent_text_append(out, "<small>baseline</small>");
  }
  if (ece < section->report->comparison->input.measure_count) {
    begin_cell(out, "calibration", "ECE");
    write_calibration(section, ece, variant, pair);
  }
  mixent_text_append(out, "</td></tr>\n");
}

static void write_title(mixent_text *out, const char *title, const char *unit) {
  mixent_text_append(out, "<th role=\"columnheader\" scope=\"col\">");
  mixent_html_text(out, title);
  mixent_text_append(out, "%s%s</th>", *unit ? ", " : "", unit);
}

static void write_lines(const mixent_section *section, const mixent_axis *axis) {
  const mixent_report *report = section->report;
  const mixent_primary primary = mixent_section_primary(section);
  bool compares = report->variant_count > 1,
       calibrated = find_calibration(section) < report->comparison->input.measure_count;
  mixent_text *out = section->out;
  mixent_text_append(out, "<table role=\"table\" class=\"lines\"><thead role=\"rowgroup\"><tr role=\"row\">");
  write_title(out, "variant", "");
  write_title(out, primary.measure->title, primary.measure->unit);
  if (compares) {
    write_title(out, "variant minus baseline", "");
    write_title(out, title_of_difference(&primary), "");
    write_title(out, "verdict", "");
  }
  if (calibrated) write_title(out, "ECE", "");
  mixent_text_append(out, "</tr></thead><tbody role=\"rowgroup\">\n");
  for (size_t pass = 0; pass < 2; pass++) /* the baseline first */
    for (size_t v = 0; v < report->variant_count; v++)
      if ((v == report->baseline) == (pass == 0) && is_here(section, v)) write_line(section, axis, v);
  if (compares) {
    mixent_text_append(out, "<tr role=\"row\" class=\"scale\"><td colspan=\"2\"></td><td class=\"plot\">");
    mixent_intervals_scale(section, axis);
    mixent_text_append(out, "</td><td colspan=\"%d\"></td></tr>\n", calibrated ? 3 : 2);
  }
  mixent_text_append(out, "</tbody></table>\n");
}

/* ---- How to read it ---- */

static bool any_pair(const mixent_section *section, bool (*holds)(const pair *pair)) {
  for (size_t i = 0; i + 1 < section->report->variant_count; i++)
    if (holds(&compared(section)->pairs[i])) return true;
  return false;
}

static bool is_single(const pair *pair) {
  return pair->single;
}

static bool has_like(const pair *pair) {
  return !isnan(pair->bootstrap.low);
}

static void write_legend(const mixent_section *section, const mixent_axis *axis) {
  const mixent_primary primary = mixent_section_primary(section);
  mixent_text *out = section->out;
  const char *samples = mixent_compare_samples(section->report->comparison, section->data);
  bool like = any_pair(section, has_like);
  mixent_text_append(out, "<p class=\"note\">The line at zero is the baseline, ");
  mixent_section_variant(section, section->report->baseline);
  if (!isnan(primary.worth))
    mixent_text_append(out, "; the shaded band is a difference of less than ±%g%s%s, too small to matter",
                       primary.worth, *primary.unit ? " " : "", primary.unit);
  mixent_text_append(out, ". ");
  if (mixent_intervals_any_beyond(section, axis))
    mixent_text_append(out, "An arrow stands for a difference so far out that the axis ends before it. ");
  if (any_pair(section, is_single))
    mixent_text_append(out,
                       "These are single models: McNemar's exact test compares them on the same %s, and says "
                       "nothing about how others would come out that are trained in the same way.</p>\n",
                       samples);
  else if (like)
    mixent_text_append(
        out,
        "Thick: 95 %% interval by t over seeds, which takes these test %s for all there are. "
        "Thin: by the analysis of variance over seeds and %s, which speaks of %s like these too.</p>\n",
        samples, samples, samples);
  else
    mixent_text_append(out, "Lines: 95 %% intervals by t over the runs.</p>\n");
}

static void write_alone(const mixent_section *section, size_t variant) {
  size_t runs = compared(section)->variants[variant].runs;
  if (runs > 1)
    mixent_text_append(
        section->out, "<p>The mean of %zu runs. Nothing stands beside it, so that nothing is compared.</p>\n",
        runs);
  else
    mixent_text_append(section->out,
                       "<p>One run: another seed would give another number, and how far off it would be, "
                       "this run alone cannot say.</p>\n");
}

static void write_compared(const mixent_section *section, const mixent_axis *axis) {
  write_legend(section, axis);
  mixent_text_append(section->out, "<div class=\"verdicts\">\n");
  for (size_t v = 0; v < section->report->variant_count; v++) {
    const pair *pair = pair_of(section, v);
    if (pair && is_here(section, v)) mixent_words_write(section, pair);
  }
  mixent_text_append(section->out, "</div>\n");
}

mixent_status mixent_section_verdict(const mixent_section *section) {
  const mixent_report *report = section->report;
  mixent_text *out = section->out;
  mixent_section_begin(section, "verdict", "What may be concluded");
  if (!compared(section)->runs)
    mixent_text_append(out,
                       "<p class=\"note\">No run is finished, so that nothing can be concluded yet.</p>");
  else {
    mixent_axis axis = mixent_intervals_axis(section);
    if (report->variant_count > 1) MIXENT_TRY(write_answers(section));
    write_lines(section, &axis);
    if (report->variant_count > 1)
      write_compared(section, &axis);
    else
      write_alone(section, 0);
  }
  mixent_section_end(section);
  return mixent_text_status(out);
}
