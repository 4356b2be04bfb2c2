/* Lookahead (Zhang et al. 2019, arXiv 1907.08610): slow weights that follow the optimiser's every few steps, and from which
 * the optimiser then goes on. */
#ifndef MIXENT_OPTIMIZE_SLOW_WEIGHTS_H
#define MIXENT_OPTIMIZE_SLOW_WEIGHTS_H

#include <stddef.h>

/* How far the slow weights go towards the others at `progress` (0 to 1) of the training: 1 - (1 - rate) progress^power. Power 0 is
 * Zhang's constant rate; power 3 is airbench's schedule, which lets the weights run free at first. */
double mixent_slow_weights_rate(double rate, double power, double progress);

/* slow += rate (theta - slow);  theta = slow.  Both [count]. */
void mixent_slow_weights_follow(size_t count, double rate, float *slow, float *theta);

#endif
