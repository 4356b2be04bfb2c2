/* libFuzzer: any bytes as result.json; what is taken says the same again when it is written and read. */
#include "core/memory.h"
#include "lab/result/parts.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static mixent_result *read_text(const char *text, size_t size) {
  mixent_result *result;
  if (MIXENT_ALLOCATE(1, &result) != MIXENT_OK) abort();
  if (mixent_result_from_json(text, size, "input", result) == MIXENT_OK) return result;
  if (strncmp(mixent_last_error(), "input", 5) != 0) abort();
  mixent_result_free(result);
  return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  mixent_result *result = read_text((const char *)data, size);
  if (!result) return 0;
  char *text = NULL, *second = NULL;
  mixent_result *again =
      mixent_result_to_json(result, &text) == MIXENT_OK ? read_text(text, strlen(text)) : NULL;
  if (!again || mixent_result_to_json(again, &second) != MIXENT_OK || strcmp(text, second) != 0) abort();
  mixent_result_free(result);
  mixent_result_free(again);
  free(text);
  free(second);
  return 0;
}
