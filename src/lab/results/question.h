/* What a question asks of a table of results. */
#ifndef MIXENT_LAB_RESULTS_QUESTION_H
#define MIXENT_LAB_RESULTS_QUESTION_H

#include "lab/results/compare.h"

/* Sets metric, baseline, better, difference and points; the results of `out` are known. */
mixent_status mixent_results_ask(const mixent_results_question *question, mixent_results_comparison *out);

#endif
