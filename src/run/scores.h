/* Scores as JSON, as metrics.jsonl and summary.json hold them. */
#ifndef MIXENT_RUN_SCORES_H
#define MIXENT_RUN_SCORES_H

#include "mixent/run.h"
#include "mixent/status.h"
#include <stdbool.h>

/* {"images": …, "loss": …, …}; NULL without memory. */
struct json_t;
struct json_t *mixent_scores_to_json(const mixent_scores *scores);
/* Names the worst class; a name that is too long is cut. */
void mixent_scores_name_worst(mixent_scores *scores, const char *name);
/* The score that the option select_by names, such that more is better: the NLL negative. NaN where it is not known. */
double mixent_scores_rank(const mixent_scores *scores, const char *key);
/* The other way; false if something is missing. */
bool mixent_scores_from_json(const struct json_t *json, mixent_scores *out);
/* MIXENT_ERROR_FORMAT where a number is none that scores can have, such as an accuracy of 2; the message begins with
 * "ORIGIN: KEY of the PART images". */
mixent_status mixent_scores_check(const struct json_t *json, const char *origin, const char *part);

#endif
