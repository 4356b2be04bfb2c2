/* Dropout (Srivastava et al. 2014), inverted: in training an element is 0 with probability `rate`, else x /
 * (1 - rate); otherwise y = x. The mask depends only on (seed, layer name, step, element), elements being counted
 * from the first row of the step's batch, of which the rows here may be a part. */
#include "core/random.h"
#include "net/graph/layers/kind.h"

static mixent_status describe(mixent_graph *graph, mixent_layer *layer, const mixent_yaml *fields) {
  static const char *const keys[] = {"name", "from", "rate", NULL};
  static const double highest = 0.999; /* at 1 nothing would be left */
  MIXENT_TRY(mixent_yaml_check_keys(fields, keys));
  MIXENT_TRY(mixent_layer_need_one(layer, fields));
  MIXENT_TRY(mixent_field_require(fields, "rate"));
  MIXENT_TRY(mixent_field_number(fields, "rate", 0, highest, &layer->rate));
  if (graph->options.dropout >= 0) layer->rate = graph->options.dropout;
  const mixent_layer *input = mixent_layer_input(graph, layer, 0);
  layer->channels = input->channels, layer->height = input->height, layer->width = input->width;
  return MIXENT_OK;
}

/* saved: a byte per element, 1 where it is kept. */
static size_t saved_bytes(const mixent_graph *graph, const mixent_layer *layer, int rows) {
  (void)graph;
  return (size_t)rows * mixent_layer_row(layer);
}

/* to = from * mask / (1 - rate) */
typedef struct masking {
  mixent_typed_array from, to;
  uint8_t *mask;
  double scale;
  const mixent_layer *layer;
  const mixent_layer_call *call;
} masking;

enum { SHARE = 4 }; /* elements that share one block of random words */

static size_t first_element(const masking *masking) {
  return (size_t)masking->call->first_row * mixent_layer_row(masking->layer);
}

/* Blocks [begin, end), from the one that holds the first element. */
static void draw_mask(void *context, size_t begin, size_t end) {
  const masking *masking = context;
  size_t first = first_element(masking),
         last = first + (size_t)masking->call->rows * mixent_layer_row(masking->layer);
  mixent_random random = mixent_random_stream(masking->call->seed, "dropout", masking->layer->name);
  for (size_t block = first / SHARE + begin; block < first / SHARE + end; block++) {
    uint32_t words[SHARE];
    mixent_random_block(&random, masking->call->step, block, words);
    for (size_t i = 0; i < SHARE; i++)
      if (SHARE * block + i >= first && SHARE * block + i < last)
        masking->mask[SHARE * block + i - first] = mixent_uniform_float(words[i]) >= masking->layer->rate;
  }
}

static void apply_mask(void *context, size_t begin, size_t end) {
  const masking *masking = context;
  double x[MIXENT_PIECE];
  for (size_t n; begin < end; begin += n) {
    n = mixent_piece(end - begin);
    mixent_load(masking->from, begin, n, x);
    for (size_t i = 0; i < n; i++) x[i] = masking->mask[begin + i] ? x[i] * masking->scale : 0;
    mixent_store(masking->to, begin, n, x);
  }
}

static void forward(const mixent_graph *graph, const mixent_layer *layer, const mixent_layer_call *call) {
  (void)graph;
  size_t count = (size_t)call->rows * mixent_layer_row(layer);
  if (call->mode != MIXENT_TRAIN) {
    mixent_copy(call->output, 0, call->inputs[0], 0, count);
    return;
  }
  masking masking = {call->inputs[0], call->output, call->saved, 1 / (1 - layer->rate), layer, call};
  mixent_parallel_for((first_element(&masking) % SHARE + count + SHARE - 1) / SHARE, 4 * MIXENT_PIECE,
                      draw_mask, &masking);
  mixent_parallel_for(count, 16 * MIXENT_PIECE, apply_mask, &masking);
}

static void backward(const mixent_graph *graph, const mixent_layer *layer, const mixent_layer_call *call) {
  (void)graph;
  if (!call->input_gradients[0].data) return;
  masking masking = {
      call->output_gradient, call->input_gradients[0], call->saved, 1 / (1 - layer->rate), layer, call};
  mixent_parallel_for((size_t)call->rows * mixent_layer_row(layer), 16 * MIXENT_PIECE, apply_mask, &masking);
}

const mixent_layer_type mixent_layer_dropout = {
    .kind = MIXENT_LAYER_DROPOUT,
    .name = "dropout",
    .summary = "rate: random zeros while training",
    .describe = describe,
    .saved_bytes = saved_bytes,
    .forward = forward,
    .backward = backward,
};
