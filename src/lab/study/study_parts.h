/* What study.c and read.c ask of vary.c. */
#ifndef MIXENT_LAB_STUDY_STUDY_PARTS_H
#define MIXENT_LAB_STUDY_STUDY_PARTS_H

#include "core/yaml.h"
#include "lab/study/study.h"
#include "recipe/use.h"

/* The key `vary`. */
mixent_status mixent_study_vary_read(const mixent_yaml *node, mixent_study_vary *out);
/* The numbers of the runs of a crossed design, those that mixent_study_compared counts first. */
mixent_status mixent_study_vary_seeds(mixent_study *study);
/* Whether what varies has an effect, and no seed that is set otherwise. */
mixent_status mixent_study_vary_check(const mixent_yaml *node, const mixent_study *study);
/* Adds the seeds of a run to its settings, of which there must be room for MIXENT_STUDY_FACTORS more. `recipe`: of the run,
 * without them. */
void mixent_study_add_seeds(const mixent_study *study, mixent_study_cell cell, const mixent_recipe *recipe,
                            mixent_run_settings *out);

#endif
