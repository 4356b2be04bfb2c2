/* The two generations of oneDNN's C interface behind one set of functions; operations bound to a plan. */
#include "net/onednn/api.h"

#include <pthread.h>

#if DNNL_VERSION_MAJOR >= 3
typedef const_dnnl_memory_desc_t memory_view; /* a descriptor somebody else owns */
#else
typedef const dnnl_memory_desc_t *memory_view;
#endif

/* One engine and one stream serve the process: on a processor both only say "here, in order". */
static dnnl_engine_t engine;
static dnnl_stream_t stream;
static mixent_status start_status;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static mixent_status check(dnnl_status_t status, const char *doing) {
  switch (status) {
  case dnnl_success: return MIXENT_OK;
  case dnnl_out_of_memory: return mixent_fail(MIXENT_ERROR_MEMORY, "oneDNN: no memory to %s", doing);
  case dnnl_unimplemented:
    return mixent_fail(MIXENT_ERROR_UNSUPPORTED,
                       "oneDNN %d.%d cannot %s on this processor; try --precision fp32", DNNL_VERSION_MAJOR,
                       DNNL_VERSION_MINOR, doing);
  default:
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "oneDNN %d.%d refused to %s (status %d)", DNNL_VERSION_MAJOR,
                       DNNL_VERSION_MINOR, doing, (int)status);
  }
}

static void start(void) {
  start_status = check(dnnl_engine_create(&engine, dnnl_cpu, 0), "create an engine");
  if (start_status == MIXENT_OK)
    start_status = check(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags), "create a stream");
}

static mixent_status ensure_started(void) {
  pthread_once(&once, start);
  return start_status;
}

/* Owned descriptors of up to five shapes; slot i is shapes[i], absent ones stay zero. */
enum { MAX_SHAPES = 5 };
typedef struct memory_set {
  dnnl_memory_desc_t descriptor[MAX_SHAPES];
  int present[MAX_SHAPES];
} memory_set;

static memory_view view(const memory_set *set, int i) {
#if DNNL_VERSION_MAJOR >= 3
  return set->present[i] ? set->descriptor[i] : NULL;
#else
  return set->present[i] ? &set->descriptor[i] : NULL;
#endif
}

static void memory_set_destroy(memory_set *set) {
#if DNNL_VERSION_MAJOR >= 3
  for (int i = 0; i < MAX_SHAPES; i++)
    if (set->present[i]) dnnl_memory_desc_destroy(set->descriptor[i]);
#endif
  *set = (memory_set){0};
}

static mixent_status memory_set_create(memory_set *set, int count, const mixent_shape *const *shapes) {
  *set = (memory_set){0};
  MIXENT_TRY(ensure_started());
  for (int i = 0; i < count; i++) {
    const mixent_shape *shape = shapes[i];
    if (!shape) continue;
#if DNNL_VERSION_MAJOR >= 3
    dnnl_status_t status = dnnl_memory_desc_create_with_tag(&set->descriptor[i], shape->dimensions,
                                                            shape->sizes, shape->type, shape->layout);
#else
    dnnl_status_t status = dnnl_memory_desc_init_by_tag(&set->descriptor[i], shape->dimensions, shape->sizes,
                                                        shape->type, shape->layout);
#endif
    if (status != dnnl_success) {
      memory_set_destroy(set);
      return check(status, "describe a tensor");
    }
    set->present[i] = 1;
  }
  return MIXENT_OK;
}

/* Every primitive takes its scratch memory from us: planned once, no allocation while running. */
static mixent_status create_attributes(dnnl_primitive_attr_t *out) {
  MIXENT_TRY(check(dnnl_primitive_attr_create(out), "create attributes"));
  mixent_status status =
      check(dnnl_primitive_attr_set_scratchpad_mode(*out, dnnl_scratchpad_mode_user), "set the scratchpad");
  if (status != MIXENT_OK) dnnl_primitive_attr_destroy(*out);
  return status;
}

/* What the primitive writes goes through a ReLU first. */
static dnnl_status_t append_relu(dnnl_primitive_attr_t attributes) {
  dnnl_post_ops_t after;
  dnnl_status_t status = dnnl_post_ops_create(&after);
  if (status != dnnl_success) return status;
#if DNNL_VERSION_MAJOR >= 3
  status = dnnl_post_ops_append_eltwise(after, dnnl_eltwise_relu, 0, 0);
#else
  status = dnnl_post_ops_append_eltwise(after, 1, dnnl_eltwise_relu, 0, 0);
#endif
  if (status == dnnl_success) status = dnnl_primitive_attr_set_post_ops(attributes, after);
  dnnl_post_ops_destroy(after);
  return status;
}

static mixent_status create_forward_attributes(mixent_forward_form form, dnnl_primitive_attr_t *out) {
  MIXENT_TRY(create_attributes(out));
  mixent_status status = form.relu ? check(append_relu(*out), "add a ReLU") : MIXENT_OK;
  if (status != MIXENT_OK) dnnl_primitive_attr_destroy(*out);
  return status;
}

static dnnl_prop_kind_t forward_kind(mixent_forward_form form) {
  return form.training ? dnnl_forward_training : dnnl_forward_inference;
}

typedef struct spatial {
  dnnl_dims_t strides, dilation, padding, kernel;
  dnnl_alg_kind_t algorithm; /* of a convolution */
} spatial;

static spatial spatial_of(mixent_window window) {
  spatial s = {{window.stride, window.stride},
               {0, 0},
               {window.padding, window.padding},
               {window.kernel, window.kernel},
               window.winograd ? dnnl_convolution_winograd : dnnl_convolution_direct};
  return s;
}

/* PD(out, what, shapes…): makes the memory descriptors and attributes, runs one of the two generations'
 * calls, cleans up. V3 sees: engine, attributes, m(i); V2 sees: operation (to be filled in by `init`), m(i).
 * MAKE_FORM takes the attributes of a mixent_forward_form besides. */
#if DNNL_VERSION_MAJOR >= 3
#define MAKE_FORM(form, what, call3, kind2, init2, hint)                                                     \
  dnnl_primitive_attr_t attributes;                                                                          \
  mixent_status status = create_forward_attributes(form, &attributes);                                       \
  if (status == MIXENT_OK) {                                                                                 \
    status = check(call3, what);                                                                             \
    dnnl_primitive_attr_destroy(attributes);                                                                 \
  }                                                                                                          \
  memory_set_destroy(&set);                                                                                  \
  return status
#else
#define MAKE_FORM(form, what, call3, kind2, init2, hint)                                                     \
  dnnl_primitive_attr_t attributes;                                                                          \
  mixent_status status = create_forward_attributes(form, &attributes);                                       \
  if (status == MIXENT_OK) {                                                                                 \
    kind2 operation;                                                                                         \
    dnnl_status_t described = init2;                                                                         \
    if (described == dnnl_success)                                                                           \
      described = dnnl_primitive_desc_create(out, &operation, attributes, engine, hint);                     \
    status = check(described, what);                                                                         \
    dnnl_primitive_attr_destroy(attributes);                                                                 \
  }                                                                                                          \
  memory_set_destroy(&set);                                                                                  \
  return status
#endif

#define MAKE(what, call3, kind2, init2, hint)                                                                \
  const mixent_forward_form plain = {0};                                                                     \
  MAKE_FORM(plain, what, call3, kind2, init2, hint)

#define SHAPES(...)                                                                                          \
  memory_set set;                                                                                            \
  const mixent_shape *const shapes[] = {__VA_ARGS__};                                                        \
  MIXENT_TRY(memory_set_create(&set, (int)(sizeof shapes / sizeof *shapes), shapes))
#define M(i) view(&set, i)

mixent_status mixent_onednn_convolution_forward(const mixent_shape *source, const mixent_shape *weights,
                                                const mixent_shape *bias, const mixent_shape *target,
                                                mixent_window window, mixent_forward_form form,
                                                dnnl_primitive_desc_t *out) {
  SHAPES(source, weights, bias, target);
  spatial s = spatial_of(window);
  dnnl_prop_kind_t pass = forward_kind(form);
  MAKE_FORM(form, "run a convolution forward",
            dnnl_convolution_forward_primitive_desc_create(out, engine, pass, s.algorithm, M(0), M(1), M(2),
                                                           M(3), s.strides, s.dilation, s.padding, s.padding,
                                                           attributes),
            dnnl_convolution_desc_t,
            dnnl_convolution_forward_desc_init(&operation, pass, s.algorithm, M(0), M(1), M(2), M(3),
                                               s.strides, s.padding, s.padding),
            NULL);
}

mixent_status mixent_onednn_convolution_backward_data(const mixent_shape *source, const mixent_shape *weights,
                                                      const mixent_shape *target, mixent_window window,
                                                      const_dnnl_primitive_desc_t hint,
                                                      dnnl_primitive_desc_t *out) {
  SHAPES(source, weights, target);
  spatial s = spatial_of(window);
  MAKE("run a convolution backward",
       dnnl_convolution_backward_data_primitive_desc_create(out, engine, s.algorithm, M(0), M(1), M(2),
                                                            s.strides, s.dilation, s.padding, s.padding, hint,
                                                            attributes),
       dnnl_convolution_desc_t,
       dnnl_convolution_backward_data_desc_init(&operation, s.algorithm, M(0), M(1), M(2), s.strides,
                                                s.padding, s.padding),
       hint);
}

mixent_status mixent_onednn_convolution_backward_weights(const mixent_shape *source,
                                                         const mixent_shape *weights,
                                                         const mixent_shape *bias, const mixent_shape *target,
                                                         mixent_window window,
                                                         const_dnnl_primitive_desc_t hint,
                                                         dnnl_primitive_desc_t *out) {
  SHAPES(source, weights, bias, target);
  spatial s = spatial_of(window);
  MAKE("run a convolution backward to its weights",
       dnnl_convolution_backward_weights_primitive_desc_create(out, engine, s.algorithm, M(0), M(1), M(2),
                                                               M(3), s.strides, s.dilation, s.padding,
                                                               s.padding, hint, attributes),
       dnnl_convolution_desc_t,
       dnnl_convolution_backward_weights_desc_init(&operation, s.algorithm, M(0), M(1), M(2), M(3), s.strides,
                                                   s.padding, s.padding),
       hint);
}

mixent_status mixent_onednn_linear_forward(const mixent_shape *source, const mixent_shape *weights,
                                           const mixent_shape *bias, const mixent_shape *target,
                                           mixent_forward_form form, dnnl_primitive_desc_t *out) {
  SHAPES(source, weights, bias, target);
  dnnl_prop_kind_t pass = forward_kind(form);
  MAKE_FORM(
      form, "run a linear layer forward",
      dnnl_inner_product_forward_primitive_desc_create(out, engine, pass, M(0), M(1), M(2), M(3), attributes),
      dnnl_inner_product_desc_t,
      dnnl_inner_product_forward_desc_init(&operation, pass, M(0), M(1), M(2), M(3)), NULL);
}

mixent_status mixent_onednn_linear_backward_data(const mixent_shape *source, const mixent_shape *weights,
                                                 const mixent_shape *target, const_dnnl_primitive_desc_t hint,
                                                 dnnl_primitive_desc_t *out) {
  SHAPES(source, weights, target);
  MAKE(
      "run a linear layer backward",
      dnnl_inner_product_backward_data_primitive_desc_create(out, engine, M(0), M(1), M(2), hint, attributes),
      dnnl_inner_product_desc_t, dnnl_inner_product_backward_data_desc_init(&operation, M(0), M(1), M(2)),
      hint);
}

mixent_status mixent_onednn_linear_backward_weights(const mixent_shape *source, const mixent_shape *weights,
                                                    const mixent_shape *bias, const mixent_shape *target,
                                                    const_dnnl_primitive_desc_t hint,
                                                    dnnl_primitive_desc_t *out) {
  SHAPES(source, weights, bias, target);
  MAKE("run a linear layer backward to its weights",
       dnnl_inner_product_backward_weights_primitive_desc_create(out, engine, M(0), M(1), M(2), M(3), hint,
                                                                 attributes),
       dnnl_inner_product_desc_t,
       dnnl_inner_product_backward_weights_desc_init(&operation, M(0), M(1), M(2), M(3)), hint);
}

mixent_status mixent_onednn_max_pool_forward(const mixent_shape *source, const mixent_shape *target,
                                             mixent_window window, bool training,
                                             dnnl_primitive_desc_t *out) {
  SHAPES(source, target);
  spatial s = spatial_of(window);
  dnnl_prop_kind_t pass = training ? dnnl_forward_training : dnnl_forward_inference;
  MAKE("run max pooling forward",
       dnnl_pooling_forward_primitive_desc_create(out, engine, pass, dnnl_pooling_max, M(0), M(1), s.strides,
                                                  s.kernel, s.dilation, s.padding, s.padding, attributes),
       dnnl_pooling_desc_t,
       dnnl_pooling_forward_desc_init(&operation, pass, dnnl_pooling_max, M(0), M(1), s.strides, s.kernel,
                                      s.padding, s.padding),
       NULL);
}

mixent_status mixent_onednn_max_pool_backward(const mixent_shape *source, const mixent_shape *target,
                                              mixent_window window, const_dnnl_primitive_desc_t hint,
                                              dnnl_primitive_desc_t *out) {
  SHAPES(source, target);
  spatial s = spatial_of(window);
  MAKE("run max pooling backward",
       dnnl_pooling_backward_primitive_desc_create(out, engine, dnnl_pooling_max, M(0), M(1), s.strides,
                                                   s.kernel, s.dilation, s.padding, s.padding, hint,
                                                   attributes),
       dnnl_pooling_desc_t,
       dnnl_pooling_backward_desc_init(&operation, dnnl_pooling_max, M(0), M(1), s.strides, s.kernel,
                                       s.padding, s.padding),
       hint);
}

/* Operations */

mixent_status mixent_operation_create(dnnl_primitive_desc_t descriptor, mixent_operation *out) {
  *out = (mixent_operation){0};
  mixent_status status = check(dnnl_primitive_create(&out->primitive, descriptor), "create a primitive");
  dnnl_primitive_desc_destroy(descriptor);
  return status;
}

void mixent_operation_destroy(mixent_operation *operation) {
  for (int i = 0; i < operation->count; i++) dnnl_memory_destroy(operation->arguments[i].memory);
  if (operation->primitive) dnnl_primitive_destroy(operation->primitive);
  *operation = (mixent_operation){0};
}

const_dnnl_primitive_desc_t mixent_operation_hint(const mixent_operation *operation) {
  const_dnnl_primitive_desc_t descriptor = NULL;
  dnnl_primitive_get_primitive_desc(operation->primitive, &descriptor);
  return descriptor;
}

static memory_view argument_view(const mixent_operation *operation, int argument) {
  const_dnnl_primitive_desc_t descriptor = mixent_operation_hint(operation);
  dnnl_query_t query = argument == DNNL_ARG_SCRATCHPAD  ? dnnl_query_scratchpad_md
                       : argument == DNNL_ARG_WORKSPACE ? dnnl_query_workspace_md
                                                        : dnnl_query_exec_arg_md;
  int index = query == dnnl_query_exec_arg_md ? argument : 0;
  return dnnl_primitive_desc_query_md(descriptor, query, index);
}

size_t mixent_operation_bytes(const mixent_operation *operation, int argument) {
  memory_view descriptor = argument_view(operation, argument);
  return descriptor ? dnnl_memory_desc_get_size(descriptor) : 0;
}

const char *mixent_operation_name(const mixent_operation *operation) {
  const char *name = NULL;
  if (dnnl_primitive_desc_query(mixent_operation_hint(operation), dnnl_query_impl_info_str, 0,
                                (void *)&name) != dnnl_success)
    return "?";
  return name;
}

mixent_status mixent_operation_bind(mixent_operation *operation, int argument, mixent_place place,
                                    size_t offset) {
  memory_view descriptor = argument_view(operation, argument);
  if (!descriptor || dnnl_memory_desc_get_size(descriptor) == 0 || operation->count == MIXENT_MAX_ARGUMENTS)
    return mixent_fail(MIXENT_ERROR_UNSUPPORTED, "oneDNN %d.%d: %s takes no argument %d", DNNL_VERSION_MAJOR,
                       DNNL_VERSION_MINOR, mixent_operation_name(operation), argument);
  dnnl_memory_t memory;
  MIXENT_TRY(check(dnnl_memory_create(&memory, descriptor, engine, DNNL_MEMORY_NONE), "create a memory"));
  int i = operation->count++;
  operation->arguments[i] = (dnnl_exec_arg_t){argument, memory};
  operation->bindings[i] = (mixent_binding){argument, place, offset};
  return MIXENT_OK;
}

mixent_status mixent_operation_bind_new(mixent_operation *operation, mixent_plan *plan, int argument,
                                        int *buffer) {
  size_t bytes = mixent_operation_bytes(operation, argument);
  *buffer = -1;
  if (bytes == 0) return MIXENT_OK;
  MIXENT_TRY(mixent_plan_add_buffer(plan, bytes, buffer));
  return mixent_operation_bind(operation, argument, MIXENT_IN_ARENA, (size_t)*buffer);
}

static void *address_of(mixent_binding binding, const mixent_plan *plan, const mixent_run *run) {
  size_t element = mixent_data_type_size(plan->master_type);
  switch (binding.place) {
  case MIXENT_IN_ARENA: return mixent_plan_address(plan, run, (int)binding.offset);
  case MIXENT_IN_PARAMETERS: return run->parameters + binding.offset * element;
  default: return run->gradients + binding.offset * element;
  }
}

mixent_status mixent_operation_run(mixent_operation *operation, const mixent_plan *plan,
                                   const mixent_run *run) {
  for (int i = 0; i < operation->count; i++) {
    void *address = address_of(operation->bindings[i], plan, run);
    if (address == operation->addresses[i]) continue;
    MIXENT_TRY(check(dnnl_memory_set_data_handle(operation->arguments[i].memory, address), "set an address"));
    operation->addresses[i] = address;
  }
  return check(dnnl_primitive_execute(operation->primitive, stream, operation->count, operation->arguments),
               mixent_operation_name(operation));
}

static mixent_status reorder(memory_view from, memory_view to, mixent_operation *out) {
  dnnl_primitive_attr_t attributes;
  MIXENT_TRY(create_attributes(&attributes));
  dnnl_primitive_desc_t descriptor = NULL;
  mixent_status status =
      check(dnnl_reorder_primitive_desc_create(&descriptor, from, engine, to, engine, attributes),
            "reorder a tensor");
  dnnl_primitive_attr_destroy(attributes);
  return status == MIXENT_OK ? mixent_operation_create(descriptor, out) : status;
}

mixent_status mixent_onednn_reorder_into(const mixent_shape *plain, const mixent_operation *other,
                                         int argument, mixent_operation *out) {
  SHAPES(plain);
  mixent_status status = reorder(M(0), argument_view(other, argument), out);
  memory_set_destroy(&set);
  return status;
}

mixent_status mixent_onednn_reorder_from(const mixent_operation *other, int argument,
                                         const mixent_shape *plain, mixent_operation *out) {
  SHAPES(plain);
  mixent_status status = reorder(argument_view(other, argument), M(0), out);
  memory_set_destroy(&set);
  return status;
}
