/* What the files of a study ask of each other. */
#ifndef MIXENT_LAB_STUDY_STUDY_PARTS_H
#define MIXENT_LAB_STUDY_STUDY_PARTS_H

#include "core/yaml.h"
#include "lab/study/study.h"
#include "recipe/use.h"

/* The key `vary`. */
mixent_status mixent_study_vary_read(const mixent_yaml *node, mixent_study_vary *out);
/* The numbers of the runs of a crossed design, those that mixent_study_compared counts first. */
mixent_status mixent_study_vary_seeds(mixent_study *study);
/* The recipe's option that is the factor's seed, and whether `set` or a variant gives it. */
const char *mixent_study_seed_option(mixent_study_factor factor);
bool mixent_study_seed_is_given(const mixent_study *study, mixent_study_factor factor);
/* Whether what varies has an effect, and no seed that is set otherwise. settings.c */
mixent_status mixent_study_vary_check(const mixent_yaml *node, const mixent_study *study);
/* Adds the seeds of a run to its settings, of which there must be room for MIXENT_STUDY_FACTORS more. `recipe`: of the run,
 * without them. */
void mixent_study_add_seeds(const mixent_study *study, mixent_study_cell cell, const mixent_recipe *recipe,
                            mixent_run_settings *out);

/* ---- directory.c ---- */

/* Of study.json. Formats 1 and 2 have the same files. Where variants of format 1 have no weights, they are those of
 * mixent_study_settings; a study of either without `vary` varies init and order alone. */
enum { MIXENT_STUDY_FORMAT = 3 };
mixent_status mixent_study_write_file(const char *directory, const char *name, const char *text);

/* ---- tuned.c ---- */

enum { MIXENT_STUDY_OPTIONS = 64 }; /* that a study can search */

/* The key `tuned`. */
mixent_status mixent_study_tuned_read(const mixent_yaml *node, mixent_study *study);
/* The options that a variant with this recipe searches, in the order of the file; keys [MIXENT_STUDY_OPTIONS]. */
mixent_status mixent_study_tuned_options(const mixent_yaml *tuned, const mixent_recipe *recipe,
                                         const char *keys[], size_t *count);
/* Appends what a file of mixent-sweep has of `tuned`: the space, and how it is searched. */
void mixent_study_tuned_write(const mixent_yaml *tuned, mixent_text *out);
/* A scalar, numbers without quotes. */
void mixent_study_tuned_scalar(const char *text, mixent_text *out);
/* Whether two studies have the same `tuned`. */
mixent_status mixent_study_tuned_same(const mixent_study *a, const mixent_study *b, bool *same);

/* What the search of a run's replicate found, options with their values as text; NULL or JSON's null: nothing yet. */
struct json_t *mixent_study_found(const mixent_study *study, mixent_study_cell cell);
/* The same as settings [MIXENT_STUDY_OPTIONS], whose texts study->state owns; returns how many. */
size_t mixent_study_found_add(const mixent_study *study, mixent_study_cell cell, mixent_setting *settings);
/* The array of a variant's replicates in study.json, made where it is not there yet. */
mixent_status mixent_study_found_room(const mixent_study *study, const char *variant, struct json_t **out);
/* Whether "tuned" of a study.json can be true. */
mixent_status mixent_study_found_check(const mixent_study *study, const struct json_t *state,
                                       const char *origin);
/* Both studies get what the searches of either found; refuses a contradiction. */
mixent_status mixent_study_found_join(const mixent_study *there, const mixent_study *study);

/* Whether an option of a run, resolved, is what the study says, places of the machine aside; the values as text. agree.c */
bool mixent_study_agrees(const mixent_option *option, const mixent_recipe *said, const mixent_recipe *was,
                         const char *said_text, const char *was_text);

#endif
