/* What data sets have in common, whether they come from files or from arrays. */
#ifndef MIXENT_DATA_DATASET_H
#define MIXENT_DATA_DATASET_H

#include "core/status.h"
#include "mixent/data.h"

/* Names go into models, tables and pages: they are text, and move no cursor. `origin` and `what` ("class") are for the message. */
mixent_status mixent_name_check(const char *origin, const char *what, const char *name);
/* Of all images and labels, once these are classes. */
uint64_t mixent_dataset_fingerprint(const mixent_dataset *dataset);

#endif
