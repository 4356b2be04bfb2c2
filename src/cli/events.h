/* The stream of events on standard output, for programs (docs/EVENTS.md): the one place where events are printed.
 *
 * main begins it where a command that has events is given --json. From then on a thread prints `progress` once a second,
 * whatever the others do; main ends it with the last event, which has the exit code. */
#ifndef MIXENT_CLI_EVENTS_H
#define MIXENT_CLI_EVENTS_H

#include "core/event.h"
#include "mixent/status.h"

#include <jansson.h>
#include <stdbool.h>

/* `command` stands in every event. */
mixent_status mixent_events_begin(const char *command);

/* Prints an event of this process, with `fields` (a JSON object that is not empty), which it takes over. Where `fields` is NULL memory
 * ran out: mixent_output_lacks. */
void mixent_event_print(mixent_event event, json_t *fields);
/* The same of a JSON text on one line. */
void mixent_event_text_print(mixent_event event, const char *fields);
/* Prints an event that another process printed, and which holds all that it needs. Borrows it. */
void mixent_event_forward(json_t *event);

/* What `progress` says from now on. */
void mixent_event_progress(json_t *fields);
/* Whether `progress` is old enough to be told anew: a caller with much to tell asks first. */
bool mixent_event_progress_is_due(void);

/* Keeps what the last event is to say. */
void mixent_event_finished(json_t *fields);
/* Prints the last event, with the exit code: that of a failure, if there was one (mixent_last_failure), else what was kept. */
void mixent_events_end(int code);

/* `failed` at once, without memory: for a process that ends with MIXENT_EXIT_FAILED next. `message` needs no escapes. */
void mixent_events_die(const char *message);

#endif
