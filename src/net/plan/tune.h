/* Measuring which back end computes each pass of each convolution fastest: the only place where that is timed. */
#ifndef MIXENT_NET_PLAN_TUNE_H
#define MIXENT_NET_PLAN_TUNE_H

#include "io/plan_file.h"
#include "mixent/net.h"

enum { MIXENT_TUNE_MOST_REPETITIONS = 100 };

typedef struct mixent_tune_options {
  int batch;
  mixent_precision precision;
  int repetitions; /* 1 to MIXENT_TUNE_MOST_REPETITIONS */
  void *context;
  /* Told before each piece of work: what is measured next, and how much of all is done, 0 to 1. May be NULL. */
  void (*progress)(void *context, const char *what, double fraction);
} mixent_tune_options;

/* What came out; times are the least over the repetitions. */
typedef struct mixent_tune_result {
  mixent_plan_file *plan;
  double table_seconds,
      plan_seconds; /* forward and backward in one, with the table's plan and with this one */
  bool
      kept; /* the plan is the table's after all: a whole step was not faster with the choices of its passes */
} mixent_tune_result;

/* A net for each back end is made and all are run in turn, so that a slow moment of the machine meets all of them;
 * then the plan that came out against the table's. The table's choice of a pass stands unless another is faster by
 * more than 3 %. `result->plan` is freed by mixent_plan_file_free. */
mixent_status mixent_tune(const mixent_graph *graph, const mixent_tune_options *options,
                          mixent_tune_result *result);

#endif
