/* The sums over a row that all terms with a hard label are made of. A row is read from memory once: it stays
 * in the cache between the passes. While its sums are found the next row is fetched and the gradient of the
 * one before is written, so that memory works while the arithmetic does. */

enum { CHUNK = 64 * LANES }; /* elements summed in `real` before they go on in double */

/* The largest logit; `is_near`: no other lies so far below that exp needs care. NaN is passed over: the sums meet it again. */
static real maximum_of(size_t classes, const stored *logits, bool *is_near) {
  vector high[2] = {spread((real)-INFINITY), spread((real)-INFINITY)}, low[2] = {-high[0], -high[0]};
  size_t j = 0;
  for (; j + 2 * LANES <= classes; j += 2 * LANES)
    for (int i = 0; i < 2; i++) {
      vector z = load(logits + j + i * LANES);
      high[i] = larger(high[i], z), low[i] = smaller(low[i], z);
    }
  for (; j + LANES <= classes; j += LANES) {
    vector z = load(logits + j);
    high[0] = larger(high[0], z), low[0] = smaller(low[0], z);
  }
  if (j < classes) {
    high[1] = larger(high[1], load_some(logits + j, classes - j, (real)-INFINITY));
    low[1] = smaller(low[1], load_some(logits + j, classes - j, (real)INFINITY));
  }
  real highest = largest_of(larger(high[0], high[1]));
  *is_near = -largest_of(-smaller(low[0], low[1])) - highest >= near;
  return highest;
}

/* Sums over a chunk in `real`, over the row in double; squares only where they are wanted. */
typedef struct sums {
  vector exponentials, weighted, squares;
} sums;

typedef struct long_sums {
  wide exponentials, weighted, squares;
} long_sums;

/* `careful`: the one class that is the largest is left out, so that the others are not lost beside it. */
ALWAYS_INLINE void add_vector(sums *s, bool squares, bool careful, vector d, vector e) {
  vector counted = careful ? only(d != 0, e) : e; /* NaN counts */
  s->exponentials += counted;
  s->weighted += e * d;
  if (squares) s->squares += counted * counted;
}

ALWAYS_INLINE void sum_chunk_of(const stored *logits, size_t count, real largest, bool squares, bool careful,
                                bool is_near, real *kept, sums *out) {
  sums s = {{0}, {0}, {0}};
  vector maximum = spread(largest);
  size_t j = 0;
  for (; j + LANES <= count; j += LANES) {
    vector z = load(logits + j), d = is_near ? z - maximum : bounded_difference(z, maximum);
    vector e = is_near ? exp_near(d) : exp_bounded(d);
    add_vector(&s, squares, careful, d, e);
    if (kept) put_vector(kept + j, e);
  }
  if (j < count) {
    vector z = load_some(logits + j, count - j, is_near ? largest : (real)-INFINITY);
    vector d = bounded_difference(z, maximum);
    vector e = is_near ? only(first_lanes(count - j), exp_near(d)) : exp_bounded(d);
    add_vector(&s, squares, careful, d, e);
    if (kept) put_vector(kept + j, e); /* there is room for whole vectors */
  }
  *out = s;
}

/* By itself, so that its constants have the registers. */
typedef void sum_chunk(const stored *logits, size_t count, real maximum, real *scratch, sums *out);
#define DEFINE_SUM_CHUNK(name, squares, careful, is_near, kept)                                              \
  static __attribute__((noinline)) void name(const stored *logits, size_t count, real maximum,               \
                                             real *scratch, sums *out) {                                     \
    (void)scratch;                                                                                           \
    sum_chunk_of(logits, count, maximum, squares, careful, is_near, kept, out);                              \
  }
DEFINE_SUM_CHUNK(sum_keeping, false, false, false, scratch)
DEFINE_SUM_CHUNK(sum_only, false, false, false, NULL)
DEFINE_SUM_CHUNK(sum_near_keeping, false, false, true, scratch)
DEFINE_SUM_CHUNK(sum_near, false, false, true, NULL)
DEFINE_SUM_CHUNK(sum_squares_keeping, true, false, false, scratch)
DEFINE_SUM_CHUNK(sum_squares, true, false, false, NULL)
DEFINE_SUM_CHUNK(sum_carefully, true, true, false, NULL)

static sum_chunk *choose_sum(bool squares, bool is_near, bool keep) {
  if (squares) return keep ? sum_squares_keeping : sum_squares;
  if (is_near) return keep ? sum_near_keeping : sum_near;
  return keep ? sum_keeping : sum_only;
}

/* Brings `elements` of the next row near: as near as a row is short. */
static inline void fetch(const stored *next, size_t elements, bool is_short) {
  for (size_t j = 0; j < elements; j += 64 / sizeof(stored)) {
    if (is_short)
      __builtin_prefetch(next + j, 0, 3);
    else
      __builtin_prefetch(next + j, 0, 2);
  }
}

static long_sums find_sums(const mixent_row *row, sum_chunk *sum, real maximum, mixent_row_writing *before) {
  const stored *next = row->next;
  real *kept = is_kept(row) ? row->scratch : NULL;
  long_sums total = {{0}, {0}, {0}};
  for (size_t begin = 0; begin < row->classes; begin += CHUNK) {
    size_t count = row->classes - begin < CHUNK ? row->classes - begin : CHUNK;
    if (next) fetch(next + begin, count, row->classes * sizeof(stored) <= 8192);
    sums s;
    sum((const stored *)row->logits + begin, count, maximum, kept ? kept + begin : NULL, &s);
    total.exponentials += widen(s.exponentials);
    total.weighted += widen(s.weighted);
    total.squares += widen(s.squares);
    if (before) write_until(before, begin + count);
  }
  return total;
}

/* The careful sums of a row whose exponentials are kept. */
static long_sums find_kept_sums(const mixent_row *row) {
  const real *e = row->scratch;
  long_sums total = {{0}, {0}, {0}};
  for (size_t begin = 0; begin < row->classes; begin += CHUNK) {
    size_t end = row->classes - begin < CHUNK ? row->classes : begin + CHUNK;
    vector sum = spread(0), squares = sum;
    for (size_t j = begin; j < end; j += LANES) { /* behind the row stand zeros */
      vector other = vector_at(e + j);
      other = only(other != 1, other);
      sum += other, squares += other * other;
    }
    total.exponentials += widen(sum), total.squares += widen(squares);
  }
  return total;
}

static void find_statistics(const mixent_row *row, bool squares, mixent_row_writing *before,
                            mixent_row_statistics *out) {
  const stored *logits = row->logits;
  bool keep = is_kept(row), is_near;
  real maximum = maximum_of(row->classes, logits, &is_near), label = load_some(logits + row->label, 1, 0)[0];
  long_sums sums = find_sums(row, choose_sum(squares, is_near, keep), maximum, before);
  out->weighted = total_of(sums.weighted);
  double beyond = total_of(sums.exponentials) - 1, squares_beyond = total_of(sums.squares) - 1;
  if (beyond < 0.5) { /* then one class alone has e = 1 */
    sums = keep ? find_kept_sums(row) : find_sums(row, sum_carefully, maximum, NULL);
    beyond = total_of(sums.exponentials), squares_beyond = total_of(sums.squares);
  }
  out->maximum = maximum;
  out->beyond = beyond, out->squares_beyond = squares_beyond;
  out->label_difference = (double)label - maximum;
  out->label_exponential = keep ? ((const real *)row->scratch)[row->label] : exp(out->label_difference);
}
