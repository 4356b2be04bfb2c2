/* What result.c is made of: a result from predictions, and as JSON. */
#ifndef MIXENT_LAB_RESULT_PARTS_H
#define MIXENT_LAB_RESULT_PARTS_H

#include "lab/result/result.h"
#include "run/predictions.h"

enum { MIXENT_RESULT_CLASSES = 4096, MIXENT_RESULT_IMAGES = 100000000 }; /* the most there may be */

/* Fills in all that predictions say; what summary.json says is left as it is. `out` is to be freed whatever it
 * returns. */
mixent_status mixent_result_compute(const mixent_run_predictions *predictions, mixent_result *out);

/* Fills in the scores by class, which follow from the confusion. */
mixent_status mixent_result_score_classes(mixent_result *out);

/* The text of result.json; free(*out). */
mixent_status mixent_result_to_json(const mixent_result *result, char **out);
/* The other way, to the same bits. Refuses numbers that contradict one another, naming the key. */
mixent_status mixent_result_from_json(const char *text, size_t size, const char *path, mixent_result *out);

/* The key of a number that others of the result give, and give otherwise; NULL: none. check.c */
const char *mixent_result_contradiction(const mixent_result *result);

/* Zeros and ones as the base64 (RFC 4648) of the deflated (zlib) bits, eight to a byte, the first lowest; free(); NULL
 * without memory. */
char *mixent_bits_pack(const uint8_t *bits, size_t count);
/* MIXENT_ERROR_FORMAT where the text does not hold just `count` of them. */
mixent_status mixent_bits_unpack(const char *text, size_t count, uint8_t *bits);

#endif
