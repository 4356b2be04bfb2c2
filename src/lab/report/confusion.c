/* What is taken for what: the most confused pairs with pictures of them, and the matrix. */
#include "lab/report/page.h"

#include "core/layout.h"
#include "lab/report/picture.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST_MATRIX = 40 /* classes */, LEVELS = 9 };

/* Counts summed over the runs of a variant, or of all: [classes (true), classes (predicted)]. */
typedef struct counts {
  size_t classes, *cells;
  char *const *names;
} counts;

static size_t row_sum(const counts *counts, size_t label) {
  size_t sum = 0;
  for (size_t k = 0; k < counts->classes; k++) sum += counts->cells[label * counts->classes + k];
  return sum;
}

static void add_runs(const mixent_section *section, size_t variant, counts *counts) {
  for (size_t s = 0; s < section->report->seed_count; s++) {
    const mixent_result *result = mixent_report_run_of(section->report, section->data, variant, s)->result;
    for (size_t i = 0; result && i < counts->classes * counts->classes; i++)
      counts->cells[i] += result->confusion[i];
  }
}

static mixent_status begin_counts(const mixent_result *any, counts *out) {
  *out = (counts){.classes = any->classes, .names = any->class_names};
  return MIXENT_ALLOCATE(any->classes * any->classes, &out->cells);
}

/* Rows of a table, of side 1, are no pictures. */
static bool has_pictures(const mixent_section *section) {
  const mixent_dataset *dataset = section->report->datasets[section->data];
  return dataset && dataset->test.side > 1;
}

/* A pair of classes and how often the first was taken for the second. */
typedef struct confused {
  size_t label, predicted, count;
} confused;

static int compare_confused(const void *a, const void *b) {
  const confused *x = a, *y = b;
  if (x->count != y->count) return x->count < y->count ? 1 : -1;
  if (x->label != y->label) return x->label < y->label ? -1 : 1;
  return (x->predicted > y->predicted) - (x->predicted < y->predicted);
}

/* The most frequent pairs over all variants; *out has room for all pairs; free(). */
static mixent_status find_pairs(const counts *all, confused **out, size_t *count) {
  MIXENT_TRY(MIXENT_ALLOCATE(all->classes * all->classes, out));
  *count = 0;
  for (size_t i = 0; i < all->classes * all->classes; i++)
    if (i / all->classes != i % all->classes && all->cells[i])
      (*out)[(*count)++] = (confused){i / all->classes, i % all->classes, all->cells[i]};
  qsort(*out, *count, sizeof **out, compare_confused);
  if (*count > MIXENT_CONFUSED_PAIRS) *count = MIXENT_CONFUSED_PAIRS;
  return MIXENT_OK;
}

/* An image that runs took for the pair's second class, and how many of them did. */
typedef struct votes {
  size_t image, count;
} votes;

static int compare_votes(const void *a, const void *b) {
  const votes *x = a, *y = b;
  if (x->count != y->count) return x->count < y->count ? 1 : -1;
  return (x->image > y->image) - (x->image < y->image);
}

static void vote(votes *all, size_t *count, size_t most, const mixent_confused *pair) {
  for (size_t j = 0; j < pair->image_count; j++) {
    size_t i = 0;
    while (i < *count && all[i].image != pair->images[j]) i++;
    if (i == *count && *count < most) all[(*count)++] = (votes){pair->images[j], 0};
    if (i < *count) all[i].count++;
  }
}

/* Pictures of the pair: the images that most runs got wrong in this way. */
static mixent_status write_pictures(const mixent_section *section, const confused *pair) {
  enum { MOST = 512 };
  votes all[MOST];
  size_t count = 0;
  const mixent_report *report = section->report;
  const mixent_dataset *dataset = report->datasets[section->data];
  for (size_t v = 0; v < report->variant_count; v++)
    for (size_t s = 0; s < report->seed_count; s++) {
      const mixent_result *result = mixent_report_run_of(report, section->data, v, s)->result;
      for (size_t i = 0; result && i < result->confused_count; i++)
        if (result->confused[i].label == pair->label && result->confused[i].predicted == pair->predicted)
          vote(all, &count, MOST, &result->confused[i]);
    }
  qsort(all, count, sizeof *all, compare_votes);
  mixent_text_append(section->out, "<td class=\"pictures\">");
  for (size_t i = 0; i < count && i < MIXENT_CONFUSED_IMAGES; i++)
    MIXENT_TRY(mixent_picture_append(&dataset->test, "test", all[i].image, section->out));
  mixent_text_append(section->out, "</td>");
  return mixent_text_status(section->out);
}

static void write_share(mixent_text *out, size_t count, size_t all) {
  mixent_html_number(out, all ? 100 * (double)count / (double)all : NAN, 1);
  mixent_text_append(out, "</td>");
}

static void write_pair_heads(const mixent_section *section) {
  mixent_text *out = section->out;
  const mixent_report *report = section->report;
  mixent_text_append(
      out,
      "<p class=\"note\">The most frequent of all variants together: how many per cent of the class's "
      "test %s%s.%s</p>\n",
      mixent_compare_samples(report->comparison, section->data),
      report->seed_count > 1 ? ", pooled over the seeds" : "",
      report->datasets[section->data] || report->asked
          ? ""
          : " Pictures are left out: the data set these runs were scored on was not found on the "
            "machine that made this page (<code>--data-dir</code> says where to look).");
  mixent_text_append(
      out,
      "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"most confused pairs\">"
      "<table class=\"pairs\" style=\"--columns:%zu\"><thead><tr><th scope=\"col\">class</th><th scope=\"col\">taken for"
      "</th>",
      section->report->variant_count + (has_pictures(section) ? 2 : 0));
  if (has_pictures(section))
    mixent_text_append(out, "<th scope=\"col\" class=\"pictures\">examples, in most runs</th>");
  for (size_t v = 0; v < section->report->variant_count; v++) {
    if (!mixent_report_has_results(section->report, section->data, v)) continue;
    mixent_section_head(section, v);
    mixent_text_append(out, "<small>%%</small></th>");
  }
  mixent_text_append(out, "</tr></thead><tbody>\n");
}

/* `each` [variants]: the counts of each variant. */
static mixent_status write_pair(const mixent_section *section, const counts *each, const confused *pair) {
  mixent_text *out = section->out;
  mixent_text_append(out, "<tr><th scope=\"row\" class=\"class\">");
  mixent_html_text(out, each->names[pair->label]);
  mixent_text_append(out, "</th><td class=\"class\">");
  mixent_html_text(out, each->names[pair->predicted]);
  mixent_text_append(out, "</td>");
  if (has_pictures(section)) MIXENT_TRY(write_pictures(section, pair));
  for (size_t v = 0; v < section->report->variant_count; v++)
    if (mixent_report_has_results(section->report, section->data, v)) {
      mixent_section_cell(section, v);
      write_share(out, each[v].cells[pair->label * each->classes + pair->predicted],
                  row_sum(&each[v], pair->label));
    }
  mixent_text_append(out, "</tr>\n");
  return mixent_text_status(out);
}

static mixent_status write_pairs(const mixent_section *section, const counts *each, const counts *all) {
  confused *pairs;
  size_t count;
  MIXENT_TRY(find_pairs(all, &pairs, &count));
  mixent_status status = MIXENT_OK;
  if (!count)
    mixent_text_append(section->out, "<p class=\"note\">All test %s were classified rightly.</p>\n",
                       mixent_compare_samples(section->report->comparison, section->data));
  else {
    write_pair_heads(section);
    for (size_t i = 0; i < count && status == MIXENT_OK; i++) status = write_pair(section, each, &pairs[i]);
    mixent_text_append(section->out, "</tbody></table></div>\n");
  }
  free(pairs);
  return status;
}

/* A cell: per cent of its row, the darker the more. */
static void write_cell(mixent_text *out, const counts *counts, size_t label, size_t predicted, size_t all) {
  size_t count = counts->cells[label * counts->classes + predicted];
  if (!count) {
    mixent_text_append(out, "<td>");
    return;
  }
  double share = (double)count / (double)all;
  int level = (int)ceil(LEVELS * sqrt(label == predicted ? share * share : share));
  mixent_text_append(out, "<td data-n=\"%zu\" class=\"%c%d\">", count, label == predicted ? 'r' : 'w',
                     level > LEVELS ? LEVELS : level);
  if (share >= 0.0995)
    mixent_text_append(out, "%.0f", 100 * share);
  else if (share >= 0.0005)
    mixent_text_append(out, "%.1f", 100 * share);
}

/* A class as the head of a row or a column: short, and whole for those who point at it. */
static void write_class(mixent_text *out, const char *scope, const char *name) {
  mixent_text_append(out, "<th scope=\"%s\" title=\"", scope);
  mixent_html_text(out, name);
  mixent_text_append(out, "\">");
  mixent_html_short(out, name, 10);
  mixent_text_append(out, "</th>");
}

static void write_matrix(const mixent_section *section, size_t variant, const counts *counts, bool open) {
  mixent_text *out = section->out;
  mixent_text_append(out, "<details class=\"v%zu\"%s><summary>", mixent_report_hue(section->report, variant),
                     open ? " open" : "");
  mixent_section_variant(section, variant);
  mixent_text_append(out,
                     "</summary><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"confusion "
                     "matrix\"><table class=\"matrix\"><thead><tr><th scope=\"col\">true \\ said</th>");
  for (size_t k = 0; k < counts->classes; k++) {
    write_class(out, "col", counts->names[k]);
  }
  mixent_text_append(out, "</tr></thead><tbody>\n");
  for (size_t label = 0; label < counts->classes; label++) {
    size_t all = row_sum(counts, label);
    mixent_text_append(out, "<tr data-n=\"%zu\">", all);
    write_class(out, "row", counts->names[label]);
    for (size_t k = 0; k < counts->classes; k++) {
      write_cell(out, counts, label, k, all);
      mixent_text_append(out, "</td>");
    }
    mixent_text_append(out, "</tr>\n");
  }
  mixent_text_append(out, "</tbody></table></div></details>\n");
}

static void write_matrices(const mixent_section *section, const counts *each) {
  const mixent_report *report = section->report;
  mixent_text *out = section->out;
  if (each->classes > LARGEST_MATRIX) {
    mixent_text_append(
        out,
        "<p class=\"note\">With %zu classes the whole matrix is too large to read; result.json of "
        "each run has it.</p>\n",
        each->classes);
    return;
  }
  mixent_text_append(out, "<p class=\"note\">The whole matrix, in per cent of each true class.</p>\n");
  bool open = true;
  for (size_t pass = 0; pass < 2; pass++) /* the baseline first */
    for (size_t v = 0; v < report->variant_count; v++)
      if ((v == report->baseline) == (pass == 0) && mixent_report_has_results(report, section->data, v)) {
        write_matrix(section, v, &each[v], open);
        open = false;
      }
}

static mixent_status write_all(const mixent_section *section, const mixent_result *any, counts *each,
                               counts *all) {
  MIXENT_TRY(begin_counts(any, all));
  for (size_t v = 0; v < section->report->variant_count; v++) {
    MIXENT_TRY(begin_counts(any, &each[v]));
    add_runs(section, v, &each[v]);
    add_runs(section, v, all);
  }
  mixent_section_begin(section, "confusion", "Confusions");
  MIXENT_TRY(write_pairs(section, each, all));
  write_matrices(section, each);
  mixent_section_end(section);
  return mixent_text_status(section->out);
}

mixent_status mixent_section_confusion(const mixent_section *section) {
  const mixent_result *any = mixent_report_any_result(section->report, section->data);
  if (!any) return MIXENT_OK;
  counts *each, all = {0};
  MIXENT_TRY(MIXENT_ALLOCATE(section->report->variant_count, &each));
  mixent_status status = write_all(section, any, each, &all);
  for (size_t v = 0; v < section->report->variant_count; v++) free(each[v].cells);
  free(each);
  free(all.cells);
  return status;
}
