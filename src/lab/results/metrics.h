/* What the name of a metric tells: whether higher or lower is better, whether it is an accuracy, and of which data. */
#ifndef MIXENT_LAB_RESULTS_METRICS_H
#define MIXENT_LAB_RESULTS_METRICS_H

#include <stdbool.h>

/* 1: higher is better, -1: lower, 0: the name does not tell. */
int mixent_metric_better(const char *name);
bool mixent_metric_is_accuracy(const char *name);
/* Of which data it speaks: "test/acc". In a log what names none is mostly of training. */
typedef enum mixent_metric_part {
  MIXENT_PART_TRAIN,
  MIXENT_PART_UNKNOWN,
  MIXENT_PART_VALIDATION,
  MIXENT_PART_TEST
} mixent_metric_part;
mixent_metric_part mixent_metric_part_of(const char *name);

#endif
