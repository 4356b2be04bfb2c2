/* Trained models written anew as one checkpoint, to keep or to ship. */
#ifndef MIXENT_MODEL_ONE_FILE_H
#define MIXENT_MODEL_ONE_FILE_H

#include "mixent/model.h"

/* Writes the tensors of all `files`, with the description of the first; the state of a training is left out. `model` is what one
 * file holds, or the ensemble of several. `half`: weight matrices and kernels are stored as float16; biases, norms and their
 * statistics, which are few, keep their type. A weight that float16 cannot hold is a failure. */
mixent_status mixent_one_file_write(const mixent_model *model, const char *const *files, size_t count,
                                    bool half, const char *path);

#endif
