/* Labels out of arrays of numbers. */
#include "data/formats/npy_labels.h"
#include "core/locale.h"

#include <math.h>

/* A row of numbers of which one is 1: its place. */
static mixent_status read_one_hot(const char *origin, const mixent_npy *array, size_t index, double *row,
                                  double *out) {
  size_t ones = 0;
  mixent_npy_row(array, index, row);
  for (size_t k = 0; k < array->row; k++) {
    if (row[k] == 1) *out = (double)k, ones++;
    if (row[k] != 0 && row[k] != 1) ones = array->row + 1;
    if (ones > 1) break;
  }
  if (ones == 1) return MIXENT_OK;
  return mixent_fail(
      MIXENT_ERROR_FORMAT,
      "%s[%zu]: expected a label, as one number, or as %zu of which one is 1 and the others 0; "
      "for probabilities save the most likely class, y.argmax(1)",
      origin, index, array->row);
}

mixent_status mixent_npy_label(const char *origin, const mixent_npy *array, size_t index, double *row,
                               char word[MIXENT_NPY_LABEL]) {
  double label = 0;
  if (array->row > 1)
    MIXENT_TRY(read_one_hot(origin, array, index, row, &label));
  else
    mixent_npy_row(array, index, &label);
  *word = 0;
  if (isnan(label)) return MIXENT_OK;
  if (!(fabs(label) <= 1e15 && label == floor(label)))
    return mixent_fail(MIXENT_ERROR_FORMAT, "%s[%zu] is %g; labels are whole numbers", origin, index, label);
  mixent_print(word, MIXENT_NPY_LABEL, "%.0f", label + 0.0); /* -0 becomes 0 */
  return MIXENT_OK;
}
