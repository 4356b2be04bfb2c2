/* A study's file (export.c), read and checked: what import.c lays out. */
#ifndef MIXENT_LAB_STUDY_IMPORT_H
#define MIXENT_LAB_STUDY_IMPORT_H

#include "core/json.h"
#include "io/plan_file.h"
#include "lab/result/result.h"
#include "lab/study/directory.h"
#include "run/directory.h"

/* A run's line, or a run that failed. */
typedef struct mixent_imported_run {
  json_t *json;        /* NULL: it failed */
  const char *message; /* what it failed with */
  mixent_study_cell cell;
  size_t line;
  bool kept;                      /* a run with its scores is there; of one that failed: any run */
  mixent_run_directory directory; /* beside its place */
} mixent_imported_run;

typedef struct mixent_import {
  const char *origin, *text;
  size_t size, at, line; /* what is read; the line last read, from 1 */
  const mixent_study_planner *planner;
  mixent_study *study;
  json_t *plans, *plan_names; /* text of each plan file; its name for each variant */
  json_t *failed;             /* what each run that failed did so with */
  json_t *places;             /* the number of each run of the study, by its name */
  mixent_imported_run *runs;  /* [run_count + failed_count], those that failed last */
  size_t run_count, failed_count;
  struct mixent_imported_first {
    mixent_result *result; /* of the first run that came in; NULL: none has */
    size_t line;
  } * first; /* [data] */
} mixent_import;

/* Reads all lines of import->text into *import, which may hold some of it after an error, too: mixent_import_free. Of `planner` it needs
 * nothing. */
mixent_status mixent_import_read(mixent_import *import);
void mixent_import_free(mixent_import *import);

/* "FILE:LINE: " before the message there is; what is wrong is the file, unless it is the memory. */
mixent_status mixent_import_fail(const mixent_import *import, size_t line, mixent_status status);
/* The text of a variant's plan in the file, NULL if there is none. */
const char *mixent_import_plan(const mixent_import *import, const char *variant);
mixent_status mixent_import_plan_hash(const mixent_import *import, size_t line, const char *text,
                                      char out[MIXENT_PLAN_HASH]);
/* Whether the files of a run's line agree with one another and with its recipe; study/import_run.c */
mixent_status mixent_import_check_run(const mixent_import *import, const mixent_imported_run *run);

#endif
