/* Whole numbers that nodes of ONNX compute with before they are a shape, axes or pads: what PyTorch writes for x.view(x.size(0),
 * -1), chunk() and pad(). The number of rows is not known; MIXENT_ONNX_BATCH stands for it, and nothing is computed with it. */
#include "core/memory.h"
#include "model/import_onnx.h"

#include <string.h>

int mixent_onnx_axis(int64_t axis, int rank) {
  if (axis < 0) axis += rank;
  return axis >= 0 && axis < rank ? (int)axis : -1;
}

mixent_status mixent_onnx_list_get(mixent_importer *importer, int i, const char *attribute, int *count,
                                   int64_t out[MIXENT_ONNX_NUMBERS]) {
  const mixent_onnx_numbers *numbers;
  if (!mixent_onnx_has_input(importer, i)) {
    *count = attribute ? mixent_onnx_attribute_integers(&importer->step, attribute, out) : 0;
    return *count >= 0
               ? MIXENT_OK
               : mixent_onnx_fail(importer, "%s: expected at most %d numbers", attribute, MIXENT_ONNX_LIST);
  }
  MIXENT_TRY(mixent_onnx_numbers_get(importer, i, &numbers));
  *count = numbers->count;
  memcpy(out, numbers->values, sizeof numbers->values);
  return MIXENT_OK;
}

static mixent_status fail_numbers(const mixent_importer *importer) {
  return mixent_onnx_fail(
      importer,
      "cannot be computed with whole numbers here; expected a shape, axes or pads that do not depend on the number of images");
}

/* Sets the shape; false where it is not of as many numbers. */
static bool set_shape(mixent_onnx_numbers *numbers, int dimensions, const int64_t *shape) {
  int64_t count = 1;
  if (dimensions < 0 || dimensions > MIXENT_ONNX_DIMENSIONS) return false;
  for (int i = 0; i < dimensions; i++) {
    if (shape[i] < 0 || shape[i] > MIXENT_ONNX_NUMBERS) return false;
    count *= shape[i], numbers->shape[i] = shape[i];
    if (count > MIXENT_ONNX_NUMBERS) return false;
  }
  numbers->dimensions = dimensions;
  return count == numbers->count;
}

/* Where element `at` of a tensor of that shape stands along each axis. */
static void find_place(const mixent_onnx_numbers *numbers, int at, int64_t place[MIXENT_ONNX_DIMENSIONS]) {
  for (int d = numbers->dimensions - 1; d >= 0; d--)
    place[d] = at % numbers->shape[d], at /= (int)numbers->shape[d];
}

static int find_element(const mixent_onnx_numbers *numbers, const int64_t place[MIXENT_ONNX_DIMENSIONS]) {
  int64_t at = 0;
  for (int d = 0; d < numbers->dimensions; d++) at = at * numbers->shape[d] + place[d];
  return (int)at;
}

/* Shape, with `start` and `end`: of a value that a layer gives, or of a tensor. */
static mixent_status take_shape(mixent_importer *importer) {
  mixent_onnx_item *item;
  mixent_onnx_numbers all = {.dimensions = 1}, out = {.dimensions = 1};
  MIXENT_TRY(mixent_onnx_item_get(importer, 0, &item));
  if (item->kind == MIXENT_ONNX_TENSOR || item->kind == MIXENT_ONNX_WHOLE) return fail_numbers(importer);
  if (item->kind != MIXENT_ONNX_LAYER && item->kind != MIXENT_ONNX_AFFINE)
    MIXENT_TRY(mixent_onnx_settle(importer, item));
  const mixent_onnx_made *layer = &importer->layers[item->layer];
  all.count = item->rank;
  all.values[0] = MIXENT_ONNX_BATCH, all.values[1] = layer->channels;
  all.values[2] = layer->height, all.values[3] = layer->width;
  int64_t start = mixent_onnx_attribute_integer(&importer->step, "start", 0);
  int64_t end = mixent_onnx_attribute_integer(&importer->step, "end", all.count);
  if (start < 0) start += all.count;
  if (end < 0) end += all.count;
  for (int64_t i = start < 0 ? 0 : start; i < end && i < all.count; i++)
    out.values[out.count++] = all.values[i];
  out.shape[0] = out.count;
  return mixent_onnx_give_numbers(importer, &out);
}

/* Constant and ConstantOfShape with whole numbers; *done false: it holds something else. */
static mixent_status take_constant(mixent_importer *importer, bool *done) {
  mixent_onnx_numbers out = {0};
  mixent_onnx_tensor tensor;
  mixent_bytes attribute;
  const mixent_onnx_step *step = &importer->step;
  if (mixent_onnx_attribute_find(step, "value_int", &attribute)) {
    out.count = 1, out.values[0] = mixent_onnx_attribute_integer(step, "value_int", 0);
  } else if (mixent_onnx_attribute_find(step, "value_ints", &attribute)) {
    out.count = mixent_onnx_attribute_integers(step, "value_ints", out.values);
    out.dimensions = 1, out.shape[0] = out.count;
    if (out.count < 0) return fail_numbers(importer);
  } else {
    *done = mixent_onnx_attribute_find(step, "value", &attribute);
    if (!*done) return MIXENT_OK;
    MIXENT_TRY(mixent_onnx_tensor_read(&importer->file, mixent_field_bytes(attribute, 5), &tensor));
    *done = tensor.type == MIXENT_ONNX_INT64 && tensor.count <= MIXENT_ONNX_NUMBERS;
    if (!*done) return MIXENT_OK;
    MIXENT_TRY(mixent_onnx_tensor_integers(&importer->file, &tensor, out.values));
    out.count = (int)tensor.count;
    if (!set_shape(&out, tensor.dimensions, tensor.shape)) return fail_numbers(importer);
  }
  *done = true;
  return mixent_onnx_give_numbers(importer, &out);
}

static mixent_status take_constant_of_shape(mixent_importer *importer) {
  const mixent_onnx_numbers *shape;
  mixent_onnx_numbers out = {.count = 1};
  mixent_onnx_tensor tensor;
  mixent_bytes attribute;
  int64_t value;
  MIXENT_TRY(mixent_onnx_numbers_get(importer, 0, &shape));
  for (int i = 0; i < shape->count; i++) {
    if (shape->values[i] < 0 || shape->values[i] > MIXENT_ONNX_NUMBERS) return fail_numbers(importer);
    out.count *= (int)shape->values[i];
    if (out.count > MIXENT_ONNX_NUMBERS) return fail_numbers(importer);
  }
  if (!set_shape(&out, shape->count, shape->values)) return fail_numbers(importer);
  if (!mixent_onnx_attribute_find(&importer->step, "value", &attribute)) return fail_numbers(importer);
  MIXENT_TRY(mixent_onnx_tensor_read(&importer->file, mixent_field_bytes(attribute, 5), &tensor));
  if (tensor.type != MIXENT_ONNX_INT64 || tensor.count != 1) return fail_numbers(importer);
  MIXENT_TRY(mixent_onnx_tensor_integers(&importer->file, &tensor, &value));
  for (int i = 0; i < out.count; i++) out.values[i] = value;
  return mixent_onnx_give_numbers(importer, &out);
}

/* Along axis 0, of lists. */
static mixent_status concat_numbers(mixent_importer *importer) {
  mixent_onnx_numbers out = {.dimensions = 1};
  for (int i = 0; i < importer->step.input_count; i++) {
    const mixent_onnx_numbers *part;
    MIXENT_TRY(mixent_onnx_numbers_get(importer, i, &part));
    if (part->dimensions != 1 || out.count + part->count > MIXENT_ONNX_NUMBERS) return fail_numbers(importer);
    memcpy(out.values + out.count, part->values, (size_t)part->count * sizeof *part->values);
    out.count += part->count;
  }
  out.shape[0] = out.count;
  return mixent_onnx_give_numbers(importer, &out);
}

/* One number, or several of a list. */
static mixent_status gather_numbers(mixent_importer *importer) {
  const mixent_onnx_numbers *from, *at;
  MIXENT_TRY(mixent_onnx_numbers_get(importer, 0, &from));
  MIXENT_TRY(mixent_onnx_numbers_get(importer, 1, &at));
  if (from->dimensions != 1 || mixent_onnx_attribute_integer(&importer->step, "axis", 0) != 0)
    return fail_numbers(importer);
  mixent_onnx_numbers out = *at;
  for (int i = 0; i < at->count; i++) {
    int place = mixent_onnx_axis(at->values[i], from->count);
    if (place < 0) return fail_numbers(importer);
    out.values[i] = from->values[place];
  }
  return mixent_onnx_give_numbers(importer, &out);
}

static mixent_status reshape_numbers(mixent_importer *importer, const mixent_onnx_numbers *from) {
  const mixent_onnx_numbers *wanted;
  mixent_onnx_numbers out = *from;
  int64_t shape[MIXENT_ONNX_NUMBERS], known = 1;
  int open = -1;
  MIXENT_TRY(mixent_onnx_numbers_get(importer, 1, &wanted));
  for (int i = 0; i < wanted->count; i++) {
    shape[i] = wanted->values[i];
    if (shape[i] == -1)
      open = i;
    else if (shape[i] > 0 && shape[i] <= MIXENT_ONNX_NUMBERS && known <= MIXENT_ONNX_NUMBERS)
      known *= shape[i];
    else
      return fail_numbers(importer);
  }
  if (open >= 0) shape[open] = from->count / known;
  return set_shape(&out, wanted->count, shape) ? mixent_onnx_give_numbers(importer, &out)
                                               : fail_numbers(importer);
}

/* The axes given become of length 1, or go. */
static mixent_status squeeze_numbers(mixent_importer *importer, const mixent_onnx_numbers *from, bool add) {
  mixent_onnx_numbers out = *from;
  int64_t axes[MIXENT_ONNX_NUMBERS], shape[MIXENT_ONNX_DIMENSIONS + 1];
  int count, dimensions = 0, next = 0;
  MIXENT_TRY(mixent_onnx_list_get(importer, 1, "axes", &count, axes));
  if (count != 1) return fail_numbers(importer);
  int axis = mixent_onnx_axis(axes[0], from->dimensions + add);
  if (axis < 0 || (!add && from->shape[axis] != 1)) return fail_numbers(importer);
  for (int i = 0; i < from->dimensions + add; i++) {
    if (i == axis && add) shape[dimensions++] = 1;
    if (i == axis && !add) next++;
    if (i != axis) shape[dimensions++] = from->shape[next++];
  }
  return set_shape(&out, dimensions, shape) ? mixent_onnx_give_numbers(importer, &out)
                                            : fail_numbers(importer);
}

static int64_t between(int64_t value, int64_t low, int64_t high) {
  return value < low ? low : value > high ? high : value;
}

/* One axis, by any step. */
static mixent_status slice_numbers(mixent_importer *importer, const mixent_onnx_numbers *from) {
  int64_t list[MIXENT_ONNX_NUMBERS] = {0}, start, end, step = 1, place[MIXENT_ONNX_DIMENSIONS] = {0},
          shape[MIXENT_ONNX_DIMENSIONS];
  int counts[4], axis = 0;
  mixent_onnx_numbers out = {.dimensions = from->dimensions};
  MIXENT_TRY(mixent_onnx_list_get(importer, 1, "starts", &counts[0], list));
  start = list[0];
  MIXENT_TRY(mixent_onnx_list_get(importer, 2, "ends", &counts[1], list));
  end = list[0];
  MIXENT_TRY(mixent_onnx_list_get(importer, 3, "axes", &counts[2], list));
  if (counts[2] == 1) axis = mixent_onnx_axis(list[0], from->dimensions);
  MIXENT_TRY(mixent_onnx_list_get(importer, 4, NULL, &counts[3], list));
  if (counts[3] == 1) step = list[0];
  if (counts[0] != 1 || counts[1] != 1 || counts[2] > 1 || counts[3] > 1) return fail_numbers(importer);
  if (axis < 0 || axis >= from->dimensions || step == 0 || step < -MIXENT_ONNX_NUMBERS ||
      step > MIXENT_ONNX_NUMBERS)
    return fail_numbers(importer);
  int64_t length = from->shape[axis];
  if (start < 0) start = start < -length ? -1 : start + length;
  if (end < 0) end = end < -length ? -1 : end + length;
  start = between(start, 0, step > 0 ? length : length - 1), end = between(end, step > 0 ? 0 : -1, length);
  int64_t kept = step > 0 ? (end - start + step - 1) / step : (start - end - step - 1) / -step;
  memcpy(shape, from->shape, sizeof shape);
  shape[axis] = kept > 0 ? kept : 0;
  out.count = from->count / (int)(length ? length : 1) * (int)shape[axis];
  if (!set_shape(&out, from->dimensions, shape)) return fail_numbers(importer);
  for (int i = 0; i < out.count; i++) {
    find_place(&out, i, place);
    place[axis] = start + place[axis] * step;
    out.values[i] = from->values[find_element(from, place)];
  }
  return mixent_onnx_give_numbers(importer, &out);
}

/* Of two axes. */
static mixent_status transpose_numbers(mixent_importer *importer, const mixent_onnx_numbers *from) {
  mixent_onnx_numbers out = *from;
  if (from->dimensions != 2) return fail_numbers(importer);
  int64_t order[MIXENT_ONNX_LIST] = {1, 0}, place[MIXENT_ONNX_DIMENSIONS] = {0};
  int count = mixent_onnx_attribute_integers(&importer->step, "perm", order);
  if (count && (count != 2 || order[0] != 1 || order[1] != 0)) return fail_numbers(importer);
  out.shape[0] = from->shape[1], out.shape[1] = from->shape[0];
  for (int i = 0; i < out.count; i++) {
    find_place(&out, i, place);
    out.values[i] = from->values[find_element(from, (int64_t[MIXENT_ONNX_DIMENSIONS]){place[1], place[0]})];
  }
  return mixent_onnx_give_numbers(importer, &out);
}

/* One number stands for a list of as many as the other has. */
static mixent_status calculate(mixent_importer *importer, char sign) {
  const mixent_onnx_numbers *a, *b;
  const int64_t most = INT32_MAX;
  MIXENT_TRY(mixent_onnx_numbers_get(importer, 0, &a));
  MIXENT_TRY(mixent_onnx_numbers_get(importer, 1, &b));
  mixent_onnx_numbers out = a->count == 1 && a->dimensions <= b->dimensions ? *b : *a;
  if ((a->count != out.count && a->count != 1) || (b->count != out.count && b->count != 1))
    return fail_numbers(importer);
  for (int i = 0; i < out.count; i++) {
    int64_t x = a->values[a->count == 1 ? 0 : i], y = b->values[b->count == 1 ? 0 : i];
    if (x < -most || x > most || y < -most || y > most || (sign == '/' && (y <= 0 || x < 0)))
      return fail_numbers(importer);
    out.values[i] = sign == '+' ? x + y : sign == '-' ? x - y : sign == '*' ? x * y : x / y;
  }
  return mixent_onnx_give_numbers(importer, &out);
}

static mixent_status cast_numbers(mixent_importer *importer, const mixent_onnx_numbers *from) {
  int64_t to = mixent_onnx_attribute_integer(&importer->step, "to", 0);
  return to == MIXENT_ONNX_INT64 ? mixent_onnx_give_numbers(importer, from) : fail_numbers(importer);
}

mixent_status mixent_onnx_compute_numbers(mixent_importer *importer, bool *done) {
  const mixent_bytes type = importer->step.type;
  mixent_onnx_item *first;
  *done = true;
  if (mixent_bytes_are(type, "Constant")) return take_constant(importer, done);
  if (mixent_bytes_are(type, "Shape")) return take_shape(importer);
  *done = mixent_onnx_has_input(importer, 0);
  if (!*done) return MIXENT_OK;
  MIXENT_TRY(mixent_onnx_item_get(importer, 0, &first));
  *done = first->kind == MIXENT_ONNX_WHOLE;
  if (!*done) return MIXENT_OK;
  if (mixent_bytes_are(type, "ConstantOfShape")) return take_constant_of_shape(importer);
  if (mixent_bytes_are(type, "Concat")) return concat_numbers(importer);
  if (mixent_bytes_are(type, "Gather")) return gather_numbers(importer);
  if (mixent_bytes_are(type, "Reshape")) return reshape_numbers(importer, first->numbers);
  if (mixent_bytes_are(type, "Squeeze")) return squeeze_numbers(importer, first->numbers, false);
  if (mixent_bytes_are(type, "Unsqueeze")) return squeeze_numbers(importer, first->numbers, true);
  if (mixent_bytes_are(type, "Slice")) return slice_numbers(importer, first->numbers);
  if (mixent_bytes_are(type, "Transpose")) return transpose_numbers(importer, first->numbers);
  if (mixent_bytes_are(type, "Cast")) return cast_numbers(importer, first->numbers);
  if (mixent_bytes_are(type, "Add")) return calculate(importer, '+');
  if (mixent_bytes_are(type, "Sub")) return calculate(importer, '-');
  if (mixent_bytes_are(type, "Mul")) return calculate(importer, '*');
  if (mixent_bytes_are(type, "Div")) return calculate(importer, '/');
  *done = mixent_bytes_are(type, "Identity");
  return *done ? mixent_onnx_give_same(importer) : MIXENT_OK;
}
