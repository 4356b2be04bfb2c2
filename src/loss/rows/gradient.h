/* Writing the gradient of a row with a hard label, e_j (constant + difference d_j + exponential e_j), piece
 * by piece. */

/* d_j = z_j - m, held at a value whose exp is 0, so that a masked class (z = -inf) gives 0 * d = 0 and not
 * NaN. NaN stays NaN. */
static inline vector bounded_difference(vector logits, vector maximum) {
  return at_least(exp_lowest, logits - maximum);
}

static bool is_kept(const mixent_row *row) {
  return row->classes <= row->scratch_size - LANES;
}

/* What is constant over a row. */
typedef struct slopes {
  vector maximum, constant, difference, exponential;
} slopes;

static inline slopes slopes_of(const mixent_row_writing *w) {
  return (slopes){.maximum = spread((real)w->maximum),
                  .constant = spread((real)w->constant),
                  .difference = spread((real)w->difference),
                  .exponential = spread((real)w->exponential)};
}

/* What is 0 for all j is left out. */
ALWAYS_INLINE vector slope_at(const slopes *s, bool differs, bool squares, bool kept, vector logits,
                              const real *e_kept) {
  vector d = bounded_difference(logits, s->maximum), e = kept ? vector_at(e_kept) : exp_bounded(d);
  vector slope = s->constant;
  if (squares) slope = multiply_add(s->exponential, e, slope);
  if (differs) slope = multiply_add(s->difference, d, slope);
  return e * slope;
}

/* A few elements at the ends of a row. */
static void write_end(const mixent_row_writing *w, size_t begin, size_t end) {
  const slopes s = slopes_of(w);
  bool kept = is_kept(&w->row);
  for (size_t j = begin; j < end; j += LANES) {
    size_t count = end - j < LANES ? end - j : LANES;
    const real *e = (const real *)w->row.scratch + j;
    vector logits = load_some((const stored *)w->row.logits + j, count, (real)-INFINITY);
    vector g = kept ? slope_at(&s, true, true, true, logits, e) : slope_at(&s, true, true, false, logits, e);
    if (w->row.label - j < count) g[w->row.label - j] = (real)w->label;
    store_some((stored *)w->row.gradient + j, count, g);
  }
}

/* `count` vectors from element `begin` on. */
ALWAYS_INLINE void write_run(const mixent_row_writing *w, size_t begin, size_t count, bool differs,
                             bool squares, bool kept, bool stream) {
  const slopes s = slopes_of(w);
  const stored *logits = (const stored *)w->row.logits + begin;
  const real *e = (const real *)w->row.scratch + begin;
  stored *gradient = (stored *)w->row.gradient + begin;
  for (size_t j = 0; j < count * LANES; j += LANES) {
    vector g = slope_at(&s, differs, squares, kept, load(logits + j), e + j);
    if (stream)
      store_stream(gradient + j, g);
    else
      store(gradient + j, g);
  }
}

static __attribute__((noinline)) void write_vectors(const mixent_row_writing *w, size_t begin, size_t count) {
  bool kept = is_kept(&w->row), differs = w->difference != 0, squares = w->exponential != 0,
       stream = w->row.stream;
  if (!kept && squares)
    write_run(w, begin, count, true, true, false, false);
  else if (!kept && stream)
    write_run(w, begin, count, true, false, false, true);
  else if (!kept)
    write_run(w, begin, count, true, false, false, false);
  else if (squares)
    write_run(w, begin, count, true, true, true, false);
  else if (differs && stream)
    write_run(w, begin, count, true, false, true, true);
  else if (differs)
    write_run(w, begin, count, true, false, true, false);
  else if (stream)
    write_run(w, begin, count, false, false, true, true);
  else
    write_run(w, begin, count, false, false, true, false);
}

/* The label's vector; by itself, for going back to the label later would fetch its line from memory once
 * more. */
static void write_label(const mixent_row_writing *w, size_t begin) {
  const slopes s = slopes_of(w);
  const real *e = (const real *)w->row.scratch + begin;
  vector logits = load((const stored *)w->row.logits + begin);
  vector g = is_kept(&w->row) ? slope_at(&s, true, true, true, logits, e)
                              : slope_at(&s, true, true, false, logits, e);
  g[w->row.label - begin] = (real)w->label;
  if (w->row.stream)
    store_stream((stored *)w->row.gradient + begin, g);
  else
    store((stored *)w->row.gradient + begin, g);
}

/* Goes on up to element `end`, or a little before. Only whole cache lines are written past the caches. */
static void write_until(mixent_row_writing *w, size_t end) {
  enum { LINE = 64 / sizeof(stored), FEW = 4 * LANES };
  if (w->row.classes <= FEW) return; /* write_end takes the whole row sooner than its parts are told apart */
  if (w->row.stream) {
    size_t head = (0 - (uintptr_t)w->row.gradient / sizeof(stored)) % LINE;
    if (end < head + LINE) return;
    if (w->done == 0 && head) write_end(w, 0, head);
    if (w->done == 0) w->done = head;
    end -= (end - head) % LINE;
  }
  while (w->done + LANES <= end) {
    size_t vectors = (end - w->done) / LANES, before = (w->row.label - w->done) / LANES;
    if (w->row.label < w->done || before >= vectors) before = vectors;
    write_vectors(w, w->done, before);
    w->done += before * LANES;
    if (before == vectors) return;
    write_label(w, w->done);
    w->done += LANES;
  }
}

static void finish_writing(mixent_row_writing *w) {
  write_until(w, w->row.classes);
  write_end(w, w->done, w->row.classes);
}
