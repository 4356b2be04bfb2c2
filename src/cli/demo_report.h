/* The end of the demo: what the two networks predict for the test images, side by side. */
#ifndef MIXENT_CLI_DEMO_REPORT_H
#define MIXENT_CLI_DEMO_REPORT_H

#include "mixent/train.h"

enum { MIXENT_DEMO_RUNS = 2 };

/* Prints the table of scores and what their difference means, and writes `sheet`, a contact sheet of the last
 * run's predictions. losses: the names, in the order of the summaries. */
mixent_status mixent_demo_report(const mixent_dataset *dataset, const char *const losses[MIXENT_DEMO_RUNS],
                                 const mixent_train_summary summaries[MIXENT_DEMO_RUNS], const char *sheet);

#endif
