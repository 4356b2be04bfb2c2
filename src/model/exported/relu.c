/* Negative values become 0. `to` may be `from`. */
static void relu(int count, const float *from, float *to) {
  int i;
  for (i = 0; i < count; i++) to[i] = from[i] < 0.0f ? 0.0f : from[i];
}
