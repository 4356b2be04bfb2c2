/* Classification losses on logits: cross entropy, the entropy-regularised MIN-ENT and MIX-ENT (arXiv 2501.13709) and
 * their relatives, value and gradient in one pass. libmixent-loss is this header and what it includes, with weights.h
 * and monitor.h; it needs the C library alone, starts no threads and allocates nothing.
 *
 * For one row z (logits), q = softmax(z) is the prediction and p the target distribution. A loss is a sum of terms,
 *   L = sum_i c_i T_i(p, q),
 * and one call of mixent_loss_evaluate gives every T_i (in natural logarithms), L, and dL/dz:
 *
 *   float logits[] = {2, 1, 0, 0, 3, 1}, gradient[6];
 *   int8_t labels[] = {0, 1};
 *   mixent_loss_batch batch = {.rows = 2, .classes = 3,
 *                              .logits = {logits, MIXENT_FLOAT32, 0}, .labels = {labels, MIXENT_INT8, 0}};
 *   mixent_loss_rule rule = mixent_loss_rule_defaults();
 *   rule.coefficients[MIXENT_CE1] = 1, rule.coefficients[MIXENT_H] = 0.1;                            // MIN-ENT
 *   mixent_loss_result result = {.gradient = gradient};
 *   if (mixent_loss_evaluate(&batch, &rule, NULL, &result) != MIXENT_OK) puts(mixent_last_error());
 *
 * Weights w and log bases b that are learned stand one storey above, in mixent/weights.h: c_i = w_i / ln b_i. */
#ifndef MIXENT_LOSS_H
#define MIXENT_LOSS_H

#include "mixent/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The terms. docs/LOSSES.md has their gradients, sources and what they do to calibration. */
typedef enum mixent_term {
  MIXENT_CE1,         /* cross entropy: -sum p ln q */
  MIXENT_H,           /* entropy of the prediction: -sum q ln q */
  MIXENT_CE2,         /* swapped cross entropy: -sum q ln max(p, eps) */
  MIXENT_KL,          /* reversed Kullback-Leibler divergence: CE2 - H */
  MIXENT_FOCAL,       /* sum p (1 - q)^focal_gamma (-ln q) (Lin 2017) */
  MIXENT_GCE,         /* generalised cross entropy: sum p (1 - q^gce_q) / gce_q (Zhang 2018) */
  MIXENT_MAE,         /* mean absolute error: sum |p - q|; 2 (1 - q_y) for a hard label (Ghosh 2017) */
  MIXENT_POLY1,       /* sum p (1 - q): what Poly-1 adds to the cross entropy (Leng 2022) */
  MIXENT_BRIER,       /* sum (p - q)^2 (Brier 1950) */
  MIXENT_BI_TEMPERED, /* bi-tempered logistic loss, with a softmax of its own (Amid 2019) */
  MIXENT_TERMS
} mixent_term;
extern const char *const mixent_term_names[]; /* "ce1", "h", "ce2", …, in this order, then NULL */

/* Types of elements. 16-bit floats are computed in float, and the gradient is rounded to nearest even. */
typedef enum mixent_type {
  MIXENT_FLOAT32,
  MIXENT_FLOAT64,
  MIXENT_BFLOAT16,
  MIXENT_FLOAT16,
  MIXENT_INT8,
  MIXENT_UINT8,
  MIXENT_INT16,
  MIXENT_INT32,
  MIXENT_INT64
} mixent_type;
size_t mixent_type_size(mixent_type type); /* in bytes; 0 for what is none */

/* Someone else's array. Elements lie side by side in a row; any alignment that the type's own size divides.
 */
typedef struct mixent_array {
  const void *data; /* NULL: not given */
  mixent_type type;
  size_t stride; /* of rows [rows, classes], in elements; 0: rows lie one after another */
} mixent_array;

/* A batch. Give either labels or targets.
 *
 * A row's terms are multiplied by row_weights[row]; of weight 0, nothing of the row counts, whatever it holds. Class
 * weights enter under the (smoothed) p: terms that are sums sum_k p_k f(q_k) (CE1, focal, GCE, Poly-1) become
 * sum_k class_weights[k] p_k f(q_k), as in PyTorch; the others are multiplied by sum_k class_weights[k] p_k, which for
 * a hard label is the weight of its class. */
typedef struct mixent_loss_batch {
  size_t rows, classes;
  mixent_array logits;  /* [rows, classes], floating */
  mixent_array labels;  /* [rows], whole numbers in 0..classes-1 or ignore_label */
  mixent_array targets; /* [rows, classes], floating, finite, not negative; usually each row sums to 1 */
  mixent_array class_weights; /* [classes], floating, finite, not negative */
  mixent_array row_weights;   /* [rows], floating, finite, any sign */
  int64_t ignore_label;       /* rows with this label count for nothing, if `ignore` is set */
  bool ignore;
} mixent_loss_batch;

typedef enum mixent_reduction {
  MIXENT_MEAN, /* hard labels: sum over rows / sum of class weights of the rows counted (1 each without),
                  which is PyTorch's rule; soft targets: / rows. row_weights do not enter the divisor. No row
                  counted: 0 */
  MIXENT_SUM,
  MIXENT_NONE /* a value per row in result.row_values; the gradient is that of their sum */
} mixent_reduction;

/* What is computed. A term counts if its coefficient is not 0 or bit (1 << term) of `wanted` is set. */
typedef struct mixent_loss_rule {
  double coefficients[MIXENT_TERMS];
  unsigned wanted;
  mixent_reduction reduction;
  double smoothing;   /* s in [0, 1]: replaces p by (1 - s) p + s / K before any term sees it, K the number of
                         classes of that row whose logit is not -inf; the s / K go to those */
  double eps;         /* floor of p in CE2 and KL: in [1e-37, 1) */
  double focal_gamma; /* at least 0 */
  double gce_q;       /* in (0, 1] */
  double t1, t2;      /* bi-tempered: t1 in [0, 1), t2 in [1, 7] */
} mixent_loss_rule;
/* All coefficients 0, CE1, H, CE2 and KL wanted, mean, no smoothing, eps 1e-6, focal_gamma 2, gce_q 0.7, t1 0.8, t2 1.2. */
mixent_loss_rule mixent_loss_rule_defaults(void);

/* What comes out. The caller sets the pointers (NULL: not wanted); the rest is written. */
typedef struct mixent_loss_result {
  void *gradient; /* [rows, classes], the logits' type, row stride gradient_stride: dL/dz. May be the logits'
                     own address (with the same stride), but not otherwise overlap what is read. Rows that are
                     ignored get 0 */
  size_t gradient_stride;     /* in elements; 0: the logits' */
  double *row_values;         /* [rows]: L of each row, not divided by anything */
  double *row_terms;          /* [rows, MIXENT_TERMS] likewise; terms that do not count are 0 */
  double value;               /* L, reduced; with MIXENT_NONE the sum */
  double terms[MIXENT_TERMS]; /* every term that counts, reduced likewise; the others 0 */
  double divisor;             /* what the sums were divided by; 1 with MIXENT_SUM and MIXENT_NONE */
  size_t counted;             /* rows not ignored */
  size_t undefined; /* rows without a distribution: NaN or +inf among the logits, or -inf alone. Their values
                       and gradients are NaN, and so are reduced values, unless all weights are 0 */
} mixent_loss_result;

/* A caller's parallel-for: runs work(context, begin, end) over [0, count) in pieces of `grain` or larger, and returns
 * when all is done. `pool` is the caller's own. A piece takes less than 56 KB of its thread's stack, 350 KB where rows are
 * longer than 4,000 floats or 2,000 doubles. */
typedef void mixent_loss_work(void *context, size_t begin, size_t end);
typedef struct mixent_loss_parallel {
  void (*run)(void *pool, size_t count, size_t grain, mixent_loss_work *work, void *context);
  void *pool;
} mixent_loss_parallel;

/* Evaluates a batch; to evaluate a range of rows, pass pointers to its first. Sums run over fixed blocks of rows combined
 * in order: the result does not depend on `parallel` (NULL: the calling thread). 0 * (-inf) counts as 0 in value and
 * gradient, so that classes masked by a logit of -inf take no part. A batch of which no row counts gives 0 with zero
 * gradient, never NaN.
 *
 * Runs the widest vectors the processor has; the environment variable MIXENT_CPU (avx512, avx2, plain; neon on 64-bit
 * Arm) names others, for tests. Values are sums in double of float (or double) arithmetic per row.
 *
 * Errors: MIXENT_ERROR_ARGUMENT for shapes, types, options and labels out of range (nothing was written),
 * MIXENT_ERROR_UNSUPPORTED for a MIXENT_CPU that this processor does not have. */
mixent_status mixent_loss_evaluate(const mixent_loss_batch *batch, const mixent_loss_rule *rule,
                                   const mixent_loss_parallel *parallel, mixent_loss_result *result);

/* The instruction set that mixent_loss_evaluate uses here: "avx512", "avx2", "plain", "neon". */
const char *mixent_loss_cpu(void);

#ifdef __cplusplus
}
#endif
#endif
