/* Reads MLflow's store. */
#ifndef MIXENT_LAB_RESULTS_MLFLOW_H
#define MIXENT_LAB_RESULTS_MLFLOW_H

#include "lab/results/rows.h"

#include <sqlite3.h>

/* The same as mixent_results_read_mlflow, of an open database. */
mixent_status mixent_results_read_mlflow_database(const mixent_results_file *file, sqlite3 *database,
                                                  const mixent_results_layout *layout, mixent_results *out,
                                                  bool *found);

#endif
