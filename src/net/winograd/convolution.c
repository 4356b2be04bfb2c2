/* 3x3 convolution by Winograd's minimal filtering (Lavin and Gray 2016, CVPR): the passes over tiles.
 *
 * A tile of h x w outputs reads (h + 2) x (w + 2) pixels. With the transforms of that size (kernels/transform.h)
 *
 *   Y = A^T [ (G g G^T) * (B^T d B) ] A          d: pixels of one channel, g: its 3x3 filter, *: point by point
 *
 * and summed over input channels each of the (h + 2)(w + 2) points is a matrix product of its own:
 *
 *   forward, data   products[point]  [tiles, outs]  =  data[point]   [tiles, ins]    filter[point]    [ins, outs]
 *   weights         filter[point]    [ins, outs]    =  data[point]^T [ins, tiles]    gradient[point]  [tiles, outs]
 *
 * Data is the forward pass over the gradient with turned filters: ins and outs change origins (layout.c says which is which).
 *
 * Shapes and assumptions
 *   maps      [rows, height, width, channels] in float or bfloat16; channels are neighbours, so a pixel is one address
 *   words     what the products multiply: a float, or two bfloat16 whose products are added (kernels/vector.h)
 *   points    lie `point` words apart, a distance that is no multiple of 4096 bytes (apart() in layout.h)
 *   panels    outs are cut into panels of as many channels as the product kernel keeps in registers
 *   kinds     tiles of one size; each kind has transformed filters of its own. Where a map is no multiple of the tile, the last
 *             tiles reach beyond it, or are of a smaller kind
 *   outside   pixels beyond the map are read from `zeros` and written into scratch that nobody reads
 *
 * Threads. Forward and data: a chunk of tiles goes through transform, products and back within one thread, so that its data stay
 * in that thread's cache; every output is written by one thread, and the values do not depend on their number. Weights: the
 * products of all tiles are summed. With room for a sum of each thread (groups) each adds up its own tiles, and the groups are added in order; else
 * all threads transform a chunk together and then take a point and panel each. */
#include "core/threads.h"
#include "net/winograd/layout.h"

#include <stdint.h>
#include <string.h>

/* The addresses of height x width pixels of image `row` from (y, x) on; `outside` for those not in the map. */
static void find_pixels(const mixent_winograd *w, const void *map, int map_height, int map_width,
                        int channels, int row, int y, int x, int height, int width, void *outside,
                        void **pixels) {
  size_t pixel = (size_t)channels * value_bytes(w), line = (size_t)map_width * pixel;
  char *image = (char *)map + (size_t)row * (size_t)map_height * line;
  int begin = x < 0 ? -x : 0, end = map_width - x < width ? map_width - x : width; /* columns inside */
  for (int i = 0; i < height; i++, pixels += width) {
    for (int j = 0; j < width; j++) pixels[j] = outside;
    if (y + i < 0 || y + i >= map_height) continue;
    for (int j = begin; j < end; j++) pixels[j] = image + (size_t)(y + i) * line + (size_t)(x + j) * pixel;
  }
}

/* What the data transform of tile `t` of a kind reads. */
static void find_data(const mixent_winograd *w, const kind *k, int t, const void *from, void **pixels) {
  origin p = k->origins[t % k->count];
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

/* ---- Forward and data ---- */

/* G g G^T of the filters of input words begin..end-1, for every output. */
static void transform_filters(void *context, size_t begin, size_t end) {
  const run *r = context;
  r->w->kernels->winograd->tiles[r->kind->tile].filter(&r->w->filter, r->weights, (int)begin, (int)end,
                                                       r->filter, r->kind->filter);
}

/* One chunk, in three blocks: pixels gathered and transformed (B^T d B), a product for each point, products transformed back
 * (A^T … A) with bias and ReLU. Scratch of the thread: [a pixel that is thrown away | data | products]. */
static void convolve_chunk(const run *r, int first, int tiles, char *scratch) {
  const mixent_winograd *w = r->w;
  const kind *k = r->kind;
  const mixent_kernels *kernels = w->kernels;
  void *pixels[MOST_POINTS];
  size_t pitch = (size_t)pitch_of(w, w->ins) / (size_t)kernels->values_in_word, point = data_point(w, tiles);
  mixent_winograd_planes planes = tile_planes(w, tiles);
  char *data = scratch + in_lines((size_t)w->outs * 4);
  float *products = (float *)(void *)(data + (size_t)k->points * point * 4);
  /* 1. Pixels -> data[point][tile, ins]. */
  for (int t = 0; t < tiles; t++) {
    find_data(w, k, first + t, r->from, pixels);
    kernels->winograd->tiles[k->tile].data(w->ins, (const void *const *)pixels, data + (size_t)t * pitch * 4,
                                           point * (size_t)kernels->values_in_word);
  }
  /* 2. data[point] [tiles, ins] x filter[point] [ins, outs] -> products[point], panel by panel. */
  for (int p = 0; p < k->points; p++)
    kernels->winograd->products(tiles, depth_of(w, w->ins), w->panels, data + (size_t)p * point * 4, pitch,
                                r->filter + (size_t)p * k->filter.point * 4,
                                products + (size_t)p * planes.point);
  /* 3. Products back -> h x w pixels of the value. */
  for (int t = 0; t < tiles; t++) {
    origin at = k->origins[(first + t) % k->count];
    find_pixels(w, r->to, w->to_height, w->to_width, w->outs, (first + t) / k->count, at.y, at.x, k->height,
                k->width, scratch, pixels);
    kernels->winograd->tiles[k->tile].outputs(
        w->outs, products + (size_t)t * (size_t)kernels->winograd->panel, planes, r->bias, r->relu, pixels);
  }
}

/* Chunks begin..end-1 of a kind. */
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

/* ---- Weights ---- */

/* What the transforms of group `group` read: `data` and `gradient` of as many tiles as a word holds values, so that with
 * bfloat16 the products of two tiles are added by one instruction. Tiles beyond the last are zeros. */
static void find_group(const run *r, int group, void **data, void **gradient) {
  const mixent_winograd *w = r->w;
  const kind *k = r->kind;
  int together = w->kernels->values_in_word, outputs = k->height * k->width;
  for (int i = 0; i < together; i++, data += k->points, gradient += outputs) {
    int in_chunk = group * together + i, t = r->first + in_chunk;
    if (in_chunk < r->tiles) {
      origin at = k->origins[t % k->count];
      find_data(w, k, t, r->from, data);
      find_pixels(w, r->gradient, w->to_height, w->to_width, w->outs, t / k->count, at.y, at.x, k->height,
                  k->width, w->zeros, gradient);
    } else {
      for (int p = 0; p < k->points; p++) data[p] = w->zeros;
      for (int p = 0; p < outputs; p++) gradient[p] = w->zeros;
    }
  }
}

/* Groups of tiles begin..end-1 of the chunk: data and gradient transformed. The sums of the gradient over BLOCK groups, for
 * the bias, come along. */
static void transform_tiles(void *context, size_t begin, size_t end) {
  const run *r = context;
  const mixent_winograd *w = r->w;
  const kind *k = r->kind;
  size_t pitch = (size_t)pitch_of(w, w->ins), point = data_point(w, r->tiles);
  mixent_winograd_planes planes = tile_planes(w, r->tiles);
  char *data = r->scratch, *gradient = data + (size_t)k->points * point * 4;
  void *pixels[MOST_VALUES_IN_WORD * MOST_POINTS], *outputs[MOST_VALUES_IN_WORD * MOST_POINTS];
  for (size_t group = begin; group < end; group++) {
    float *sums = r->sums + (group / BLOCK + 1) * sums_pitch(w);
    if (group % BLOCK == 0) memset(sums, 0, sums_pitch(w) * sizeof *sums);
    find_group(r, (int)group, pixels, outputs);
    w->kernels->winograd->tiles[k->tile].data_words(w->ins, (const void *const *)pixels,
                                                    data + group * pitch * 4, point);
    w->kernels->winograd->tiles[k->tile].gradient(w->outs, (const void *const *)outputs,
                                                  gradient + group * (size_t)w->kernels->winograd->panel * 4,
                                                  planes, sums);
  }
}

/* Pairs (point, panel) begin..end-1: data^T x gradient of the chunk's tiles, added to what the chunks before gave. */
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

/* From the sums at the points to the 3x3 filters (G^T … G) of input channels begin..end-1; kinds after the first are added. */
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
    loop((size_t)r->kind->points * (size_t)w->panels, 1, multiply_tiles, r);
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
