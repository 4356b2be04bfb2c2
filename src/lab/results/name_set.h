/* Names in the order of their coming, each once, found in logarithmic time: many names, or chosen ones, stay cheap. */
#ifndef MIXENT_LAB_RESULTS_NAME_SET_H
#define MIXENT_LAB_RESULTS_NAME_SET_H

#include "core/status.h"
#include <stddef.h>

typedef struct mixent_set_name {
  char *text;
  size_t index;
} mixent_set_name;

/* Start from {0}. */
typedef struct mixent_name_set {
  mixent_set_name **items; /* [count] */
  size_t count;
  void *tree; /* of <search.h> */
} mixent_name_set;

/* The index of a name, which is added if it is new: *out is then the old count. */
mixent_status mixent_name_set_add(mixent_name_set *set, const char *text, size_t *out);
/* The index of a name; set->count if there is none. */
size_t mixent_name_set_find(const mixent_name_set *set, const char *text);
void mixent_name_set_free(mixent_name_set *set);

#endif
