/* Label noise: which labels become which others. */
#ifndef MIXENT_DATA_NOISE_NOISE_H
#define MIXENT_DATA_NOISE_NOISE_H

#include "mixent/data.h"

typedef enum mixent_noise_kind {
  MIXENT_NOISE_UNIFORM,   /* any other class, each as likely (symmetric noise) */
  MIXENT_NOISE_PAIR,      /* class k becomes k + 1, the last the first (pair flipping, Han et al. 2018) */
  MIXENT_NOISE_CONFUSABLE /* a class that models take it for, as often as they do */
} mixent_noise_kind;
extern const char *const mixent_noise_names[]; /* "uniform", "pair", "confusable", NULL */

typedef struct mixent_noise {
  mixent_noise_kind kind;
  double fraction; /* the probability with which each label changes */
  uint64_t seed;
  const double
      *confusions; /* [classes, classes], for CONFUSABLE: how often a class (row) is taken for another */
} mixent_noise;

/* Changes labels [count], 0 to classes - 1. Which labels change depends on the seed and the label's place alone, and is
 * the same for every kind; a larger fraction changes the same labels to the same classes, and more. A class that is never
 * taken for another keeps its labels. */
void mixent_noise_apply(const mixent_noise *noise, int32_t *labels, size_t count, int classes);

/* The confusions of a data set: of the CSV file `path`; where that is "", those that mixent has of the set. *out [classes,
 * classes]; free(). The file has the names of the classes in its first line and at the beginning of each line, and counts, as
 * `mixent eval --confusions` writes it. */
mixent_status mixent_confusions_read(const char *path, const mixent_dataset *dataset, double **out);
/* The same of a text, which reading changes; `size` bytes and a zero behind them. */
mixent_status mixent_confusions_parse(const char *origin, char *text, size_t size,
                                      const mixent_dataset *dataset, double **out);

#endif
