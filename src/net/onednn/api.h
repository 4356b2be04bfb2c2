/* The one file (with api.c, engine.c and operation.c) that knows which generation of oneDNN's C interface is installed: 2.x describes
 * an operation and then makes a primitive descriptor of it, 3.x makes the primitive descriptor at once and
 * hides memory descriptors behind handles. Above this, an operation is a primitive with its arguments bound
 * to places of a plan. */
#ifndef MIXENT_NET_ONEDNN_API_H
#define MIXENT_NET_ONEDNN_API_H

#include "net/plan/plan.h"
#include <dnnl.h>

/* A tensor as an operation sees it: shape, element type, layout (dnnl_format_tag_any lets oneDNN choose). */
typedef struct mixent_shape {
  int dimensions;
  dnnl_dims_t sizes; /* logical order: N, C, H, W; or O, I, KH, KW */
  dnnl_data_type_t type;
  dnnl_format_tag_t layout;
} mixent_shape;

typedef struct mixent_window {
  int kernel, stride, padding;
  bool winograd; /* convolutions by Winograd's algorithm, where the library has it */
} mixent_window;

/* How a convolution or linear layer runs forward. */
typedef struct mixent_forward_form {
  bool training; /* a backward pass will follow */
  bool relu;     /* a ReLU over what it writes; not in training */
} mixent_forward_form;

/* Primitive descriptors: what to do, not yet where. `hint` is the forward one that a backward one belongs to.
 * Each is given to mixent_operation_create, which takes it over. */

mixent_status mixent_onednn_convolution_forward(const mixent_shape *source, const mixent_shape *weights,
                                                const mixent_shape *bias, const mixent_shape *target,
                                                mixent_window window, mixent_forward_form form,
                                                dnnl_primitive_desc_t *out);
mixent_status mixent_onednn_convolution_backward_data(const mixent_shape *source, const mixent_shape *weights,
                                                      const mixent_shape *target, mixent_window window,
                                                      const_dnnl_primitive_desc_t hint,
                                                      dnnl_primitive_desc_t *out);
mixent_status mixent_onednn_convolution_backward_weights(const mixent_shape *source,
                                                         const mixent_shape *weights,
                                                         const mixent_shape *bias, const mixent_shape *target,
                                                         mixent_window window,
                                                         const_dnnl_primitive_desc_t hint,
                                                         dnnl_primitive_desc_t *out);
mixent_status mixent_onednn_linear_forward(const mixent_shape *source, const mixent_shape *weights,
                                           const mixent_shape *bias, const mixent_shape *target,
                                           mixent_forward_form form, dnnl_primitive_desc_t *out);
mixent_status mixent_onednn_linear_backward_data(const mixent_shape *source, const mixent_shape *weights,
                                                 const mixent_shape *target, const_dnnl_primitive_desc_t hint,
                                                 dnnl_primitive_desc_t *out);
mixent_status mixent_onednn_linear_backward_weights(const mixent_shape *source, const mixent_shape *weights,
                                                    const mixent_shape *bias, const mixent_shape *target,
                                                    const_dnnl_primitive_desc_t hint,
                                                    dnnl_primitive_desc_t *out);
mixent_status mixent_onednn_max_pool_forward(const mixent_shape *source, const mixent_shape *target,
                                             mixent_window window, bool training, dnnl_primitive_desc_t *out);
mixent_status mixent_onednn_max_pool_backward(const mixent_shape *source, const mixent_shape *target,
                                              mixent_window window, const_dnnl_primitive_desc_t hint,
                                              dnnl_primitive_desc_t *out);

/* Where an argument's bytes are when a step runs. */
typedef enum mixent_storage {
  MIXENT_IN_ARENA,      /* offset counts buffers of the plan */
  MIXENT_IN_PARAMETERS, /* offset counts elements of the array */
  MIXENT_IN_GRADIENTS
} mixent_storage;

typedef struct mixent_binding {
  int argument; /* DNNL_ARG_… */
  mixent_storage storage;
  size_t offset;
} mixent_binding;

enum { MIXENT_MAX_ARGUMENTS = 12 };

/* A primitive and its bound arguments. Zeroed: none. */
typedef struct mixent_operation {
  dnnl_primitive_t primitive;
  dnnl_exec_arg_t arguments[MIXENT_MAX_ARGUMENTS];
  mixent_binding bindings[MIXENT_MAX_ARGUMENTS];
  void *addresses[MIXENT_MAX_ARGUMENTS]; /* as last told to the library */
  int count;
} mixent_operation;

/* Takes over `descriptor`, also on failure. */
mixent_status mixent_operation_create(dnnl_primitive_desc_t descriptor, mixent_operation *out);
void mixent_operation_destroy(mixent_operation *operation);
/* Bytes of an argument as this primitive lays it out; 0 if it takes none (DNNL_ARG_SCRATCHPAD,
 * DNNL_ARG_WORKSPACE). */
size_t mixent_operation_bytes(const mixent_operation *operation, int argument);
const_dnnl_primitive_desc_t mixent_operation_hint(const mixent_operation *operation);
/* The implementation's name, "brgconv:avx512_core_amx". */
const char *mixent_operation_name(const mixent_operation *operation);
mixent_status mixent_operation_bind(mixent_operation *operation, int argument, mixent_storage storage,
                                    size_t offset);
/* Binds, in the plan's arena, a new buffer that only the coming step uses (scratchpad, weights in their own
 * layout); its index in *buffer, -1 if the primitive takes no such argument. */
mixent_status mixent_operation_bind_new(mixent_operation *operation, mixent_plan *plan, int argument,
                                        int *buffer);
mixent_status mixent_operation_run(mixent_operation *operation, const mixent_plan *plan,
                                   const mixent_step_context *context);

/* An operation that turns `plain` (a shape with a layout) into the layout of `argument` of `other`, or back.
 */
mixent_status mixent_onednn_reorder_into(const mixent_shape *plain, const mixent_operation *other,
                                         int argument, mixent_operation *out);
mixent_status mixent_onednn_reorder_from(const mixent_operation *other, int argument,
                                         const mixent_shape *plain, mixent_operation *out);

#endif
