/* Names of events. */
#include "core/event.h"

#include <jansson.h>
#include <string.h>

const char *const mixent_event_names[] = {"start",   "progress", "epoch",    "warning", "saved",
                                          "stopped", "failed",   "finished", NULL};

mixent_event mixent_event_of(const json_t *line) {
  const char *name = json_string_value(json_object_get(line, "event"));
  int event = 0;
  while (event < MIXENT_EVENTS && !(name && strcmp(name, mixent_event_names[event]) == 0)) event++;
  return (mixent_event)event;
}
