/* What lm-evaluation-harness writes with --output_path and --log_samples: samples_TASK_TIME.jsonl, a line per document and filter, and
 * results_TIME.json, the means. The directory is the model: the variant, with a seed where its name says seedN. A task is a data set, and so is
 * each filter of a task that has several: "gsm8k, strict-match". */
#ifndef MIXENT_LAB_RESULTS_LM_EVAL_H
#define MIXENT_LAB_RESULTS_LM_EVAL_H

#include "core/json.h"
#include "lab/results/rows.h"

/* Start from {0}. */
typedef struct mixent_results_samples {
  char *variant, *seed, *task;
  char *metric;       /* that says whether a document is right; NULL: none of the task's does */
  char *run;          /* the directory: it is the run */
  const char *origin; /* the file */
} mixent_results_samples;

/* Whether an object is a line of samples. */
bool mixent_results_is_sample(const json_t *object);
/* Names the run and the task by the path, and finds the metric: `correct` of --columns, else the task's first that is 0 or 1 in this line. */
mixent_status mixent_results_samples_begin(const mixent_results_file *file, const json_t *object,
                                           const mixent_results_layout *layout, mixent_results *out,
                                           mixent_results_samples *samples);
/* Adds a line's document as an item of the run. */
mixent_status mixent_results_take_sample(const mixent_results_samples *samples, const json_t *object,
                                         size_t line, const mixent_results_layout *layout,
                                         mixent_results *out);
void mixent_results_samples_end(mixent_results_samples *samples);

/* The means of a results_TIME.json; *found is false, and nothing is read, where the text is none. */
mixent_status mixent_results_read_means(const mixent_results_file *file, char *text, size_t size,
                                        const mixent_results_layout *layout, mixent_results *out,
                                        bool *found);

#endif
