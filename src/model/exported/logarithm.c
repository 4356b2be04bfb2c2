/* ln x = n ln 2 + ln m with x = 2^n m and m near 1; ln m = 2 (s + s^3 / 3 + s^5 / 5 + …), s = (m - 1) / (m + 1).
 * x is at least 1. */
static float logarithm(float x) {
  union {
    float value;
    uint32_t bits;
  } m;
  int n;
  float s, q;
  m.value = x;
  n = (int)(m.bits >> 23) - 127;
  m.bits = (m.bits & 0x7fffffu) | 0x3f800000u; /* 1 <= m < 2 */
  if (m.value > 1.41421356f) m.value *= 0.5f, n++;
  s = (m.value - 1.0f) / (m.value + 1.0f);
  q = s * s;
  return (float)n * 0.693147181f +
         2.0f * s * (1.0f + q * (1.0f / 3 + q * (1.0f / 5 + q * (1.0f / 7 + q * (1.0f / 9)))));
}
