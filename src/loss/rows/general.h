/* A row with any targets: soft ones, smoothing, class weights, masked classes, the tempered softmax.
 *
 *   shapes      logits [classes] of the type stored; p [classes], the targets after smoothing; everything between is `real`
 *   prediction  q_k = e^(z_k - m) / S, ln q_k = z_k - m - ln S, with m and S from the pass over the row before (rows/sums.h)
 *   value       T_i = sum_k v_i(q_k, p_k)                                for each term i that counts
 *   gradient    dL/dz_j = s_j - q_j sum_k s_k,   s_k = sum_i c_i u_i(q_k, p_k)
 *               u_i = q_k dv_i/dq_k is what a term's file calls its slope (terms/element.h)
 *   tempered    the bi-tempered term has a prediction of its own, q~_k = exp_t2(z_k - m - lambda), and dq~_j/dz_k
 *               = q~_j^t2 ([j = k] - q~_k^t2 / sum_l q~_l^t2): its slopes are summed apart
 *
 * The classes are taken in pieces of PIECE. For each piece blocks fill small arrays that stay in the first cache: targets (find_targets),
 * prediction (find_prediction), slopes and values (find_slopes, each term a loop of its own over the piece). The row is passed over twice,
 * first for the values and the sums of slopes, which the gradient of every class needs, then for the gradient itself.
 *
 * Assumptions. m is the largest logit and finite; classes of -inf have q = 0 and pass on no NaN. Arrays are filled up to whole vectors: lanes past
 * the last class read a logit of -inf and a target of 0, and add nothing to any sum. Sums are made over vectors of `real` and widened to double
 * at the end of each piece. */
#include "loss/terms/terms.h"

#include "loss/terms/bi_tempered.h"

enum { PIECE = 256 };

/* A row on its way through the passes. */
typedef struct work {
  const mixent_row *row;
  const mixent_row_targets *given;
  const mixent_loss_rule *rule;
  unsigned counts;
  real maximum, inverse_sum, ln_sum, rest_of_maximum;
  real share, kept; /* of smoothing: what each finite class gets, and the factor of the rest */
  double weight;    /* sum of class weights under p */
  temperatures temperatures;
  double lambda, escort;          /* of the tempered softmax: its normaliser, sum q^t2 */
  double slopes, tempered_slopes; /* sum_k sum_i c_i u_ik */
} work;

typedef struct piece {
  size_t begin, count, vectors;
  real q[PIECE], ln_q[PIECE], rest[PIECE], p[PIECE], weighted_p[PIECE], ln_p[PIECE];
  real slope[PIECE]; /* sum_i c_i u_i */
} piece;

static inline vector at(const real *from, size_t v) {
  return vector_at(from + v * LANES);
}

static inline void put(real *to, size_t v, vector x) {
  put_vector(to + v * LANES, x);
}

static vector logits_at(const work *w, const piece *s, size_t v) {
  const stored *from = (const stored *)w->row->logits + s->begin + v * LANES;
  size_t left = s->count - v * LANES;
  return left >= LANES ? load(from) : load_some(from, left, (real)-INFINITY);
}

static void take_piece(const work *w, size_t begin, piece *s) {
  size_t left = w->row->classes - begin;
  s->begin = begin, s->count = left < PIECE ? left : PIECE;
  s->vectors = (s->count + LANES - 1) / LANES;
}

/* p after smoothing, and p times the class weights. */
static void find_targets(const work *w, piece *s) {
  const mixent_row_targets *given = w->given;
  if (given->targets) {
    read_reals(given->targets, given->type, s->begin, s->count, s->p);
  } else {
    memset(s->p, 0, s->vectors * sizeof(vector));
    size_t label = w->row->label;
    if (label >= s->begin && label < s->begin + s->count) s->p[label - s->begin] = 1;
  }
  if (given->smoothing > 0)
    for (size_t v = 0; v < s->vectors; v++)
      put(s->p, v, at(s->p, v) * w->kept + only(logits_at(w, s, v) > (real)-INFINITY, spread(w->share)));
  if (given->class_weights) {
    read_reals(given->class_weights, given->class_weight_type, s->begin, s->count, s->weighted_p);
    for (size_t v = 0; v < s->vectors; v++) put(s->weighted_p, v, at(s->weighted_p, v) * at(s->p, v));
  } else {
    memcpy(s->weighted_p, s->p, s->vectors * sizeof(vector));
  }
}

static void find_prediction(const work *w, piece *s) {
  for (size_t v = 0; v < s->vectors; v++) {
    vector difference = logits_at(w, s, v) - w->maximum, q = exp_nonpositive(difference) * w->inverse_sum;
    put(s->q, v, q);
    put(s->ln_q, v, difference - w->ln_sum);
    put(s->rest, v, choose(difference == 0, spread(w->rest_of_maximum), 1 - q));
  }
}

/* A term over a piece: returns the sum of v, adds factor u to the slopes. */
#define DEFINE_TERM(number, name)                                                                            \
  static double name##_over(const mixent_loss_rule *rule, real factor, piece *s) {                           \
    vector sum = spread(0);                                                                                  \
    for (size_t v = 0; v < s->vectors; v++) {                                                                \
      const element x = {.q = at(s->q, v),                                                                   \
                         .ln_q = at(s->ln_q, v),                                                             \
                         .rest = at(s->rest, v),                                                             \
                         .p = at(name##_is_linear ? s->weighted_p : s->p, v),                                \
                         .ln_p = at(s->ln_p, v)};                                                            \
      effect e = name##_effect(&x, rule);                                                                    \
      sum += e.value;                                                                                        \
      put(s->slope, v, at(s->slope, v) + e.slope * factor);                                                  \
    }                                                                                                        \
    return total(sum);                                                                                       \
  }

static double total(vector v) {
  return total_of(widen(v));
}

MIXENT_SOFTMAX_TERMS(DEFINE_TERM)

#define TABLE_ENTRY(number, name) [number] = {name##_over, name##_is_linear},
static const struct {
  double (*over)(const mixent_loss_rule *rule, real factor, piece *s);
  bool linear;
} softmax_terms[MIXENT_TERMS] = {MIXENT_SOFTMAX_TERMS(TABLE_ENTRY)};

static bool term_counts(const work *w, int term) {
  return w->counts >> term & 1;
}

/* The terms of a softmax over a piece: their values are added to `terms`, their slopes laid out. */
static void find_slopes(const work *w, piece *s, double terms[MIXENT_TERMS]) {
  find_prediction(w, s);
  if (term_counts(w, MIXENT_CE2) || term_counts(w, MIXENT_KL)) {
    real eps = (real)w->rule->eps;
    if (eps < smallest_normal) eps = smallest_normal;
    for (size_t v = 0; v < s->vectors; v++) put(s->ln_p, v, natural_log(at_least(eps, at(s->p, v))));
  }
  memset(s->slope, 0, s->vectors * sizeof(vector));
  for (int term = 0; term < MIXENT_TERMS; term++)
    if (term_counts(w, term) && softmax_terms[term].over) {
      double weight = softmax_terms[term].linear ? 1 : w->weight;
      terms[term] +=
          weight * softmax_terms[term].over(w->rule, (real)(weight * w->rule->coefficients[term]), s);
    }
}

/* The tempered prediction's ln q of a vector. */
static vector tempered_at(const work *w, const piece *s, size_t v) {
  return bi_tempered_ln_q(logits_at(w, s, v) - w->maximum - (real)w->lambda, w->temperatures);
}

/* f = sum exp_t2(z - m - lambda), and sum of its t2-th powers. */
static void sum_tempered(const work *w, piece *s, double *f, double *escort) {
  *f = *escort = 0;
  for (size_t begin = 0; begin < w->row->classes; begin += PIECE) {
    take_piece(w, begin, s);
    vector sum = spread(0), powers = sum;
    for (size_t v = 0; v < s->vectors; v++) {
      vector ln_q = tempered_at(w, s, v);
      sum += exp_nonpositive(ln_q);
      powers += exp_nonpositive(ln_q * w->temperatures.t2);
    }
    *f += total(sum), *escort += total(powers);
  }
}

/* Newton's method on f^(1-t2) - 1, which is increasing and concave in lambda: from lambda = 0, where it is
 * not positive, the steps stay below the root. With t2 = 1 it is ln f, and one step suffices. */
static void solve_lambda(work *w, piece *s) {
  enum { MOST_STEPS = 60 };
  const double t = w->rule->t2, near = sizeof(real) == 4 ? 2e-7 : 4e-16;
  double f;
  w->lambda = 0;
  for (int step = 0; step < MOST_STEPS; step++) {
    sum_tempered(w, s, &f, &w->escort);
    if (!(fabs(f - 1) > near)) return;
    double before = w->lambda;
    w->lambda += t == 1 ? log(f) : (pow(f, t) - f) / ((t - 1) * w->escort);
    if (!(w->lambda > before)) return; /* as near as rounding allows */
  }
}

/* The bi-tempered term over a piece: v into `terms`, u into the slopes. */
static double bi_tempered_over(const work *w, real factor, piece *s) {
  vector sum = spread(0);
  for (size_t v = 0; v < s->vectors; v++) {
    effect e = bi_tempered_effect(tempered_at(w, s, v), at(s->p, v), w->temperatures);
    sum += e.value;
    put(s->slope, v, e.slope * factor);
  }
  return total(sum);
}

static double sum_slopes(const piece *s) {
  vector sum = spread(0);
  for (size_t v = 0; v < s->vectors; v++) sum += at(s->slope, v);
  return total(sum);
}

/* Before the terms: what smoothing shares out and the weight of the row under p. */
static void prepare(work *w, piece *s) {
  double finite = 0;
  w->weight = 1, w->kept = 1, w->share = 0;
  if (w->given->smoothing > 0) {
    for (size_t begin = 0; begin < w->row->classes; begin += PIECE) {
      take_piece(w, begin, s);
      vector some = spread(0);
      for (size_t v = 0; v < s->vectors; v++) some += only(logits_at(w, s, v) > (real)-INFINITY, spread(1));
      finite += total(some);
    }
    w->kept = (real)(1 - w->given->smoothing);
    w->share = (real)(w->given->smoothing / finite);
  }
  if (!w->given->class_weights) return;
  w->weight = 0;
  for (size_t begin = 0; begin < w->row->classes; begin += PIECE) {
    take_piece(w, begin, s);
    find_targets(w, s);
    vector sum = spread(0);
    for (size_t v = 0; v < s->vectors; v++) sum += at(s->weighted_p, v);
    w->weight += total(sum);
  }
}

static void write_piece(const work *w, double scale, const real *g, const piece *s) {
  stored *gradient = (stored *)w->row->gradient + s->begin;
  for (size_t v = 0; v < s->vectors; v++) {
    size_t left = s->count - v * LANES;
    vector x = at(g, v) * (real)scale;
    if (left >= LANES)
      store(gradient + v * LANES, x);
    else
      store_some(gradient + v * LANES, left, x);
  }
}

static void evaluate_general(const mixent_row *row, const mixent_row_targets *given,
                             const mixent_row_statistics *statistics, const mixent_loss_rule *rule,
                             unsigned counts, double scale, double terms[MIXENT_TERMS]) {
  double sum = 1 + statistics->beyond, rest = statistics->beyond;
  work w = {.row = row,
            .given = given,
            .rule = rule,
            .counts = counts,
            .maximum = (real)statistics->maximum,
            .inverse_sum = (real)(1 / sum),
            .ln_sum = (real)log1p(rest),
            .rest_of_maximum = (real)(rest / sum),
            .temperatures = temperatures_of(rule->t1, rule->t2)};
  piece s;
  real g[PIECE];
  bool tempered = term_counts(&w, MIXENT_BI_TEMPERED);
  for (int term = 0; term < MIXENT_TERMS; term++) terms[term] = 0;
  prepare(&w, &s);
  if (tempered) solve_lambda(&w, &s);
  real factor = (real)(w.weight * rule->coefficients[MIXENT_BI_TEMPERED]);
  for (size_t begin = 0; begin < row->classes; begin += PIECE) {
    take_piece(&w, begin, &s);
    find_targets(&w, &s);
    find_slopes(&w, &s, terms);
    w.slopes += sum_slopes(&s);
    if (!tempered) continue;
    terms[MIXENT_BI_TEMPERED] += w.weight * bi_tempered_over(&w, factor, &s);
    w.tempered_slopes += sum_slopes(&s);
  }
  if (!row->gradient) return;
  double unused[MIXENT_TERMS] = {0};
  for (size_t begin = 0; begin < row->classes; begin += PIECE) {
    take_piece(&w, begin, &s);
    find_targets(&w, &s);
    find_slopes(&w, &s, unused);
    for (size_t v = 0; v < s.vectors; v++) put(g, v, at(s.slope, v) - at(s.q, v) * (real)w.slopes);
    if (tempered) {
      real share = (real)(w.tempered_slopes / w.escort);
      bi_tempered_over(&w, factor, &s);
      for (size_t v = 0; v < s.vectors; v++) {
        vector power = exp_nonpositive(tempered_at(&w, &s, v) * (real)rule->t2);
        put(g, v, at(g, v) + at(s.slope, v) - power * share);
      }
    }
    write_piece(&w, scale, g, &s);
  }
}
