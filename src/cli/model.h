/* What commands that use a trained model have in common: precision and threads by option, and the data set it
 * goes with. */
#ifndef MIXENT_CLI_MODEL_H
#define MIXENT_CLI_MODEL_H

#include "mixent/train.h"

/* "auto", "fp32", "bf16", NULL: the choices of --precision. */
extern const char *const mixent_precision_choices[];
/* The precision of that choice. auto is bf16 where the processor has it, but fp32 for a model that was
 * trained in fp32: so its scores are those of its run. model may be NULL. */
mixent_precision mixent_precision_chosen(int choice, const mixent_model *model);
/* 0: as many threads as there are processors. */
void mixent_threads_choose(long threads);

/* Opens `data`, or where that is NULL the data set the model was trained on, and checks that it fits the
 * model. */
mixent_status mixent_model_dataset_open(const mixent_model *model, const char *data,
                                        const char *data_directory, mixent_dataset **out);

#endif
