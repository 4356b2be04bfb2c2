/* Layers that only touch memory, for float and bfloat16 (kernels/elementwise.h, smooth.h): ReLU, GELU and SiLU on their
 * own, every n-th pixel, the sum of a skip connection, and the sum of the gradients of a value that several layers read. */
#include "core/memory.h"
#include "core/threads.h"
#include "net/kernels/kernels.h"
#include "net/plan/plan.h"

#include <stdlib.h>

enum { PIECE = 1 << 14 }; /* elements a thread takes at a time */

/* Sums in double are for the reference. */
static void add_double(size_t n, const double *a, const double *b, double *out) {
  for (size_t i = 0; i < n; i++) out[i] = a[i] + b[i];
}

/* One step: what to do over which buffers. */
typedef struct elementwise_step {
  const mixent_plan *plan;
  mixent_range_work *work; /* one of the nine below */
  mixent_data_type type;
  size_t count;            /* of elements, pixels or images, as `work` counts them */
  size_t channels, narrow; /* additions: of the result, of the second operand, which sits in the middle */
  const mixent_kernels *kernels; /* of float or bfloat16 */
  mixent_smooth smooth;
  const mixent_layer *from, *to; /* samples: every stride-th pixel of `from` */
  int buffers[MIXENT_MAX_STEP_BUFFERS];
  int buffer_count;
  char *data[MIXENT_MAX_STEP_BUFFERS]; /* of the run under way */
} elementwise_step;

static char *at(const elementwise_step *step, int buffer, size_t element) {
  return step->data[buffer] ? step->data[buffer] + element * mixent_data_type_size(step->type) : NULL;
}

static void add(const elementwise_step *step, size_t n, const void *a, const void *b, void *out) {
  if (step->type == MIXENT_TYPE_F64)
    add_double(n, a, b, out);
  else
    step->kernels->elementwise->add(n, a, b, out);
}

/* Row `line` of all the images' rows after sampling, from or back to the one it was taken of. */
static void sample_line(const elementwise_step *step, size_t line, bool back) {
  const mixent_layer *from = step->from, *to = step->to;
  size_t size = mixent_data_type_size(step->type) * (size_t)to->channels, stride = (size_t)to->stride;
  size_t image = line / (size_t)to->height, y = line % (size_t)to->height * stride;
  char *wide = at(step, 0, 0) + (image * (size_t)from->height + y) * (size_t)from->width * size;
  char *narrow = at(step, 1, 0) + line * (size_t)to->width * size;
  for (size_t x = 0; x < (size_t)to->width; x++)
    memcpy(back ? wide + x * stride * size : narrow + x * size,
           back ? narrow + x * size : wide + x * stride * size, size);
}

/* The nine things a step can do. Each is given its range and the buffers in the order said; the types are float and bfloat16 (sums:
 * double, too, for the reference). */

/* x, y; elements. */
static void relu(void *context, size_t begin, size_t end) {
  const elementwise_step *step = context;
  step->kernels->elementwise->relu(end - begin, at(step, 0, begin), at(step, 1, begin));
}

/* y, dy, dx; elements. */
static void relu_gradient(void *context, size_t begin, size_t end) {
  const elementwise_step *step = context;
  step->kernels->elementwise->relu_gradient(end - begin, at(step, 0, begin), at(step, 1, begin),
                                            at(step, 2, begin));
}

/* x, y; elements. */
static void smooth(void *context, size_t begin, size_t end) {
  const elementwise_step *step = context;
  for (size_t n; begin < end; begin += n) {
    n = end - begin < PIECE ? end - begin : PIECE;
    step->kernels->smooth->forward(step->smooth, (int)n, at(step, 0, begin), at(step, 1, begin));
  }
}

/* x, dy, dx; elements. */
static void smooth_gradient(void *context, size_t begin, size_t end) {
  const elementwise_step *step = context;
  for (size_t n; begin < end; begin += n) {
    n = end - begin < PIECE ? end - begin : PIECE;
    step->kernels->smooth->backward(step->smooth, (int)n, at(step, 0, begin), at(step, 1, begin),
                                    at(step, 2, begin));
  }
}

/* a, b, out; pixels. Where b has fewer channels it is added to the middle ones: zero padding on both sides. */
static void add_values(void *context, size_t begin, size_t end) {
  const elementwise_step *step = context;
  size_t c = step->channels, narrow = step->narrow, margin = (c - narrow) / 2, n = end - begin;
  if (narrow == c) {
    add(step, n * c, at(step, 0, begin * c), at(step, 1, begin * c), at(step, 2, begin * c));
    return;
  }
  memcpy(at(step, 2, begin * c), at(step, 0, begin * c), n * c * mixent_data_type_size(step->type));
  for (size_t pixel = begin; pixel < end; pixel++)
    add(step, narrow, at(step, 2, pixel * c + margin), at(step, 1, pixel * narrow),
        at(step, 2, pixel * c + margin));
}

/* dout, da, db; pixels. da or db may not be wanted. */
static void add_gradient(void *context, size_t begin, size_t end) {
  const elementwise_step *step = context;
  size_t c = step->channels, narrow = step->narrow, margin = (c - narrow) / 2;
  size_t size = mixent_data_type_size(step->type);
  if (step->data[1]) memcpy(at(step, 1, begin * c), at(step, 0, begin * c), (end - begin) * c * size);
  for (size_t pixel = begin; step->data[2] && pixel < end; pixel++)
    memcpy(at(step, 2, pixel * narrow), at(step, 0, pixel * c + margin), narrow * size);
}

/* The first and what is added to it; elements. */
static void sum(void *context, size_t begin, size_t end) {
  const elementwise_step *step = context;
  for (int i = 1; i < step->buffer_count; i++)
    add(step, end - begin, at(step, 0, begin), at(step, i, begin), at(step, 0, begin));
}

/* x, y; images. */
static void sample(void *context, size_t begin, size_t end) {
  const elementwise_step *step = context;
  size_t height = (size_t)step->to->height;
  for (size_t line = begin * height; line < end * height; line++) sample_line(step, line, false);
}

/* dx, dy; images. What was not sampled has no gradient. */
static void sample_gradient(void *context, size_t begin, size_t end) {
  const elementwise_step *step = context;
  size_t row = mixent_layer_row(step->from), height = (size_t)step->to->height;
  memset(at(step, 0, begin * row), 0, (end - begin) * row * mixent_data_type_size(step->type));
  for (size_t line = begin * height; line < end * height; line++) sample_line(step, line, true);
}

static mixent_status run(void *state, const mixent_step_context *context) {
  elementwise_step *step = state;
  for (int i = 0; i < step->buffer_count; i++)
    step->data[i] = mixent_plan_address(step->plan, context, step->buffers[i]);
  mixent_parallel_for(step->count, PIECE / (step->channels ? step->channels : 1) + 1, step->work, step);
  return MIXENT_OK;
}

/* `buffers` may hold -1 for what is not wanted. */
static mixent_status add_step(mixent_plan *plan, int layer, const char *pass, bool backward,
                              elementwise_step made, const int *buffers, int count) {
  elementwise_step *step;
  int touched[MIXENT_MAX_STEP_BUFFERS + 1], touched_count = 0;
  if (count > MIXENT_MAX_STEP_BUFFERS)
    return mixent_fail(MIXENT_ERROR_UNSUPPORTED, "layer %s is read by more than %d layers",
                       plan->graph->layers[layer].name, MIXENT_MAX_STEP_BUFFERS);
  MIXENT_TRY(MIXENT_ALLOCATE(1, &step));
  *step = made;
  step->plan = plan;
  step->type = plan->value_type;
  step->kernels = mixent_kernels_choose(plan->value_type == MIXENT_TYPE_BF16);
  step->buffer_count = count;
  for (int i = 0; i < count; i++) {
    step->buffers[i] = buffers[i];
    if (buffers[i] >= 0) touched[touched_count++] = buffers[i];
  }
  touched[touched_count] = -1;
  return mixent_plan_add_step(plan,
                              (mixent_step){.layer = layer,
                                            .pass = pass,
                                            .backend = "plain",
                                            .backward = backward,
                                            .state = step,
                                            .run = run,
                                            .destroy = free},
                              touched);
}

static size_t elements(const mixent_plan *plan, int layer) {
  return (size_t)plan->rows * mixent_layer_row(&plan->graph->layers[layer]);
}

mixent_status mixent_plan_add_sum(mixent_plan *plan, int layer, const int *buffers, int count) {
  elementwise_step step = {.work = sum, .count = elements(plan, layer)};
  return add_step(plan, layer, "sum of gradients", true, step, buffers, count);
}

static int is_kind(const mixent_plan *plan, int layer, mixent_layer_kind kind) {
  /* the logits have the master type; a value of its own type is left to the reference */
  return plan->types[layer] == plan->value_type && plan->value_type != MIXENT_TYPE_F64 &&
         mixent_layer_is(&plan->graph->layers[layer], kind);
}

static int match_relu(const mixent_plan *plan, int layer) {
  return is_kind(plan, layer, MIXENT_LAYER_RELU);
}

static mixent_status lower_relu_forward(mixent_plan *plan, int layer, void **shared) {
  elementwise_step step = {.work = relu, .count = elements(plan, layer)};
  int buffers[] = {plan->values[plan->graph->layers[layer].inputs[0]], plan->values[layer]};
  *shared = NULL;
  return add_step(plan, layer, "forward", false, step, buffers, 2);
}

static mixent_status lower_relu_backward(mixent_plan *plan, int layer, void *shared) {
  (void)shared;
  elementwise_step step = {.work = relu_gradient, .count = elements(plan, layer)};
  int buffers[] = {plan->values[layer], plan->value_gradients[layer], plan->input_gradients[layer][0]};
  if (buffers[2] < 0) return MIXENT_OK;
  return add_step(plan, layer, "backward", true, step, buffers, 3);
}

static int match_smooth(const mixent_plan *plan, int layer) {
  return is_kind(plan, layer, MIXENT_LAYER_GELU) || is_kind(plan, layer, MIXENT_LAYER_SILU);
}

static elementwise_step describe_smooth(const mixent_plan *plan, int layer, mixent_range_work *work) {
  bool gelu = mixent_layer_is(&plan->graph->layers[layer], MIXENT_LAYER_GELU);
  return (elementwise_step){
      .work = work, .count = elements(plan, layer), .smooth = gelu ? MIXENT_GELU : MIXENT_SILU};
}

static mixent_status lower_smooth_forward(mixent_plan *plan, int layer, void **shared) {
  int buffers[] = {plan->values[plan->graph->layers[layer].inputs[0]], plan->values[layer]};
  *shared = NULL;
  return add_step(plan, layer, "forward", false, describe_smooth(plan, layer, smooth), buffers, 2);
}

static mixent_status lower_smooth_backward(mixent_plan *plan, int layer, void *shared) {
  (void)shared;
  int input = plan->graph->layers[layer].inputs[0];
  int buffers[] = {plan->values[input], plan->value_gradients[layer], plan->input_gradients[layer][0]};
  if (buffers[2] < 0) return MIXENT_OK;
  return add_step(plan, layer, "backward", true, describe_smooth(plan, layer, smooth_gradient), buffers, 3);
}

/* A window of one pixel. */
static int match_sample(const mixent_plan *plan, int layer) {
  const mixent_layer *l = &plan->graph->layers[layer];
  return is_kind(plan, layer, MIXENT_LAYER_MAX_POOL) && l->kernel == 1 && l->padding == 0;
}

static elementwise_step describe_sample(const mixent_plan *plan, int layer, mixent_range_work *work) {
  const mixent_layer *to = &plan->graph->layers[layer], *from = &plan->graph->layers[to->inputs[0]];
  return (elementwise_step){.work = work,
                            .count = (size_t)plan->rows,
                            .channels = mixent_layer_row(from), /* how much an image is */
                            .from = from,
                            .to = to};
}

static mixent_status lower_sample_forward(mixent_plan *plan, int layer, void **shared) {
  int buffers[] = {plan->values[plan->graph->layers[layer].inputs[0]], plan->values[layer]};
  *shared = NULL;
  return add_step(plan, layer, "forward", false, describe_sample(plan, layer, sample), buffers, 2);
}

static mixent_status lower_sample_backward(mixent_plan *plan, int layer, void *shared) {
  (void)shared;
  int buffers[] = {plan->input_gradients[layer][0], plan->value_gradients[layer]};
  if (buffers[0] < 0) return MIXENT_OK;
  return add_step(plan, layer, "backward", true, describe_sample(plan, layer, sample_gradient), buffers, 2);
}

static int match_add(const mixent_plan *plan, int layer) {
  return is_kind(plan, layer, MIXENT_LAYER_ADD) && plan->graph->layers[layer].input_count == 2;
}

static elementwise_step describe_add(const mixent_plan *plan, int layer, mixent_range_work *work) {
  const mixent_layer *l = &plan->graph->layers[layer];
  return (elementwise_step){.work = work,
                            .count = elements(plan, layer) / (size_t)l->channels,
                            .channels = (size_t)l->channels,
                            .narrow = (size_t)plan->graph->layers[l->inputs[1]].channels};
}

static mixent_status lower_add_forward(mixent_plan *plan, int layer, void **shared) {
  const mixent_layer *l = &plan->graph->layers[layer];
  int buffers[] = {plan->values[l->inputs[0]], plan->values[l->inputs[1]], plan->values[layer]};
  *shared = NULL;
  return add_step(plan, layer, "forward", false, describe_add(plan, layer, add_values), buffers, 3);
}

static mixent_status lower_add_backward(mixent_plan *plan, int layer, void *shared) {
  (void)shared;
  int buffers[] = {plan->value_gradients[layer], plan->input_gradients[layer][0],
                   plan->input_gradients[layer][1]};
  if (buffers[1] < 0 && buffers[2] < 0) return MIXENT_OK;
  return add_step(plan, layer, "backward", true, describe_add(plan, layer, add_gradient), buffers, 3);
}

const mixent_backend_pattern mixent_elementwise_patterns[] = {
    {"relu", match_relu, lower_relu_forward, lower_relu_backward},
    {"smooth", match_smooth, lower_smooth_forward, lower_smooth_backward},
    {"sample", match_sample, lower_sample_forward, lower_sample_backward},
    {"add", match_add, lower_add_forward, lower_add_backward},
    {0},
};
