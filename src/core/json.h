/* JSON by jansson, made whole and read whole, or not at all.
 *
 *   json_t *object = json_object();
 *   mixent_json_set(&object, "epoch", json_integer(3));
 *   MIXENT_TRY(mixent_json_write(object, JSON_COMPACT, &text));
 *
 * While the library is loaded, jansson allocates by a function of it, for the whole process; that function calls the one
 * which was set before, and unloading the library sets that one again. */
#ifndef MIXENT_CORE_JSON_H
#define MIXENT_CORE_JSON_H

#include "core/status.h"

#include <jansson.h>

/* Add `value`, which they take over. Where there is no value (no memory, or a text that is not UTF-8) or no room for it, the
 * object or array becomes NULL, and so does whatever it is added to: only the end needs a check. */
void mixent_json_set(json_t **object, const char *key, json_t *value);
void mixent_json_append(json_t **array, json_t *value);

/* A text; where it is not UTF-8 (a file's name, a message that was cut), other letters than ASCII become '?'.
 * NULL: there was no memory for it. */
json_t *mixent_json_text(const char *text);
/* A finite number, or null. */
json_t *mixent_json_number(double value);
/* An array of texts. */
json_t *mixent_json_texts(char *const *texts, size_t count);

/* The text of `json`, which it takes over; free(*out). Where `json` is NULL: MIXENT_ERROR_MEMORY if memory ran out,
 * MIXENT_ERROR_FORMAT for a text that is not UTF-8 or a number that is not finite. */
mixent_status mixent_json_write(json_t *json, size_t flags, char **out);

/* Of one text: what jansson makes of more would take gigabytes. Nothing that mixent writes comes near. */
enum { MIXENT_JSON_VALUES = 1 << 22 };

/* `size` bytes read as JSON; json_decref(*out). A failure begins with "ORIGIN:LINE:COLUMN: "; MIXENT_ERROR_FORMAT,
 * or MIXENT_ERROR_MEMORY, never a value that lacks something. */
mixent_status mixent_json_parse(const char *text, size_t size, size_t flags, const char *origin,
                                json_t **out);
/* The same of a text whose first line is line `line` of ORIGIN. */
mixent_status mixent_json_parse_at(const char *text, size_t size, size_t flags, const char *origin,
                                   size_t line, json_t **out);

/* Python writes NaN and Infinity, which JSON has not: the text "?" takes the place of each, in the same width. */
void mixent_json_replace_not_finite(char *text, const char *end);

#endif
