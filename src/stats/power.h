/* How many seeds a comparison needs, and what a number of seeds can show, by the two-sided paired t test: its
 * power follows from the noncentral t (Cohen 1988, Statistical Power Analysis, ch. 2). */
#ifndef MIXENT_STATS_POWER_H
#define MIXENT_STATS_POWER_H

#include "core/status.h"
#include <stddef.h>

enum { MIXENT_MOST_SEEDS = 1000000 };

/* The probability that `seeds` >= 2 pairs show a true mean difference at level `alpha` when single differences have
 * standard deviation `deviation` > 0. */
mixent_status mixent_power_of_seeds(size_t seeds, double difference, double deviation, double alpha,
                                    double *out);

/* The fewest seeds (2 or more) that show a true `difference` with probability `power` or more.
 * MIXENT_ERROR_ARGUMENT where more than MIXENT_MOST_SEEDS would be needed. */
mixent_status mixent_power_least_seeds(double difference, double deviation, double alpha, double power,
                                       size_t *out);

/* The smallest true difference (> 0) that `seeds` pairs show with probability `power`, alpha < power. */
mixent_status mixent_power_least_difference(size_t seeds, double deviation, double alpha, double power,
                                            double *out);

/* The same in standard errors of the mean difference, for a test with any number of degrees of freedom above 0, as
 * the crossed bootstrap has. */
mixent_status mixent_power_least_shift(double freedom, double alpha, double power, double *out);

#endif
