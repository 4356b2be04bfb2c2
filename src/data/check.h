/* Images and data sets that a caller has filled in by hand, looked at before they are used. */
#ifndef MIXENT_DATA_CHECK_H
#define MIXENT_DATA_CHECK_H

#include "core/status.h"
#include "mixent/data.h"

/* MIXENT_ERROR_ARGUMENT unless there are pixels or features of a possible shape, and labels where they are wanted. */
mixent_status mixent_images_check(const mixent_images *images, bool labelled);
/* The same of a data set: both parts, of one shape, and a name and a label for each class. */
mixent_status mixent_dataset_check(const mixent_dataset *dataset);

#endif
