/* Every comparison that studies and recorded runs below a directory make, with one correction over all of them: who makes twenty studies
 * has twenty chances to see what is not there. It reads the studies each time and keeps nothing of its own.
 *
 * A run is shared by two studies where recipe.yaml and result.json are the same to the byte. A comparison of the same runs in two studies is one
 * comparison: Holm's correction counts it once. */
#ifndef MIXENT_LAB_LEDGER_LEDGER_H
#define MIXENT_LAB_LEDGER_LEDGER_H

#include "lab/compare/compare.h"

struct json_t;

enum { MIXENT_LEDGER_HASH = 65, MIXENT_LEDGER_STUDIES = 1000 };

typedef struct mixent_ledger_study {
  char *path, *name;
  size_t runs; /* that are compared */
} mixent_ledger_study;

/* A variant against its baseline on a data set. */
typedef struct mixent_ledger_entry {
  size_t study;
  char *data, *variant, *baseline, *metric, *unit;
  double scale; /* what is shown is the number times this */
  int digits, better;
  double confidence;
  mixent_compared difference; /* as the study has it: p, and Holm's within the study */
  mixent_verdict verdict;     /* within the study */
  mixent_scope scope;
  mixent_reason reason;
  mixent_compare_pair
      all; /* the same with Holm's correction over all: holm in `all_holm`; measures, words and calibration NULL */
  double all_holm;
  char key[MIXENT_LEDGER_HASH]; /* of the runs of both */
  size_t same_as;               /* the first entry of the same runs: its own index, or another one's */
} mixent_ledger_entry;

/* Two studies that share runs. */
typedef struct mixent_ledger_shared {
  size_t studies[2], runs;
} mixent_ledger_shared;

typedef struct mixent_ledger_run {
  char hash[MIXENT_LEDGER_HASH];
  size_t study;
} mixent_ledger_run;

/* Start from {0}. */
typedef struct mixent_ledger {
  mixent_ledger_study *studies;
  mixent_ledger_entry *entries;
  mixent_ledger_run *runs; /* of all studies */
  mixent_ledger_shared *shared;
  size_t study_count, entry_count, run_count, shared_count;
  size_t tested; /* comparisons that are different and have a p */
} mixent_ledger;

/* Reads all studies (directories and exported files) and directories of recorded runs below a directory, in the order of names. One that
 * cannot be read is an error: without it the correction would be too small. */
mixent_status mixent_ledger_read(const char *directory, mixent_ledger *out);
void mixent_ledger_free(mixent_ledger *ledger);

void mixent_ledger_append_text(const mixent_ledger *ledger, mixent_text *out);
struct json_t *mixent_ledger_to_json(const mixent_ledger *ledger);

#endif
