/* How a convolution lies in memory: its tiles by kind, and the strides of what they are transformed into. Shared by the
 * two files of this room that know it. */
#ifndef MIXENT_NET_WINOGRAD_LAYOUT_H
#define MIXENT_NET_WINOGRAD_LAYOUT_H

#include "net/winograd/convolution.h"

enum { MOST_POINTS = 81, MOST_VALUES_IN_WORD = 2, MOST_KINDS = 4, LINE = 16 /* words in a cache line */ };

/* A tile's first output. */
typedef struct origin {
  int y, x;
} origin;

/* The tiles of one kind in an image, and how they lie in scratch. */
typedef struct kind {
  mixent_winograd_tile tile;
  int height, width, points; /* outputs high and wide; points in all */
  origin *origins;           /* per image */
  int count;
  mixent_winograd_planes filter; /* of the transformed filter, or of its gradient */
  size_t filter_at;              /* bytes from the start of all filters */
  int chunk;                     /* tiles at a time */
} kind;

/* `ins` channels are summed over and `outs` come out; the weights pass has the layer's own. */
struct mixent_winograd {
  mixent_winograd_shape shape;
  mixent_winograd_pass pass;
  const mixent_kernels *kernels;
  int ins, outs, panels, threads;
  int from_height, from_width, to_height, to_width, padding;
  mixent_winograd_filter filter;
  kind kinds[MOST_KINDS];
  int kind_count;
  size_t filter_bytes, thread_bytes, chunk_bytes; /* of filters (of one group); of scratch, over all kinds */
  int groups; /* weights: threads that add up products of their own tiles; 1: all threads work on all tiles */
  void *zeros; /* what lies outside the map */
};

static inline size_t value_bytes(const mixent_winograd *w) {
  return w->shape.bf16 ? 2 : 4;
}

static inline size_t in_lines(size_t bytes) {
  return (bytes + 63) / 64 * 64;
}

/* Words from one point to the next: a line more than needed and never a multiple of the 4096 bytes at which the
 * lines of many points would compete for the same origins of a cache. */
static inline size_t apart(size_t words) {
  return (words + LINE - 1) / LINE * LINE + LINE;
}

/* Words that hold `count` channels summed over, whole vectors of values. */
static inline int depth_of(const mixent_winograd *w, int count) {
  return (count + w->kernels->values_in_word - 1) / w->kernels->values_in_word;
}

static inline int pitch_of(const mixent_winograd *w, int count) {
  int lanes = w->kernels->lanes;
  return (count + lanes - 1) / lanes * lanes;
}

/* Words (floats for products) of a chunk's data, and of its gradient or products. */
static inline size_t data_point(const mixent_winograd *w, int tiles) {
  bool weights = w->pass == MIXENT_WINOGRAD_WEIGHTS;
  int pitch = pitch_of(w, w->ins);
  return weights ? apart((size_t)depth_of(w, tiles) * (size_t)pitch)
                 : apart((size_t)tiles * (size_t)pitch / (size_t)w->kernels->values_in_word);
}

static inline mixent_winograd_planes tile_planes(const mixent_winograd *w, int tiles) {
  int depth = w->pass == MIXENT_WINOGRAD_WEIGHTS ? depth_of(w, tiles) : tiles;
  mixent_winograd_planes planes = {.panel = (size_t)depth * (size_t)w->kernels->winograd->panel};
  planes.point = apart((size_t)w->panels * planes.panel);
  return planes;
}

/* Sums of the gradient over BLOCK groups of tiles, for all groups of a chunk, and over all. */
enum { BLOCK = 8 };
static inline size_t sums_pitch(const mixent_winograd *w) {
  return (size_t)pitch_of(w, w->outs);
}

static inline size_t sums_bytes(const mixent_winograd *w, int tiles) {
  size_t blocks = (size_t)(depth_of(w, tiles) + BLOCK - 1) / BLOCK;
  return in_lines((blocks + 1) * sums_pitch(w) * sizeof(float));
}

#endif
