/* The run store: what stands in the directories of runs, kept in DIR/index.sqlite so that many are filtered and sorted
 * at once. The directories are the truth: opening the store looks which of them changed and reads those again, and the
 * index may be deleted at any time. Several processes may use it at once.
 *
 *   mixent_store *store;
 *   mixent_store_open("runs", false, &store);
 *   mixent_store_filter filter;
 *   mixent_store_filter_parse("test.accuracy>0.95", &filter);
 *   const mixent_store_query query = {.filters = &filter, .filter_count = 1, .sort = "test.nll"};
 *   mixent_store_find(store, &query, &runs, &count);                                                        */
#ifndef MIXENT_LAB_STORE_STORE_H
#define MIXENT_LAB_STORE_STORE_H

#include "lab/store/facts.h"

typedef struct mixent_store mixent_store;

/* Whether a directory is a run: one of ours (recipe.yaml), or a recorded one (record.json). */
mixent_status mixent_store_look(const char *directory, bool *out);

/* Runs are found in `directory` and up to two levels below it (runs/STUDY/DATA/VARIANT-SEED); names that begin with a
 * dot are passed over. With `rebuild` the index is made anew. An index that is damaged is put aside and made anew; one
 * that cannot be written is replaced by memory; mixent_store_warning tells. Errors: MIXENT_ERROR_ARGUMENT if
 * `directory` is itself a run, MIXENT_ERROR_IO if it cannot be read. */
mixent_status mixent_store_open(const char *directory, bool rebuild, mixent_store **out);
void mixent_store_close(mixent_store *store);
/* Lines of "index-damaged: …" and "index-unused: …", or NULL. */
const char *mixent_store_warning(const mixent_store *store);
/* The directories that the user may not read, "runs/a, runs/b/c", whose runs every answer lacks, or NULL. */
const char *mixent_store_unread(const mixent_store *store);

/* MIXENT_ERROR_IO where the system did not let some runs be read, which are damaged in every answer until it does. */
mixent_status mixent_store_status(const mixent_store *store);

typedef enum mixent_store_comparison {
  MIXENT_STORE_EQUAL,
  MIXENT_STORE_NOT_EQUAL,
  MIXENT_STORE_BELOW,
  MIXENT_STORE_AT_MOST,
  MIXENT_STORE_ABOVE,
  MIXENT_STORE_AT_LEAST,
  MIXENT_STORE_CONTAINS, /* these letters, large or small */
  MIXENT_STORE_LACKS
} mixent_store_comparison;

/* Numbers are compared as numbers, texts as texts; a run that knows nothing of the key does not pass. */
typedef struct mixent_store_filter {
  char key[128];
  mixent_store_comparison comparison;
  const char *value;
} mixent_store_filter;
/* "key=value", with = != < <= > >= ~ !~; `value` stays a part of `word`. MIXENT_ERROR_ARGUMENT. */
mixent_status mixent_store_filter_parse(const char *word, mixent_store_filter *out);

typedef struct mixent_store_query {
  const mixent_store_filter *filters; /* all must pass */
  size_t filter_count;
  const char *sort; /* a key, or NULL: by name; 2 before 10; runs that know nothing of it come last */
  bool descending;
  size_t limit; /* 0: none */
  const char *const
      *columns; /* NULL-terminated: the facts wanted, in that order (where nothing is known, NaN);
                                 NULL: all there are */
} mixent_store_query;

/* Each run's status is as it was when the store was opened, "running" included. Errors: MIXENT_ERROR_ARGUMENT for a key that no run can
 * have, with the nearest one. Free with mixent_store_runs_free. */
mixent_status mixent_store_find(mixent_store *store, const mixent_store_query *query, mixent_facts **out,
                                size_t *count);
void mixent_store_runs_free(mixent_facts *runs, size_t count);

/* Every key that some run has, in the order of their bytes: NULL-terminated; one free() for all. */
mixent_status mixent_store_keys(mixent_store *store, char ***out);

/* "running" where the run in `directory` could be going on and a process trains it, else `status`. */
const char *mixent_store_status_now(const char *directory, const char *status);

#endif
