/* GELU: y = x (1 + erf(x / sqrt 2)) / 2, with erf by formula 7.1.26 of Abramowitz and Stegun's handbook, whose error is
 * below 1.5e-7. `to` may be `from`. */
static void gelu(int count, const float *from, float *to) {
  int i;
  for (i = 0; i < count; i++) {
    const float x = from[i], z = (x < 0.0f ? -x : x) * 0.707106781f, t = 1.0f / (1.0f + 0.3275911f * z);
    const float series =
        t *
        (0.254829592f + t * (-0.284496736f + t * (1.421413741f + t * (-1.453152027f + t * 1.061405429f))));
    const float rest = 0.5f * series * exponential(-z * z); /* (1 - erf z) / 2 */
    to[i] = x * (x < 0.0f ? rest : 1.0f - rest);
  }
}
