/* What the store knows of runs, for people and for programs. Used by `runs` and `show`. */
#ifndef MIXENT_CLI_FACTS_H
#define MIXENT_CLI_FACTS_H

#include "core/json.h"
#include "lab/store/facts.h"

/* A fact's value: a number, a text, true or false; null where nothing is known. */
json_t *mixent_fact_json(const mixent_fact *fact);
/* All of them by their dotted keys: {"loss.name": "ce", "seed": 0, …}. */
json_t *mixent_facts_json(const mixent_facts *facts);

/* The same as text, "" where nothing is known, in new memory: a number in the shortest form that reads back to the
 * same bits. NULL without memory. */
char *mixent_fact_text(const mixent_fact *fact);

/* "2026-11-25T22:40:07Z" as the time of here, to the minute; valid until the next call. */
const char *mixent_local_time(const char *time);

/* What a store has to say of its index, on stderr. */
struct mixent_store;
void mixent_store_warning_print(const struct mixent_store *store);

#endif
