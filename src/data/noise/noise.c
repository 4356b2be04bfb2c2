/* Labels changed, kind by kind. */
#include "data/noise/noise.h"
#include "core/random.h"
#include "core/status.h"

const char *const mixent_noise_names[] = {"uniform", "pair", "confusable", NULL};

/* A class other than `label`, by how often that is taken for each; `draw` from [0, 1). */
static int32_t confuse(const double *confusions, int32_t label, int classes, double draw) {
  const double *row = confusions + (size_t)label * (size_t)classes;
  double all = 0, sum = 0;
  int32_t last = label;
  for (int32_t k = 0; k < classes; k++) all += k == label ? 0 : row[k];
  for (int32_t k = 0; k < classes; k++) {
    if (k == label || !(row[k] > 0)) continue;
    last = k, sum += row[k];
    if (draw * all < sum) break;
  }
  return last;
}

static int32_t change(const mixent_noise *noise, int32_t label, int classes, const uint32_t words[4]) {
  switch (noise->kind) {
  case MIXENT_NOISE_PAIR: return (label + 1) % classes;
  case MIXENT_NOISE_CONFUSABLE:
    return confuse(noise->confusions, label, classes, mixent_uniform_double(words[2], words[3]));
  default: {
    int32_t other = (int32_t)((uint64_t)words[2] * (uint64_t)(classes - 1) >> 32);
    return other < label ? other : other + 1;
  }
  }
}

void mixent_noise_apply(const mixent_noise *noise, int32_t *labels, size_t count, int classes) {
  mixent_random random = mixent_random_stream(noise->seed, "noise", "");
  if (classes < 2) return;
  for (size_t i = 0; i < count && noise->fraction > 0; i++) {
    uint32_t words[4];
    mixent_random_block(&random, 0, i, words);
    if (mixent_uniform_double(words[0], words[1]) < noise->fraction)
      labels[i] = change(noise, labels[i], classes, words);
  }
}

void mixent_labels_spoil(int32_t *labels, size_t count, int classes, double fraction, uint64_t seed) {
  if (count) MIXENT_NEED_OR(labels, );
  mixent_noise_apply(&(mixent_noise){.fraction = fraction, .seed = seed}, labels, count, classes);
}
