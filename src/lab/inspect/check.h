/* A data set checked: what data/inspect finds in its files, and labels that models doubt; as text, JSON and an HTML page. */
#ifndef MIXENT_LAB_INSPECT_CHECK_H
#define MIXENT_LAB_INSPECT_CHECK_H

#include "core/memory.h"
#include "data/inspect/inspect.h"
#include "stats/label_errors.h"

/* Probabilities of train images from models that were not trained on them, summed over models. */
typedef struct mixent_out_of_sample {
  size_t images, classes;
  double *sums;     /* [images, classes] */
  uint32_t *models; /* [images]: that said something of the image */
} mixent_out_of_sample;
mixent_status mixent_out_of_sample_make(const mixent_dataset *dataset, mixent_out_of_sample *out);
/* Adds what a finished run says of the images that it held out. Refuses a run on other data. */
mixent_status mixent_out_of_sample_add(const mixent_dataset *dataset, const char *run,
                                       mixent_out_of_sample *out);
void mixent_out_of_sample_free(mixent_out_of_sample *out);

typedef struct mixent_data_check {
  const mixent_dataset *dataset;
  const mixent_broken_files *broken;
  double near; /* the least correlation of near duplicates; 0: they were not looked for */
  mixent_inspection found;
  size_t judged;              /* train images whose labels were checked; 0: none were */
  mixent_label_error *errors; /* `item` is the train image; the worst first */
  size_t error_count;
} mixent_data_check;
mixent_status mixent_data_check_make(const mixent_dataset *dataset, const mixent_broken_files *broken,
                                     double near, mixent_data_check *out);
/* Adds the label errors. */
mixent_status mixent_data_check_judge(const mixent_out_of_sample *said, mixent_data_check *out);
void mixent_data_check_free(mixent_data_check *check);

/* The largest class of train over the smallest; infinite where one is empty. */
double mixent_data_check_imbalance(const mixent_data_check *check);

/* As people read it, `most` lines of each kind. */
void mixent_data_check_text(const mixent_data_check *check, size_t most, mixent_text *out);
/* All of it; NULL without memory. */
struct json_t;
struct json_t *mixent_data_check_json(const mixent_data_check *check);
/* A page with the images, `most` lines of each kind, the worst first. */
mixent_status mixent_data_check_page(const mixent_data_check *check, size_t most, mixent_text *out);

#endif
