/* Images and rows by their numbers, train and test together. */
#include "data/inspect/inspect.h"

#include <string.h>

const mixent_images *mixent_inspection_find(const mixent_dataset *dataset, size_t number, size_t *index) {
  const bool test = number >= dataset->train.count;
  *index = test ? number - dataset->train.count : number;
  return test ? &dataset->test : &dataset->train;
}

int32_t mixent_inspection_label(const mixent_dataset *dataset, size_t number) {
  size_t index;
  return mixent_inspection_find(dataset, number, &index)->labels[index];
}

const uint8_t *mixent_inspection_bytes(const mixent_dataset *dataset, size_t number, size_t *size) {
  size_t index;
  const mixent_images *images = mixent_inspection_find(dataset, number, &index);
  size_t values = (size_t)images->side * (size_t)images->side * (size_t)images->channels;
  *size = images->features ? values * sizeof *images->features : values;
  return images->features ? (const uint8_t *)(images->features + index * values)
                          : images->pixels + index * values;
}

bool mixent_inspection_equal(const mixent_dataset *dataset, size_t a, size_t b) {
  size_t size;
  const uint8_t *first = mixent_inspection_bytes(dataset, a, &size),
                *second = mixent_inspection_bytes(dataset, b, &size);
  return memcmp(first, second, size) == 0;
}
