/* The passes: a map is cut into tiles, tiles of one kind share a set of transformed filters. Forward and data take
 * a chunk of tiles through transform, products and back within one thread; weights transform a chunk of tiles with
 * all threads, then add up their products, a thread to a point. */
#include "net/winograd/convolution.h"
#include "core/memory.h"
#include "core/threads.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_POINTS = 81, MOST_OUTPUTS = 49, MOST_KINDS = 4, LINE = 16 /* words in a cache line */ };

const char *const mixent_winograd_names[MIXENT_CUTS] = {"winograd-2", "winograd-3", "winograd-4",
                                                        "winograd-43", "winograd-7"};

/* A tile's first output. */
typedef struct place {
  int y, x;
} place;

/* The tiles of one kind in an image, and how they lie in scratch. */
typedef struct kind {
  mixent_winograd_tile tile;
  int height, width, points; /* outputs high and wide; points in all */
  place *places;             /* per image */
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

static size_t value_bytes(const mixent_winograd *w) {
  return w->shape.bf16 ? 2 : 4;
}

static size_t in_lines(size_t bytes) {
  return (bytes + 63) / 64 * 64;
}

/* Words from one point to the next: a line more than needed and never a multiple of the 4096 bytes at which the
 * lines of many points would compete for the same places of a cache. */
static size_t apart(size_t words) {
  return (words + LINE - 1) / LINE * LINE + LINE;
}

/* Words that hold `count` channels summed over, whole vectors of values. */
static int depth_of(const mixent_winograd *w, int count) {
  return (count + w->kernels->values_in_word - 1) / w->kernels->values_in_word;
}

static int pitch_of(const mixent_winograd *w, int count) {
  int lanes = w->kernels->lanes;
  return (count + lanes - 1) / lanes * lanes;
}

/* Cuts `extent` outputs into pieces; their sizes in `sizes`, how many in return. */
static int cut_extent(mixent_winograd_cut cut, int extent, int sizes[]) {
  static const int uniform[MIXENT_CUTS] = {2, 3, 4, 4, 7};
  int size = uniform[cut], count = 0, threes = cut == MIXENT_CUT_43 ? (4 - extent % 4) % 4 : 0;
  /* 4 a + 3 b = extent has a solution from 6 on, with the fewest threes that leave a multiple of 4 */
  if (3 * threes > extent) threes = extent == 3 ? 1 : 0;
  for (int covered = 0; covered < extent; covered += sizes[count++])
    sizes[count] = extent - covered <= 3 * threes && threes > 0 ? 3 : size;
  return count;
}

static mixent_winograd_tile find_tile(int height, int width) {
  for (int t = 0; t < MIXENT_TILES; t++)
    if (mixent_winograd_tile_heights[t] == height && mixent_winograd_tile_widths[t] == width)
      return (mixent_winograd_tile)t;
  return MIXENT_TILE_2X2;
}

static kind *kind_of(mixent_winograd *w, int height, int width) {
  for (int k = 0; k < w->kind_count; k++)
    if (w->kinds[k].height == height && w->kinds[k].width == width) return &w->kinds[k];
  kind *made = &w->kinds[w->kind_count++];
  *made = (kind){.tile = find_tile(height, width),
                 .height = height,
                 .width = width,
                 .points = (height + 2) * (width + 2)};
  return made;
}

static mixent_status cut_map(mixent_winograd *w, mixent_winograd_cut cut) {
  int height = w->pass == MIXENT_WINOGRAD_WEIGHTS ? w->from_height + 2 * w->padding - 2 : w->to_height;
  int width = w->pass == MIXENT_WINOGRAD_WEIGHTS ? w->from_width + 2 * w->padding - 2 : w->to_width;
  int *rows, *columns, row_count, column_count;
  MIXENT_TRY(MIXENT_ALLOCATE(height + width + 2, &rows));
  columns = rows + height + 1;
  row_count = cut_extent(cut, height, rows);
  column_count = cut_extent(cut, width, columns);
  mixent_status status = MIXENT_OK;
  for (int i = 0, y = 0; i < row_count && status == MIXENT_OK; y += rows[i++])
    for (int j = 0, x = 0; j < column_count && status == MIXENT_OK; x += columns[j++]) {
      kind *k = kind_of(w, rows[i], columns[j]);
      if (!k->places) status = MIXENT_ALLOCATE(row_count * column_count, &k->places);
      if (status == MIXENT_OK) k->places[k->count++] = (place){y, x};
    }
  free(rows);
  return status;
}

static size_t larger(size_t a, size_t b) {
  return a > b ? a : b;
}

/* Tiles taken at a time. The transformed filters are read once a chunk and gradients of filters added once a chunk, which
 * wants large chunks; tiles are written and read between transform and products, which wants those that a cache
 * holds. */
static int chunk_of(const mixent_winograd *w, const kind *k) {
  enum { TILES = 96 };
  int total = k->count * w->shape.rows, chunk = TILES;
  if (w->pass == MIXENT_WINOGRAD_WEIGHTS) {
    int balanced = (int)(2 * (int64_t)w->ins * w->outs / (w->ins + w->outs));
    if (chunk < balanced) chunk = balanced;
  } else {
    int share = (total + w->threads - 1) / w->threads, pieces = (share + TILES / 2) / TILES;
    chunk = pieces > 0 ? (share + pieces - 1) / pieces : share;
  }
  return chunk > total ? total : chunk;
}

/* Words (floats for products) of a chunk's data, and of its gradient or products. */
static size_t data_point(const mixent_winograd *w, int tiles) {
  bool weights = w->pass == MIXENT_WINOGRAD_WEIGHTS;
  int pitch = pitch_of(w, w->ins);
  return weights ? apart((size_t)depth_of(w, tiles) * (size_t)pitch)
                 : apart((size_t)tiles * (size_t)pitch / (size_t)w->kernels->values_in_word);
}

static mixent_winograd_planes tile_planes(const mixent_winograd *w, int tiles) {
  int depth = w->pass == MIXENT_WINOGRAD_WEIGHTS ? depth_of(w, tiles) : tiles;
  mixent_winograd_planes planes = {.panel = (size_t)depth * (size_t)w->kernels->winograd->panel};
  planes.point = apart((size_t)w->panels * planes.panel);
  return planes;
}

/* Sums of the gradient over BLOCK groups of tiles, for all groups of a chunk, and over all. */
enum { BLOCK = 8 };
static size_t sums_pitch(const mixent_winograd *w) {
  return (size_t)pitch_of(w, w->outs);
}
static size_t sums_bytes(const mixent_winograd *w, int tiles) {
  size_t blocks = (size_t)(depth_of(w, tiles) + BLOCK - 1) / BLOCK;
  return in_lines((blocks + 1) * sums_pitch(w) * sizeof(float));
}

static void lay_out(mixent_winograd *w, kind *k) {
  int depth = w->pass == MIXENT_WINOGRAD_WEIGHTS ? w->ins : depth_of(w, w->ins);
  k->filter.panel = (size_t)depth * (size_t)w->kernels->winograd->panel;
  k->filter.point = apart((size_t)w->panels * k->filter.panel);
  k->chunk = chunk_of(w, k);
  size_t points = (size_t)k->points;
  size_t tiles = points * (data_point(w, k->chunk) + tile_planes(w, k->chunk).point) * 4;
  size_t filter_bytes = in_lines(points * k->filter.point * 4);
  k->filter_at =
      w->shape.frozen ? w->filter_bytes : 0; /* else one kind after the other uses the same place */
  w->filter_bytes = larger(w->filter_bytes, k->filter_at + filter_bytes);
  if (w->pass == MIXENT_WINOGRAD_WEIGHTS)
    w->chunk_bytes = larger(w->chunk_bytes, in_lines(tiles) + sums_bytes(w, k->chunk));
  else /* and where outputs outside of the map go */
    w->thread_bytes = larger(w->thread_bytes, in_lines(tiles) + in_lines((size_t)w->outs * 4));
}

/* Sums of their own for every thread, unless that takes too much memory: then points are dealt to the threads, which
 * must wait for one another between transforms and products. */
static int groups_of(const mixent_winograd *w) {
  const size_t MOST_BYTES = (size_t)48 << 20;
  bool fits = (size_t)w->threads * w->filter_bytes <= MOST_BYTES;
  return w->pass == MIXENT_WINOGRAD_WEIGHTS && fits ? w->threads : 1;
}

mixent_status mixent_winograd_create(const mixent_winograd_shape *shape, mixent_winograd_pass pass,
                                     mixent_winograd_cut cut, const mixent_kernels *kernels, int threads,
                                     mixent_winograd **out) {
  MIXENT_TRY(MIXENT_ALLOCATE(1, out));
  mixent_winograd *w = *out;
  bool data = pass == MIXENT_WINOGRAD_DATA;
  int grows = 2 * shape->padding - 2;
  w->shape = *shape;
  w->pass = pass;
  w->kernels = kernels ? kernels : mixent_kernels_choose(shape->bf16);
  w->threads = threads;
  w->ins = data ? shape->outputs : shape->channels;
  w->outs = data ? shape->channels : shape->outputs;
  w->panels = (w->outs + w->kernels->winograd->panel - 1) / w->kernels->winograd->panel;
  w->from_height = data ? shape->height + grows : shape->height;
  w->from_width = data ? shape->width + grows : shape->width;
  w->to_height = data ? shape->height : shape->height + grows;
  w->to_width = data ? shape->width : shape->width + grows;
  w->padding = data ? 2 - shape->padding : shape->padding;
  size_t out_stride = (size_t)shape->channels * 9;
  w->filter = (mixent_winograd_filter){.outs = w->outs,
                                       .ins = w->ins,
                                       .out_stride = data ? 9 : out_stride,
                                       .in_stride = data ? out_stride : 9,
                                       .turned = data};
  int most = shape->channels > shape->outputs ? shape->channels : shape->outputs;
  mixent_status status = mixent_allocate((size_t)most * 4, &w->zeros);
  if (status == MIXENT_OK) status = cut_map(w, cut);
  for (int k = 0; k < w->kind_count && status == MIXENT_OK; k++) lay_out(w, &w->kinds[k]);
  w->groups = groups_of(w);
  if (status == MIXENT_OK) return MIXENT_OK;
  mixent_winograd_free(w);
  *out = NULL;
  return status;
}

void mixent_winograd_free(mixent_winograd *w) {
  if (!w) return;
  for (int k = 0; k < w->kind_count; k++) free(w->kinds[k].places);
  free(w->zeros);
  free(w);
}

size_t mixent_winograd_filter_bytes(const mixent_winograd *w) {
  return (size_t)w->groups * w->filter_bytes;
}

size_t mixent_winograd_scratch_bytes(const mixent_winograd *w) {
  return (size_t)w->groups * w->chunk_bytes + (size_t)w->threads * w->thread_bytes;
}

/* Beside the products: TRANSFORM for each number that goes into them or comes out, FILTER for each of the filters, which
 * are written and read once a run however few the images. Both measured, in products. */
double mixent_winograd_cost(const mixent_winograd *w) {
  const double TRANSFORM = 16, FILTER = 24;
  double sum = 0, products = (double)w->ins * w->outs;
  for (int k = 0; k < w->kind_count; k++) {
    const kind *kind = &w->kinds[k];
    sum += kind->points *
           (kind->count * (products + TRANSFORM * (w->ins + w->outs)) + products * FILTER / w->shape.rows);
  }
  return sum;
}

/* The addresses of height x width pixels of image `row` from (y, x) on; `outside` for those not in the map. */
static void find_pixels(const mixent_winograd *w, const void *map, int map_height, int map_width,
                        int channels, int row, int y, int x, int height, int width, void *outside,
                        void **pixels) {
  size_t pixel = (size_t)channels * value_bytes(w);
  char *image = (char *)map + (size_t)row * (size_t)map_height * (size_t)map_width * pixel;
  for (int i = 0; i < height; i++)
    for (int j = 0; j < width; j++) {
      bool inside = y + i >= 0 && y + i < map_height && x + j >= 0 && x + j < map_width;
      *pixels++ = inside ? image + (size_t)((y + i) * map_width + x + j) * pixel : outside;
    }
}

/* What the data transform of tile `t` of a kind reads. */
static void find_data(const mixent_winograd *w, const kind *k, int t, const void *from, void **pixels) {
  place p = k->places[t % k->count];
  find_pixels(w, from, w->from_height, w->from_width, w->ins, t / k->count, p.y - w->padding,
              p.x - w->padding, k->height + 2, k->width + 2, w->zeros, pixels);
}

/* One run, as its threads see it. */
typedef struct run {
  const mixent_winograd *w;
  const kind *kind;
  const void *from, *gradient;
  const float *weights, *bias;
  bool relu;
  void *to;
  char *filter, *scratch; /* of the kind; each thread's own, or the chunk of all */
  float *weight_gradient, *sums;
  int start, first, tiles; /* weights: the first tile of a group, its chunk under way */
} run;

static void transform_filters(void *context, size_t begin, size_t end) {
  const run *r = context;
  r->w->kernels->winograd->tiles[r->kind->tile].filter(&r->w->filter, r->weights, (int)begin, (int)end,
                                                       r->filter, r->kind->filter);
}

static void convolve_chunk(const run *r, int first, int tiles, char *scratch) {
  const mixent_winograd *w = r->w;
  const kind *k = r->kind;
  const mixent_kernels *kernels = w->kernels;
  void *pixels[MOST_POINTS];
  size_t pitch = (size_t)pitch_of(w, w->ins) / (size_t)kernels->values_in_word, point = data_point(w, tiles);
  mixent_winograd_planes planes = tile_planes(w, tiles);
  char *data = scratch + in_lines((size_t)w->outs * 4);
  float *products = (float *)(void *)(data + (size_t)k->points * point * 4);
  for (int t = 0; t < tiles; t++) {
    find_data(w, k, first + t, r->from, pixels);
    kernels->winograd->tiles[k->tile].data(w->ins, (const void *const *)pixels, data + (size_t)t * pitch * 4,
                                           point * (size_t)kernels->values_in_word);
  }
  for (int p = 0; p < k->points; p++)
    kernels->winograd->products(tiles, depth_of(w, w->ins), w->panels, data + (size_t)p * point * 4, pitch,
                                r->filter + (size_t)p * k->filter.point * 4,
                                products + (size_t)p * planes.point);
  for (int t = 0; t < tiles; t++) {
    place at = k->places[(first + t) % k->count];
    find_pixels(w, r->to, w->to_height, w->to_width, w->outs, (first + t) / k->count, at.y, at.x, k->height,
                k->width, scratch, pixels);
    kernels->winograd->tiles[k->tile].outputs(
        w->outs, products + (size_t)t * (size_t)kernels->winograd->panel, planes, r->bias, r->relu, pixels);
  }
}

static void convolve(void *context, size_t begin, size_t end) {
  const run *r = context;
  int chunk = r->kind->chunk, total = r->kind->count * r->w->shape.rows;
  char *scratch = r->scratch + (size_t)mixent_thread() * r->w->thread_bytes;
  for (int c = (int)begin; c < (int)end; c++) {
    int first = c * chunk, tiles = total - first < chunk ? total - first : chunk;
    convolve_chunk(r, first, tiles, scratch);
  }
}

void mixent_winograd_run(const mixent_winograd *w, const void *from, const float *weights, bool kept,
                         const float *bias, bool relu, void *to, void *filters, void *scratch) {
  run r = {
      .w = w, .from = from, .weights = weights, .bias = bias, .relu = relu, .to = to, .scratch = scratch};
  for (int k = 0; k < w->kind_count; k++) {
    r.kind = &w->kinds[k];
    r.filter = (char *)filters + r.kind->filter_at;
    int total = r.kind->count * w->shape.rows;
    if (!kept) mixent_parallel_for((size_t)depth_of(w, w->ins), 8, transform_filters, &r);
    mixent_parallel_for((size_t)((total + r.kind->chunk - 1) / r.kind->chunk), 1, convolve, &r);
  }
}

static void transform_tiles(void *context, size_t begin, size_t end) {
  const run *r = context;
  const mixent_winograd *w = r->w;
  const kind *k = r->kind;
  int together = w->kernels->values_in_word;
  size_t pitch = (size_t)pitch_of(w, w->ins), point = data_point(w, r->tiles);
  mixent_winograd_planes planes = tile_planes(w, r->tiles);
  char *data = r->scratch, *gradient = data + (size_t)k->points * point * 4;
  void *pixels[MOST_POINTS];
  for (int group = (int)begin; group < (int)end; group++) {
    float *sums = r->sums + (size_t)(group / BLOCK + 1) * sums_pitch(w);
    if (group % BLOCK == 0) memset(sums, 0, sums_pitch(w) * sizeof *sums);
    for (int half = 0; half < together && group * together + half < r->tiles; half++) {
      int t = r->first + group * together + half;
      place at = k->places[t % k->count];
      find_data(w, k, t, r->from, pixels);
      w->kernels->winograd->tiles[k->tile].data_words(w->ins, (const void *const *)pixels, half,
                                                      data + (size_t)group * pitch * 4, point);
      find_pixels(w, r->gradient, w->to_height, w->to_width, w->outs, t / k->count, at.y, at.x, k->height,
                  k->width, w->zeros, pixels);
      w->kernels->winograd->tiles[k->tile].gradient(
          w->outs, (const void *const *)pixels, half,
          gradient + (size_t)group * (size_t)w->kernels->winograd->panel * 4, planes, sums);
    }
  }
}

static void multiply_tiles(void *context, size_t begin, size_t end) {
  const run *r = context;
  const mixent_winograd *w = r->w;
  const kind *k = r->kind;
  size_t point = data_point(w, r->tiles);
  mixent_winograd_planes planes = tile_planes(w, r->tiles);
  const char *data = r->scratch, *gradient = data + (size_t)k->points * point * 4;
  for (size_t i = begin; i < end; i++) {
    size_t p = i / (size_t)w->panels;
    int panel = (int)(i % (size_t)w->panels);
    w->kernels->winograd->weight_products(depth_of(w, r->tiles), w->ins, panel, panel + 1,
                                          data + p * point * 4, (size_t)pitch_of(w, w->ins),
                                          gradient + p * planes.point * 4, planes.panel, r->first > r->start,
                                          (float *)(void *)r->filter + p * k->filter.point);
  }
}

static void transform_weight_gradients(void *context, size_t begin, size_t end) {
  const run *r = context;
  r->w->kernels->winograd->tiles[r->kind->tile].filter_gradient(
      &r->w->filter, (const float *)(const void *)r->filter, r->kind->filter, r->kind != r->w->kinds,
      (int)begin, (int)end, r->weight_gradient);
}

/* The sums of a chunk's blocks, in order, to those of the run. */
static void add_sums(const run *r) {
  size_t pitch = sums_pitch(r->w), blocks = (size_t)(depth_of(r->w, r->tiles) + BLOCK - 1) / BLOCK;
  for (size_t block = 1; block <= blocks; block++)
    for (size_t c = 0; c < pitch; c++) r->sums[c] += r->sums[block * pitch + c];
}

static void run_here(size_t count, size_t grain, mixent_range_work *work, void *context) {
  (void)grain;
  work(context, 0, count);
}

/* Adds up the products of the tiles begin..end-1, by all threads or by the caller alone. */
static void add_products(run *r, int begin, int end, bool by_all) {
  const mixent_winograd *w = r->w;
  void (*loop)(size_t, size_t, mixent_range_work *, void *) = by_all ? mixent_parallel_for : run_here;
  r->start = begin;
  memset(r->sums, 0, sums_pitch(w) * sizeof *r->sums);
  for (r->first = begin; r->first < end; r->first += r->kind->chunk) {
    r->tiles = end - r->first < r->kind->chunk ? end - r->first : r->kind->chunk;
    loop((size_t)depth_of(w, r->tiles), BLOCK, transform_tiles, r);
    loop((size_t)(r->kind->points * w->panels), 1, multiply_tiles, r);
    add_sums(r);
  }
}

/* The part of a run that is one group's. */
static run group_run(const run *all, int group) {
  const mixent_winograd *w = all->w;
  run r = *all;
  r.filter += (size_t)group * w->filter_bytes;
  r.scratch += (size_t)group * w->chunk_bytes;
  r.sums = (float *)(void *)(r.scratch + w->chunk_bytes - sums_bytes(w, r.kind->chunk));
  return r;
}

static int live_groups(const run *r) {
  int total = r->kind->count * r->w->shape.rows;
  return total < r->w->groups ? total : r->w->groups;
}

static int group_begin(const run *r, int group) {
  int64_t total = (int64_t)r->kind->count * r->w->shape.rows;
  return (int)(total * group / live_groups(r));
}

static void run_groups(void *context, size_t begin, size_t end) {
  const run *all = context;
  for (int g = (int)begin; g < (int)end; g++) {
    run r = group_run(all, g);
    add_products(&r, group_begin(all, g), group_begin(all, g + 1), all->w->groups == 1);
  }
}

/* The points begin..end-1 of the other groups to the first's. */
static void add_groups(void *context, size_t begin, size_t end) {
  const run *r = context;
  size_t point = r->kind->filter.point;
  for (int g = 1; g < live_groups(r); g++) {
    const float *from = (const float *)(const void *)(r->filter + (size_t)g * r->w->filter_bytes);
    float *to = (float *)(void *)r->filter;
    for (size_t i = begin * point; i < end * point; i++) to[i] += from[i];
  }
}

void mixent_winograd_run_weights(const mixent_winograd *w, const void *input, const void *gradient,
                                 float *weight_gradient, float *bias_gradient, void *filters, void *scratch) {
  run all = {.w = w,
             .from = input,
             .gradient = gradient,
             .filter = filters,
             .scratch = scratch,
             .weight_gradient = weight_gradient};
  if (bias_gradient) memset(bias_gradient, 0, (size_t)w->outs * sizeof *bias_gradient);
  for (int k = 0; k < w->kind_count; k++) {
    all.kind = &w->kinds[k];
    if (w->groups > 1) {
      mixent_parallel_for((size_t)live_groups(&all), 1, run_groups, &all);
      mixent_parallel_for((size_t)all.kind->points, 8, add_groups, &all);
    } else {
      run_groups(&all, 0, 1);
    }
    for (int g = 0; bias_gradient && g < live_groups(&all); g++) {
      const float *sums = group_run(&all, g).sums;
      for (int c = 0; c < w->outs; c++) bias_gradient[c] += sums[c];
    }
    mixent_parallel_for((size_t)w->ins, 8, transform_weight_gradients, &all);
  }
}
