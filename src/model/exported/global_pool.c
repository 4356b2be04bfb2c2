/* The mean of each channel over the map. `to` may be `from`. */
static void global_pool(int pixels, int channels, const float *from, float *to) {
  int p, c;
  for (c = 0; c < channels; c++) {
    float sum = 0.0f;
    for (p = 0; p < pixels; p++) sum += from[p * channels + c];
    to[c] = sum / (float)pixels;
  }
}
