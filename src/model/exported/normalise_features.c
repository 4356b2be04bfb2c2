/* Features -> (value - mean) / deviation, each by its own. */
static void normalise_features(int features, const float *mean, const float *deviation, const float *from,
                               float *to) {
  int c;
  for (c = 0; c < features; c++) to[c] = (from[c] - mean[c]) / deviation[c];
}
