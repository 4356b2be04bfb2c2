/* The sections of a page, one file each, and what they share. Each appends to `out`; headings begin at `level` (2, or 3
 * below the heading of one data set of several). */
#ifndef MIXENT_LAB_REPORT_PAGE_H
#define MIXENT_LAB_REPORT_PAGE_H

#include "lab/report/html.h"
#include "lab/report/plot.h"
#include "lab/report/source.h"

typedef struct mixent_section {
  const mixent_report *report;
  size_t data; /* index of the data set */
  int level;
  mixent_text *out, *links; /* links: to the sections, in order; NULL: there are too many */
} mixent_section;

/* What may be concluded: a line for each variant with its interval, and words. */
mixent_status mixent_section_verdict(const mixent_section *section);
/* Every measure of every variant, and its differences from the baseline. */
mixent_status mixent_section_measures(const mixent_section *section);
/* Loss, accuracy and entropy over the epochs; then weights and bases, where they move. */
mixent_status mixent_section_curves(const mixent_section *section);
mixent_status mixent_section_weights(const mixent_section *section);
/* Reliability diagrams; entropy of right against wrong predictions, and risk against coverage. */
mixent_status mixent_section_reliability(const mixent_section *section);
mixent_status mixent_section_certainty(const mixent_section *section);
/* Confused pairs with pictures, and the matrix. */
mixent_status mixent_section_confusion(const mixent_section *section);
/* Warnings, and runs that are not finished. */
mixent_status mixent_section_warnings(const mixent_section *section);
/* All data sets together, where there are five or more; once for all data sets. */
mixent_status mixent_section_across(const mixent_section *section);
/* How to make all of it again; once for all data sets. */
mixent_status mixent_section_making(const mixent_section *section);

/* "<section id=…><h2>title</h2>", and its end; `name` is unique in the page together with the data set. */
void mixent_section_begin(const mixent_section *section, const char *name, const char *title);
void mixent_section_end(const mixent_section *section);
/* The measure that the verdicts are on, and how its numbers are shown. */
typedef struct mixent_primary {
  size_t index; /* among the comparison's measures */
  const mixent_measure *measure;
  double scale;     /* what is shown is the number times this */
  int digits;       /* shown after the point */
  const char *unit; /* of differences: "points", or "" */
  double worth;     /* the least difference that matters, as it is shown; NaN: not known */
} mixent_primary;
mixent_primary mixent_section_primary(const mixent_section *section);
/* The same section, written to another text. */
mixent_section mixent_section_on(const mixent_section *section, mixent_text *out);
/* The variant's name with its colour and dash before it. */
void mixent_section_variant(const mixent_section *section, size_t variant);
/* What belongs to one variant has the class v0, v1, … of its index (mixent_report_hue), by which the page's check boxes hide it: the head of
 * a column with the variant's name, without its end tag; and a cell. */
void mixent_section_head(const mixent_section *section, size_t variant);
void mixent_section_cell(const mixent_section *section, size_t variant);

/* A figure: the title, which is HTML, the chart, and its values, folded away. `variant`: whose the whole figure is, or
 * MIXENT_PLOT_COMMON. `plot->values` is the inside of a table: its first column is the place on the x axis, which each row says as a number, too
 * (data-x); each other column belongs to a variant or to none, as its head says. The page's script shows a row beside the pointer. */
mixent_status mixent_section_chart(const mixent_section *section, size_t variant, const char *title,
                                   mixent_plot *plot, const char *about);

/* Mean over the runs of a variant that have a value, and the range of them. */
typedef struct mixent_band {
  size_t count;
  double mean, low, high; /* NaN where count is 0 */
} mixent_band;
void mixent_band_add(mixent_band *band, double value);
/* "92.31 (91.90 to 92.74)", or the mean alone of one run. */
void mixent_html_band(mixent_text *out, const mixent_band *band, double scale, int digits);

#endif
