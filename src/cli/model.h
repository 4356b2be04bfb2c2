/* What commands that use a trained model have in common: precision and threads by option, and the data set it
 * goes with. */
#ifndef MIXENT_CLI_MODEL_H
#define MIXENT_CLI_MODEL_H

#include "mixent/train.h"

/* "auto", "fp32", "bf16", "int8", NULL: the choices of --precision. */
extern const char *const mixent_precision_choices[];
/* Those that networks are trained in. */
extern const char *const mixent_training_precision_choices[];
/* Three rows of a command's table of options: --precision, --threads and --views, into members of those
 * names. */
#define MIXENT_MODEL_OPTIONS(arguments)                                                                      \
  {.name = "precision",                                                                                      \
   .argument = "auto|fp32|bf16|int8",                                                                        \
   .help = "arithmetic; auto is that of its training where the processor has it, int8 the fastest",          \
   .kind = MIXENT_VALUE_CHOICE,                                                                              \
   .offset = offsetof(arguments, precision),                                                                 \
   .fallback = "auto",                                                                                       \
   .choices = mixent_precision_choices},                                                                     \
      {.name = "threads",                                                                                    \
       .argument = "N",                                                                                      \
       .help = "number of threads; 0 is one per processor",                                                  \
       .kind = MIXENT_VALUE_WHOLE,                                                                           \
       .offset = offsetof(arguments, threads),                                                               \
       .fallback = "0",                                                                                      \
       .high = 4096},                                                                                        \
  {                                                                                                          \
    .name = "views", .argument = "N",                                                                        \
    .help = "average the predictions over N slightly changed views of each image; 0 is what its recipe "     \
            "says, 1 the image alone",                                                                       \
    .kind = MIXENT_VALUE_WHOLE, .offset = offsetof(arguments, views), .fallback = "0",                       \
    .high = MIXENT_MOST_VIEWS                                                                                \
  }

/* The precision of that choice. auto is bf16 where the processor has it, but fp32 for a model that was
 * trained in fp32: so its scores are those of its run. model may be NULL. */
mixent_status mixent_precision_choose(int choice, const mixent_model *model, mixent_precision *out);
/* 0: as many threads as there are processors. */
void mixent_threads_choose(long threads);

/* Opens `data`, or where that is NULL the data set that the model in file `checkpoint` was trained on, to the byte: where the
 * recipe.yaml beside it says, else by its name. Checks that it fits the model. */
mixent_status mixent_model_dataset_open(const mixent_model *model, const char *checkpoint, const char *data,
                                        const char *data_directory, mixent_dataset **out);

#endif
