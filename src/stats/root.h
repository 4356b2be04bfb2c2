/* Where a monotone function is zero. */
#ifndef MIXENT_STATS_ROOT_H
#define MIXENT_STATS_ROOT_H

typedef double mixent_real_function(double x, void *context);

/* x in [low, high] with function(x) = 0, to the last bits; function(low) and function(high) have opposite
 * signs (or one is 0), else the end where it is smaller. Chandrupatla (1997), Advances in Engineering
 * Software 28: inverse quadratic steps where they are safe, else the middle. */
double mixent_root_find(mixent_real_function *function, void *context, double low, double high);

#endif
