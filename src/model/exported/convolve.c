/* A convolution with what follows it: bias, ReLU, max pooling. A linear layer is a convolution of a map of 1x1.
 * BLOCK channels are computed at a time, so that their sums stay in registers. The weights of DEPTH inputs serve TILE windows
 * before the next are read: so long they stay in the cache, and those of 8 bits are widened once. Weights lie as
 * [channels / BLOCK][kernel][kernel][from_channels][BLOCK]; the last block is filled up with zeros. */
enum { TILE = 8 };
typedef struct block {
  float channel[BLOCK];
} block;

typedef struct convolution {
  int from_height, from_width, from_channels;
  int height, width, channels; /* of the value, after pooling */
  int kernel, stride, padding;
  int pool; /* side of the windows of max pooling; 1: none */
  int relu; /* 1: negative values become 0 */
  const weight *weights;
  const float *scale; /* [channels]: what a weight of 1 stands for; NULL: 1 */
  const float *bias;  /* [channels]; NULL: 0 */
} convolution;

/* The part of the map `from` that gives one value before pooling. Pixels outside of the map count as 0. */
typedef struct window {
  int top, left;  /* its first pixel, which may lie outside */
  int begin, end; /* what lies in the map of a row of [kernel][from_channels] */
  block sums;
} window;

/* Window number n; those that one pixel of the value is pooled from follow each other. */
static void place_window(const convolution *c, int n, window *w) {
  const int parts = c->pool * c->pool, pixel = n / parts, part = n % parts;
  int o;
  w->top = (pixel / c->width * c->pool + part / c->pool) * c->stride - c->padding;
  w->left = (pixel % c->width * c->pool + part % c->pool) * c->stride - c->padding;
  w->begin = w->left < 0 ? -w->left * c->from_channels : 0;
  w->end = (w->left + c->kernel > c->from_width ? c->from_width - w->left : c->kernel) * c->from_channels;
  for (o = 0; o < BLOCK; o++) w->sums.channel[o] = 0.0f;
}

/* Written out for each channel of a block, so that the sums stay in registers: a vector holds channels. At -O3 GCC would rather
 * have vectors of inputs, which takes four times as long. */
#if defined(__GNUC__) && !defined(__clang__)
#define VECTORS_OF_CHANNELS __attribute__((optimize("no-tree-loop-vectorize")))
#else
#define VECTORS_OF_CHANNELS
#endif
#define ADD(o) sums.channel[o] += value * weights[o]

VECTORS_OF_CHANNELS
static void add_products(int count, const float *values, const float *weights, block *to) {
  block sums = *to;
  int i;
  for (i = 0; i < count; i++, weights += BLOCK) {
    const float value = values[i];
    ADD(0), ADD(1), ADD(2), ADD(3), ADD(4), ADD(5), ADD(6), ADD(7);
    ADD(8), ADD(9), ADD(10), ADD(11), ADD(12), ADD(13), ADD(14), ADD(15);
  }
  *to = sums;
}
#undef ADD

/* The sums of `count` windows: their rows one after the other, each in pieces of at most DEPTH values. */
static void sum_windows(const convolution *c, const weight *weights, const float *from, int count,
                        window *windows) {
  const int row = c->kernel * c->from_channels;
  int a, i, t, depth;
  for (a = 0; a < c->kernel; a++)
    for (i = 0; i < row; i += depth, weights += depth * BLOCK) {
      const float *wide;
      depth = row - i < DEPTH ? row - i : DEPTH;
      wide = widen(depth * BLOCK, weights);
      for (t = 0; t < count; t++) {
        window *w = &windows[t];
        const int y = w->top + a, begin = w->begin > i ? w->begin : i,
                  end = w->end < i + depth ? w->end : i + depth;
        if (y < 0 || y >= c->from_height || begin >= end) continue;
        add_products(end - begin, from + ((y * c->from_width + w->left) * c->from_channels + begin),
                     wide + (begin - i) * BLOCK, &w->sums);
      }
    }
}

/* The values of a block of channels, `first` the first, in a pixel `to` of the value. */
static void finish(const convolution *c, const block *sums, int first, float *to) {
  int o;
  for (o = 0; o < BLOCK && first + o < c->channels; o++) {
    const float scaled = c->scale ? sums->channel[o] * c->scale[first + o] : sums->channel[o];
    const float value = c->bias ? scaled + c->bias[first + o] : scaled;
    to[first + o] = c->relu && value < 0.0f ? 0.0f : value;
  }
}

/* Each sum of `other` that is larger takes the place of that of `best`. */
static void keep_larger(const block *other, block *best) {
  int o;
  for (o = 0; o < BLOCK; o++)
    best->channel[o] = other->channel[o] > best->channel[o] ? other->channel[o] : best->channel[o];
}

static void convolve(const convolution *c, const float *from, float *to) {
  const int parts = c->pool * c->pool, count = c->height * c->width * parts;
  window windows[TILE];
  block best = {{0}};
  int first, n, t;
  for (first = 0; first < c->channels; first += BLOCK)
    for (n = 0; n < count; n += TILE) {
      const int tile = count - n < TILE ? count - n : TILE;
      for (t = 0; t < tile; t++) place_window(c, n + t, &windows[t]);
      sum_windows(c, c->weights + first * c->kernel * c->kernel * c->from_channels, from, tile, windows);
      for (t = 0; t < tile; t++) {
        const int part = (n + t) % parts;
        if (part == 0)
          best = windows[t].sums;
        else
          keep_larger(&windows[t].sums, &best);
        if (part == parts - 1) finish(c, &best, first, to + (n + t) / parts * c->channels);
      }
    }
}
