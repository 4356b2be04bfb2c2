/* Logits -> probabilities, in their place; the number of the largest. */
static int softmax(int classes, float *values) {
  float sum = 0.0f, largest;
  int k, best = 0;
  for (k = 1; k < classes; k++)
    if (values[k] > values[best]) best = k;
  largest = values[best];
  for (k = 0; k < classes; k++) sum += values[k] = exponential(values[k] - largest);
  for (k = 0; k < classes; k++) values[k] /= sum;
  return best;
}
