/* SiLU: y = x / (1 + e^-x). `to` may be `from`. */
static void silu(int count, const float *from, float *to) {
  int i;
  for (i = 0; i < count; i++) to[i] = from[i] / (1.0f + exponential(-from[i]));
}
