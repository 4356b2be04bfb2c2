/* Reading the answer to a request for a range. It must be 206 with the range that was asked for: a server that ignores the range
 * would send the whole file, which is refused at its first byte. */
#include "data/fetch/http_answer.h"
#include "core/locale.h"

#include <inttypes.h>
#include <string.h>

/* What is still unread of a line. */
typedef struct rest {
  const char *at, *end;
} rest;

static void skip_blanks(rest *rest) {
  while (rest->at < rest->end &&
         (*rest->at == ' ' || *rest->at == '\t' || *rest->at == '\r' || *rest->at == '\n'))
    rest->at++;
}

static bool take_word(rest *rest, const char *word) {
  size_t length = strlen(word);
  if ((size_t)(rest->end - rest->at) < length || !mixent_same_letters(rest->at, word, length)) return false;
  rest->at += length;
  return true;
}

/* Digits alone, no sign; false for a number above 2^63 - 1. */
static bool take_number(rest *rest, uint64_t *out) {
  const char *begin = rest->at;
  for (*out = 0; rest->at < rest->end && *rest->at >= '0' && *rest->at <= '9'; rest->at++) {
    uint64_t digit = (uint64_t)(*rest->at - '0');
    if (*out > (INT64_MAX - digit) / 10) return false;
    *out = 10 * *out + digit;
  }
  return rest->at > begin;
}

/* "bytes 0-499/1234" and nothing behind it */
static bool take_range(rest *rest, mixent_http_answer *answer) {
  skip_blanks(rest);
  if (!take_word(rest, "bytes ")) return false;
  skip_blanks(rest);
  if (!take_number(rest, &answer->first) || !take_word(rest, "-") || !take_number(rest, &answer->last) ||
      !take_word(rest, "/") || !take_number(rest, &answer->size))
    return false;
  skip_blanks(rest);
  return rest->at == rest->end;
}

void mixent_http_answer_line(mixent_http_answer *answer, const char *line, size_t length) {
  rest rest = {line, line + length};
  if (take_word(&rest, "HTTP/")) answer->size = 0; /* another answer, after a redirection */
  if (take_word(&rest, "content-range:") && !take_range(&rest, answer)) answer->size = 0;
}

mixent_status mixent_http_answer_check(const mixent_http_answer *answer, long code) {
  if (code == 200)
    return mixent_fail(
        MIXENT_ERROR_UNSUPPORTED,
        "%s: the server ignores byte ranges (it answered 200 instead of 206) and would send "
        "the whole file, so nothing was fetched; try later, or give the address of a copy on another server",
        answer->address);
  if (code != 206 || answer->size <= answer->last || answer->first != answer->asked_first ||
      answer->last != answer->asked_last)
    return mixent_fail(MIXENT_ERROR_FORMAT,
                       "%s: asked for bytes %" PRIu64 " to %" PRIu64
                       ", the server's answer (%ld) holds something else; "
                       "try later, or give the address of another copy",
                       answer->address, answer->asked_first, answer->asked_last, code);
  if (answer->known_size && answer->known_size != answer->size)
    return mixent_fail(MIXENT_ERROR_FORMAT, "%s changed on the server while it was being read; run again",
                       answer->address);
  return MIXENT_OK;
}

mixent_status mixent_http_answer_body(mixent_http_answer *answer, long code, size_t length) {
  if (answer->received == 0) MIXENT_TRY(mixent_http_answer_check(answer, code));
  if (length > answer->asked_last - answer->asked_first + 1 - answer->received)
    return mixent_fail(MIXENT_ERROR_FORMAT, "%s: the server sends more than was asked for; try later",
                       answer->address);
  answer->received += length;
  return MIXENT_OK;
}
