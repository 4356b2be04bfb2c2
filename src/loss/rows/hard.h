/* The loops over a row with a hard label: the sums that all terms are made of, and the gradient from their
 * slopes. A row is read from memory once: it stays in the cache between the passes, and while one row is
 * worked on the next is fetched. */

enum { CHUNK = 32 * LANES }; /* elements summed in `real` before they go on in double */

static real maximum_of(size_t classes, const stored *logits) {
  vector first = spread((real)-INFINITY), second = first; /* NaN is passed over: the sums meet it again */
  size_t j = 0;
  for (; j + 2 * LANES <= classes; j += 2 * LANES) {
    first = larger(first, load(logits + j));
    second = larger(second, load(logits + j + LANES));
  }
  for (; j + LANES <= classes; j += LANES) first = larger(first, load(logits + j));
  if (j < classes) second = larger(second, load_some(logits + j, classes - j, (real)-INFINITY));
  return largest_of(larger(first, second));
}

/* d_j = z_j - m, held at a value whose exp is 0, so that a masked class (z = -inf) gives 0 * d = 0 and not
 * NaN. NaN stays NaN. */
static inline vector bounded_difference(vector logits, vector maximum) {
  return at_least(exp_lowest, logits - maximum);
}

/* Partial sums in `real` over a chunk. */
typedef struct sums {
  vector others, weighted, squares;
  mask ties;
} sums;

static inline vector add_vector(sums *s, bool squares, vector logits, vector maximum) {
  vector d = bounded_difference(logits, maximum), e = exp_bounded(d);
  vector other = only(d != 0, e);
  s->ties += d == 0; /* true is -1 */
  s->others += other;
  s->weighted += e * d;
  if (squares) s->squares += other * other;
  return e;
}

static inline void find_sums(const mixent_row *row, bool squares, real maximum, bool keep,
                             mixent_row_statistics *out) {
  const stored *logits = row->logits, *next = row->next;
  real *scratch = row->scratch;
  size_t classes = row->classes, j = 0;
  vector m = spread(maximum);
  long_sum others = {{0}, {0}}, weighted = others, square = others, ties = others;
  for (size_t begin = 0; begin < classes; begin += CHUNK) {
    size_t end = classes - begin < CHUNK ? classes : begin + CHUNK;
    sums s = {{0}, {0}, {0}, {0}};
    for (j = begin; j + LANES <= end; j += LANES) {
      if (next && j * sizeof(stored) % 64 < LANES * sizeof(stored)) __builtin_prefetch(next + j, 0, 2);
      vector e = add_vector(&s, squares, load(logits + j), m);
      if (keep) memcpy(scratch + j, &e, sizeof e);
    }
    if (j < end) {
      vector e = add_vector(&s, squares, load_some(logits + j, end - j, (real)-INFINITY), m);
      if (keep) memcpy(scratch + j, &e, sizeof e); /* scratch has room for whole vectors */
    }
    add_to(&others, s.others);
    add_to(&weighted, s.weighted);
    add_to(&ties, (vector)(s.ties + (mask)spread(round_to_whole)) - round_to_whole);
    if (squares) add_to(&square, s.squares);
  }
  out->others = total_of(&others);
  out->weighted = total_of(&weighted);
  out->ties = -total_of(&ties);
  out->squares = squares ? total_of(&square) : 0;
}

static bool is_kept(const mixent_row *row) {
  return row->classes <= MIXENT_ROW_SCRATCH - LANES;
}

static void find_statistics(const mixent_row *row, bool squares, mixent_row_statistics *out) {
  const stored *logits = row->logits;
  real maximum = maximum_of(row->classes, logits);
  bool keep = is_kept(row);
  if (squares)
    find_sums(row, true, maximum, keep, out);
  else if (keep)
    find_sums(row, false, maximum, true, out);
  else
    find_sums(row, false, maximum, false, out);
  real label = load_some(logits + row->label, 1, 0)[0];
  out->maximum = maximum;
  out->label_difference = (double)label - maximum;
  out->label_exponential = keep ? ((const real *)row->scratch)[row->label] : exp(out->label_difference);
}

/* e_j (constant + difference d_j + exponential e_j); what is 0 for all j is left out. */
typedef struct slopes {
  vector maximum, constant, difference, exponential;
} slopes;

static inline vector slope_at(const slopes *s, bool differs, bool squares, bool kept, vector logits,
                              const real *e_kept) {
  vector d = bounded_difference(logits, s->maximum), e, slope = s->constant;
  if (kept)
    memcpy(&e, e_kept, sizeof e);
  else
    e = exp_bounded(d);
  if (squares) slope += s->exponential * e;
  if (differs) slope += s->difference * d;
  return e * slope;
}

/* Whole vectors from `begin` on, to `end` or less than a vector before; returns how far. */
static inline size_t write_vectors(const mixent_row *row, const slopes *s, bool differs, bool squares,
                                   bool kept, bool stream, size_t begin, size_t end) {
  const stored *logits = row->logits;
  const real *e = row->scratch;
  stored *gradient = row->gradient;
  size_t j = begin;
  for (; j + LANES <= end; j += LANES) {
    vector g = slope_at(s, differs, squares, kept, load(logits + j), e + j);
    if (stream)
      store_stream(gradient + j, g);
    else
      store(gradient + j, g);
  }
  return j;
}

static inline void write_some(const mixent_row *row, const slopes *s, bool differs, bool squares, bool kept,
                              size_t begin, size_t count) {
  vector logits = load_some((const stored *)row->logits + begin, count, (real)-INFINITY);
  const real *e = row->scratch;
  store_some((stored *)row->gradient + begin, count, slope_at(s, differs, squares, kept, logits, e + begin));
}

/* The label's element is put into its vector before that is stored: going back to it would fetch its line
 * from memory once more. */
static inline void write_row(const mixent_row *row, const slopes *s, bool differs, bool squares, bool kept,
                             real label) {
  size_t classes = row->classes, head = 0;
  if (row->stream)
    head = (0 - (uintptr_t)row->gradient / sizeof(stored)) % LANES; /* up to an aligned address */
  if (head > classes) head = classes;
  if (head) write_some(row, s, differs, squares, kept, 0, head);
  size_t vectors = (classes - head) / LANES, at = row->label >= head ? (row->label - head) / LANES : vectors;
  if (at < vectors) {
    stored *gradient = row->gradient;
    size_t j = head + at * LANES;
    write_vectors(row, s, differs, squares, kept, row->stream, head, j);
    vector g = slope_at(s, differs, squares, kept, load((const stored *)row->logits + j),
                        (const real *)row->scratch + j);
    g[row->label - j] = label;
    if (row->stream)
      store_stream(gradient + j, g);
    else
      store(gradient + j, g);
    write_vectors(row, s, differs, squares, kept, row->stream, j + LANES, classes);
  } else {
    write_vectors(row, s, differs, squares, kept, row->stream, head, classes);
  }
  size_t rest = classes - head - vectors * LANES;
  if (rest) write_some(row, s, differs, squares, kept, classes - rest, rest);
  if (at >= vectors) store_some((stored *)row->gradient + row->label, 1, spread(label));
  if (row->stream) finish_stream();
}

static void write_gradient(const mixent_row *row, const mixent_row_statistics *statistics,
                           const mixent_row_slopes *wanted) {
  const slopes s = {.maximum = spread((real)statistics->maximum),
                    .constant = spread((real)wanted->constant),
                    .difference = spread((real)wanted->difference),
                    .exponential = spread((real)wanted->exponential)};
  real label = (real)wanted->label;
  bool differs = wanted->difference != 0, squares = wanted->exponential != 0;
  if (!is_kept(row) && squares)
    write_row(row, &s, true, true, false, label);
  else if (!is_kept(row))
    write_row(row, &s, true, false, false, label);
  else if (squares)
    write_row(row, &s, true, true, true, label);
  else if (differs)
    write_row(row, &s, true, false, true, label);
  else
    write_row(row, &s, false, false, true, label);
}
