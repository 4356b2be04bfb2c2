/* A fuzzer without libFuzzer: runs every file of the directories given, and copies of each with a few bytes changed, always the
 * same ones. Any compiler builds it, so that each build's tests go through all seeds. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LARGEST = 1 << 16, COPIES = 300 };

static uint64_t random_state = 1;

/* xorshift64 (Marsaglia 2003) */
static size_t draw(size_t below) {
  random_state ^= random_state << 13, random_state ^= random_state >> 7, random_state ^= random_state << 17;
  return (size_t)(random_state % below);
}

/* Exactly `size` bytes of memory, so that reading beyond them is seen. */
static void run_copy(const uint8_t *data, size_t size) {
  uint8_t *copy = calloc(size + !size, 1);
  if (!copy) abort();
  if (size) memcpy(copy, data, size);
  LLVMFuzzerTestOneInput(copy, size);
  free(copy);
}

static void run_changed(const uint8_t *data, size_t size) {
  static const uint8_t telling[] = {0, 1, 0x7f, 0x80, 0xff, '\n', '-', '"', '{', ':'};
  static uint8_t changed[LARGEST];
  memcpy(changed, data, size);
  for (size_t changes = draw(4) + 1; changes > 0 && size; changes--) {
    uint8_t *at = &changed[draw(size)];
    size_t kind = draw(4);
    if (kind == 0) *at ^= (uint8_t)(1 << draw(8));
    if (kind == 1) *at = telling[draw(sizeof telling)];
    if (kind == 2) *at = changed[draw(size)];
    if (kind == 3) size = draw(16) ? size : draw(size) + 1;
  }
  run_copy(changed, size);
}

static size_t run_file(const char *directory, const char *name) {
  static uint8_t data[LARGEST];
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  FILE *file = fopen(path, "rb");
  size_t size = file ? fread(data, 1, LARGEST, file) : 0;
  if (!file || ferror(file)) {
    fprintf(stderr, "cannot read %s\n", path);
    exit(1);
  }
  fclose(file);
  run_copy(data, size);
  for (int i = 0; i < COPIES; i++) run_changed(data, size);
  return 1;
}

int main(int argc, char **argv) {
  size_t files = 0;
  run_copy((const uint8_t *)"", 0);
  for (int i = 1; i < argc; i++) {
    DIR *directory = opendir(argv[i]);
    const struct dirent *entry;
    while (directory && (entry = readdir(directory)))
      if (entry->d_name[0] != '.') files += run_file(argv[i], entry->d_name);
    if (directory) closedir(directory);
  }
  if (!files) fprintf(stderr, "expected directories with seeds, got none with a file\n");
  return files ? 0 : 1;
}
