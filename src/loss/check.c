/* What can be wrong with a call apart from its logits. */
#include "loss/check.h"
#include "core/status.h"
#include "loss/half.h"

#include <inttypes.h>
#include <math.h>

static const size_t type_sizes[] = {[MIXENT_FLOAT32] = 4, [MIXENT_FLOAT64] = 8, [MIXENT_BFLOAT16] = 2,
                                    [MIXENT_FLOAT16] = 2, [MIXENT_INT8] = 1,    [MIXENT_UINT8] = 1,
                                    [MIXENT_INT16] = 2,   [MIXENT_INT32] = 4,   [MIXENT_INT64] = 8};
enum { TYPES = sizeof type_sizes / sizeof *type_sizes };

size_t mixent_type_size(mixent_type type) {
  return (unsigned)type < TYPES ? type_sizes[type] : 0;
}

static bool is_floating(mixent_type type) {
  return (unsigned)type <= MIXENT_FLOAT16;
}

int64_t mixent_label_at(const mixent_array *labels, size_t index) {
  switch (labels->type) {
  case MIXENT_INT8: return ((const int8_t *)labels->data)[index];
  case MIXENT_UINT8: return ((const uint8_t *)labels->data)[index];
  case MIXENT_INT16: return ((const int16_t *)labels->data)[index];
  case MIXENT_INT32: return ((const int32_t *)labels->data)[index];
  default: return ((const int64_t *)labels->data)[index];
  }
}

double mixent_number_at(const mixent_array *numbers, size_t index) {
  switch (numbers->type) {
  case MIXENT_FLOAT32: return ((const float *)numbers->data)[index];
  case MIXENT_FLOAT64: return ((const double *)numbers->data)[index];
  default: return mixent_widen(((const uint16_t *)numbers->data)[index], numbers->type);
  }
}

/* An array that is given must be of a fitting type and lie where its elements may. */
static mixent_status check_array(const char *name, const mixent_array *array, bool floating, bool rows,
                                 size_t classes) {
  if (!array->data) return MIXENT_OK;
  size_t size = mixent_type_size(array->type);
  if (!size || is_floating(array->type) != floating)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "loss: %s are of type %d, which is no %s type", name,
                       (int)array->type, floating ? "floating" : "whole-number");
  if ((uintptr_t)array->data % size)
    return mixent_fail(MIXENT_ERROR_ARGUMENT,
                       "loss: the address of %s is no multiple of their size, %zu bytes", name, size);
  if (rows && array->stride && array->stride < classes)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "loss: the row stride of %s, %zu, is less than the %zu classes",
                       name, array->stride, classes);
  return MIXENT_OK;
}

static mixent_status check_arrays(const mixent_loss_batch *batch, const mixent_loss_result *result) {
  size_t classes = batch->classes;
  const mixent_array gradient = {result->gradient, batch->logits.type, result->gradient_stride};
  if (classes == 0) return mixent_fail(MIXENT_ERROR_ARGUMENT, "loss: there must be at least one class");
  if (batch->rows && !batch->logits.data)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "loss: no logits are given");
  if (batch->rows > SIZE_MAX / 16 / classes)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "loss: %zu rows of %zu classes are more than memory can hold",
                       batch->rows, classes);
  if (batch->rows && !batch->labels.data == !batch->targets.data)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "loss: give either labels or targets, not %s",
                       batch->labels.data ? "both" : "neither");
  MIXENT_TRY(check_array("logits", &batch->logits, true, true, classes));
  MIXENT_TRY(check_array("labels", &batch->labels, false, false, classes));
  MIXENT_TRY(check_array("targets", &batch->targets, true, true, classes));
  MIXENT_TRY(check_array("class weights", &batch->class_weights, true, false, classes));
  MIXENT_TRY(check_array("row weights", &batch->row_weights, true, false, classes));
  MIXENT_TRY(check_array("gradients", &gradient, true, true, classes));
  if (result->gradient && result->gradient == batch->logits.data && result->gradient_stride &&
      result->gradient_stride != (batch->logits.stride ? batch->logits.stride : classes))
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "loss: a gradient over the logits must have their row stride");
  for (size_t k = 0; batch->class_weights.data && k < classes; k++) {
    double weight = mixent_number_at(&batch->class_weights, k);
    if (!(weight >= 0 && isfinite(weight)))
      return mixent_fail(MIXENT_ERROR_ARGUMENT,
                         "loss: class %zu has weight %g; it must be finite and not negative", k, weight);
  }
  return MIXENT_OK;
}

static mixent_status check_range(const char *name, double value, bool right, const char *range) {
  return right ? MIXENT_OK
               : mixent_fail(MIXENT_ERROR_ARGUMENT, "loss: %s is %g; it must lie %s", name, value, range);
}

mixent_status mixent_loss_check_rule(const mixent_loss_rule *rule) {
  MIXENT_TRY(check_range("smoothing", rule->smoothing, rule->smoothing >= 0 && rule->smoothing <= 1,
                         "within [0, 1]"));
  MIXENT_TRY(check_range("eps", rule->eps, rule->eps >= 1e-37 && rule->eps < 1, "within [1e-37, 1)"));
  MIXENT_TRY(check_range("focal_gamma", rule->focal_gamma,
                         rule->focal_gamma >= 0 && rule->focal_gamma <= 1000, "within [0, 1000]"));
  MIXENT_TRY(check_range("gce_q", rule->gce_q, rule->gce_q > 0 && rule->gce_q <= 1, "within (0, 1]"));
  MIXENT_TRY(check_range("t1", rule->t1, rule->t1 >= 0 && rule->t1 < 1, "within [0, 1)"));
  return check_range("t2", rule->t2, rule->t2 >= 1 && rule->t2 <= 7, "within [1, 7]");
}

mixent_status mixent_loss_check_call(const mixent_loss_batch *batch, const mixent_loss_rule *rule,
                                     const mixent_loss_result *result) {
  MIXENT_TRY(check_arrays(batch, result));
  MIXENT_TRY(mixent_loss_check_rule(rule));
  for (int term = 0; term < MIXENT_TERMS; term++)
    if (!isfinite(rule->coefficients[term]))
      return mixent_fail(MIXENT_ERROR_ARGUMENT, "loss: the coefficient of %s is %g; it must be finite",
                         mixent_term_names[term], rule->coefficients[term]);
  if ((unsigned)rule->reduction > MIXENT_NONE)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "loss: there is no reduction %d", (int)rule->reduction);
  return MIXENT_OK;
}

mixent_status mixent_loss_count(const mixent_loss_batch *batch, size_t *counted, double *divisor) {
  double sum = 0;
  *counted = batch->rows;
  for (size_t row = 0; batch->labels.data && row < batch->rows; row++) {
    int64_t label = mixent_label_at(&batch->labels, row);
    if (batch->ignore && label == batch->ignore_label) {
      --*counted;
    } else if (label < 0 || (uint64_t)label >= batch->classes) {
      return mixent_fail(MIXENT_ERROR_ARGUMENT,
                         "loss: row %zu has label %" PRId64
                         "; labels run from 0 to %zu (rows to leave out: set ignore and ignore_label)",
                         row, label, batch->classes - 1);
    } else if (batch->class_weights.data) {
      sum += mixent_number_at(&batch->class_weights, (size_t)label);
    }
  }
  if (!batch->labels.data || !batch->class_weights.data) sum = (double)*counted;
  *divisor = sum > 0 ? sum : 1;
  return MIXENT_OK;
}
