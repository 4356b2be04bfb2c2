/* libFuzzer: any bytes as record.json; what is taken has names and finite numbers, what is refused says where. */
#include "lab/record/record.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  mixent_record record;
  mixent_status status = mixent_record_parse((const char *)data, size, "input", &record);
  if (status != MIXENT_OK && strncmp(mixent_last_error(), "input", 5) != 0) abort();
  if (status == MIXENT_OK && (!*record.variant || !*record.seed || !record.data)) abort();
  for (size_t i = 0; status == MIXENT_OK && i < record.metric_count; i++)
    if (!*record.metrics[i].name || isinf(record.metrics[i].value)) abort();
  mixent_record_free(&record);
  return 0;
}
