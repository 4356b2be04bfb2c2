/* What the finished runs of a study came to, and their comparison. */
#ifndef MIXENT_LAB_STUDY_RESULTS_H
#define MIXENT_LAB_STUDY_RESULTS_H

#include "lab/compare/runs.h"
#include "lab/study/directory.h"
#include "lab/study/import.h"
#include "lab/study/variance.h"

typedef struct mixent_study_results {
  mixent_result **items;           /* [data, variants, seeds]; NULL where a run is not finished */
  size_t count, finished;          /* runs */
  mixent_runs_compared compared;   /* those that mixent_study_compared counts */
  mixent_study_variance *variance; /* [data, variants]; NULL: the study crosses no factors */
} mixent_study_results;

/* Of a study in a directory, which must outlive them. */
mixent_status mixent_study_results_read(const mixent_study *study, mixent_study_results *out);
/* Of a study's file that was read (mixent_import_read), without its variance table. The import must outlive them. Verdicts
 * do not depend on the bootstrap's replicates (0: as many as usual). */
mixent_status mixent_study_results_import(const mixent_import *import, size_t replicates,
                                          mixent_study_results *out);
/* Safe on a zeroed struct. */
void mixent_study_results_free(mixent_study_results *results);

#endif
