/* The terms that are sums over the classes of a softmax. To add one: its file here, a line in both lists, and
 * its name in mixent_term. (bi_tempered.h has a softmax of its own and stands apart.) */
#ifndef MIXENT_LOSS_TERMS_H
#define MIXENT_LOSS_TERMS_H

#include "loss/terms/element.h"
#include "mixent/loss.h"

#include "loss/terms/brier.h"
#include "loss/terms/ce1.h"
#include "loss/terms/ce2.h"
#include "loss/terms/focal.h"
#include "loss/terms/gce.h"
#include "loss/terms/h.h"
#include "loss/terms/kl.h"
#include "loss/terms/mae.h"
#include "loss/terms/poly1.h"

/* ENTRY(its number, its name) for each. */
#define MIXENT_SOFTMAX_TERMS(ENTRY)                                                                          \
  ENTRY(MIXENT_CE1, ce1)                                                                                     \
  ENTRY(MIXENT_H, h)                                                                                         \
  ENTRY(MIXENT_CE2, ce2)                                                                                     \
  ENTRY(MIXENT_KL, kl)                                                                                       \
  ENTRY(MIXENT_FOCAL, focal)                                                                                 \
  ENTRY(MIXENT_GCE, gce)                                                                                     \
  ENTRY(MIXENT_MAE, mae)                                                                                     \
  ENTRY(MIXENT_POLY1, poly1)                                                                                 \
  ENTRY(MIXENT_BRIER, brier)

#endif
