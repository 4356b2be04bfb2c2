/* libFuzzer: the answers to one request for a range, redirections and all: code, what was asked for and the size that is known in two
 * bytes each, the lines of the head up to an empty one, then a byte for each piece of the body, its length. Whatever the server
 * says, what is taken is what was asked for. */
#include "data/fetch/http_answer.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t take_number(const uint8_t **data, size_t *size) {
  if (*size < 2) return 0;
  uint64_t number = (uint64_t)(*data)[0] | (uint64_t)(*data)[1] << 8;
  *data += 2, *size -= 2;
  return number;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  long code = (long)take_number(&data, &size);
  uint64_t first = take_number(&data, &size), count = take_number(&data, &size) + 1,
           known = take_number(&data, &size);
  mixent_http_answer answer = {
      .address = "input", .asked_first = first, .asked_last = first + count - 1, .known_size = known};
  while (size) {
    const uint8_t *end = memchr(data, '\n', size);
    size_t length = end ? (size_t)(end - data) + 1 : size;
    if (length > 1) mixent_http_answer_line(&answer, (const char *)data, length);
    data += length, size -= length;
    if (length == 1) break;
  }
  uint64_t taken = 0;
  for (size_t i = 0; i < size; i++) {
    mixent_status status = mixent_http_answer_body(&answer, code, data[i]);
    if (status != MIXENT_OK) {
      if (strncmp(mixent_last_error(), "input", 5) != 0) abort();
      return 0;
    }
    taken += data[i];
    bool right =
        code == 206 && answer.first == first && answer.last == first + count - 1 && answer.size > answer.last;
    if (!right || (known && answer.size != known) || taken > count || answer.received != taken) abort();
  }
  return 0;
}
