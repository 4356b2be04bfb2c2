/* The picture of the intervals: a difference and how sure it is, one row for each variant, all on one axis. It is drawn in per cent of its
 * width, so that it fits any. */
#ifndef MIXENT_LAB_REPORT_INTERVALS_H
#define MIXENT_LAB_REPORT_INTERVALS_H

#include "lab/report/page.h"

/* The axis takes in all pairs but those that reach ten times as far as every nearer one: beside a loss that failed, the
 * others could not be told apart. */
mixent_axis mixent_intervals_axis(const mixent_section *section);
/* Whether a difference lies outside the axis; an arrow stands for it. */
bool mixent_intervals_any_beyond(const mixent_section *section, const mixent_axis *axis);
/* A row; `pair` NULL: the baseline's, which is the zero. */
void mixent_intervals_draw(const mixent_section *section, const mixent_axis *axis,
                           const mixent_compare_pair *pair);
/* The numbers below the last row. */
void mixent_intervals_scale(const mixent_section *section, const mixent_axis *axis);

#endif
