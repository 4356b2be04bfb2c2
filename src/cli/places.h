/* What a command line calls a run, a study or a model: its directory, or its name in the directory of runs; a model's name also among
 * those that come with mixent. One rule for every command: what is in none of these places is wrong use (exit code 2), as every unknown name is. */
#ifndef MIXENT_CLI_PLACES_H
#define MIXENT_CLI_PLACES_H

#include "core/status.h"

/* Where runs are, unless --runs says otherwise. */
#define MIXENT_RUNS "runs"

typedef enum mixent_place_kind {
  MIXENT_PLACE_RUN,
  MIXENT_PLACE_STUDY,
  MIXENT_PLACE_EITHER, /* a run or a study */
  MIXENT_PLACE_MODEL   /* a run, or a model that comes with mixent */
} mixent_place_kind;

/* The directory that `word` names: `word` itself if it is a place of that kind, else the one of that name in `runs`, else
 * (MIXENT_PLACE_MODEL) the model of that name, without slashes at its end; NULL if none is one. free(*out). A directory of another kind, such as a data set's, hides no run. */
mixent_status mixent_place_look(const char *runs, const char *word, mixent_place_kind kind, char **out);
/* The same. MIXENT_ERROR_ARGUMENT, with the nearest name, if none is one. */
mixent_status mixent_place_find(const char *runs, const char *word, mixent_place_kind kind, char **out);

/* The names of the models that come with mixent, NULL-terminated, for completion and suggestions. */
const char *const *mixent_shipped_names(void);

#endif
