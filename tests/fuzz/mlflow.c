/* Fuzzing the reader of MLflow's store: SQLite's file is the input, and whatever it holds is no reason to write or to run on. */
#include "lab/results/mlflow.h"
#include "fuzz/text.h"

#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const mixent_results_file file = {.path = "fuzz", .root = "fuzz", .name = "", .is_named = true};
  const mixent_results_layout layout = {.best = NULL};
  mixent_results results = {0};
  sqlite3 *database = NULL;
  bool found;
  unsigned char *bytes = sqlite3_malloc64(size + 1);
  if (!bytes) return 0;
  if (size) memcpy(bytes, data, size);
  if (sqlite3_open(":memory:", &database) == SQLITE_OK &&
      sqlite3_deserialize(database, "main", bytes, (sqlite3_int64)size, (sqlite3_int64)size,
                          SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_READONLY) == SQLITE_OK) {
    mixent_status status = mixent_results_read_mlflow_database(&file, database, &layout, &results, &found);
    if (status != MIXENT_OK && !strstr(mixent_last_error(), "fuzz")) abort();
    for (size_t i = 0; i < results.keys.count; i++)
      for (size_t j = 0; j < results.runs[i].cell_count; j++)
        if (isinf(results.runs[i].cells[j].value)) abort();
  }
  sqlite3_close(database);
  mixent_results_free(&results);
  return 0;
}
