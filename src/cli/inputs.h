/* What words of a command line stand for: a trained model, and the files to read with it. */
#ifndef MIXENT_CLI_INPUTS_H
#define MIXENT_CLI_INPUTS_H

#include "core/file.h"
#include "data/formats/passed_over.h"
#include "mixent/train.h"

/* Whether it is the name of a trained model's file: it ends in .safetensors or .onnx. */
bool mixent_names_checkpoint(const char *path);
/* The checkpoint that a word names: a file, or a run or shipped model (cli/places.h), of which it is best.safetensors. Something else is refused
 * with what it is. free(*path). */
mixent_status mixent_checkpoint_find(const char *word, char **path);
/* The same, opened. */
mixent_status mixent_checkpoint_open(const char *word, char **path, mixent_model **out);
/* Whether a word behind a checkpoint names another, and no image: a .safetensors or .onnx, a directory with best.safetensors or model.safetensors, a
 * run or a shipped model. */
mixent_status mixent_checkpoint_is_named(const char *word, bool *named);

/* One model, or the ensemble of several. */
typedef struct mixent_checkpoints {
  char **paths; /* [count] */
  size_t count;
  mixent_model *model;
} mixent_checkpoints;
/* Opens the checkpoints that the words name. Free it also where this fails. */
mixent_status mixent_checkpoints_open(char *const *words, size_t count, mixent_checkpoints *out);
void mixent_checkpoints_free(mixent_checkpoints *checkpoints);
/* "a.safetensors", " and 2 more" or "" of them all. */
const char *mixent_checkpoints_more(const mixent_checkpoints *checkpoints);

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
  const char *wanted;         /* the same for messages: ".csv" */
  mixent_names files;
  mixent_passed_over passed_over; /* the other files of directories */
} mixent_inputs;
/* Adds the file, or of a directory the files at any depth that have one of the endings, sorted by path. A directory without
 * any is an error. */
mixent_status mixent_inputs_add(mixent_inputs *inputs, const char *word);
void mixent_inputs_free(mixent_inputs *inputs);

#endif
