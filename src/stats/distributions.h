/* The distributions that comparisons rest on, to about 1e-12 relative in both tails. Arguments outside of what a
 * function takes give NaN, as NaN does. */
#ifndef MIXENT_STATS_DISTRIBUTIONS_H
#define MIXENT_STATS_DISTRIBUTIONS_H

#include <stdint.h>

/* Regularised incomplete beta function I_x(a, b), a, b > 0, 0 <= x <= 1: the continued fraction of DLMF 8.17.22. */
double mixent_incomplete_beta(double a, double b, double x);

/* P(Z <= x) of the standard normal, and its inverse for 0 < p < 1 (0 and 1 give -inf and inf). */
double mixent_normal_cdf(double x);
double mixent_normal_quantile(double p);

/* P(T <= t) of Student's t with `freedom` > 0 degrees of freedom (DLMF 8.17, Abramowitz and Stegun 26.7), and its
 * inverse. The upper tail is the lower one of -t. */
double mixent_student_cdf(double t, double freedom);
double mixent_student_quantile(double p, double freedom);

/* P(T > t) of the noncentral t, T = (Z + shift) / sqrt(chi^2 / freedom): the mixture of incomplete beta functions
 * of Lenth (1989), Algorithm AS 243, as an upper tail. Relative accuracy where shift >= 0, t >= 0 and the tail is above 1e-100, absolute
 * elsewhere. */
double mixent_noncentral_student_tail(double t, double freedom, double shift);

/* P(X <= successes) and P(X >= successes) of X ~ binomial(trials, p), 0 <= p <= 1. */
double mixent_binomial_lower_tail(uint64_t successes, uint64_t trials, double p);
double mixent_binomial_upper_tail(uint64_t successes, uint64_t trials, double p);

#endif
