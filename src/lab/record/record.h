/* Recorded runs: what anybody's training loop kept with mixent.lab.record (Python), or wrote in the same form. docs/FORMATS.md has it.
 *
 *   DIRECTORY/[DATA/]VARIANT-SEED/record.json              who ran, and what the run measured
 *                                 predictions.safetensors  as of our own runs; not there: `metrics` is all there is
 *                                 result.json              made from the predictions when the run is first read
 *
 * What a directory is called counts for nothing; record.json says whose run it is. */
#ifndef MIXENT_LAB_RECORD_RECORD_H
#define MIXENT_LAB_RECORD_RECORD_H

#include "lab/result/result.h"
#include <stdbool.h>

enum {
  MIXENT_RECORD_BYTES = 1 << 20,  /* of a record.json */
  MIXENT_RECORD_METRICS = 1000,   /* of a run */
  MIXENT_RECORD_RUNS = 100000,    /* that are read together */
  MIXENT_RECORD_NAME_BYTES = 1000 /* of a variant, a data set, a metric */
};
#define MIXENT_RECORD_FILE "record.json"

typedef struct mixent_record_metric {
  char *name;
  double value; /* NaN: the run has none */
} mixent_record_metric;

typedef struct mixent_record {
  char *path;                    /* its directory */
  char *variant, *data;          /* data: "" where none is named */
  char *seed;                    /* of record.json: the digits of a whole number; "" where there is none */
  mixent_record_metric *metrics; /* [metric_count], in the file's order */
  size_t metric_count;
  mixent_result *result; /* NULL: metrics alone. Of its data set's name and seed it has the record's */
} mixent_record;

/* Sorted by data set, variant and seed. */
typedef struct mixent_records {
  mixent_record *items;
  size_t count;
} mixent_records;

/* Whether a directory is a recorded run, or has some in it or in directories in it. */
mixent_status mixent_records_look(const char *directory, bool *out);
/* Reads the recorded runs of a directory. An error names the file and what is wrong in it. lab/results holds runs against one another. */
mixent_status mixent_records_read(const char *directory, mixent_records *out);
void mixent_records_free(mixent_records *records);

/* A record.json of `size` bytes alone: no result. `path` is the file's, for messages. `out` is to be freed whatever it returns. */
mixent_status mixent_record_parse(const char *text, size_t size, const char *path, mixent_record *out);
/* The run in a directory, with its result. */
mixent_status mixent_record_read(const char *directory, mixent_record *out);
void mixent_record_free(mixent_record *record);

#endif
