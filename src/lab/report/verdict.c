/* The first screen: which variant is better, and how sure that is. A sentence for each kind of verdict, a line for each variant with the
 * picture of its interval, and the words on each variant, folded away. */
#include "core/layout.h"
#include "lab/report/intervals.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef mixent_compare_pair pair;

static const mixent_compare_result *compared(const mixent_section *section) {
  return &section->report->comparison->data[section->data];
}

static const char *samples_of(const mixent_section *section) {
  return mixent_compare_samples(section->report->comparison, section->data);
}

static const pair *pair_of(const mixent_section *section, size_t variant) {
  if (variant == section->report->baseline) return NULL;
  return &compared(section)->pairs[variant - (variant > section->report->baseline)];
}

/* Whether the variant was asked for on this data set: of runs alone each has its own. */
static bool is_here(const mixent_section *section, size_t variant) {
  return mixent_report_run_of(section->report, section->data, variant, 0)->path != NULL;
}

static double difference_of(const pair *pair) {
  return 100 * pair->measures[MIXENT_MEASURE_ACCURACY].difference.mean;
}

/* ---- Kinds of verdicts, in the order in which they are told ---- */

typedef enum outcome { BETTER, WORSE, EQUIVALENT, UNDECIDED, OUTCOMES } outcome;

static const struct {
  const char *name, *sign;
} outcomes[OUTCOMES] = {{"better", "▲"}, {"worse", "▼"}, {"equivalent", "="}, {"undecided", "?"}};

static outcome outcome_of(const pair *pair) {
  switch (pair->verdict) {
  case MIXENT_VERDICT_BETTER:
  case MIXENT_VERDICT_HIGHER: return BETTER;
  case MIXENT_VERDICT_WORSE:
  case MIXENT_VERDICT_LOWER: return WORSE;
  case MIXENT_VERDICT_EQUIVALENT: return EQUIVALENT;
  case MIXENT_VERDICT_UNDECIDED: break;
  }
  return UNDECIDED;
}

static void write_outcome(mixent_text *out, outcome outcome) {
  mixent_text_append(out, "<span class=\"outcome %s\">%s</span>", outcomes[outcome].name,
                     outcomes[outcome].name);
}

/* ---- A sentence for each kind ---- */

enum { MOST_NAMED = 4 };

static int compare_differences(const void *a, const void *b) {
  double x = difference_of(*(const pair *const *)a), y = difference_of(*(const pair *const *)b);
  return (x < y) - (x > y);
}

/* The largest gain first; of losses the largest loss. */
static void write_answer(const mixent_section *section, outcome outcome, const pair **sorted, size_t count) {
  mixent_text *out = section->out;
  mixent_text_append(out, "<li>");
  write_outcome(out, outcome);
  if (outcome == BETTER || outcome == WORSE) mixent_text_append(out, " than ");
  if (outcome == EQUIVALENT) mixent_text_append(out, " to ");
  if (outcome == UNDECIDED) mixent_text_append(out, " against ");
  mixent_html_text(out, section->report->variants[section->report->baseline]);
  mixent_text_append(out, ": ");
  for (size_t i = 0; i < count && i < MOST_NAMED; i++) {
    const pair *pair = sorted[outcome == WORSE ? count - 1 - i : i];
    mixent_text_append(out, "%s<b>", i ? ", " : "");
    mixent_html_text(out, section->report->variants[pair->variant]);
    mixent_text_append(out, "</b>");
    if (!pair->seeds) continue;
    mixent_text_append(out, " ");
    if (outcome == BETTER) {
      const mixent_difference *these = &pair->measures[MIXENT_MEASURE_ACCURACY].difference;
      mixent_intervals_append(out, 100 * these->mean, 100 * these->low, 100 * these->high);
      mixent_text_append(out, " points");
    } else
      mixent_html_difference(out, difference_of(pair), 2);
  }
  if (count > MOST_NAMED) mixent_text_append(out, " and %zu more", count - MOST_NAMED);
  mixent_text_append(out, "</li>\n");
}

static mixent_status write_answers(const mixent_section *section) {
  size_t all = section->report->variant_count - 1;
  const pair **sorted;
  MIXENT_TRY(MIXENT_ALLOCATE(all, &sorted));
  mixent_text_append(section->out, "<ul class=\"answers\">\n");
  for (outcome outcome = 0; outcome < OUTCOMES; outcome++) {
    size_t count = 0;
    for (size_t i = 0; i < all; i++)
      if (is_here(section, compared(section)->pairs[i].variant) &&
          outcome_of(&compared(section)->pairs[i]) == outcome)
        sorted[count++] = &compared(section)->pairs[i];
    qsort(sorted, count, sizeof(const pair *), compare_differences);
    if (count) write_answer(section, outcome, sorted, count);
  }
  mixent_text_append(section->out, "</ul>\n");
  free(sorted);
  return mixent_text_status(section->out);
}

/* ---- A line for each variant ---- */

static void write_mean(const mixent_section *section, size_t variant) {
  const mixent_sample *sample = &compared(section)->variants[variant].measures[MIXENT_MEASURE_ACCURACY];
  mixent_text *out = section->out;
  mixent_html_number(out, sample->count ? 100 * sample->mean : NAN, 2);
  if (sample->count < 2) return;
  mixent_text_append(out, " <span class=\"range\">[");
  mixent_html_number(out, 100 * sample->low, 2);
  mixent_text_append(out, ", ");
  mixent_html_number(out, 100 * sample->high, 2);
  mixent_text_append(out, "]</span>");
}

static void write_difference(mixent_text *out, const pair *pair) {
  const mixent_difference *these = &pair->measures[MIXENT_MEASURE_ACCURACY].difference;
  mixent_text_append(out, "<b>");
  mixent_html_difference(out, pair->seeds ? 100 * these->mean : NAN, 2);
  mixent_text_append(out, "</b>");
  if (isnan(these->low)) return;
  mixent_text_append(out, " <span class=\"range\">[");
  mixent_html_difference(out, 100 * these->low, 2);
  mixent_text_append(out, ", ");
  mixent_html_difference(out, 100 * these->high, 2);
  mixent_text_append(out, "]</span>");
}

/* What a verdict holds for, or why there is none. */
static void write_reason(const mixent_section *section, const pair *pair) {
  static const char *const reasons[MIXENT_REASONS] = {
      [MIXENT_REASON_NO_RUNS] = "nothing to compare",
      [MIXENT_REASON_ONE_RUN] = "one seed",
      [MIXENT_REASON_IDENTICAL] = "identical runs",
      [MIXENT_REASON_NO_SCATTER] = "no scatter",
      [MIXENT_REASON_TEST_SELECTED] = "chosen by the test part",
      [MIXENT_REASON_FEW_SEEDS] = "too few seeds to conclude",
      [MIXENT_REASON_OPEN] = "no difference seen, none ruled out"};
  mixent_text *out = section->out;
  mixent_text_append(out, "<small>");
  if (pair->single)
    mixent_text_append(out, "two single models");
  else if (pair->reason)
    mixent_text_append(out, "%s", reasons[pair->reason]);
  else if (pair->verdict == MIXENT_VERDICT_EQUIVALENT)
    mixent_text_append(out, "within ±%g, ", section->report->comparison->input.difference);
  if (pair->scope)
    mixent_text_append(out, pair->scope == MIXENT_SCOPE_THESE ? "on these %s" : "on %s like these",
                       samples_of(section));
  mixent_text_append(out, "</small>");
}

/* ECE as trained, and whether it differs from the baseline's. */
static void write_calibration(const mixent_section *section, size_t variant, const pair *pair) {
  size_t ece = mixent_measure_find("ece");
  const mixent_sample *sample = &compared(section)->variants[variant].measures[ece];
  mixent_text *out = section->out;
  mixent_html_number(out, sample->count ? sample->mean : NAN, mixent_measures[ece].digits);
  if (!pair || !(pair->measures[ece].holm < 1 - section->report->comparison->input.confidence)) return;
  const char *word = pair->measures[ece].difference.mean > 0 ? "worse" : "better";
  mixent_text_append(out, " <small class=\"%s\">%s</small>", word, word);
}

static void write_cell(mixent_text *out, const char *kind, const char *label) {
  mixent_text_append(out, "</td><td role=\"cell\" class=\"%s\" data-label=\"%s\">", kind, label);
}

static void write_line(const mixent_section *section, const mixent_axis *axis, size_t variant) {
  const pair *pair = pair_of(section, variant);
  mixent_text *out = section->out;
  mixent_text_append(out, "<tr role=\"row\"%s><th role=\"rowheader\" scope=\"row\">",
                     pair ? "" : " class=\"baseline\"");
  if (pair) mixent_text_append(out, "<a href=\"#pair%zu.%zu\">", section->data, variant);
  mixent_section_variant(section, variant);
  mixent_text_append(out, "%s</th><td role=\"cell\" class=\"mean\" data-label=\"accuracy, %%\">",
                     pair ? "</a>" : "");
  write_mean(section, variant);
  if (section->report->variant_count > 1) {
    mixent_text_append(out, "</td><td role=\"cell\" class=\"plot\">");
    mixent_intervals_draw(section, axis, pair);
    write_cell(out, "difference", "points");
    if (pair) write_difference(out, pair);
    write_cell(out, "outcome-cell", "verdict");
    if (pair) {
      write_outcome(out, outcome_of(pair));
      mixent_text_append(out, " ");
      write_reason(section, pair);
    } else
      mixent_text_append(out, "<small>baseline</small>");
  }
  write_cell(out, "calibration", "ECE");
  write_calibration(section, variant, pair);
  mixent_text_append(out, "</td></tr>\n");
}

static void write_lines(const mixent_section *section, const mixent_axis *axis) {
  static const char *const titles[] = {"variant", "accuracy, %", "variant minus baseline",
                                       "points",  "verdict",     "ECE"};
  const mixent_report *report = section->report;
  bool compares = report->variant_count > 1;
  mixent_text *out = section->out;
  mixent_text_append(out, "<table role=\"table\" class=\"lines\"><thead role=\"rowgroup\"><tr role=\"row\">");
  for (size_t i = 0; i < sizeof titles / sizeof *titles; i++)
    if (compares || i < 2 || i > 4)
      mixent_text_append(out, "<th role=\"columnheader\" scope=\"col\">%s</th>", titles[i]);
  mixent_text_append(out, "</tr></thead><tbody role=\"rowgroup\">\n");
  for (size_t pass = 0; pass < 2; pass++) /* the baseline first */
    for (size_t v = 0; v < report->variant_count; v++)
      if ((v == report->baseline) == (pass == 0) && is_here(section, v)) write_line(section, axis, v);
  if (compares) {
    mixent_text_append(out, "<tr role=\"row\" class=\"scale\"><td colspan=\"2\"></td><td class=\"plot\">");
    mixent_intervals_scale(section, axis);
    mixent_text_append(out, "</td><td colspan=\"3\"></td></tr>\n");
  }
  mixent_text_append(out, "</tbody></table>\n");
}

/* ---- How to read it ---- */

static bool any_single(const mixent_section *section) {
  for (size_t i = 0; i + 1 < section->report->variant_count; i++)
    if (compared(section)->pairs[i].single) return true;
  return false;
}

static void write_legend(const mixent_section *section, const mixent_axis *axis) {
  mixent_text *out = section->out;
  const char *samples = samples_of(section);
  mixent_text_append(out, "<p class=\"note\">The line at zero is the baseline, ");
  mixent_section_variant(section, section->report->baseline);
  mixent_text_append(out, "; the shaded band is a difference of less than ±%g points, ",
                     section->report->comparison->input.difference);
  mixent_text_append(out, section->report->study ? "which the study calls not worth seeing. "
                                                 : "too small to matter to most. ");
  if (mixent_intervals_any_beyond(section, axis))
    mixent_text_append(out, "An arrow stands for a difference so far out that the axis ends before it. ");
  if (any_single(section))
    mixent_text_append(out,
                       "These are single models: McNemar's exact test compares them on the same %s, and says "
                       "nothing about how others would come out that are trained in the same way.</p>\n",
                       samples);
  else
    mixent_text_append(
        out,
        "Thick: 95 %% interval by t over seeds, which takes these test %s for all there are. "
        "Thin: by the analysis of variance over seeds and %s, which speaks of %s like these too.</p>\n",
        samples, samples, samples);
}

/* ---- The words on each variant ---- */

static void write_test(mixent_text *out, const char *title, double middle, double low, double high, double p,
                       const char *test) {
  mixent_text_append(out, "<dt>%s</dt><dd>", title);
  mixent_intervals_append(out, 100 * middle, 100 * low, 100 * high);
  if (!isnan(p)) {
    mixent_text_append(out, ", p ");
    mixent_html_p(out, p);
    mixent_text_append(out, " (%s)", test);
  }
  mixent_text_append(out, "</dd>");
}

static void write_tests(const mixent_section *section, const pair *pair) {
  const mixent_difference *these = &pair->measures[MIXENT_MEASURE_ACCURACY].difference;
  mixent_text *out = section->out;
  mixent_text_append(out, "<dl class=\"tests\">");
  write_test(out, "these", these->mean, these->low, these->high, pair->measures[MIXENT_MEASURE_ACCURACY].holm,
             "t");
  if (!isnan(pair->bootstrap.low))
    write_test(out, "like these", pair->bootstrap.difference, pair->bootstrap.low, pair->bootstrap.high,
               pair->bootstrap_holm, "crossed");
  if (pair->single) {
    mixent_text_append(out, "<dt>right with one alone</dt><dd>%zu against %zu, p ", pair->mcnemar.only_a,
                       pair->mcnemar.only_b);
    mixent_html_p(out, pair->mcnemar.p);
    mixent_text_append(out, " (McNemar)</dd>");
  }
  mixent_text_append(out, "</dl>");
}

static void write_words(const mixent_section *section, const pair *pair) {
  mixent_text *out = section->out;
  mixent_text_append(out, "<details class=\"verdict %s\"><summary>", outcomes[outcome_of(pair)].name);
  mixent_section_variant(section, pair->variant);
  mixent_text_append(out, " <small>in words</small></summary><div id=\"pair%zu.%zu\"><p>", section->data,
                     pair->variant);
  mixent_html_text(out, pair->words);
  mixent_text_append(out, "</p>");
  if (pair->calibration) {
    mixent_text_append(out, "<p>");
    mixent_html_text(out, pair->calibration);
    mixent_text_append(out, "</p>");
  }
  if (pair->seeds) write_tests(section, pair);
  mixent_text_append(out, "</div></details>\n");
}

static void write_alone(const mixent_section *section, size_t variant) {
  size_t runs = compared(section)->variants[variant].runs;
  if (runs > 1)
    mixent_text_append(
        section->out,
        "<p>The mean of %zu seeds. Nothing stands beside it, so that nothing is compared.</p>\n", runs);
  else
    mixent_text_append(section->out,
                       "<p>One run: another seed would give another number, and how far off it would be, "
                       "this run alone cannot say.</p>\n");
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
    if (report->variant_count == 1) write_alone(section, 0);
    if (report->variant_count > 1) {
      write_legend(section, &axis);
      mixent_text_append(out, "<div class=\"verdicts\">\n");
      for (size_t i = 0; i + 1 < report->variant_count; i++)
        if (is_here(section, compared(section)->pairs[i].variant))
          write_words(section, &compared(section)->pairs[i]);
      mixent_text_append(out, "</div>\n");
    }
  }
  mixent_section_end(section);
  return mixent_text_status(out);
}
