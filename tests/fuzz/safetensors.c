/* libFuzzer: any bytes as a safetensors file; what is taken must lie within them. */
#include "io/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  mixent_safetensors *file;
  if (mixent_safetensors_parse((const char *)data, size, "input", &file) == MIXENT_OK) {
    size_t count;
    volatile unsigned char last;
    const mixent_safetensor *tensors = mixent_safetensors_tensors(file, &count);
    for (size_t i = 0; i < count; i++)
      for (size_t j = 0; j < tensors[i].bytes; j++) last = ((const unsigned char *)tensors[i].data)[j];
    (void)last;
  }
  mixent_safetensors_free(file);
  return 0;
}
