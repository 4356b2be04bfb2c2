/* The largest value of each window; pixels outside of `from` never win. Without padding `to` may be `from`: each value is
 * written where no later window reads. */
typedef struct pooling {
  int from_height, from_width;
  int height, width, channels; /* of the value */
  int size, stride, padding;
} pooling;

static void max_pool(const pooling *p, const float *from, float *to) {
  int v, u, c, y, x;
  for (v = 0; v < p->height; v++)
    for (u = 0; u < p->width; u++)
      for (c = 0; c < p->channels; c++) {
        const int top = v * p->stride - p->padding, left = u * p->stride - p->padding;
        const int first_y = top < 0 ? 0 : top, first_x = left < 0 ? 0 : left;
        float best = from[(first_y * p->from_width + first_x) * p->channels + c];
        for (y = first_y; y < top + p->size && y < p->from_height; y++)
          for (x = first_x; x < left + p->size && x < p->from_width; x++) {
            const float value = from[(y * p->from_width + x) * p->channels + c];
            if (value > best) best = value;
          }
        to[(v * p->width + u) * p->channels + c] = best;
      }
}
