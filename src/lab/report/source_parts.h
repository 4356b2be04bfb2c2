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

#endif
