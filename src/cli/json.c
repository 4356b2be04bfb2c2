/* One line of JSON on standard output. */
#include "cli/json.h"
#include "cli/message.h"

#include <stdio.h>
#include <stdlib.h>

int mixent_json_print(json_t *object) {
  char *text;
  /* 17 digits would turn 0.1 into 0.10000000000000001; 15 are more than a score has. */
  mixent_status status = mixent_json_write(object, JSON_COMPACT | JSON_REAL_PRECISION(15), &text);
  if (status != MIXENT_OK) return mixent_failed(status);
  puts(text); /* main looks whether it arrived */
  free(text);
  return MIXENT_EXIT_DONE;
}
