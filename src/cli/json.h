/* One line of JSON on standard output, for programs. */
#ifndef MIXENT_CLI_JSON_H
#define MIXENT_CLI_JSON_H

#include "core/json.h"

/* Prints `object` on one line and gives it back to jansson; returns the exit code (an object that could not
 * be made, NULL, is a lack of memory). */
int mixent_json_print(json_t *object);

#endif
