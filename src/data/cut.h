/* Which images of a set in one part are its test images. */
#ifndef MIXENT_DATA_CUT_H
#define MIXENT_DATA_CUT_H

#include "mixent/data.h"

/* Those of images->labels [count] that become the test part are split->validation, the others split->train, each ascending;
 * mixent_split_free(split). Pixels are not looked at. */
mixent_status mixent_cut_choose(const mixent_images *images, int classes, mixent_split *split);

#endif
