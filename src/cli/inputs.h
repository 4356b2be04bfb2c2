/* What words of a command line stand for: a trained model, and the files to read with it. */
#ifndef MIXENT_CLI_INPUTS_H
#define MIXENT_CLI_INPUTS_H

#include "core/file.h"
#include "data/formats/passed_over.h"
#include "mixent/train.h"

/* The checkpoint that a word names: a file, or a run (cli/places.h), of which it is best.safetensors. Something else is refused
 * with what it is. free(*path). */
mixent_status mixent_checkpoint_find(const char *word, char **path);
/* The same, opened. */
mixent_status mixent_checkpoint_open(const char *word, char **path, mixent_model **out);

/* Sets the model's temperature: "fitted", the one it brings, or a number; NULL leaves it. `path` names it in messages. */
mixent_status mixent_temperature_choose(const char *text, const char *path, mixent_model *model);
/* ", temperature 1.2" or "" for a line that tells of results; valid until the next call. */
const char *mixent_temperature_text(const mixent_model *model);
/* A row of a command's table of options: --temperature into a member of that name. */
#define MIXENT_TEMPERATURE_OPTION(arguments)                                                                 \
  {                                                                                                          \
    .name = "temperature", .argument = "fitted|T",                                                           \
    .help = "divide the logits by T, or by the temperature that was fitted on the held-out images "          \
            "(best.safetensors of a run holds it): better probabilities, the same ranking",                  \
    .kind = MIXENT_VALUE_TEXT, .offset = offsetof(arguments, temperature)                                    \
  }

/* Files to read. Start with `endings` and `wanted` alone. */
typedef struct mixent_inputs {
  const char *const *endings; /* that a directory's files must have, in capitals or not; then NULL */
  const char *wanted;         /* the same for messages: ".png, .jpg or .jpeg" */
  mixent_names files;
  mixent_passed_over passed_over; /* the other files of directories */
} mixent_inputs;
/* Adds the file, or of a directory the files at any depth that have one of the endings, sorted by path. A directory without
 * any is an error. */
mixent_status mixent_inputs_add(mixent_inputs *inputs, const char *word);
void mixent_inputs_free(mixent_inputs *inputs);

#endif
