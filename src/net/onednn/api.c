/* Primitive descriptors: the two generations of oneDNN's C interface behind one set of functions. */
#include "net/onednn/engine.h"

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
  MIXENT_TRY(mixent_onednn_attributes_create(out));
  mixent_status status = form.relu ? mixent_onednn_check(append_relu(*out), "add a ReLU") : MIXENT_OK;
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
    status = mixent_onednn_check(call3, what);                                                               \
    dnnl_primitive_attr_destroy(attributes);                                                                 \
  }                                                                                                          \
  mixent_onednn_shapes_destroy(&set);                                                                        \
  return status
#else
#define MAKE_FORM(form, what, call3, kind2, init2, hint)                                                     \
  dnnl_primitive_attr_t attributes;                                                                          \
  mixent_status status = create_forward_attributes(form, &attributes);                                       \
  if (status == MIXENT_OK) {                                                                                 \
    kind2 operation;                                                                                         \
    dnnl_status_t described = init2;                                                                         \
    if (described == dnnl_success)                                                                           \
      described = dnnl_primitive_desc_create(out, &operation, attributes, mixent_onednn_engine, hint);       \
    status = mixent_onednn_check(described, what);                                                           \
    dnnl_primitive_attr_destroy(attributes);                                                                 \
  }                                                                                                          \
  mixent_onednn_shapes_destroy(&set);                                                                        \
  return status
#endif

#define MAKE(what, call3, kind2, init2, hint)                                                                \
  const mixent_forward_form plain = {0};                                                                     \
  MAKE_FORM(plain, what, call3, kind2, init2, hint)

mixent_status mixent_onednn_convolution_forward(const mixent_shape *source, const mixent_shape *weights,
                                                const mixent_shape *bias, const mixent_shape *target,
                                                mixent_window window, mixent_forward_form form,
                                                dnnl_primitive_desc_t *out) {
  SHAPES(source, weights, bias, target);
  spatial s = spatial_of(window);
  dnnl_prop_kind_t pass = forward_kind(form);
  MAKE_FORM(form, "run a convolution forward",
            dnnl_convolution_forward_primitive_desc_create(out, mixent_onednn_engine, pass, s.algorithm, M(0),
                                                           M(1), M(2), M(3), s.strides, s.dilation, s.padding,
                                                           s.padding, attributes),
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
       dnnl_convolution_backward_data_primitive_desc_create(out, mixent_onednn_engine, s.algorithm, M(0),
                                                            M(1), M(2), s.strides, s.dilation, s.padding,
                                                            s.padding, hint, attributes),
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
       dnnl_convolution_backward_weights_primitive_desc_create(out, mixent_onednn_engine, s.algorithm, M(0),
                                                               M(1), M(2), M(3), s.strides, s.dilation,
                                                               s.padding, s.padding, hint, attributes),
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
  MAKE_FORM(form, "run a linear layer forward",
            dnnl_inner_product_forward_primitive_desc_create(out, mixent_onednn_engine, pass, M(0), M(1),
                                                             M(2), M(3), attributes),
            dnnl_inner_product_desc_t,
            dnnl_inner_product_forward_desc_init(&operation, pass, M(0), M(1), M(2), M(3)), NULL);
}

mixent_status mixent_onednn_linear_backward_data(const mixent_shape *source, const mixent_shape *weights,
                                                 const mixent_shape *target, const_dnnl_primitive_desc_t hint,
                                                 dnnl_primitive_desc_t *out) {
  SHAPES(source, weights, target);
  MAKE("run a linear layer backward",
       dnnl_inner_product_backward_data_primitive_desc_create(out, mixent_onednn_engine, M(0), M(1), M(2),
                                                              hint, attributes),
       dnnl_inner_product_desc_t, dnnl_inner_product_backward_data_desc_init(&operation, M(0), M(1), M(2)),
       hint);
}

mixent_status mixent_onednn_linear_backward_weights(const mixent_shape *source, const mixent_shape *weights,
                                                    const mixent_shape *bias, const mixent_shape *target,
                                                    const_dnnl_primitive_desc_t hint,
                                                    dnnl_primitive_desc_t *out) {
  SHAPES(source, weights, bias, target);
  MAKE("run a linear layer backward to its weights",
       dnnl_inner_product_backward_weights_primitive_desc_create(out, mixent_onednn_engine, M(0), M(1), M(2),
                                                                 M(3), hint, attributes),
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
       dnnl_pooling_forward_primitive_desc_create(out, mixent_onednn_engine, pass, dnnl_pooling_max, M(0),
                                                  M(1), s.strides, s.kernel, s.dilation, s.padding, s.padding,
                                                  attributes),
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
       dnnl_pooling_backward_primitive_desc_create(out, mixent_onednn_engine, dnnl_pooling_max, M(0), M(1),
                                                   s.strides, s.kernel, s.dilation, s.padding, s.padding,
                                                   hint, attributes),
       dnnl_pooling_desc_t,
       dnnl_pooling_backward_desc_init(&operation, dnnl_pooling_max, M(0), M(1), s.strides, s.kernel,
                                       s.padding, s.padding),
       hint);
}
