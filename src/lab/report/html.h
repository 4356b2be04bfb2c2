/* Pieces of a report's page beside those of core/html.h. */
#ifndef MIXENT_LAB_REPORT_HTML_H
#define MIXENT_LAB_REPORT_HTML_H

#include "core/html.h"

/* mixent_html_text, cut to `most` characters, the last an ellipsis, for places in a chart. */
void mixent_html_short(mixent_text *out, const char *text, size_t most);
/* Characters of a UTF-8 text. */
size_t mixent_html_length(const char *text);

/* A number with so many digits, a real minus sign, and a dash where there is none (NaN). */
void mixent_html_number(mixent_text *out, double value, int digits);
/* The same with its sign always. */
void mixent_html_difference(mixent_text *out, double value, int digits);
/* "0.012", "< 0.001". */
void mixent_html_p(mixent_text *out, double p);

#endif
