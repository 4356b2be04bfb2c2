/* Verdicts, reasons, and what the tests of a pair gave. */
#include "lab/report/words.h"

#include <math.h>
#include <stdio.h>

typedef mixent_compare_pair pair;

void mixent_words_verdict(mixent_text *out, mixent_verdict verdict) {
  const char *name = mixent_verdict_name(verdict);
  mixent_text_append(out, "<span class=\"outcome %s\">%s</span>", name, name);
}

void mixent_words_reason(const mixent_section *section, const pair *pair) {
  static const char *const reasons[MIXENT_REASONS] = {[MIXENT_REASON_NO_RUNS] = "nothing to compare",
                                                      [MIXENT_REASON_ONE_RUN] = "one run",
                                                      [MIXENT_REASON_IDENTICAL] = "identical runs",
                                                      [MIXENT_REASON_NO_SCATTER] = "no scatter",
                                                      [MIXENT_REASON_TEST_SELECTED] =
                                                          "chosen by the test part",
                                                      [MIXENT_REASON_FEW_SEEDS] = "too few seeds",
                                                      [MIXENT_REASON_OPEN] = "open"};
  const mixent_primary primary = mixent_section_primary(section);
  const char *samples = mixent_compare_samples(section->report->comparison, section->data);
  mixent_text *out = section->out;
  mixent_text_append(out, " <small>");
  if (pair->single)
    mixent_text_append(out, "two single models");
  else if (pair->reason == MIXENT_REASON_OPEN && !isnan(pair->equivalence.test.within)) {
    mixent_text_append(out, "P(within ±%g) ", primary.worth);
    mixent_html_number(out, pair->equivalence.test.within, 2);
  } else if (pair->reason)
    mixent_text_append(out, "%s", reasons[pair->reason]);
  else if (pair->verdict == MIXENT_VERDICT_EQUIVALENT)
    mixent_text_append(out, "within ±%g", primary.worth);
  if (pair->scope && section->report->comparison->input.data[section->data].items)
    mixent_text_append(out, "%son %s%s%s", pair->verdict == MIXENT_VERDICT_EQUIVALENT ? ", " : "",
                       pair->scope == MIXENT_SCOPE_THESE ? "these " : "", samples,
                       pair->scope == MIXENT_SCOPE_THESE ? "" : " like these");
  mixent_text_append(out, "</small>");
}

void mixent_words_interval(mixent_text *out, const mixent_primary *primary, double low, double high) {
  if (isnan(low)) return;
  mixent_text_append(out, " [");
  mixent_html_difference(out, primary->scale * low, primary->digits);
  mixent_text_append(out, ", ");
  mixent_html_difference(out, primary->scale * high, primary->digits);
  mixent_text_append(out, "]");
}

/* One test: difference, interval, p; and how likely the true difference is smaller than what matters. */
static void write_test(const mixent_section *section, const char *title, double middle, double low,
                       double high, double p, const mixent_equivalence *equivalence) {
  const mixent_primary primary = mixent_section_primary(section);
  mixent_text *out = section->out;
  mixent_text_append(out, "<dt>%s</dt><dd>", title);
  mixent_html_difference(out, primary.scale * middle, primary.digits);
  mixent_words_interval(out, &primary, low, high);
  if (!isnan(p)) {
    mixent_text_append(out, ", p ");
    mixent_html_p(out, p);
  }
  if (!isnan(equivalence->within)) {
    mixent_text_append(out, ", P(|d| &lt; %g) ", primary.worth);
    mixent_html_number(out, equivalence->within, 2);
  }
  mixent_text_append(out, "</dd>");
}

static void write_tests(const mixent_section *section, const pair *pair) {
  const mixent_primary primary = mixent_section_primary(section);
  const mixent_compared *these = &pair->measures[primary.index];
  const char *samples = mixent_compare_samples(section->report->comparison, section->data);
  mixent_text *out = section->out;
  bool like = !isnan(pair->bootstrap.low);
  char title[48];
  snprintf(title, sizeof title, like ? "on these %s" : "difference", samples);
  mixent_text_append(out, "<dl class=\"tests\">");
  write_test(section, title, these->difference.mean, these->difference.low, these->difference.high,
             these->holm, &pair->equivalence.test);
  snprintf(title, sizeof title, "on %s like these", samples);
  if (like)
    write_test(section, title, pair->bootstrap.difference, pair->bootstrap.low, pair->bootstrap.high,
               pair->bootstrap_holm, &pair->equivalence_like.test);
  if (pair->single) {
    mixent_text_append(out, "<dt>right with one alone</dt><dd>%zu against %zu, p ", pair->mcnemar.only_a,
                       pair->mcnemar.only_b);
    mixent_html_p(out, pair->mcnemar.p);
    mixent_text_append(out, " (McNemar)</dd>");
  }
  mixent_text_append(out, "<dt>runs</dt><dd>%zu and %zu, %s</dd></dl>", these->counts[0], these->counts[1],
                     these->paired ? "paired" : "unpaired");
}

void mixent_words_fold(const mixent_section *section, size_t variant, mixent_verdict verdict) {
  mixent_text_append(section->out, "<details class=\"verdict %s\"><summary>", mixent_verdict_name(verdict));
  mixent_section_variant(section, variant);
  mixent_text_append(section->out, " <small>in words</small></summary>");
}

void mixent_words_write(const mixent_section *section, const pair *pair) {
  mixent_text *out = section->out;
  mixent_words_fold(section, pair->variant, pair->verdict);
  mixent_text_append(out, "<div id=\"pair%zu.%zu\"><p>", section->data, pair->variant);
  mixent_html_text(out, pair->words);
  mixent_text_append(out, "</p>");
  if (pair->calibration) {
    mixent_text_append(out, "<p>");
    mixent_html_text(out, pair->calibration);
    mixent_text_append(out, "</p>");
  }
  if (pair->measures[section->report->comparison->input.primary].counts[0]) write_tests(section, pair);
  mixent_text_append(out, "</div></details>\n");
}
