/* What makes the runs of a study differ: the variance of test accuracy in parts, of a study that crosses factors. */
#ifndef MIXENT_LAB_STUDY_VARIANCE_H
#define MIXENT_LAB_STUDY_VARIANCE_H

#include "lab/study/study.h"
#include "mixent/statistics.h"

/* Of one variant on one data set. */
typedef struct mixent_study_variance {
  size_t runs; /* that are finished */
  bool known;  /* they tell the factors apart */
  mixent_component
      parts[MIXENT_STUDY_FACTORS + 1]; /* of the factors that vary, in their order; then the rest */
} mixent_study_variance;

/* accuracies [data, variants, seeds], NaN where a run is not finished; out [data, variants]. */
mixent_status mixent_study_variance_measure(const mixent_study *study, const double *accuracies,
                                            mixent_study_variance *out);
/* A table with its words; an array of JSON, NULL without memory. */
void mixent_study_variance_append_text(const mixent_study *study, const mixent_study_variance *variance,
                                       mixent_text *out);
struct json_t *mixent_study_variance_to_json(const mixent_study *study,
                                             const mixent_study_variance *variance);

#endif
