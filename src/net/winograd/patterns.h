/* Winograd's convolutions as steps of a plan. */
#ifndef MIXENT_NET_WINOGRAD_PATTERNS_H
#define MIXENT_NET_WINOGRAD_PATTERNS_H

#include "net/plan/plan.h"
#include "net/winograd/convolution.h"

/* Whether that layer is a convolution Winograd can do: 3x3, stride 1, values of one type. */
bool mixent_winograd_covers(const mixent_plan *plan, int layer);
/* mixent_winograd_cost of one pass there, in a training plan of that many rows. */
mixent_status mixent_winograd_estimate(const mixent_plan *plan, int layer, mixent_pass pass,
                                       mixent_winograd_cut cut, double *out);
/* Adds the step; `gradient` is the buffer of the gradient of its value (backward). */
mixent_status mixent_winograd_lower_pass(mixent_plan *plan, int layer, mixent_pass pass,
                                         mixent_winograd_cut cut, int gradient);

#endif
