/* Fuzzing the IDX reader with libFuzzer. Needs no more of the library than this, from the project's root:
 *   clang -g -O1 -fsanitize=fuzzer,address,undefined -std=c17 -D_GNU_SOURCE -Iinclude -Isrc tests/fuzz/idx.c
 *     src/data/formats/idx.c src/core/file.c src/core/locale.c src/core/memory.c src/core/status.c -lz -o fuzz-idx
 *   ./fuzz-idx -max_total_time=120 -rss_limit_mb=512 */
#include "data/formats/idx.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  for (int dimensions = 1; dimensions <= 3; dimensions += 2) {
    mixent_idx idx;
    if (mixent_idx_parse("fuzz", data, size, dimensions, &idx) == MIXENT_OK) {
      size_t total = idx.extent[0] * idx.extent[1] * idx.extent[2];
      volatile uint8_t last = idx.bytes[total - 1]; /* what is accepted is all there */
      (void)last;
      free(idx.bytes);
    } else if (idx.bytes || strncmp(mixent_last_error(), "fuzz: ", 6) != 0) {
      abort();
    }
  }
  return 0;
}
