/* Names of images; counts of findings. */
#include "lab/inspect/words.h"

const char *mixent_check_part(const mixent_dataset *dataset, size_t number) {
  return number < dataset->train.count ? "train" : "test";
}

const char *mixent_check_class(const mixent_dataset *dataset, size_t number) {
  return dataset->class_names[mixent_inspection_label(dataset, number)];
}

const char *mixent_check_file(const mixent_dataset *dataset, size_t number) {
  size_t index;
  const mixent_images *images = mixent_inspection_find(dataset, number, &index);
  return images->files ? images->files[index] : NULL;
}

mixent_check_tally mixent_check_duplicates(const mixent_data_check *check) {
  mixent_check_tally tally = {.count = check->found.group_count};
  for (size_t i = 0; i < tally.count; i++) {
    tally.across += check->found.groups[i].across;
    tally.conflicts += check->found.groups[i].conflict;
  }
  return tally;
}

mixent_check_tally mixent_check_near(const mixent_data_check *check) {
  mixent_check_tally tally = {.count = check->found.near_count};
  for (size_t i = 0; i < tally.count; i++) {
    tally.across += check->found.near[i].across;
    tally.conflicts += check->found.near[i].conflict;
  }
  return tally;
}
