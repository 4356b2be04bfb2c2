/* libFuzzer: any bytes as a plan file; what is taken says the same again when it is written and read. */
#include "io/plan_file.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  mixent_plan_file *file, *again;
  if (mixent_plan_file_parse((const char *)data, size, "input", &file) != MIXENT_OK) {
    if (file || strncmp(mixent_last_error(), "input", 5) != 0) abort();
    return 0;
  }
  mixent_text text = {0};
  char hash[MIXENT_PLAN_HASH], second[MIXENT_PLAN_HASH];
  mixent_plan_file_text(file, &text);
  mixent_plan_file_hash(file, hash);
  if (mixent_plan_file_parse(text.data, text.length, "again", &again) != MIXENT_OK) abort();
  mixent_plan_file_hash(again, second);
  if (strcmp(hash, second) != 0 || !mixent_plan_key_equal(&file->key, &again->key)) abort();
  mixent_plan_file_free(again);
  mixent_text_free(&text);
  mixent_plan_file_free(file);
  return 0;
}
