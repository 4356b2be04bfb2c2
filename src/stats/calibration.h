/* Whether a model's certainty is worth believing: calibration, temperature, and how well its entropy tells its errors.
 * All refuse logits without a distribution (NaN, +inf, a row of -inf alone; MIXENT_ERROR_NUMERIC), labels out of
 * range and no images (MIXENT_ERROR_ARGUMENT). Natural logarithms. */
#ifndef MIXENT_STATS_CALIBRATION_H
#define MIXENT_STATS_CALIBRATION_H

#include "core/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct mixent_predictions {
  const float *logits;   /* [images, classes] */
  const int32_t *labels; /* [images], 0 to classes - 1 */
  size_t images, classes;
} mixent_predictions;

/* Images with equal confidence share their errors evenly, so that the order of the images leaves no trace. */
typedef struct mixent_calibration {
  double accuracy, nll, brier;
  double ece; /* 15 bins of equal width, as everywhere (stats/metrics.h): Guo et al. 2017, ICML, eq. 3 */
  double ece_equal_mass;               /* 15 bins of equally many images: Nixon et al. 2019, CVPR workshops */
  double entropy;                      /* mean over all images */
  double entropy_right, entropy_wrong; /* over those classified rightly, wrongly; NaN where there are none */
  double auroc; /* P(entropy of a wrong one > of a right one) + half P(equal); NaN without either kind */
  double area;  /* mean of the risk-coverage curve (AURC: Geifman, Uziel, El-Yaniv 2019, ICLR) */
} mixent_calibration;

/* Scores of the logits divided by `temperature` (1: as they are), finite and above 0. `risk`, if not NULL, [images]:
 * risk[i] is the share of errors among the i + 1 most confident images, coverage (i + 1) / images. */
mixent_status mixent_calibration_measure(const mixent_predictions *predictions, double temperature,
                                         double *risk, mixent_calibration *out);

typedef struct mixent_temperature {
  double temperature; /* 1 where none was found */
  double nll_before, nll_after;
  bool
      found; /* false: the likelihood goes on rising beyond 1/1000 or 1000, as it does when no image is wrong or
                 the logits say nothing */
} mixent_temperature;

/* The temperature with the least NLL (Guo et al. 2017, section 4.2): where its derivative by 1 / temperature, which only
 * rises, is 0. Also refuses a logit of -inf for the label: no temperature mends it. */
mixent_status mixent_temperature_fit(const mixent_predictions *validation, mixent_temperature *out);

#endif
