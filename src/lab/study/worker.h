/* A `mixent train` process: started, read while it runs, waited for. It ends when this process ends, whatever ends it. */
#ifndef MIXENT_LAB_STUDY_WORKER_H
#define MIXENT_LAB_STUDY_WORKER_H

#include "core/event.h"
#include "core/memory.h"
#include "core/system.h"
#include <stdbool.h>
#include <sys/types.h>

typedef struct mixent_worker {
  pid_t pid;           /* 0: none */
  int out, errors;     /* our ends of its pipes; -1: closed */
  mixent_text line[2]; /* the beginning of a line of each */
  mixent_event last;   /* finished, stopped or failed, if it printed that event; else MIXENT_EVENTS */
  char *message;       /* of its `stopped` or `failed`; NULL: none */
  char *last_words;    /* its last line on standard error, for people; NULL: none */
  bool lacks;          /* memory was too little for something that it said */
  int refusal;         /* errno of a read from its pipes that failed; 0: none did */
  /* Set before the start: told of each event (core/event.h). */
  void *context;
  void (*heard)(void *context, mixent_event event, struct json_t *line);
} mixent_worker;

/* Starts `program` with the NULL-terminated words (the first names the program), in a process group of its own, so that
 * Ctrl-C on a terminal reaches this process alone. It inherits the descriptor `held` (-1: none). cpus NULL: where it likes. */
mixent_status mixent_worker_start(mixent_worker *worker, const char *program, char *const *words, int held,
                                  const mixent_processors *cpus);
/* Reads what is there, without waiting. Returns whether it lives: false once it has closed both pipes. */
bool mixent_worker_read(mixent_worker *worker);
/* Waits for its end; *ended says how in words where it was a signal, "" if it ended by itself. Returns its exit code, 128 +
 * the signal. Frees nothing but the process. */
int mixent_worker_wait(mixent_worker *worker, char ended[64]);
/* By sigqueue, by which the process knows it for the signal of its study: after another one it is no second request to stop. */
void mixent_worker_signal(const mixent_worker *worker, int signal);
/* Kills it if it lives, closes, frees. Safe on a zeroed struct. */
void mixent_worker_free(mixent_worker *worker);

#endif
