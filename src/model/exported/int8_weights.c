/* Weights are whole numbers of 8 bits. So many of them as floats, until the next call: at most DEPTH * BLOCK.
 * By `restrict` compilers know that these bytes are no part of `wide`, and widen several at once. */
typedef int8_t weight;

static const float *widen(int count, const weight *restrict weights) {
  static float wide[DEPTH * BLOCK];
  int i;
  for (i = 0; i < count; i++) wide[i] = (float)weights[i];
  return wide;
}
