/* Operators of ONNX that change the form of a value, or take some of its channels: one function per operator. */
#include "core/memory.h"
#include "model/import_onnx.h"

#include <string.h>

enum { MOST_CHANNELS = 65536, MOST_WINDOW = 31 };

/* --------------------------------------------------------------------- forms of values ---- */

static mixent_status give_vector(mixent_importer *importer, int input) {
  mixent_onnx_made made = mixent_onnx_made_like(importer, MIXENT_LAYER_FLATTEN, input);
  if (made.height == 1 && made.width == 1)
    return mixent_onnx_give(importer, 0,
                            (mixent_onnx_item){.kind = MIXENT_ONNX_LAYER, .layer = input, .rank = 2});
  int64_t row = (int64_t)made.channels * made.height * made.width;
  if (row > 1 << 24)
    return mixent_onnx_fail(importer, "expected at most %d numbers a row, got %lld", 1 << 24, (long long)row);
  made.channels = (int)row, made.height = made.width = 1;
  return mixent_onnx_give_layer(importer, 0, 2, made, mixent_onnx_no_stem);
}

static mixent_status take_flatten(mixent_importer *importer) {
  int input, rank;
  MIXENT_TRY(mixent_onnx_layer_get(importer, 0, 0, &input));
  MIXENT_TRY(mixent_onnx_rank_get(importer, 0, &rank));
  if (mixent_onnx_axis(mixent_onnx_attribute_integer(&importer->step, "axis", 1), rank) != 1)
    return mixent_onnx_fail(importer, "axis: expected 1");
  return give_vector(importer, input);
}

/* The same value as [N, C] or [N, C, 1, 1]. */
static mixent_status give_rank(mixent_importer *importer, int input, int rank) {
  const mixent_onnx_made *layer = (&importer->layers[input]);
  if (layer->height != 1 || layer->width != 1)
    return mixent_onnx_fail(importer, "expected a map of 1x1, got one of %dx%d", layer->height, layer->width);
  return mixent_onnx_give(importer, 0,
                          (mixent_onnx_item){.kind = MIXENT_ONNX_LAYER, .layer = input, .rank = rank});
}

/* Whether a number of rows is that of all: the one that is not known, 0 (as it was), or the one that the file fixes. */
static bool is_batch(const mixent_importer *importer, int64_t value) {
  bool zero = mixent_onnx_attribute_integer(&importer->step, "allowzero", 0) != 0;
  return value == MIXENT_ONNX_BATCH || (value == 0 && !zero) ||
         (value > 0 && value == importer->file.shape[0]);
}

/* [N, all], [N, C, 1, 1], or the shape it has. */
static mixent_status take_reshape(mixent_importer *importer) {
  static const char wanted[] = "shape: expected [N, all numbers of a row]";
  const mixent_onnx_numbers *shape;
  int64_t list[MIXENT_ONNX_NUMBERS], known = 1;
  int input, open = -1;
  MIXENT_TRY(mixent_onnx_layer_get(importer, 0, 0, &input));
  MIXENT_TRY(mixent_onnx_numbers_get(importer, 1, &shape));
  const mixent_onnx_made *layer = (&importer->layers[input]);
  const int64_t own[] = {layer->channels, layer->height, layer->width}, row = own[0] * own[1] * own[2];
  if (shape->count != 2 && shape->count != 4) return mixent_onnx_fail(importer, "%s", wanted);
  for (int i = 1; i < shape->count; i++) {
    list[i] = shape->values[i];
    if (list[i] == 0 && is_batch(importer, 0) && i < 4) list[i] = own[i - 1];
    if (list[i] == -1 && open < 0)
      open = i;
    else if (list[i] > 0 && list[i] <= row && known <= row)
      known *= list[i];
    else
      return mixent_onnx_fail(importer, "%s", wanted);
  }
  if (open > 0) list[open] = row / known, known *= list[open];
  bool rows = is_batch(importer, shape->values[0]) || (shape->values[0] == -1 && open < 0);
  if (!rows || known != row) return mixent_onnx_fail(importer, "%s", wanted);
  if (shape->count == 2) return give_vector(importer, input);
  if (list[2] == own[1] && list[3] == own[2])
    return mixent_onnx_give(importer, 0,
                            (mixent_onnx_item){.kind = MIXENT_ONNX_LAYER, .layer = input, .rank = 4});
  return mixent_onnx_fail(importer, "%s", wanted);
}

static mixent_status change_rank(mixent_importer *importer, int from, int to) {
  int64_t axes[MIXENT_ONNX_NUMBERS];
  int count, input;
  MIXENT_TRY(mixent_onnx_layer_get(importer, 0, from, &input));
  MIXENT_TRY(mixent_onnx_list_get(importer, 1, "axes", &count, axes));
  bool pixels = count == 2 && mixent_onnx_axis(axes[0], 4) + mixent_onnx_axis(axes[1], 4) == 5 &&
                mixent_onnx_axis(axes[0], 4) >= 2 && mixent_onnx_axis(axes[1], 4) >= 2;
  return pixels ? give_rank(importer, input, to)
                : mixent_onnx_fail(importer, "axes: expected the pixels, 2 and 3");
}

static mixent_status take_squeeze(mixent_importer *importer) {
  return change_rank(importer, 4, 2);
}

static mixent_status take_unsqueeze(mixent_importer *importer) {
  return change_rank(importer, 2, 4);
}

static mixent_status take_dropout(mixent_importer *importer) {
  if (mixent_onnx_has_input(importer, 2))
    return mixent_onnx_fail(importer,
                            "training_mode: expected a network for evaluation; export it after model.eval()");
  return mixent_onnx_give_same(importer);
}

static mixent_status take_identity(mixent_importer *importer) {
  return mixent_onnx_give_same(importer);
}

static mixent_status take_cast(mixent_importer *importer) {
  MIXENT_TRY(mixent_onnx_expect(importer, "to", 0, MIXENT_ONNX_FLOAT));
  return mixent_onnx_give_same(importer);
}

/* Floats; whole numbers are taken before. */
static mixent_status take_constant(mixent_importer *importer) {
  mixent_bytes attribute;
  mixent_field field;
  mixent_onnx_tensor tensor = {.type = MIXENT_ONNX_FLOAT, .count = 1}, *own;
  if (mixent_onnx_attribute_find(&importer->step, "value_float", &attribute) &&
      mixent_field_find(attribute, 2, MIXENT_WIRE_32, &field))
    tensor.values = field.bytes;
  else if (mixent_onnx_attribute_find(&importer->step, "value", &attribute))
    MIXENT_TRY(mixent_onnx_tensor_read(&importer->file, mixent_field_bytes(attribute, 5), &tensor));
  else
    return mixent_onnx_fail(importer, "expected value, value_float, value_int or value_ints");
  MIXENT_TRY(MIXENT_ALLOCATE(1, &own));
  *own = tensor;
  return mixent_onnx_give(importer, 0,
                          (mixent_onnx_item){.kind = MIXENT_ONNX_TENSOR, .tensor = own, .own_tensor = own});
}

/* --------------------------------------------------------------------------- channels ---- */

static mixent_status take_concat(mixent_importer *importer) {
  int input, rank, channels = 0;
  MIXENT_TRY(mixent_onnx_layer_get(importer, 0, 0, &input));
  MIXENT_TRY(mixent_onnx_rank_get(importer, 0, &rank));
  if (mixent_onnx_axis(mixent_onnx_attribute_integer(&importer->step, "axis", 1), rank) != 1)
    return mixent_onnx_fail(importer, "axis: expected 1, the channels");
  if (importer->step.input_count == 1) return mixent_onnx_give_same(importer);
  mixent_onnx_made made = mixent_onnx_made_like(importer, MIXENT_LAYER_CONCAT, input);
  for (int i = 0; i < importer->step.input_count; i++) {
    MIXENT_TRY(mixent_onnx_layer_get(importer, i, rank, &made.inputs[i]));
    const mixent_onnx_made *part = (&importer->layers[made.inputs[i]]);
    if (part->height != made.height || part->width != made.width)
      return mixent_onnx_fail(importer, "expected maps of one size, got %dx%d and %dx%d", made.height,
                              made.width, part->height, part->width);
    channels += part->channels;
    if (channels > 1 << 24) return mixent_onnx_fail(importer, "expected at most %d channels", 1 << 24);
  }
  made.input_count = importer->step.input_count, made.channels = channels;
  return mixent_onnx_give_layer(importer, 0, rank, made, mixent_onnx_no_stem);
}

/* Channels [begin, end) of a layer. */
static mixent_status give_channels(mixent_importer *importer, int output, int input, int rank, int64_t begin,
                                   int64_t end) {
  mixent_onnx_made made = mixent_onnx_made_like(importer, MIXENT_LAYER_SPLIT, input);
  if (begin < 0 || end > made.channels || begin >= end)
    return mixent_onnx_fail(importer, "expected some of the %d channels, got %lld to %lld", made.channels,
                            (long long)begin, (long long)end);
  if (begin == 0 && end == made.channels)
    return mixent_onnx_give(importer, output,
                            (mixent_onnx_item){.kind = MIXENT_ONNX_LAYER, .layer = input, .rank = rank});
  made.begin = (int)begin, made.end = (int)end, made.channels = made.end - made.begin;
  return mixent_onnx_give_layer(importer, output, rank, made, mixent_onnx_no_stem);
}

/* Parts by input 1 or the attribute `split`; else as many equal ones as outputs, the last perhaps smaller. */
static mixent_status take_split(mixent_importer *importer) {
  int64_t parts[MIXENT_ONNX_NUMBERS], begin = 0;
  int input, rank, count, outputs = importer->step.output_count;
  MIXENT_TRY(mixent_onnx_layer_get(importer, 0, 0, &input));
  MIXENT_TRY(mixent_onnx_rank_get(importer, 0, &rank));
  MIXENT_TRY(mixent_onnx_list_get(importer, 1, "split", &count, parts));
  if (mixent_onnx_axis(mixent_onnx_attribute_integer(&importer->step, "axis", 0), rank) != 1)
    return mixent_onnx_fail(importer, "axis: expected 1, the channels");
  int channels = importer->layers[input].channels;
  for (int i = 0; count == 0 && i < outputs; i++) parts[i] = (channels + outputs - 1) / outputs;
  if (count == 0 && outputs > 0)
    parts[outputs - 1] = channels - (outputs - 1) * ((channels + outputs - 1) / outputs), count = outputs;
  if (count != outputs)
    return mixent_onnx_fail(importer, "split: expected as many parts as outputs, %d, got %d", outputs, count);
  for (int i = 0; i < outputs; i++) {
    if (parts[i] < 1 || parts[i] > channels)
      return mixent_onnx_fail(importer, "split: expected parts of 1 to %d channels", channels);
    if (importer->step.outputs[i].size)
      MIXENT_TRY(give_channels(importer, i, input, rank, begin, begin + parts[i]));
    begin += parts[i];
  }
  return MIXENT_OK;
}

/* starts, ends, axes, steps as lists of one length. */
typedef struct cuts {
  int count;
  int64_t starts[MIXENT_ONNX_NUMBERS], ends[MIXENT_ONNX_NUMBERS], axes[MIXENT_ONNX_NUMBERS],
      steps[MIXENT_ONNX_NUMBERS];
} cuts;

static mixent_status read_cuts(mixent_importer *importer, int rank, cuts *out) {
  int ends, axes, steps;
  MIXENT_TRY(mixent_onnx_list_get(importer, 1, "starts", &out->count, out->starts));
  MIXENT_TRY(mixent_onnx_list_get(importer, 2, "ends", &ends, out->ends));
  MIXENT_TRY(mixent_onnx_list_get(importer, 3, "axes", &axes, out->axes));
  MIXENT_TRY(mixent_onnx_list_get(importer, 4, NULL, &steps, out->steps));
  for (int i = 0; i < out->count; i++) {
    if (!axes) out->axes[i] = i;
    if (!steps) out->steps[i] = 1;
    out->axes[i] = mixent_onnx_axis(out->axes[i], rank);
  }
  bool lists = ends == out->count && (!axes || axes == ends) && (!steps || steps == ends);
  return lists ? MIXENT_OK : mixent_onnx_fail(importer, "expected as many starts, ends, axes and steps");
}

/* Every step-th row and column is a max pool of size 1; a value that lacks one of the two waits for it. */
static mixent_status give_strided(mixent_importer *importer, int input, int64_t rows, int64_t columns) {
  mixent_onnx_made made = mixent_onnx_made_like(importer, MIXENT_LAYER_MAX_POOL, input);
  if (rows < 1 || columns < 1 || rows > MOST_WINDOW || columns > MOST_WINDOW)
    return mixent_onnx_fail(importer, "steps: expected 1 to %d", MOST_WINDOW);
  if (rows != columns)
    return rows == 1 || columns == 1
               ? mixent_onnx_give(importer, 0,
                                  (mixent_onnx_item){.kind = MIXENT_ONNX_STRIDED,
                                                     .layer = input,
                                                     .rank = 4,
                                                     .axis = rows == 1 ? 3 : 2,
                                                     .step = (int)(rows * columns)})
               : mixent_onnx_fail(importer, "steps: expected the same for rows and columns");
  made.kernel = 1, made.stride = (int)rows;
  made.height = (made.height - 1) / made.stride + 1, made.width = (made.width - 1) / made.stride + 1;
  return mixent_onnx_give_layer(importer, 0, 4, made, mixent_onnx_no_stem);
}

static mixent_status take_slice(mixent_importer *importer) {
  mixent_onnx_item *item;
  cuts cuts;
  int64_t step[4] = {1, 1, 1, 1}, begin = 0;
  MIXENT_TRY(mixent_onnx_item_get(importer, 0, &item));
  bool strided = item->kind == MIXENT_ONNX_STRIDED;
  if (!strided) MIXENT_TRY(mixent_onnx_settle(importer, item));
  MIXENT_TRY(read_cuts(importer, item->rank, &cuts));
  const mixent_onnx_made *layer = (&importer->layers[item->layer]);
  int64_t end = layer->channels;
  const int64_t length[] = {INT32_MAX, layer->channels, layer->height, layer->width};
  if (strided) step[item->axis] = item->step;
  for (int i = 0; i < cuts.count; i++) {
    int64_t axis = cuts.axes[i], from = cuts.starts[i], to = cuts.ends[i];
    if (axis < 0) return mixent_onnx_fail(importer, "axes: expected 0 to %d", item->rank - 1);
    if (from < 0) from += length[axis];
    if (to < 0) to += length[axis];
    if (to > length[axis]) to = length[axis];
    if (axis == 1) begin = from, end = to;
    if (cuts.steps[i] != 1 && axis >= 2)
      step[axis] *= cuts.steps[i] > 0 && cuts.steps[i] <= MOST_WINDOW ? cuts.steps[i] : MOST_WINDOW + 1;
    bool whole = from == 0 && (to == length[axis] || (axis == 0 && cuts.ends[i] >= INT32_MAX));
    if ((axis != 1 && !whole) || (axis < 2 && cuts.steps[i] != 1))
      return mixent_onnx_fail(
          importer, "expected some of the channels (axis 1), or every second row and column from the first");
  }
  bool channels = begin != 0 || end != layer->channels;
  if (step[2] == 1 && step[3] == 1) return give_channels(importer, 0, item->layer, item->rank, begin, end);
  if (channels) return mixent_onnx_fail(importer, "expected channels or pixels to be cut, got both");
  return give_strided(importer, item->layer, step[2], step[3]);
}

/* Zero channels, for a sum with a value that has more. */
static mixent_status take_pad(mixent_importer *importer) {
  int64_t pads[MIXENT_ONNX_NUMBERS];
  const mixent_onnx_tensor *value;
  int count, input, rank, nothing;
  float number = 0;
  mixent_bytes mode = mixent_onnx_attribute_text(&importer->step, "mode");
  MIXENT_TRY(mixent_onnx_layer_get(importer, 0, 0, &input));
  MIXENT_TRY(mixent_onnx_rank_get(importer, 0, &rank));
  MIXENT_TRY(mixent_onnx_list_get(importer, 1, "pads", &count, pads));
  if (mixent_onnx_has_input(importer, 2)) {
    MIXENT_TRY(mixent_onnx_tensor_get(importer, 2, &value));
    if (value->count == 1) memcpy(&number, value->values.data, sizeof number);
  }
  nothing = !mixent_onnx_has_input(importer, 3) && (!mode.size || mixent_bytes_are(mode, "constant")) &&
            number == 0 && count == 2 * rank &&
            mixent_onnx_attribute_number(&importer->step, "value", 0) == 0;
  for (int i = 0; i < count && nothing; i++)
    nothing = i % rank == 1 ? pads[i] >= 0 && pads[i] <= MOST_CHANNELS : pads[i] == 0;
  if (!nothing)
    return mixent_onnx_fail(importer, "expected zeros before and after the channels (axis 1) alone");
  return mixent_onnx_give(importer, 0,
                          (mixent_onnx_item){.kind = MIXENT_ONNX_PADDED,
                                             .layer = input,
                                             .rank = rank,
                                             .before = (int)pads[1],
                                             .after = (int)pads[rank + 1]});
}

const mixent_onnx_operator_entry mixent_onnx_form_operators[] = {
    {"Flatten", take_flatten, {"axis"}},
    {"Reshape", take_reshape, {"allowzero"}},
    {"Squeeze", take_squeeze, {"axes"}},
    {"Unsqueeze", take_unsqueeze, {"axes"}},
    {"Dropout", take_dropout, {"ratio", "seed"}},
    {"Identity", take_identity, {NULL}},
    {"Cast", take_cast, {"to", "saturate"}},
    {"Constant", take_constant, {"value", "value_float", "value_int", "value_ints"}},
    {"Concat", take_concat, {"axis"}},
    {"Split", take_split, {"axis", "num_outputs", "split"}},
    {"Slice", take_slice, {"axes", "ends", "starts"}},
    {"Pad", take_pad, {"mode", "pads", "value"}},
    {"Shape", NULL, {"start", "end"}}, /* these compute with whole numbers alone */
    {"Gather", NULL, {"axis"}},
    {"ConstantOfShape", NULL, {"value"}},
    {"Transpose", NULL, {"perm"}},
    {NULL, NULL, {NULL}}};
