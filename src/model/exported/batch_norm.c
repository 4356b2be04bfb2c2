/* y = factor x + shift of the value's channel. `to` may be `from`. */
static void batch_norm(int pixels, int channels, const float *factor, const float *shift, const float *from,
                       float *to) {
  int p, c;
  for (p = 0; p < pixels; p++)
    for (c = 0; c < channels; c++) to[p * channels + c] = factor[c] * from[p * channels + c] + shift[c];
}
