/* e^x = 2^n e^r with r = x - n ln 2, so that |r| is at most ln(2) / 2, and e^r by its series. ln 2 is in two parts, the
 * first exact when multiplied by n. The relative error is below 3e-7; below e^-87 it is 0, above e^88 it stays e^88. */
static float exponential(float x) {
  union {
    uint32_t bits;
    float value;
  } power; /* 2^n: an exponent without a fraction */
  int n;
  float r;
  if (!(x > -87.0f)) return 0.0f;
  if (x > 88.0f) x = 88.0f;
  n = (int)(x * 1.44269504f + (x < 0.0f ? -0.5f : 0.5f));
  r = x - (float)n * 0.693145752f - (float)n * 1.42860677e-6f;
  power.bits = (uint32_t)(n + 127) << 23;
  return power.value *
         (1.0f +
          r * (1.0f + r * (0.5f + r * (1.0f / 6 + r * (1.0f / 24 + r * (1.0f / 120 + r * (1.0f / 720)))))));
}
