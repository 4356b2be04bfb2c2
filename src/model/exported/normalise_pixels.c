/* Bytes of 0 to 255 -> (value / 255 - mean) / deviation of their channel. */
static void normalise_pixels(int pixels, int channels, const float *mean, const float *deviation,
                             const unsigned char *from, float *to) {
  int p, c;
  for (p = 0; p < pixels; p++)
    for (c = 0; c < channels; c++)
      to[p * channels + c] = ((float)from[p * channels + c] / 255.0f - mean[c]) / deviation[c];
}
