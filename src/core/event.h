/* The events by which processes talk, a JSON object per line of standard output: their names and version. docs/EVENTS.md describes them;
 * cli/events.h prints them, lab/study/worker.h reads them. */
#ifndef MIXENT_CORE_EVENT_H
#define MIXENT_CORE_EVENT_H

enum { MIXENT_EVENT_VERSION = 1 };

typedef enum mixent_event {
  MIXENT_EVENT_START,
  MIXENT_EVENT_PROGRESS,
  MIXENT_EVENT_EPOCH,
  MIXENT_EVENT_WARNING,
  MIXENT_EVENT_SAVED,
  MIXENT_EVENT_STOPPED,
  MIXENT_EVENT_FAILED,
  MIXENT_EVENT_FINISHED,
  MIXENT_EVENTS /* how many there are; also: an event of a later version, to be ignored */
} mixent_event;
extern const char *const mixent_event_names[]; /* "start", "progress", …, NULL */

/* Which event a line is; MIXENT_EVENTS for a line that is none, or an unknown one. */
struct json_t;
mixent_event mixent_event_of(const struct json_t *line);

#endif
