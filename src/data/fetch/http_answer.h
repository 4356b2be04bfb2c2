/* The answer to a request for a range of bytes (RFC 9110, section 14): what its head promises, and whether its body keeps it. */
#ifndef MIXENT_DATA_FETCH_HTTP_ANSWER_H
#define MIXENT_DATA_FETCH_HTTP_ANSWER_H

#include "core/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct mixent_http_answer {
  const char *address;              /* for messages */
  uint64_t asked_first, asked_last; /* the bytes [asked_first, asked_last] */
  uint64_t known_size;              /* of the whole file; 0: not known yet */
  uint64_t first, last, size;       /* Content-Range: bytes first-last/size; size 0: none so far */
  uint64_t received;                /* bytes of the body */
} mixent_http_answer;

/* Takes a line of the head; it need not end with a zero. */
void mixent_http_answer_line(mixent_http_answer *answer, const char *line, size_t length);
/* Whether the head promises what was asked for. */
mixent_status mixent_http_answer_check(const mixent_http_answer *answer, long code);
/* Counts `length` more bytes of the body, after the head is checked: never more than was asked for. */
mixent_status mixent_http_answer_body(mixent_http_answer *answer, long code, size_t length);

#endif
