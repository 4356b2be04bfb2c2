/* The optimisers there are: one file each, and one line here and in the registry in optimizer.c. */
#ifndef MIXENT_OPTIMIZE_TYPES_H
#define MIXENT_OPTIMIZE_TYPES_H

#include "optimize/optimizer.h"

extern const mixent_optimizer_type mixent_optimizer_sgd, mixent_optimizer_adam, mixent_optimizer_adamw;

#endif
