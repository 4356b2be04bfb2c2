/* Which of a log's epochs counts. */
#ifndef MIXENT_LAB_RESULTS_EPOCH_H
#define MIXENT_LAB_RESULTS_EPOCH_H

#include "lab/results/rows.h"

/* Of the first reading: keeps the value of layout->best at this epoch; of two at one epoch the later counts. */
mixent_status mixent_results_look(const mixent_results_field *field, double epoch, mixent_results_run *run);
/* After the first reading of all: the epoch of each run where layout->best is best. */
void mixent_results_choose(const mixent_results_layout *layout, mixent_results *results);
/* After the first reading of all: some run must have layout->best. */
mixent_status mixent_results_check_best(const mixent_results_layout *layout, const mixent_results *results);
/* Puts a value of a log into its cell if its epoch counts; in a table that is no log two values at one epoch are an error. */
mixent_status mixent_results_place_value(const mixent_results_header *header, const char *name,
                                         mixent_results_cell value, const mixent_results_run *run,
                                         mixent_results_cell *cell);

#endif
