/* What the results were read from: said beside what they show. */
#ifndef MIXENT_LAB_RESULTS_SOURCES_H
#define MIXENT_LAB_RESULTS_SOURCES_H

#include "core/memory.h"
#include "lab/results/results.h"

struct json_t;

/* Sentences, none for tables that name their variants: which readers took how many files, where variant and seed come from, which epoch counts, what was left out. `metrics`: those
 * that are compared, between commas; a choice by one of them is warned of. */
void mixent_results_append_sources(const mixent_results *results, const mixent_results_layout *layout,
                                   const char *metrics, mixent_text *out);
/* {"files": [{"path", "reader"}], "epoch": "last" | "best:METRIC" | null, "names": …, "unfinished": N, "words": …} */
struct json_t *mixent_results_sources_to_json(const mixent_results *results,
                                              const mixent_results_layout *layout, const char *metrics);

#endif
