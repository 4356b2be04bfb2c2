/* A comparison as JSON, in the numbers' own units. */
#ifndef MIXENT_LAB_COMPARE_JSON_H
#define MIXENT_LAB_COMPARE_JSON_H

#include "lab/compare/compare.h"

struct json_t;

/* NULL: no memory. docs/events.schema.json describes it (`comparison`). */
struct json_t *mixent_comparison_to_json(const mixent_comparison *comparison);

#endif
