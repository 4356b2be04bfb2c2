/* What can be wrong with a batch apart from its numbers. */
#include "loss/check.h"
#include "core/status.h"
#include <inttypes.h>

mixent_status mixent_loss_check_batch(size_t rows, size_t classes, const int32_t *labels, bool has_targets,
                                      int32_t ignore_label, double eps, size_t *counted) {
  if (classes == 0) return mixent_fail(MIXENT_ERROR_ARGUMENT, "loss: there must be at least one class");
  if ((labels != NULL) == has_targets)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "loss: give either labels or targets, not %s",
                       has_targets ? "both" : "neither");
  if (!(eps > 0 && eps < 1))
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "loss: eps is %g; it must lie between 0 and 1", eps);
  *counted = rows;
  if (has_targets) return MIXENT_OK;
  for (size_t row = 0; row < rows; row++) {
    if (labels[row] == ignore_label) {
      --*counted;
    } else if (labels[row] < 0 || (size_t)labels[row] >= classes) {
      return mixent_fail(MIXENT_ERROR_ARGUMENT,
                         "loss: row %zu has label %" PRId32 "; labels run from 0 to %zu", row, labels[row],
                         classes - 1);
    }
  }
  return MIXENT_OK;
}
