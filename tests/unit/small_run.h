/* A run small enough for a test: a few images of 16x16 whose class is a bright bar's place, a network of one
 * convolution. */
#ifndef MIXENT_TESTS_SMALL_RUN_H
#define MIXENT_TESTS_SMALL_RUN_H

#include "core/file.h"
#include "core/random.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char small_net[] = "name: small\n"
                                "layers:\n"
                                "  - conv2d: {name: c, channels: 4, kernel: 3, padding: 1}\n"
                                "  - batch_norm: {name: n}\n"
                                "  - relu:\n"
                                "  - max_pool: {size: 2}\n"
                                "  - flatten:\n"
                                "  - dropout: {rate: 0.2}\n"
                                "  - linear: {name: out, features: classes}\n";

/* An IDX file: magic 0x801 or 0x803, extents as big-endian words, bytes. */
static inline bool small_idx(const char *directory, const char *name, size_t count, const uint8_t *bytes,
                             size_t each) {
  uint8_t header[16] = {
      0, 0, 8, each == 1 ? 1 : 3, 0, 0, (uint8_t)(count >> 8), (uint8_t)count, 0, 0, 0, 16, 0, 0, 0, 16};
  char *path = mixent_path_join(directory, name);
  FILE *stream = fopen(path, "wb");
  bool written =
      stream && fwrite(header, 1, each == 1 ? 8 : 16, stream) && fwrite(bytes, each, count, stream) == count;
  if (stream) fclose(stream);
  free(path);
  return written;
}

static inline bool small_part(const char *directory, const char *part, size_t count, int classes,
                              uint64_t seed) {
  uint8_t *pixels = malloc(count * 256), *labels = malloc(count);
  char images_name[64], labels_name[64];
  mixent_random random = mixent_random_stream(seed, "test", part);
  for (size_t i = 0; i < count; i++) {
    labels[i] = (uint8_t)(i % (size_t)classes + 1);
    for (size_t pixel = 0; pixel < 256; pixel++) {
      uint32_t words[4];
      mixent_random_block(&random, i, pixel, words);
      bool bar = pixel / 16 / 2 == (size_t)labels[i];
      pixels[i * 256 + pixel] = (uint8_t)(words[0] % 100 + (bar ? 100 : 0));
    }
  }
  snprintf(images_name, sizeof images_name, "%s-images-idx3-ubyte", part);
  snprintf(labels_name, sizeof labels_name, "%s-labels-idx1-ubyte", part);
  bool written = small_idx(directory, images_name, count, pixels, 256) &&
                 small_idx(directory, labels_name, count, labels, 1);
  free(pixels);
  free(labels);
  return written;
}

/* directory/data with 66 + 20 images of `classes` classes, directory/small.yaml */
static inline bool small_run_make(const char *directory, int classes) {
  char *data = mixent_path_join(directory, "data"), *net = mixent_path_join(directory, "small.yaml");
  bool made = mixent_directory_make(data) == MIXENT_OK && small_part(data, "train", 66, classes, 1) &&
              small_part(data, "test", 20, classes, 2) &&
              mixent_file_replace(net, small_net, strlen(small_net)) == MIXENT_OK;
  free(data);
  free(net);
  return made;
}

#endif
