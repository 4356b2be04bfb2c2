/* One line of JSON on standard output. */
#include "cli/json.h"
#include "cli/command.h"
#include "core/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int mixent_json_print(json_t *object) {
  /* 17 digits would turn 0.1 into 0.10000000000000001; 15 are more than a score has. */
  int failed = !object || json_dumpf(object, stdout, JSON_COMPACT | JSON_REAL_PRECISION(15)) != 0;
  json_decref(object);
  if (failed)
    return mixent_failed(mixent_fail(MIXENT_ERROR_MEMORY, "JSON for standard output: no memory, or no room"));
  putchar('\n');
  return MIXENT_EXIT_DONE;
}

int mixent_json_text_print(const char *text) {
  /* Outside strings a line break in JSON is only space, and inside it cannot stand. */
  for (; *text; text++)
    if (*text != '\n') putchar(*text);
  putchar('\n');
  return MIXENT_EXIT_DONE;
}

json_t *mixent_json_text(const char *text) {
  json_t *json = json_string(text);
  char *copy = json ? NULL : strdup(text);
  for (char *letter = copy; letter && *letter; letter++)
    if ((unsigned char)*letter >= 0x80) *letter = '?';
  if (copy) json = json_string(copy);
  free(copy);
  return json;
}
