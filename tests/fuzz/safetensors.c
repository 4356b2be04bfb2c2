/* libFuzzer: any bytes as a safetensors file, as they are and with a checksum that is right; what is taken must lie within them. */
#include "fuzz/mend_safetensors.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_all(const char *bytes, size_t size) {
  mixent_safetensors *file;
  if (mixent_safetensors_parse(bytes, size, "input", &file) == MIXENT_OK) {
    size_t count;
    volatile unsigned char last;
    const mixent_safetensor *tensors = mixent_safetensors_tensors(file, &count);
    for (size_t i = 0; i < count; i++)
      for (size_t j = 0; j < tensors[i].bytes; j++) last = ((const unsigned char *)tensors[i].data)[j];
    (void)last;
  }
  mixent_safetensors_free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  read_all((const char *)data, size);
  char *bytes = malloc(size + !size);
  if (!bytes) return 0;
  if (size) memcpy(bytes, data, size);
  mend_safetensors(bytes, size);
  if (size && memcmp(bytes, data, size) != 0) read_all(bytes, size);
  free(bytes);
  return 0;
}
