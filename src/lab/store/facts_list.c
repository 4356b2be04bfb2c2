/* The list of facts itself: added to, looked up, freed. */
#include "core/memory.h"
#include "lab/store/facts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const mixent_fact *mixent_facts_find(const mixent_facts *facts, const char *key) {
  for (size_t i = 0; i < facts->count; i++)
    if (strcmp(facts->items[i].key, key) == 0) return &facts->items[i];
  return NULL;
}

const char *mixent_facts_text(const mixent_facts *facts, const char *key) {
  const mixent_fact *fact = mixent_facts_find(facts, key);
  return fact && fact->text ? fact->text : "";
}

void mixent_facts_free(mixent_facts *facts) {
  for (size_t i = 0; i < facts->count; i++) {
    free(facts->items[i].key);
    free(facts->items[i].text);
  }
  free(facts->items);
  *facts = (mixent_facts){0};
}

mixent_status mixent_facts_status(const mixent_facts *facts) {
  return facts->refused ? mixent_fail(MIXENT_ERROR_IO, "%s", mixent_facts_text(facts, "damage")) : MIXENT_OK;
}

static void add(mixent_facts *facts, const char *key, const char *text, double number) {
  if (facts->failed || mixent_facts_find(facts, key)) return;
  facts->failed = MIXENT_GROW(&facts->items, facts->count, "the facts of a run") != MIXENT_OK;
  if (facts->failed) return;
  mixent_fact *fact = &facts->items[facts->count];
  *fact = (mixent_fact){.number = number};
  facts->failed = mixent_copy_text(key, &fact->key) != MIXENT_OK;
  if (facts->failed) return;
  facts->count++;
  facts->failed = text && mixent_copy_text(text, &fact->text) != MIXENT_OK;
}

void mixent_facts_add_text(mixent_facts *facts, const char *key, const char *text) {
  add(facts, key, text, NAN);
}

void mixent_facts_add_number(mixent_facts *facts, const char *key, double number) {
  if (isfinite(number)) add(facts, key, NULL, number);
}
