/* The covariance of patches, its eigenvectors by Jacobi's rotations, the filters. */
#include "train/whitening.h"
#include "core/memory.h"
#include "core/status.h"
#include "net/graph/layer.h"

#include <math.h>
#include <stdlib.h>

enum { MOST_IMAGES = 5000, BATCH = 50, LARGEST_KERNEL = 7, SWEEPS = 60 };
static const double floor_of_eigenvalues = 5e-4; /* airbench's */

static const mixent_layer *find_layer(const mixent_graph *graph) {
  for (int l = 1; l < graph->layer_count; l++)
    if (mixent_layer_is(&graph->layers[l], MIXENT_LAYER_CONV2D) && graph->layers[l].inputs[0] == 0 &&
        graph->layers[l].kernel <= LARGEST_KERNEL)
      return &graph->layers[l];
  return NULL;
}

mixent_status mixent_whitening_find(const mixent_graph *graph, int *index, size_t *count) {
  const mixent_layer *layer = find_layer(graph);
  if (!layer)
    return mixent_fail(MIXENT_ERROR_ARGUMENT,
                       "init.whitening: network %s has no convolution of at most %dx%d that reads the image",
                       mixent_graph_name(graph), LARGEST_KERNEL, LARGEST_KERNEL);
  size_t filters = (size_t)layer->channels, size = graph->parameters[layer->parameters[0]].count / filters;
  *index = layer->parameters[0];
  *count = (filters < 2 * size ? filters : 2 * size) * size;
  return MIXENT_OK;
}

/* Adds the products of all patches of one image [side, side, channels]; a patch is ordered as a filter: [channels, kernel, kernel]. */
static void add_patches(const float *image, int side, int channels, int kernel, double *patch, double *sums) {
  size_t size = (size_t)channels * (size_t)kernel * (size_t)kernel;
  for (int top = 0; top + kernel <= side; top++)
    for (int left = 0; left + kernel <= side; left++) {
      size_t at = 0;
      for (int c = 0; c < channels; c++)
        for (int y = top; y < top + kernel; y++)
          for (int x = left; x < left + kernel; x++) patch[at++] = image[(y * side + x) * channels + c];
      for (size_t i = 0; i < size; i++)
        for (size_t j = 0; j <= i; j++) sums[i * size + j] += patch[i] * patch[j];
    }
}

static mixent_status sum_patches(const mixent_patch_source *source, int kernel, double *sums) {
  const mixent_images *images = source->images;
  size_t size = (size_t)images->channels * (size_t)kernel * (size_t)kernel,
         pixels = (size_t)images->side * (size_t)images->side * (size_t)images->channels;
  size_t count = source->count < MOST_IMAGES ? source->count : MOST_IMAGES;
  float *rows;
  double *patch = NULL;
  MIXENT_TRY(MIXENT_ALLOCATE(BATCH * pixels, &rows));
  mixent_status status = MIXENT_ALLOCATE(size, &patch);
  for (size_t begin = 0; begin < count && status == MIXENT_OK; begin += BATCH) {
    size_t some = count - begin < BATCH ? count - begin : BATCH;
    mixent_batch_fill(images, source->indices + begin, some, NULL, 0, 0, source->mean, source->deviation,
                      rows);
    for (size_t i = 0; i < some; i++)
      add_patches(rows + i * pixels, images->side, images->channels, kernel, patch, sums);
  }
  double patches = (double)count * (images->side - kernel + 1) * (images->side - kernel + 1);
  for (size_t i = 0; i < size; i++)
    for (size_t j = 0; j <= i; j++) sums[j * size + i] = sums[i * size + j] /= patches;
  free(patch);
  free(rows);
  return status;
}

/* Rotates rows and columns p and q of the symmetric `a`, and rows p and q of `vectors`, so that a[p][q] becomes 0 (Golub and Van Loan,
 * Matrix Computations, section 8.5). */
static void rotate(double *a, double *vectors, size_t n, size_t p, size_t q) {
  if (a[p * n + q] == 0) return;
  double tau = (a[q * n + q] - a[p * n + p]) / (2 * a[p * n + q]);
  double t = (tau >= 0 ? 1 : -1) / (fabs(tau) + sqrt(1 + tau * tau)), c = 1 / sqrt(1 + t * t), s = t * c;
  for (size_t k = 0; k < n; k++) {
    double x = a[k * n + p], y = a[k * n + q];
    a[k * n + p] = c * x - s * y, a[k * n + q] = s * x + c * y;
  }
  for (size_t k = 0; k < n; k++) {
    double x = a[p * n + k], y = a[q * n + k];
    a[p * n + k] = c * x - s * y, a[q * n + k] = s * x + c * y;
    x = vectors[p * n + k], y = vectors[q * n + k];
    vectors[p * n + k] = c * x - s * y, vectors[q * n + k] = s * x + c * y;
  }
}

/* The diagonal of `a` becomes its eigenvalues, row i of `vectors` the eigenvector of the i-th. */
static void diagonalise(double *a, double *vectors, size_t n) {
  for (size_t i = 0; i < n * n; i++) vectors[i] = i % (n + 1) == 0;
  for (int sweep = 0; sweep < SWEEPS; sweep++)
    for (size_t p = 0; p < n; p++)
      for (size_t q = p + 1; q < n; q++) rotate(a, vectors, n, p, q);
}

/* `count` numbers: of each eigenvector, its first number that is not near 0 made positive, then its negative. */
static void write_filters(double *a, const double *vectors, size_t n, size_t count, float *out) {
  for (size_t f = 0; f * n < count; f += 2) {
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
      if (a[i * n + i] > a[best * n + best]) best = i;
    const double *vector = vectors + best * n;
    size_t first = 0;
    while (first + 1 < n && fabs(vector[first]) < 1e-6) first++;
    double scale = (vector[first] < 0 ? -1 : 1) / sqrt(fmax(a[best * n + best], 0) + floor_of_eigenvalues);
    for (size_t k = 0; k < n; k++) {
      out[f * n + k] = (float)(scale * vector[k]);
      if ((f + 1) * n < count) out[(f + 1) * n + k] = (float)(-scale * vector[k]);
    }
    a[best * n + best] = -INFINITY; /* it is taken */
  }
}

mixent_status mixent_whitening_fill(const mixent_graph *graph, const mixent_patch_source *source,
                                    float *parameters) {
  int index;
  size_t count;
  double *covariance, *vectors = NULL;
  MIXENT_TRY(mixent_whitening_find(graph, &index, &count));
  int kernel = find_layer(graph)->kernel;
  size_t size = (size_t)source->images->channels * (size_t)kernel * (size_t)kernel;
  MIXENT_TRY(MIXENT_ALLOCATE(size * size, &covariance));
  mixent_status status = MIXENT_ALLOCATE(size * size, &vectors);
  if (status == MIXENT_OK) status = sum_patches(source, kernel, covariance);
  if (status == MIXENT_OK) {
    diagonalise(covariance, vectors, size);
    write_filters(covariance, vectors, size, count, parameters + graph->parameters[index].offset);
  }
  free(covariance);
  free(vectors);
  return status;
}
