/* What the name of a metric tells: whether higher or lower is better, whether it is an accuracy, and of test data. */
#ifndef MIXENT_LAB_RESULTS_METRICS_H
#define MIXENT_LAB_RESULTS_METRICS_H

#include <stdbool.h>

/* 1: higher is better, -1: lower, 0: the name does not tell. */
int mixent_metric_better(const char *name);
bool mixent_metric_is_accuracy(const char *name);
/* Whether it speaks of test data: "test/acc". */
bool mixent_metric_is_of_test(const char *name);

#endif
