/* Events: printed whole, one after the other, by the program's thread and by one that only tells progress. */
#include "cli/events.h"
#include "cli/message.h"
#include "core/clock.h"
#include "core/json.h"
#include "core/status.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BEAT = 1 /* seconds from one progress to the next */ };
static const double fresh = 0.2; /* seconds for which what was told of progress will do */

static const char *command; /* NULL: there are no events */
static pthread_t thread;

/* Of standard output, and of what follows. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t end_of_beats;
static bool ended;
static char *progress; /* the fields; NULL: nothing was told yet */

/* Of the program's thread alone. */
static double told;    /* when: seconds */
static char *finished; /* the fields of the last event; NULL: it is none of `finished` */

/* `more`: fields before the others, each with its comma. */
static void put(mixent_event event, const char *more, const char *fields) {
  printf("{\"event\":\"%s\",\"version\":%d,\"command\":\"%s\",%s%s\n", mixent_event_names[event],
         MIXENT_EVENT_VERSION, command, more, fields + 1 /* without its brace */);
  fflush(stdout); /* main looks whether it arrived */
}

static void put_locked(mixent_event event, const char *more, const char *fields) {
  pthread_mutex_lock(&lock);
  put(event, more, fields);
  pthread_mutex_unlock(&lock);
}

static void *tell_progress(void *unused) {
  (void)unused;
  struct timespec next;
  clock_gettime(CLOCK_MONOTONIC, &next);
  pthread_mutex_lock(&lock);
  while (!ended) {
    next.tv_sec += BEAT;
    int why = 0;
    while (!ended && why != ETIMEDOUT) why = pthread_cond_timedwait(&end_of_beats, &lock, &next);
    if (!ended) put(MIXENT_EVENT_PROGRESS, "", progress ? progress : "{\"phase\":\"prepare\"}");
  }
  pthread_mutex_unlock(&lock);
  return NULL;
}

mixent_status mixent_events_begin(const char *name) {
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&end_of_beats, &attributes);
  pthread_condattr_destroy(&attributes);
  command = name;
  int failure = pthread_create(&thread, NULL, tell_progress, NULL);
  if (!failure) return MIXENT_OK;
  command = NULL;
  return mixent_fail(MIXENT_ERROR_MEMORY, "cannot start a thread: %s; free some memory, or raise ulimit -u",
                     strerror(failure));
}

/* The text of an event's fields; free(). NULL, with the error set, where memory ran out. */
static char *write_fields(json_t *fields) {
  char *text;
  /* 17 digits would turn 0.1 into 0.10000000000000001; 15 are more than a score has */
  mixent_json_write(fields, JSON_COMPACT | JSON_REAL_PRECISION(15), &text);
  return text;
}

void mixent_event_print(mixent_event event, json_t *fields) {
  char *text = write_fields(fields);
  if (text)
    put_locked(event, "", text);
  else
    mixent_output_lacks();
  free(text);
}

void mixent_event_text_print(mixent_event event, const char *fields) {
  put_locked(event, "", fields);
}

void mixent_event_forward(json_t *event) {
  char *text = write_fields(json_incref(event));
  pthread_mutex_lock(&lock);
  if (text)
    puts(text);
  else
    mixent_output_lacks();
  fflush(stdout);
  pthread_mutex_unlock(&lock);
  free(text);
}

void mixent_event_progress(json_t *fields) {
  char *text = write_fields(fields), *old;
  if (!text) {
    mixent_output_lacks();
    return;
  }
  pthread_mutex_lock(&lock);
  old = progress;
  progress = text;
  pthread_mutex_unlock(&lock);
  free(old);
  told = mixent_seconds_now();
}

bool mixent_event_progress_is_due(void) {
  return command && mixent_seconds_now() - told >= fresh;
}

/* The last event. */

void mixent_event_finished(json_t *fields) {
  finished = write_fields(fields);
  if (!finished) mixent_output_lacks();
}

/* What went wrong, for programs: the `error` of `failed`. */
static const char *const errors[] = {[MIXENT_ERROR_ARGUMENT] = "argument",
                                     [MIXENT_ERROR_MEMORY] = "memory",
                                     [MIXENT_ERROR_IO] = "io",
                                     [MIXENT_ERROR_FORMAT] = "format",
                                     [MIXENT_ERROR_NUMERIC] = "numeric",
                                     [MIXENT_ERROR_UNSUPPORTED] = "unsupported"};

static void print_failure(const char *exit_code) {
  const mixent_failure *failure = mixent_last_failure;
  bool stopped = failure->status == MIXENT_ERROR_INTERRUPTED;
  json_t *fields = json_object();
  mixent_json_set(&fields, "message", mixent_json_text(failure->message));
  if (!stopped) mixent_json_set(&fields, "error", json_string(errors[failure->status]));
  char *text = write_fields(fields);
  static const char without_memory[] = "{\"message\":\"no memory for a message\",\"error\":\"memory\"}";
  put(stopped && text ? MIXENT_EVENT_STOPPED : MIXENT_EVENT_FAILED, exit_code, text ? text : without_memory);
  free(text);
}

void mixent_events_end(int code) {
  char exit_code[32];
  if (!command) return;
  pthread_mutex_lock(&lock);
  ended = true;
  pthread_cond_signal(&end_of_beats);
  pthread_mutex_unlock(&lock);
  pthread_join(thread, NULL);
  snprintf(exit_code, sizeof exit_code, "\"exit_code\":%d,", code);
  if (mixent_last_failure->status != MIXENT_OK)
    print_failure(exit_code);
  else if (finished)
    put(MIXENT_EVENT_FINISHED, exit_code, finished);
  free(finished);
  free(progress);
}

void mixent_events_die(const char *message) {
  char line[512];
  struct timespec soon;
  if (!command) return;
  /* for good: no line is begun any more, and none is half written, unless its writer is stuck */
  clock_gettime(CLOCK_REALTIME, &soon);
  soon.tv_sec++;
  if (pthread_mutex_timedlock(&lock, &soon) != 0) {
    ssize_t ended_line = write(STDOUT_FILENO, "\n", 1);
    (void)ended_line;
  }
  int length =
      snprintf(line, sizeof line,
               "{\"event\":\"failed\",\"version\":%d,\"command\":\"%s\",\"exit_code\":%d,\"message\":\"%s\","
               "\"error\":\"memory\"}\n",
               MIXENT_EVENT_VERSION, command, MIXENT_EXIT_FAILED, message);
  ssize_t written = write(STDOUT_FILENO, line, (size_t)length);
  (void)written; /* there is nothing left to do about it */
}
