/* libFuzzer: any bytes as metrics.jsonl, and the curves and warnings that a report takes from it. */
#include "lab/report/source_parts.h"
#include "run/directory.h"
#include "train/trainer.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  json_t *lines;
  if (mixent_run_history_parse((const char *)data, size, "input", &lines) != MIXENT_OK) {
    if (lines || strncmp(mixent_last_error(), "input", 5) != 0) abort();
    return 0;
  }
  size_t whole = 0;
  for (size_t i = 0; i < size; i++) whole += data[i] == '\n';
  if (json_array_size(lines) != whole) abort();
  mixent_report_run run = {0};
  if (whole) {
    if (mixent_report_run_take_history(lines, &run) != MIXENT_OK || run.epochs != whole) abort();
    volatile double last = run.series[MIXENT_SERIES * whole - 1];
    (void)last;
  }
  mixent_report_run_free(&run);
  for (size_t i = 0; i < whole; i++) {
    mixent_train_epoch epoch;
    mixent_train_epoch_from_json(json_array_get(lines, i), &epoch);
  }
  json_decref(lines);
  return 0;
}
