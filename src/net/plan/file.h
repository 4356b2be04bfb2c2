/* Plan files: which back end computes each pass of each convolution, with what that was measured for. Written by
 * `mixent tune` and into every run; read as --plan. A plan file is a YAML text that people can read and change. */
#ifndef MIXENT_NET_PLAN_FILE_H
#define MIXENT_NET_PLAN_FILE_H

#include "core/memory.h"
#include "mixent/net.h"

enum { MIXENT_PLAN_TEXT = 192, MIXENT_PLAN_HASH = 65 };

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

/* The key of training steps of `graph` on this processor, with as many threads as are set. */
mixent_status mixent_plan_key_make(const mixent_graph *graph, int batch, mixent_precision precision,
                                   mixent_plan_key *out);
/* Appends what `a` has otherwise than `b`, "batch 100, not 250; …"; nothing if they are equal. */
void mixent_plan_key_differences(const mixent_plan_key *a, const mixent_plan_key *b, mixent_text *out);
bool mixent_plan_key_equal(const mixent_plan_key *a, const mixent_plan_key *b);
/* A file name for plans of this key alone, "vgg5-250-bf16-HASH.yaml"; free(), NULL with the error set. */
char *mixent_plan_key_name(const mixent_plan_key *key);

/* The choices that a net was made with, its table's or others; no times. */
mixent_status mixent_plan_file_of(const mixent_net *net, const mixent_plan_key *key, mixent_plan_file **out);
/* Faults name file, line and column. */
mixent_status mixent_plan_file_parse(const char *text, size_t length, const char *origin,
                                     mixent_plan_file **out);
mixent_status mixent_plan_file_read(const char *path, mixent_plan_file **out);
mixent_status mixent_plan_file_write(const mixent_plan_file *file, const char *path);
void mixent_plan_file_text(const mixent_plan_file *file, mixent_text *out);
void mixent_plan_file_free(mixent_plan_file *file);

/* The time of a back end, NULL if there is none. */
const mixent_plan_time *mixent_plan_entry_time(const mixent_plan_entry *entry, const char *backend);

/* Refuses a plan that names a pass the net has not, or a back end that cannot compute it there. *same: the net was
 * made with just these choices. */
mixent_status mixent_plan_file_check(const mixent_plan_file *file, const mixent_net *net, bool *same);
/* Whether it measured just the back ends that the net has to choose from. */
bool mixent_plan_file_covers(const mixent_plan_file *file, const mixent_net *net);
/* For mixent_net_options, in new memory; the texts are the file's. */
mixent_status mixent_plan_file_choices(const mixent_plan_file *file, mixent_net_choice **out);

/* SHA-256 of the choices of a plan, "LAYER PASS BACKEND\n" for each pass; and of those a net was made with. */
void mixent_plan_file_hash(const mixent_plan_file *file, char out[MIXENT_PLAN_HASH]);
void mixent_plan_hash(const mixent_net *net, char out[MIXENT_PLAN_HASH]);

#endif
