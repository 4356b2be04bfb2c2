/* Studies: variants of a recipe x seeds x data sets, read from STUDY.yaml and checked before anything runs.
 * docs/STUDIES.md describes the file; study/directory.h is what a study leaves on disk. */
#ifndef MIXENT_LAB_STUDY_STUDY_H
#define MIXENT_LAB_STUDY_STUDY_H

#include "recipe/recipe.h"

struct json_t;

/* A variant's own changes to the recipe, as --set takes them: nested options are dotted. */
typedef struct mixent_study_variant {
  mixent_setting *settings;
  size_t setting_count;
} mixent_study_variant;

/* What makes the runs of one variant differ. */
typedef enum mixent_study_factor {
  MIXENT_STUDY_INIT,  /* the initial weights */
  MIXENT_STUDY_ORDER, /* order, augmentation, dropout, schedule: all else that training draws */
  MIXENT_STUDY_SPLIT, /* which images are held out, and which are trained on */
  MIXENT_STUDY_NOISE, /* which labels are wrong, where the recipe has label noise */
  MIXENT_STUDY_FACTORS
} mixent_study_factor;
extern const char *const mixent_study_factors[]; /* names, NULL-terminated */

/* The key `vary`. Read it by mixent_study_levels. */
typedef struct mixent_study_vary {
  bool said;                           /* the file has it */
  bool crossed;                        /* as levels of each factor; else as a list */
  size_t levels[MIXENT_STUDY_FACTORS]; /* of each: 0 where it does not vary; of a list 1 */
} mixent_study_vary;

/* The key `tuned`; replicates 0: the file has none. */
typedef struct mixent_study_tuned {
  size_t trials, replicates;
  bool per_dimension; /* trials are for each option that a variant searches; else for each variant */
} mixent_study_tuned;

typedef struct mixent_study {
  char *name;        /* letters, digits, '.', '_', '-': also the directory's */
  char *about;       /* "": the file says nothing */
  char *recipe;      /* what all runs start from, a built-in recipe's name or a file */
  char *recipe_text; /* its YAML, as it was when the study was made */
  char *text;        /* of STUDY.yaml */
  mixent_study_vary vary;
  mixent_study_tuned tuned;
  long *seeds; /* [seed_count], at least two, each once; of a crossed design the numbers of its runs */
  size_t seed_count;
  char **data;                    /* [data_count] data sets as a recipe names them */
  char **data_names;              /* [data_count] their last part: what tables and directories call them */
  size_t data_count;              /* at least one */
  char **variant_names;           /* [variant_count], at least one; letters, digits, '.', '_', '-' */
  mixent_study_variant *variants; /* [variant_count] */
  size_t variant_count, baseline; /* baseline: an index */
  double difference;              /* points of accuracy that matter, above 0 */
  mixent_setting *settings;       /* section `set`: what all runs change, before their variant's own */
  size_t setting_count;
  bool data_listed;     /* `data` is set in every run; else it is what the recipe says */
  char *directory;      /* runs/NAME where it was opened there, else NULL */
  struct json_t *state; /* its study.json, of study/directory.c */
} mixent_study;

/* One run of a study, by its indices in the lists of the study: the cell of the design. */
typedef struct mixent_study_cell {
  size_t data, variant, seed;
} mixent_study_cell;

/* Names of the built-in studies (recipes/studies), NULL-terminated. */
const char *const *mixent_study_names(void);
bool mixent_study_is_builtin(const char *name);

/* A study from a built-in name or a file (it has a '/' or ends in .yaml). Every complaint has file, line and column;
 * all options of all runs are checked by the recipe's own rules, data and networks are not opened. Free with
 * mixent_study_free. */
mixent_status mixent_study_read(const char *name_or_file, mixent_study **out);
/* The same from texts: `origin` names the study's in messages. recipe_text NULL: the recipe is looked up. */
mixent_status mixent_study_parse(const char *text, const char *origin, const char *recipe_text,
                                 mixent_study **out);
void mixent_study_free(mixent_study *study);

/* A seed more; one that is there stays once. */
mixent_status mixent_study_add_seed(mixent_study *study, long seed);
/* These data sets instead of those it has. Two with one last part are an error. */
mixent_status mixent_study_take_data(mixent_study *study, const char *const *data, size_t count);

/* Seeds, variants and data sets, each; and runs in all. */
enum { MIXENT_STUDY_MOST = 10000, MIXENT_STUDY_MOST_RUNS = 100000 };
mixent_status mixent_study_check_size(const mixent_study *study);
size_t mixent_study_run_count(const mixent_study *study);
/* The runs in the order in which they are trained, index < mixent_study_run_count: all of the first seed, then all of
 * the next, so that an interrupted study is balanced. */
mixent_study_cell mixent_study_cell_at(const mixent_study *study, size_t index);
/* "ce-0", with several data sets "mnist/ce-0"; free(), NULL with the error set. */
char *mixent_study_run_name(const mixent_study *study, mixent_study_cell cell);
/* Its directory, below study->directory, whether it is there or not; free(), NULL with the error set. */
char *mixent_study_run_path(const mixent_study *study, mixent_study_cell cell);
/* The same without the seed: "ce", "mnist/ce". */
char *mixent_study_variant_name(const mixent_study *study, mixent_study_cell cell);

/* What a run sets, the later winning, without the shared settings that its loss does not use; its texts are the study's and
 * its own. */
typedef struct mixent_run_settings {
  mixent_setting *items; /* free() */
  size_t count;
  char seeds[MIXENT_STUDY_FACTORS][24];
} mixent_run_settings;
mixent_status mixent_study_settings(const mixent_study *study, mixent_study_cell cell,
                                    mixent_run_settings *out);
/* Checks a run as a new training (mixent_recipe_compose); its recipe. */
mixent_status mixent_study_check_run(const mixent_study *study, mixent_study_cell cell, mixent_recipe *out);
/* The recipe of a run as it is written: nothing resolved, with its data set and seed. */
mixent_status mixent_study_recipe(const mixent_study *study, mixent_study_cell cell, mixent_recipe *out);
/* *out [variant_count]: whether the runs of a variant choose their epoch by the test images; free(). */
mixent_status mixent_study_find_test_selected(const mixent_study *study, bool **out);

/* In how many levels a factor varies: 0: it has one seed in all runs; of a list 1: the run's seed is its seed. A study without
 * `vary` varies init and order if it was begun in format 1 or 2 (study/directory.c), else all whose seeds are not set. */
size_t mixent_study_levels(const mixent_study *study, mixent_study_factor factor);
/* The seed of a factor that varies, in the runs of seeds[seed]. */
long mixent_study_level(const mixent_study *study, mixent_study_factor factor, size_t seed);
/* Whether the recipe's option is the seed of a factor that varies. */
bool mixent_study_varies_option(const mixent_study *study, const char *key);
/* How many of the first seeds are compared: all; of a crossed design the runs that share no level with each other, of a tuned study those
 * that share no search. */
size_t mixent_study_compared(const mixent_study *study);
bool mixent_study_varies_as(const mixent_study *a, const mixent_study *b);
/* "init, order"; of a crossed design "init (3), split (3)". */
void mixent_study_vary_append(const mixent_study *study, mixent_text *out);
/* The same as sentences, with what the intervals therefore speak of; as an array of names (NULL: no memory). */
void mixent_study_vary_append_text(const mixent_study *study, mixent_text *out);
struct json_t *mixent_study_vary_to_json(const mixent_study *study);

/* Threads of each run, of a study that has a directory. */
long mixent_study_threads(const mixent_study *study);
/* The plan that a run is to train with; free(), NULL with the error set. */
char *mixent_study_plan_path(const mixent_study *study, mixent_study_cell cell);

#endif
