/* Operations: primitives with their arguments bound to places of a plan; reorders between layouts. */
#include "net/onednn/engine.h"

mixent_status mixent_operation_create(dnnl_primitive_desc_t descriptor, mixent_operation *out) {
  *out = (mixent_operation){0};
  mixent_status status =
      mixent_onednn_check(dnnl_primitive_create(&out->primitive, descriptor), "create a primitive");
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

static mixent_onednn_layout_view argument_view(const mixent_operation *operation, int argument) {
  const_dnnl_primitive_desc_t descriptor = mixent_operation_hint(operation);
  dnnl_query_t query = argument == DNNL_ARG_SCRATCHPAD  ? dnnl_query_scratchpad_md
                       : argument == DNNL_ARG_WORKSPACE ? dnnl_query_workspace_md
                                                        : dnnl_query_exec_arg_md;
  int index = query == dnnl_query_exec_arg_md ? argument : 0;
  return dnnl_primitive_desc_query_md(descriptor, query, index);
}

size_t mixent_operation_bytes(const mixent_operation *operation, int argument) {
  mixent_onednn_layout_view descriptor = argument_view(operation, argument);
  return descriptor ? dnnl_memory_desc_get_size(descriptor) : 0;
}

const char *mixent_operation_name(const mixent_operation *operation) {
  const char *name = NULL;
  if (dnnl_primitive_desc_query(mixent_operation_hint(operation), dnnl_query_impl_info_str, 0,
                                (void *)&name) != dnnl_success)
    return "?";
  return name;
}

mixent_status mixent_operation_bind(mixent_operation *operation, int argument, mixent_storage storage,
                                    size_t offset) {
  mixent_onednn_layout_view descriptor = argument_view(operation, argument);
  if (!descriptor || dnnl_memory_desc_get_size(descriptor) == 0 || operation->count == MIXENT_MAX_ARGUMENTS)
    return mixent_fail(MIXENT_ERROR_UNSUPPORTED, "oneDNN %d.%d: %s takes no argument %d", DNNL_VERSION_MAJOR,
                       DNNL_VERSION_MINOR, mixent_operation_name(operation), argument);
  dnnl_memory_t memory;
  MIXENT_TRY(mixent_onednn_check(
      dnnl_memory_create(&memory, descriptor, mixent_onednn_engine, DNNL_MEMORY_NONE), "create a memory"));
  int i = operation->count++;
  operation->arguments[i] = (dnnl_exec_arg_t){argument, memory};
  operation->bindings[i] = (mixent_binding){argument, storage, offset};
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

static void *address_of(mixent_binding binding, const mixent_plan *plan, const mixent_step_context *context) {
  size_t element = mixent_data_type_size(plan->master_type);
  switch (binding.storage) {
  case MIXENT_IN_ARENA: return mixent_plan_address(plan, context, (int)binding.offset);
  case MIXENT_IN_PARAMETERS: return context->parameters + binding.offset * element;
  default: return context->gradients + binding.offset * element;
  }
}

mixent_status mixent_operation_run(mixent_operation *operation, const mixent_plan *plan,
                                   const mixent_step_context *context) {
  for (int i = 0; i < operation->count; i++) {
    void *address = address_of(operation->bindings[i], plan, context);
    if (address == operation->addresses[i]) continue;
    MIXENT_TRY(mixent_onednn_check(dnnl_memory_set_data_handle(operation->arguments[i].memory, address),
                                   "set an address"));
    operation->addresses[i] = address;
  }
  return mixent_onednn_check(dnnl_primitive_execute(operation->primitive, mixent_onednn_stream,
                                                    operation->count, operation->arguments),
                             mixent_operation_name(operation));
}

static mixent_status reorder(mixent_onednn_layout_view from, mixent_onednn_layout_view to,
                             mixent_operation *out) {
  dnnl_primitive_attr_t attributes;
  MIXENT_TRY(mixent_onednn_attributes_create(&attributes));
  dnnl_primitive_desc_t descriptor = NULL;
  mixent_status status =
      mixent_onednn_check(dnnl_reorder_primitive_desc_create(&descriptor, from, mixent_onednn_engine, to,
                                                             mixent_onednn_engine, attributes),
                          "reorder a tensor");
  dnnl_primitive_attr_destroy(attributes);
  return status == MIXENT_OK ? mixent_operation_create(descriptor, out) : status;
}

mixent_status mixent_onednn_reorder_into(const mixent_shape *plain, const mixent_operation *other,
                                         int argument, mixent_operation *out) {
  SHAPES(plain);
  mixent_status status = reorder(M(0), argument_view(other, argument), out);
  mixent_onednn_shapes_destroy(&set);
  return status;
}

mixent_status mixent_onednn_reorder_from(const mixent_operation *other, int argument,
                                         const mixent_shape *plain, mixent_operation *out) {
  SHAPES(plain);
  mixent_status status = reorder(argument_view(other, argument), M(0), out);
  mixent_onednn_shapes_destroy(&set);
  return status;
}
