/* A convolution with what follows it: bias, ReLU, max pooling. A linear layer is a convolution of a map of 1x1.
 * The channels of the value are computed BLOCK at a time, so that their sums stay in registers. Weights lie as
 * [channels / BLOCK][kernel][kernel][from_channels][BLOCK]; the last block is filled up with zeros. */
enum { BLOCK = 16 };
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

/* Written out for each channel of a block, so that the sums stay in registers. */
#define ADD(o) sums.channel[o] += value * (float)w[o]

/* The sums of one block at row v and column u of the map before pooling; pixels outside of `from` count as 0. */
static block sum_window(const convolution *c, const weight *weights, const float *from, int v, int u) {
  block sums = {{0}};
  int a, b, i;
  for (a = 0; a < c->kernel; a++)
    for (b = 0; b < c->kernel; b++) {
      const int y = v * c->stride - c->padding + a, x = u * c->stride - c->padding + b;
      const float *pixel;
      const weight *w;
      if (y < 0 || y >= c->from_height || x < 0 || x >= c->from_width) continue;
      pixel = from + (y * c->from_width + x) * c->from_channels;
      w = weights + (a * c->kernel + b) * c->from_channels * BLOCK;
      for (i = 0; i < c->from_channels; i++, w += BLOCK) {
        const float value = pixel[i];
        ADD(0), ADD(1), ADD(2), ADD(3), ADD(4), ADD(5), ADD(6), ADD(7);
        ADD(8), ADD(9), ADD(10), ADD(11), ADD(12), ADD(13), ADD(14), ADD(15);
      }
    }
  return sums;
}
#undef ADD

static void convolve(const convolution *c, const float *from, float *to) {
  int first, v, u, p, o;
  for (first = 0; first < c->channels; first += BLOCK) {
    const int count = c->channels - first < BLOCK ? c->channels - first : BLOCK;
    const weight *weights = c->weights + first * c->kernel * c->kernel * c->from_channels;
    for (v = 0; v < c->height; v++)
      for (u = 0; u < c->width; u++) {
        float *out = to + (v * c->width + u) * c->channels + first;
        block best = sum_window(c, weights, from, v * c->pool, u * c->pool);
        for (p = 1; p < c->pool * c->pool; p++) {
          const block sums =
              sum_window(c, weights, from, v * c->pool + p / c->pool, u * c->pool + p % c->pool);
          for (o = 0; o < BLOCK; o++)
            if (sums.channel[o] > best.channel[o]) best.channel[o] = sums.channel[o];
        }
        for (o = 0; o < count; o++) {
          const float scaled = c->scale ? best.channel[o] * c->scale[first + o] : best.channel[o];
          const float value = c->bias ? scaled + c->bias[first + o] : scaled;
          out[o] = c->relu && value < 0.0f ? 0.0f : value;
        }
      }
  }
}
