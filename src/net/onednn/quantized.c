/* conv2d in 8 bits on oneDNN, for evaluation: float values in and out, integers inside. What is read is
 * never negative and its range is known (net/graph/fold.c); it becomes 0..127, each output channel's weights
 * -127..127, and the sums times both steps, with bias and ReLU, are floats again. Seven bits for the values,
 * because processors without VNNI add two products in 16 bits. */
#include "core/threads.h"
#include "net/onednn/patterns.h"

#include <math.h>
#include <stdlib.h>

/* What reaches these loops has AVX2 (mixent_net_create checks it). */
#ifdef __x86_64__
#define VECTORS __attribute__((target("avx2,fma")))
#else
#define VECTORS
#endif

enum { VALUE_STEPS = 127, WEIGHT_STEPS = 127, GRAIN = 1 << 14 };

typedef struct quantized_step {
  const mixent_plan *plan;
  mixent_operation before, main; /* before: weights into the layout of main */
  uint64_t prepared;             /* the version of the parameters that `scales` and the weights are of */
  const mixent_tensor *weight, *bias;
  bool relu;
  float range;                                 /* of what is read */
  size_t channels, source_count, target_count; /* of what is written; elements */
  float *scales, *none;                /* [channels]: what 1 in a sum stands for; zeros in place of a bias */
  int source, integers, plain, target; /* buffers: read, the same in 8 bits, weights [O, I, kh, kw] */
  /* of the run under way */
  const float *from, *biases;
  uint8_t *to;
  float *out;
} quantized_step;

/* Each output channel by its own largest weight. */
static void quantize_weights(quantized_step *step, const float *weights, int8_t *out) {
  size_t row = step->weight->count / step->channels;
  for (size_t c = 0; c < step->channels; c++) {
    float largest = 0;
    for (size_t i = 0; i < row; i++) largest = fmaxf(largest, fabsf(weights[c * row + i]));
    float step_size = largest > 0 ? largest / WEIGHT_STEPS : 1;
    for (size_t i = 0; i < row; i++) out[c * row + i] = (int8_t)lrintf(weights[c * row + i] / step_size);
    step->scales[c] = step_size * step->range / VALUE_STEPS;
  }
}

VECTORS static void quantize_values(void *context, size_t begin, size_t end) {
  const quantized_step *step = context;
  const float *restrict from = step->from;
  uint8_t *restrict to = step->to;
  float steps = VALUE_STEPS / step->range, most = VALUE_STEPS;
  for (size_t i = begin; i < end; i++) {
    float x = from[i] * steps + 0.5F;
    x = x > 0 ? x : 0; /* a NaN becomes 0 */
    to[i] = (uint8_t)(int)(x < most ? x : most);
  }
}

/* Pixels [begin, end). */
VECTORS static void scale_sums(void *context, size_t begin, size_t end) {
  const quantized_step *step = context;
  const float *restrict scales = step->scales, *restrict biases = step->biases;
  float least = step->relu ? 0 : -INFINITY;
  size_t channels = step->channels;
  for (size_t p = begin; p < end; p++) {
    float *restrict out = step->out + p * channels;
    for (size_t c = 0; c < channels; c++) {
      float y = out[c] * scales[c] + biases[c];
      out[c] = y < least ? least : y;
    }
  }
}

static mixent_status prepare_weights(quantized_step *step, const mixent_step_context *context) {
  if (step->prepared == context->version) return MIXENT_OK;
  quantize_weights(step, (const float *)context->parameters + step->weight->offset,
                   mixent_plan_address(step->plan, context, step->plain));
  MIXENT_TRY(mixent_operation_run(&step->before, step->plan, context));
  step->prepared = context->version;
  return MIXENT_OK;
}

static mixent_status run(void *state, const mixent_step_context *context) {
  quantized_step *step = state;
  MIXENT_TRY(prepare_weights(step, context));
  step->from = mixent_plan_address(step->plan, context, step->source);
  step->to = mixent_plan_address(step->plan, context, step->integers);
  step->out = mixent_plan_address(step->plan, context, step->target);
  step->biases = step->bias ? (const float *)context->parameters + step->bias->offset : step->none;
  mixent_parallel_for(step->source_count, GRAIN, quantize_values, step);
  MIXENT_TRY(mixent_operation_run(&step->main, step->plan, context));
  mixent_parallel_for(step->target_count / step->channels, GRAIN / step->channels + 1, scale_sums, step);
  return MIXENT_OK;
}

static void destroy(void *state) {
  quantized_step *step = state;
  mixent_operation_destroy(&step->before);
  mixent_operation_destroy(&step->main);
  free(step);
}

static int last_layer(const mixent_plan *plan, int layer) {
  return layer + (mixent_onednn_match_convolution_relu(plan, layer) ? 1 : 0);
}

int mixent_onednn_match_quantized(const mixent_plan *plan, int layer) {
  const mixent_layer *l = &plan->graph->layers[layer];
  if (!plan->int8 || !mixent_onednn_match_convolution(plan, layer)) return 0;
  return plan->graph->layers[l->inputs[0]].range > 0 ? last_layer(plan, layer) - layer + 1 : 0;
}

/* The primitive: 8-bit values and weights, sums as floats, no bias: that comes with the scales. */
static mixent_status create_main(quantized_step *step, const mixent_plan *plan, int layer,
                                 mixent_shape *plain) {
  const mixent_layer *l = &plan->graph->layers[layer];
  mixent_shape source = mixent_onednn_value_shape(plan, l->inputs[0], 4),
               target = mixent_onednn_value_shape(plan, layer, 4);
  *plain = (mixent_shape){.dimensions = 4, .type = dnnl_s8, .layout = dnnl_oihw};
  for (int d = 0; d < 4; d++) plain->sizes[d] = step->weight->shape[d];
  mixent_shape weights = *plain;
  weights.layout = dnnl_format_tag_any;
  source.type = dnnl_u8;
  target.type = dnnl_f32;
  dnnl_primitive_desc_t descriptor;
  MIXENT_TRY(mixent_onednn_convolution_forward(&source, &weights, NULL, &target,
                                               (mixent_window){l->kernel, l->stride, l->padding, false},
                                               (mixent_forward_form){.training = false}, &descriptor));
  return mixent_operation_create(descriptor, &step->main);
}

static mixent_status prepare(quantized_step *step, mixent_plan *plan, int layer, int buffers[]) {
  mixent_shape plain;
  int weights, scratch;
  MIXENT_TRY(create_main(step, plan, layer, &plain));
  MIXENT_TRY(mixent_plan_allocate(plan, step->channels * sizeof *step->scales, (void **)&step->scales));
  MIXENT_TRY(mixent_plan_allocate(plan, step->channels * sizeof *step->none, (void **)&step->none));
  MIXENT_TRY(mixent_plan_add_buffer(plan, step->source_count, &step->integers));
  MIXENT_TRY(mixent_plan_add_buffer(plan, step->weight->count, &step->plain));
  MIXENT_TRY(mixent_operation_bind_new(&step->main, plan, DNNL_ARG_WEIGHTS, &weights));
  plan->buffers[weights].kept = true;
  MIXENT_TRY(mixent_operation_bind(&step->main, DNNL_ARG_SRC, MIXENT_IN_ARENA, (size_t)step->integers));
  MIXENT_TRY(mixent_operation_bind(&step->main, DNNL_ARG_DST, MIXENT_IN_ARENA, (size_t)step->target));
  MIXENT_TRY(mixent_operation_bind_new(&step->main, plan, DNNL_ARG_SCRATCHPAD, &scratch));
  MIXENT_TRY(mixent_onednn_reorder_into(&plain, &step->main, DNNL_ARG_WEIGHTS, &step->before));
  MIXENT_TRY(mixent_operation_bind(&step->before, DNNL_ARG_FROM, MIXENT_IN_ARENA, (size_t)step->plain));
  MIXENT_TRY(mixent_operation_bind(&step->before, DNNL_ARG_TO, MIXENT_IN_ARENA, (size_t)weights));
  mixent_onednn_buffer_list(
      buffers, (int[]){step->source, step->integers, step->plain, weights, step->target, scratch}, 6);
  return MIXENT_OK;
}

mixent_status mixent_onednn_lower_quantized(mixent_plan *plan, int layer, void **shared) {
  const mixent_graph *graph = plan->graph;
  const mixent_layer *l = &graph->layers[layer];
  int last = last_layer(plan, layer), input = l->inputs[0], buffers[8];
  quantized_step *step;
  MIXENT_TRY(MIXENT_ALLOCATE(1, &step));
  *step = (quantized_step){.plan = plan,
                           .weight = &graph->parameters[l->parameters[0]],
                           .bias = l->parameters[1] < 0 ? NULL : &graph->parameters[l->parameters[1]],
                           .relu = last != layer,
                           .range = graph->layers[input].range,
                           .channels = (size_t)l->channels,
                           .source_count = (size_t)plan->rows * mixent_layer_row(&graph->layers[input]),
                           .target_count = (size_t)plan->rows * mixent_layer_row(l),
                           .source = plan->values[input],
                           .target = plan->values[last]};
  mixent_status status = prepare(step, plan, layer, buffers);
  if (status != MIXENT_OK) {
    destroy(step);
    return mixent_fail_within(status, "layer %s", l->name);
  }
  *shared = NULL;
  return mixent_plan_add_step(plan,
                              (mixent_step){.layer = layer,
                                            .pass = "forward, int8",
                                            .backend = mixent_operation_name(&step->main),
                                            .state = step,
                                            .run = run,
                                            .destroy = destroy},
                              buffers);
}
