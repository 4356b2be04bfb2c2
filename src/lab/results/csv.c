/* Results in CSV: a header, then a row per run, or per run and metric. */
#include "data/formats/csv.h"
#include "core/memory.h"
#include "lab/results/rows.h"

#include <stdlib.h>

static mixent_status read_rows(mixent_csv *csv, const mixent_results_header *header,
                               mixent_results_field *fields, mixent_results *out) {
  bool found;
  size_t rows = 0;
  MIXENT_TRY(mixent_csv_next(csv, &found));
  for (; found; rows++) {
    if (csv->count != header->count)
      return mixent_csv_fail(csv, &csv->cells[csv->count > header->count ? header->count : csv->count - 1],
                             "expected %zu cells as in the header, got %zu", header->count, csv->count);
    for (size_t i = 0; i < csv->count; i++)
      fields[i] = mixent_results_cell_read(csv->cells[i].text, csv->cells[i].line, csv->cells[i].column);
    MIXENT_TRY(mixent_results_take(header, fields, out));
    MIXENT_TRY(mixent_csv_next(csv, &found));
  }
  if (rows) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_FORMAT, "%s: expected rows below the header, got none", csv->origin);
}

static mixent_status read_table(mixent_csv *csv, const mixent_results_layout *layout, const char ***names,
                                mixent_results_field **fields, mixent_results *out) {
  bool found;
  MIXENT_TRY(mixent_csv_next(csv, &found));
  if (!found)
    return mixent_fail(MIXENT_ERROR_FORMAT, "%s: expected a table of results, got an empty file",
                       csv->origin);
  if (csv->count > MIXENT_RESULTS_COLUMNS)
    return mixent_csv_fail(csv, &csv->cells[0], "expected at most %d columns, got %zu",
                           MIXENT_RESULTS_COLUMNS, csv->count);
  MIXENT_TRY(MIXENT_ALLOCATE(csv->count, names));
  MIXENT_TRY(MIXENT_ALLOCATE(csv->count, fields));
  for (size_t i = 0; i < csv->count; i++)
    (*names)[i] = csv->cells[i].text; /* the text stays when the row goes */
  mixent_results_header header = {
      .origin = csv->origin, .line = csv->cells[0].line, .names = *names, .count = csv->count};
  MIXENT_TRY(mixent_results_find_roles(layout, &header));
  return read_rows(csv, &header, *fields, out);
}

mixent_status mixent_results_read_csv(const char *origin, char *text, size_t size,
                                      const mixent_results_layout *layout, mixent_results *out) {
  mixent_csv csv;
  const char **names = NULL;
  mixent_results_field *fields = NULL;
  MIXENT_TRY(mixent_csv_begin(origin, text, size, &csv));
  mixent_status status = read_table(&csv, layout, &names, &fields, out);
  free(fields);
  free(names);
  mixent_csv_end(&csv);
  return status;
}
