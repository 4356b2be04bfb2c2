/* A balanced tree of <search.h> over names that an array holds in order. */
#include "lab/results/name_set.h"
#include "core/memory.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

static int compare_names(const void *a, const void *b) {
  return strcmp(((const mixent_set_name *)a)->text, ((const mixent_set_name *)b)->text);
}

size_t mixent_name_set_find(const mixent_name_set *set, const char *text) {
  const mixent_set_name wanted = {.text = (char *)text};
  mixent_set_name *const *node = tfind(&wanted, &set->tree, compare_names);
  return node ? (*node)->index : set->count;
}

static void free_name(mixent_set_name *name) {
  if (name) free(name->text);
  free(name);
}

mixent_status mixent_name_set_add(mixent_name_set *set, const char *text, size_t *out) {
  mixent_set_name *name;
  *out = mixent_name_set_find(set, text);
  if (*out < set->count) return MIXENT_OK;
  MIXENT_TRY(MIXENT_GROW(&set->items, set->count, "names"));
  MIXENT_TRY(MIXENT_ALLOCATE(1, &name));
  name->index = set->count;
  mixent_status status = mixent_copy_text(text, &name->text);
  if (status == MIXENT_OK && !tsearch(name, &set->tree, compare_names)) status = mixent_no_memory("names");
  if (status == MIXENT_OK)
    set->items[set->count++] = name;
  else
    free_name(name);
  return status;
}

void mixent_name_set_free(mixent_name_set *set) {
  for (size_t i = 0; i < set->count; i++) {
    tdelete(set->items[i], &set->tree, compare_names);
    free_name(set->items[i]);
  }
  free(set->items);
  *set = (mixent_name_set){0};
}
