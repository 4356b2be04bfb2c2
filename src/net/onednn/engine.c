/* oneDNN's engine, descriptions of tensors, and its errors. */
#include "net/onednn/engine.h"

#include <pthread.h>

/* One engine and one stream serve the process: on a processor both only say "here, in order". */
dnnl_engine_t mixent_onednn_engine;
dnnl_stream_t mixent_onednn_stream;
static mixent_status start_status;
static pthread_once_t once = PTHREAD_ONCE_INIT;

mixent_status mixent_onednn_check(dnnl_status_t status, const char *doing) {
  switch (status) {
  case dnnl_success: return MIXENT_OK;
  case dnnl_out_of_memory: return mixent_no_memory("oneDNN to %s", doing);
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
  start_status =
      mixent_onednn_check(dnnl_engine_create(&mixent_onednn_engine, dnnl_cpu, 0), "create an engine");
  if (start_status == MIXENT_OK)
    start_status = mixent_onednn_check(
        dnnl_stream_create(&mixent_onednn_stream, mixent_onednn_engine, dnnl_stream_default_flags),
        "create a stream");
}

mixent_status mixent_onednn_start(void) {
  pthread_once(&once, start);
  return start_status;
}

mixent_onednn_layout_view mixent_onednn_shapes_view(const mixent_onednn_shapes *set, int i) {
#if DNNL_VERSION_MAJOR >= 3
  return set->present[i] ? set->descriptor[i] : NULL;
#else
  return set->present[i] ? &set->descriptor[i] : NULL;
#endif
}

void mixent_onednn_shapes_destroy(mixent_onednn_shapes *set) {
#if DNNL_VERSION_MAJOR >= 3
  for (int i = 0; i < MAX_SHAPES; i++)
    if (set->present[i]) dnnl_memory_desc_destroy(set->descriptor[i]);
#endif
  *set = (mixent_onednn_shapes){0};
}

mixent_status mixent_onednn_shapes_create(mixent_onednn_shapes *set, int count,
                                          const mixent_shape *const *shapes) {
  *set = (mixent_onednn_shapes){0};
  MIXENT_TRY(mixent_onednn_start());
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
      mixent_onednn_shapes_destroy(set);
      return mixent_onednn_check(status, "describe a tensor");
    }
    set->present[i] = 1;
  }
  return MIXENT_OK;
}

/* Every primitive takes its scratch memory from us: planned once, no allocation while running. */
mixent_status mixent_onednn_attributes_create(dnnl_primitive_attr_t *out) {
  MIXENT_TRY(mixent_onednn_check(dnnl_primitive_attr_create(out), "create attributes"));
  mixent_status status = mixent_onednn_check(
      dnnl_primitive_attr_set_scratchpad_mode(*out, dnnl_scratchpad_mode_user), "set the scratchpad");
  if (status != MIXENT_OK) dnnl_primitive_attr_destroy(*out);
  return status;
}
