/* Cutting a map into tiles, and memory for them. */
#include "net/winograd/layout.h"
#include "core/memory.h"

#include <stdint.h>
#include <stdlib.h>

const char *const mixent_winograd_names[MIXENT_CUTS] = {"winograd-2", "winograd-3", "winograd-4",
                                                        "winograd-43", "winograd-7"};

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
      if (!k->origins) status = MIXENT_ALLOCATE(row_count * column_count, &k->origins);
      if (status == MIXENT_OK) k->origins[k->count++] = (origin){y, x};
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
  for (int k = 0; k < w->kind_count; k++) free(w->kinds[k].origins);
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
