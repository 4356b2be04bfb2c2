/* The logarithm of the members' mean probability, from their logits z_m, with L_m = ln(sum_k e^z_mk):
 *
 *   y_k = largest_m(z_mk - L_m) + ln(sum_m e^(z_mk - L_m - largest)) - ln(members)
 *
 * -708 stands for a mean too small for a number. `normaliser` has room for a number of each member. */
static void mean_probability(int members, int pixels, int channels, const float *const *from,
                             float *normaliser, float *to) {
  int p, m, k;
  for (p = 0; p < pixels; p++) {
    const int at = p * channels;
    for (m = 0; m < members; m++) {
      float largest = from[m][at], sum = 0.0f;
      for (k = 1; k < channels; k++)
        if (from[m][at + k] > largest) largest = from[m][at + k];
      for (k = 0; k < channels; k++) sum += exponential(from[m][at + k] - largest);
      normaliser[m] = largest + logarithm(sum);
    }
    for (k = 0; k < channels; k++) {
      float largest = from[0][at + k] - normaliser[0], sum = 0.0f;
      for (m = 1; m < members; m++)
        if (from[m][at + k] - normaliser[m] > largest) largest = from[m][at + k] - normaliser[m];
      for (m = 0; m < members; m++) sum += exponential(from[m][at + k] - normaliser[m] - largest);
      to[at + k] = largest + logarithm(sum) - logarithm((float)members);
      if (to[at + k] < -708.0f) to[at + k] = -708.0f;
    }
  }
}
