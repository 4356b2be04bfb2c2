/* Labels that are likely wrong, by what models say of items that they were not trained on: confident learning (Northcutt et al. 2021, arXiv
 * 1911.00068). */
#ifndef MIXENT_STATS_LABEL_ERRORS_H
#define MIXENT_STATS_LABEL_ERRORS_H

#include "core/status.h"

#include <stddef.h>
#include <stdint.h>

typedef struct mixent_label_error {
  size_t item;
  int32_t label, suggested; /* suggested: the class of the largest probability */
  double confidence;        /* the probability of the label */
  double margin; /* (its probability - the largest of another class + 1) / 2, 0 to 1: the less the worse */
} mixent_label_error;

/* probabilities [items, classes]: rows that sum to 1; labels [items], 0 to classes - 1. The threshold of a class is the mean probability
 * that items with its label have for it. An item counts as confidently of the class whose threshold it reaches, of several that of its largest
 * probability. Listed are items that are confidently of another class than their label and whose largest probability exceeds the label's, least
 * margin first. free(*out). */
mixent_status mixent_label_errors_find(const double *probabilities, const int32_t *labels, size_t items,
                                       size_t classes, mixent_label_error **out, size_t *count);

#endif
