/* What the statistics refuse. */
#ifndef MIXENT_STATS_CHECK_H
#define MIXENT_STATS_CHECK_H

#include "mixent/status.h"
#include <stddef.h>
#include <stdint.h>

/* MIXENT_ERROR_NUMERIC, naming the first value that is not finite. */
mixent_status mixent_values_check(const char *name, const double *values, size_t count);
/* MIXENT_ERROR_ARGUMENT unless 0 < share < 1. */
mixent_status mixent_share_check(const char *name, double share);
/* MIXENT_ERROR_ARGUMENT unless all are 0 or 1. */
mixent_status mixent_right_check(const char *name, const uint8_t *right, size_t count);

#endif
