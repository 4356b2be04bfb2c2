/* Reading one run, between run.c and source.c. */
#ifndef MIXENT_LAB_REPORT_SOURCE_PARTS_H
#define MIXENT_LAB_REPORT_SOURCE_PARTS_H

#include "lab/report/source.h"

/* Fills a zeroed run from its directory, whatever is there of it. */
mixent_status mixent_report_run_read(const char *path, const char *name, mixent_report_run *run);
/* The curves and warnings in the lines of metrics.jsonl, of which there is one at least. */
struct json_t;
mixent_status mixent_report_run_take_history(const struct json_t *lines, mixent_report_run *run);
void mixent_report_run_free(mixent_report_run *run);

mixent_report_run *mixent_report_run_at(const mixent_report *report, size_t data, size_t variant,
                                        size_t seed);
size_t mixent_report_run_count(const mixent_report *report); /* places: data sets x variants x seeds */
/* Fills a zeroed report from files and directories of results, and compares them. */
mixent_status mixent_report_results_read(const char *const *places, size_t count,
                                         const mixent_report_options *options, mixent_report *report);

#endif
