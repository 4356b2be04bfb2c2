/* What a run's directory says of it, as a flat list of named values: every option of recipe.yaml, every score of
 * summary.json and result.json, how far it came. Damage is told as a value, too, so that one bad run hides no other. */
#ifndef MIXENT_LAB_STORE_FACTS_H
#define MIXENT_LAB_STORE_FACTS_H

#include "core/status.h"
#include <stdbool.h>
#include <stddef.h>

typedef struct mixent_fact {
  char *key;     /* "loss.name", "test.accuracy" */
  char *text;    /* NULL: a number */
  double number; /* NaN, where text is NULL: nothing is known */
} mixent_fact;

/* Start from {0}; after a failed addition `failed` stays set and only the end needs a check. */
typedef struct mixent_facts {
  mixent_fact *items;
  size_t count;
  bool failed;
  bool
      refused; /* the system refused a file (a disk's fault, permissions): `damage` says so, and the next reading may differ */
} mixent_facts;

/* Reads a run. `name` becomes its fact `run`; the study's directory in it (without one, the part before the last '/') becomes
 * `study`. The other facts are the options of mixent_options (the loss and the recipe's name also as `loss` and `recipe`),
 * the fields of summary.json and result.json by their dotted names, and
 *   status        finished, interrupted, failed (its numbers became infinite), damaged (a file cannot be
 *                 read; `damage` says which and why); whether a process trains it is not looked at here
 *   epochs_done, seconds, best_epoch, validation.* (of the best epoch so far), last.* (the newest line of metrics.jsonl)
 *   warnings      names of those the monitor gave, with commas; failure: why it failed
 *   variant       of a run in a study's directory, and of a recorded run
 *   seed, data, metrics.*   of a recorded run (lab/record)
 *   cpu, instructions, versions.mixent, versions.onednn
 *   started, changed    UTC, "2026-11-25T22:40:07Z"
 * MIXENT_ERROR_MEMORY only; free with mixent_facts_free. */
mixent_status mixent_facts_read(const char *directory, const char *name, mixent_facts *out);
void mixent_facts_free(mixent_facts *facts);
/* MIXENT_ERROR_IO with the reason where the system refused a file, else MIXENT_OK. */
mixent_status mixent_facts_status(const mixent_facts *facts);

/* The fact of that name, or NULL. */
const mixent_fact *mixent_facts_find(const mixent_facts *facts, const char *key);
/* Its text, or "" where there is none. */
const char *mixent_facts_text(const mixent_facts *facts, const char *key);

/* Add one, unless there is one of that name; a number that is not finite is nothing to add. */
void mixent_facts_add_text(mixent_facts *facts, const char *key, const char *text);
void mixent_facts_add_number(mixent_facts *facts, const char *key, double number);

#endif
