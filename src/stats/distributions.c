/* Distribution functions by the incomplete beta function, and their inverses by root finding. Small
 * probabilities are never found as 1 minus one that is near 1. */
#include "stats/distributions.h"
#include "stats/root.h"

#include <float.h>
#include <math.h>
#include <stddef.h>

enum { MOST_TERMS = 100000, FROM_STIRLING = 12 };

static double log_gamma(double x) {
  int sign; /* lgamma writes a global one, which threads would share */
  return lgamma_r(x, &sign);
}

/* What Stirling's formula leaves of ln Gamma(x): ln Gamma(x) - (x - 1/2) ln x + x - ln(2 pi) / 2, x >= FROM_STIRLING
 * (DLMF 5.11.1). With it large terms cancel on paper instead of in the last digits. */
static double stirling_rest(double x) {
  double square = 1 / (x * x);
  return (1.0 / 12 - square * (1.0 / 360 - square * (1.0 / 1260 - square * (1.0 / 1680 - square / 1188)))) /
         x;
}

static double log_beta(double a, double b) {
  double large = fmax(a, b), small = fmin(a, b);
  if (large < FROM_STIRLING) return log_gamma(a) + log_gamma(b) - log_gamma(a + b);
  double growth = (large - 0.5) * log1p(small / large) + small * (log(large + small) - 1) +
                  stirling_rest(large + small) - stirling_rest(large);
  return log_gamma(small) - growth;
}

/* exp(-mean) mean^k / Gamma(k + 1): a Poisson weight, for k between whole numbers too. */
static double poisson_weight(double k, double mean) {
  if (k < FROM_STIRLING) return exp(k * log(mean) - mean - log_gamma(k + 1));
  return exp(k * log1p((mean - k) / k) + (k - mean) - stirling_rest(k)) / sqrt(2 * M_PI * k);
}

/* ln(x^a y^b / B(a, b)) with y = 1 - x, both given because the smaller one is known better. */
static double log_beta_power(double a, double b, double x, double y) {
  double log_x = x < 0.5 ? log(x) : log1p(-y), log_y = y < 0.5 ? log(y) : log1p(-x);
  return a * log_x + b * log_y - log_beta(a, b);
}

/* 1 / (1 + d_1 / (1 + d_2 / …)) of DLMF 8.17.22, from its front by Lentz's method; it converges fast for
 * x < (a + 1) / (a + b + 2). */
static double beta_fraction(double a, double b, double x) {
  double value = 1, numerator = 1, denominator = INFINITY;
  for (int i = 1; i < MOST_TERMS; i++) {
    double m = (i - i % 2) / 2.0;
    double d = i % 2 ? -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
                     : m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    numerator = 1 + d / numerator;
    denominator = 1 + d / denominator;
    if (fabs(numerator) < DBL_MIN) numerator = DBL_MIN;
    if (fabs(denominator) < DBL_MIN) denominator = DBL_MIN;
    value *= numerator / denominator;
    if (fabs(numerator / denominator - 1) < DBL_EPSILON) break;
  }
  return 1 / value;
}

/* I_x(a, b) with y = 1 - x. */
static double incomplete_beta(double a, double b, double x, double y) {
  if (x <= 0) return 0;
  if (y <= 0) return 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - exp(log_beta_power(b, a, y, x)) / b * beta_fraction(b, a, y);
  return exp(log_beta_power(a, b, x, y)) / a * beta_fraction(a, b, x);
}

double mixent_incomplete_beta(double a, double b, double x) {
  if (!(a > 0) || !(b > 0) || !(x >= 0) || !(x <= 1)) return NAN;
  return incomplete_beta(a, b, x, 1 - x);
}

double mixent_normal_cdf(double x) {
  return erfc(-x * M_SQRT1_2) / 2;
}

/* ln Phi is concave and Phi(-x) <= exp(-x^2 / 2) / 2, so Newton's steps from where that bound is p go up to the
 * quantile and never past it. */
double mixent_normal_quantile(double p) {
  if (!(p >= 0) || !(p <= 1)) return NAN;
  if (p == 0 || p == 1) return p == 0 ? -INFINITY : INFINITY;
  if (p > 0.5) return -mixent_normal_quantile(1 - p);
  double x = -sqrt(-2 * log(2 * p));
  for (int step = 0; step < 50; step++) {
    double below = mixent_normal_cdf(x), density = exp(-x * x / 2) / sqrt(2 * M_PI);
    double change = log(p / below) * below / density;
    if (!(fabs(change) > DBL_EPSILON * fabs(x))) break;
    x += change;
  }
  return x;
}

/* P(T <= -t), t >= 0; and P(|T| <= t). */
static double student_tail(double t, double freedom) {
  double square = t * t; /* 0 or inf at the ends, and so are the shares */
  return 0.5 * incomplete_beta(freedom / 2, 0.5, freedom / (freedom + square), 1 / (1 + freedom / square));
}

static double student_centre(double t, double freedom) {
  double square = t * t;
  return incomplete_beta(0.5, freedom / 2, square / (freedom + square), freedom / (freedom + square));
}

double mixent_student_cdf(double t, double freedom) {
  if (!(freedom > 0) || isnan(t)) return NAN;
  if (isinf(t)) return t > 0;
  double tail = student_tail(fabs(t), freedom);
  return t > 0 ? 1 - tail : tail;
}

typedef struct student_target {
  double freedom, log_p;
} student_target;

static double student_tail_miss(double log_t, void *context) {
  const student_target *target = context;
  return log(student_tail(exp(log_t), target->freedom)) - target->log_p;
}

static double student_centre_miss(double log_t, void *context) {
  const student_target *target = context;
  return log(student_centre(exp(log_t), target->freedom)) - target->log_p;
}

/* Logarithms of both sides are nearly straight lines, in the tail and about 0 alike. */
double mixent_student_quantile(double p, double freedom) {
  if (!(freedom > 0) || !(p >= 0) || !(p <= 1)) return NAN;
  if (p == 0 || p == 1) return p == 0 ? -INFINITY : INFINITY;
  if (p == 0.5) return 0;
  if (p > 0.5) return -mixent_student_quantile(1 - p, freedom);
  student_target target = {freedom, p < 0.25 ? log(p) : log1p(-2 * p)};
  return -exp(mixent_root_find(p < 0.25 ? student_tail_miss : student_centre_miss, &target, -80, 350));
}

/* A run of I_y(a, b), I_y(a, b + 1), …: what is added is positive, so nothing cancels. */
typedef struct beta_run {
  double value, increment, a, b, x; /* x = 1 - y */
} beta_run;

static beta_run beta_run_start(double a, double b, double y, double x) {
  return (beta_run){incomplete_beta(a, b, y, x), exp(log_beta_power(a, b, y, x)) / b, a, b, x};
}

static void beta_run_step(beta_run *run) {
  run->value += run->increment;
  run->increment *= run->x * (run->a + run->b) / (run->b + 1);
  run->b++;
}

/* t >= 0: half the sum over j of p_j I_y(v/2, j + 1/2) + q_j I_y(v/2, j + 1), y = v / (v + t^2), where p_j and q_j
 * are the Poisson weights of shift^2 / 2 at j and j + 1/2, q_j with the sign of shift. */
static double noncentral_upper(double t, double freedom, double shift) {
  double y = freedom / (freedom + t * t), x = t * t / (freedom + t * t), mean = shift * shift / 2;
  double reach = 12 * sqrt(mean) + 40, first = floor(fmax(0, mean - reach)), sum = 0;
  size_t terms = (size_t)(mean + reach - first);
  beta_run even = beta_run_start(freedom / 2, first + 0.5, y, x);
  beta_run odd = beta_run_start(freedom / 2, first + 1, y, x);
  double p = poisson_weight(first, mean), q = copysign(poisson_weight(first + 0.5, mean), shift);
  for (size_t i = 0; i < terms; i++) {
    double j = first + (double)i;
    sum += p * even.value + q * odd.value;
    p *= mean / (j + 1);
    q *= mean / (j + 1.5);
    beta_run_step(&even);
    beta_run_step(&odd);
  }
  return fmin(fmax(sum / 2, 0), 1);
}

double mixent_noncentral_student_tail(double t, double freedom, double shift) {
  if (!(freedom > 0) || isnan(t) || !isfinite(shift)) return NAN;
  if (isinf(t)) return t < 0;
  if (fabs(shift) < 1e-100) return mixent_student_cdf(-t, freedom);
  if (t == 0) return mixent_normal_cdf(shift);
  return t > 0 ? noncentral_upper(t, freedom, shift) : 1 - noncentral_upper(-t, freedom, -shift);
}

double mixent_binomial_upper_tail(uint64_t successes, uint64_t trials, double p) {
  if (!(p >= 0) || !(p <= 1)) return NAN;
  if (successes == 0) return 1;
  if (successes > trials) return 0;
  return incomplete_beta((double)successes, (double)(trials - successes) + 1, p, 1 - p);
}

double mixent_binomial_lower_tail(uint64_t successes, uint64_t trials, double p) {
  if (!(p >= 0) || !(p <= 1)) return NAN;
  if (successes >= trials) return 1;
  return incomplete_beta((double)(trials - successes), (double)successes + 1, 1 - p, p);
}
