/* The bytes of an input as a text. */
#ifndef MIXENT_FUZZ_TEXT_H
#define MIXENT_FUZZ_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* To be freed; NULL: no memory. (strndup may look for a zero byte behind `size`.) */
static inline char *text_of(const uint8_t *data, size_t size) {
  char *text = malloc(size + 1);
  if (!text) return NULL;
  memcpy(text, data, size);
  text[size] = 0;
  return text;
}

#endif
