/* Fuzzing the reader of TensorBoard's event files. An input that begins with a zero byte is a file; any other is two events, which get the
 * lengths and checksums of records, because no fuzzer guesses those. */
#include "fuzz/text.h"
#include "lab/results/rows.h"

#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEAD = 12, TAIL = 4 };

/* CRC-32C, masked as TFRecord has it. */
static uint32_t checksum(const uint8_t *bytes, size_t count) {
  uint32_t crc = UINT32_MAX;
  for (size_t i = 0; i < count; i++) {
    crc ^= bytes[i];
    for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  crc = ~crc;
  return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

static void write_little(uint8_t *out, uint64_t value, int count) {
  for (int i = 0; i < count; i++) out[i] = (uint8_t)(value >> 8 * i);
}

/* The record's bytes behind `out`, which it takes. */
static uint8_t *write_record(uint8_t *out, const uint8_t *bytes, size_t size) {
  write_little(out, size, 8);
  write_little(out + 8, checksum(out, 8), 4);
  if (size) memcpy(out + HEAD, bytes, size);
  write_little(out + HEAD + size, checksum(bytes, size), TAIL);
  return out + HEAD + size + TAIL;
}

static void read_file(uint8_t *bytes, size_t size) {
  const mixent_results_file run = {.path = "runs/ce-1/validation", .root = "runs", .name = "ce-1/validation"};
  const mixent_results_layout last = {.best = NULL}, best = {.best = (char[]){"validation/a"}, .better = 1};
  for (int choice = 0; choice < 2; choice++) {
    mixent_results results = {0};
    mixent_status status = MIXENT_OK;
    for (int reading = choice; reading >= 0 && status == MIXENT_OK; reading--) {
      FILE *stream = fmemopen(bytes, size, "r");
      if (!stream) break;
      results.choosing = reading;
      status = mixent_results_parse_events(&run, "fuzz", stream, size, choice ? &best : &last, &results);
      fclose(stream);
    }
    if (status != MIXENT_OK && strncmp(mixent_last_error(), "fuzz:", 5) != 0 &&
        strncmp(mixent_last_error(), "runs/", 5) != 0)
      abort();
    for (size_t i = 0; i < results.keys.count; i++)
      for (size_t j = 0; j < results.runs[i].cell_count; j++)
        if (isinf(results.runs[i].cells[j].value)) abort();
    mixent_results_free(&results);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (!size) return 0;
  size_t half = size / 2, room = size + 2 * (HEAD + TAIL);
  uint8_t *bytes = calloc(room, 1), *end = bytes;
  if (!bytes) return 0;
  if (data[0] == 0) {
    memcpy(bytes, data + 1, size - 1);
    end += size - 1;
  } else {
    end = write_record(end, data, half);
    end = write_record(end, data + half, size - half);
  }
  if (end > bytes) read_file(bytes, (size_t)(end - bytes));
  free(bytes);
  return 0;
}
