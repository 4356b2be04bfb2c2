/* The same, added to what is there. */
static void add_channels(int pixels, int count, int from_channels, const float *from, int to_channels,
                         float *to) {
  int p, c;
  for (p = 0; p < pixels; p++)
    for (c = 0; c < count; c++) to[p * to_channels + c] += from[p * from_channels + c];
}
