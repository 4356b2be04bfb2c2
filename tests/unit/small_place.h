/* The directory of a group of tests of small runs (small_run.h): data and a network, made before the group and removed after it. */
#ifndef MIXENT_TESTS_SMALL_PLACE_H
#define MIXENT_TESTS_SMALL_PLACE_H

#include "mixent/status.h"
#include "small_run.h"

static char directory[] = "/tmp/mixent-small-XXXXXX", data_path[64], net_path[64];

static inline int make_data(void **state) {
  (void)state;
  if (!mkdtemp(directory)) return -1;
  snprintf(data_path, sizeof data_path, "%s/data", directory);
  snprintf(net_path, sizeof net_path, "%s/small.yaml", directory);
  return small_run_make(directory, 4) ? 0 : -1;
}

static inline int remove_data(void **state) {
  (void)state;
  return mixent_directory_remove(directory) == MIXENT_OK ? 0 : -1;
}

static inline void assert_ok(mixent_status status) {
  if (status != MIXENT_OK) fail_msg("%s", mixent_last_error());
}

#endif
