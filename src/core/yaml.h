/* A YAML document as a tree that remembers line and column, so that every complaint can say where. */
#ifndef MIXENT_CORE_YAML_H
#define MIXENT_CORE_YAML_H

#include "core/memory.h"
#include <stdbool.h>
#include <stddef.h>

typedef enum mixent_yaml_kind {
  MIXENT_YAML_SCALAR,
  MIXENT_YAML_SEQUENCE,
  MIXENT_YAML_MAPPING
} mixent_yaml_kind;

typedef struct mixent_yaml {
  mixent_yaml_kind kind;
  int line, column;             /* from 1; below a mapping, where the key starts */
  const char *origin;           /* file name, or what the text is, for messages */
  const char *key;              /* this node's key when its parent is a mapping */
  const char *text;             /* scalar: its text ("" for an empty value) */
  struct mixent_yaml *children; /* sequence or mapping */
  size_t count;
} mixent_yaml;

/* Parses one document. `*out` is freed with mixent_yaml_free. Anchors, duplicate keys and non-scalar keys are
 * errors. */
mixent_status mixent_yaml_parse(const char *text, size_t length, const char *origin, mixent_yaml **out);
void mixent_yaml_free(mixent_yaml *root);

/* The child with that key, or NULL. */
const mixent_yaml *mixent_yaml_find(const mixent_yaml *mapping, const char *key);

/* "origin:line:column: message"; returns MIXENT_ERROR_FORMAT. */
mixent_status mixent_yaml_fail(const mixent_yaml *node, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Scalars with a check: whole numbers and numbers within [low, high], yes/no (true, false, yes, no, on, off).
 */
mixent_status mixent_yaml_integer(const mixent_yaml *node, long low, long high, long *out);
mixent_status mixent_yaml_number(const mixent_yaml *node, double low, double high, double *out);
mixent_status mixent_yaml_boolean(const mixent_yaml *node, bool *out);
/* The same of a word by itself; false if it is none of them. */
bool mixent_yaml_word_boolean(const char *word, bool *out);

/* A text as a scalar, in quotes where it needs them. */
void mixent_yaml_word_write(const char *text, mixent_text *out);

/* Refuses keys of `mapping` that are not in `allowed` (NULL-terminated), naming the nearest. */
mixent_status mixent_yaml_check_keys(const mixent_yaml *mapping, const char *const *allowed);

#endif
