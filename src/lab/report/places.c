/* Where each run stands in the shape that a page is made of. */
#include "lab/report/source_parts.h"

size_t mixent_report_run_count(const mixent_report *report) {
  return report->data_count * report->variant_count * report->seed_count;
}

mixent_report_run *mixent_report_run_at(const mixent_report *report, size_t data, size_t variant,
                                        size_t seed) {
  return &report->runs[(data * report->variant_count + variant) * report->seed_count + seed];
}

const mixent_report_run *mixent_report_run_of(const mixent_report *report, size_t data, size_t variant,
                                              size_t seed) {
  return mixent_report_run_at(report, data, variant, seed);
}
