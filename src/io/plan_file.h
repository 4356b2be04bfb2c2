/* Plan files: which back end computes each pass of each convolution, with what that was measured for. Written by
 * `mixent tune` and into every run; read as --plan. A plan file is a YAML text that people can read and change. */
#ifndef MIXENT_IO_PLAN_FILE_H
#define MIXENT_IO_PLAN_FILE_H

#include "core/memory.h"
#include <stdbool.h>

enum { MIXENT_PLAN_TEXT = 192, MIXENT_PLAN_HASH = 65 };

/* The passes of a layer with weights. */
typedef enum mixent_pass { MIXENT_FORWARD, MIXENT_BACKWARD_WEIGHTS, MIXENT_BACKWARD_DATA } mixent_pass;
extern const char *const mixent_pass_names[];

/* What a measurement holds for. */
typedef struct mixent_plan_key {
  char processor[MIXENT_PLAN_TEXT], instructions[MIXENT_PLAN_TEXT]; /* as back ends may use them here */
  char mixent[MIXENT_PLAN_TEXT], onednn[MIXENT_PLAN_TEXT];          /* versions */
  char net[MIXENT_PLAN_TEXT], net_hash[MIXENT_PLAN_HASH];           /* name, SHA-256 of the description */
  long channels, side, classes, batch, threads;
  char precision[MIXENT_PLAN_TEXT];
} mixent_plan_key;

typedef struct mixent_plan_time {
  char *backend;
  double milliseconds;
} mixent_plan_time;

/* One pass of one convolution. */
typedef struct mixent_plan_entry {
  char *layer, *backend;
  const char *pass;        /* one of mixent_pass_names */
  char *table;             /* the fixed table's choice, NULL where nothing was measured */
  mixent_plan_time *times; /* of each back end that can compute it */
  size_t time_count;
  int line, column; /* where it was read; 0: nowhere */
} mixent_plan_entry;

typedef struct mixent_plan_file {
  char *origin; /* the file's name, for messages */
  mixent_plan_key key;
  mixent_plan_entry *entries;
  size_t count;
} mixent_plan_file;

/* Appends what `a` has otherwise than `b`, "batch 100, not 250; …"; nothing if they are equal. */
void mixent_plan_key_differences(const mixent_plan_key *a, const mixent_plan_key *b, mixent_text *out);
bool mixent_plan_key_equal(const mixent_plan_key *a, const mixent_plan_key *b);
/* A file name for plans of this key alone, "vgg5-250-bf16-HASH.yaml"; free(), NULL with the error set. */
char *mixent_plan_key_name(const mixent_plan_key *key);

/* Faults name file, line and column. */
mixent_status mixent_plan_file_parse(const char *text, size_t length, const char *origin,
                                     mixent_plan_file **out);
mixent_status mixent_plan_file_read(const char *path, mixent_plan_file **out);
mixent_status mixent_plan_file_write(const mixent_plan_file *file, const char *path);
void mixent_plan_file_text(const mixent_plan_file *file, mixent_text *out);
void mixent_plan_file_free(mixent_plan_file *file);

/* The time of a back end, NULL if there is none. */
const mixent_plan_time *mixent_plan_entry_time(const mixent_plan_entry *entry, const char *backend);

/* SHA-256 of the choices of a plan, "LAYER PASS BACKEND\n" for each pass. */
void mixent_plan_file_hash(const mixent_plan_file *file, char out[MIXENT_PLAN_HASH]);
struct mixent_sha256;
void mixent_plan_choice_hash(struct mixent_sha256 *hash, const char *layer, const char *pass,
                             const char *backend);

/* A plan of `count` empty entries to be filled in; file->count is 0. */
mixent_status mixent_plan_file_create(const char *origin, size_t count, mixent_plan_file **out);

#endif
