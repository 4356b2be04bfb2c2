/* Convolutions of few input channels, such as the first of a network, which general ones are slow at. */
#ifndef MIXENT_NET_NARROW_CONVOLUTION_H
#define MIXENT_NET_NARROW_CONVOLUTION_H

#include "net/plan/plan.h"

enum { MIXENT_NARROW_MOST_CHANNELS = 4 };

/* Forward and to the weights, of at most 4 channels, as the gradient of an image is never needed; and to the weights where
 * oneDNN must not. */
bool mixent_narrow_covers(const mixent_plan *plan, int layer, mixent_pass pass);
/* Adds the step; `gradient` is the buffer of the gradient of its value (backward). */
mixent_status mixent_narrow_lower_pass(mixent_plan *plan, int layer, mixent_pass pass, int gradient);

#endif
