/* What api.c and operation.c share: oneDNN's engine, descriptions of tensors, and its errors. */
#ifndef MIXENT_NET_ONEDNN_ENGINE_H
#define MIXENT_NET_ONEDNN_ENGINE_H

#include "net/onednn/api.h"

#if DNNL_VERSION_MAJOR >= 3
typedef const_dnnl_memory_desc_t mixent_onednn_layout_view; /* a descriptor somebody else owns */
#else
typedef const dnnl_memory_desc_t *mixent_onednn_layout_view;
#endif

/* One engine and one stream serve the process: on a processor both only say "here, in order". Valid after mixent_onednn_start. */
extern dnnl_engine_t mixent_onednn_engine;
extern dnnl_stream_t mixent_onednn_stream;
mixent_status mixent_onednn_start(void);

/* "oneDNN 3.1 refused to DOING", unless it did it. */
mixent_status mixent_onednn_check(dnnl_status_t status, const char *doing);

/* Owned descriptors of up to five shapes; slot i is shapes[i], absent ones stay zero. */
enum { MAX_SHAPES = 5 };
typedef struct mixent_onednn_shapes {
  dnnl_memory_desc_t descriptor[MAX_SHAPES];
  int present[MAX_SHAPES];
} mixent_onednn_shapes;

mixent_status mixent_onednn_shapes_create(mixent_onednn_shapes *set, int count,
                                          const mixent_shape *const *shapes);
void mixent_onednn_shapes_destroy(mixent_onednn_shapes *set);
mixent_onednn_layout_view mixent_onednn_shapes_view(const mixent_onednn_shapes *set, int i);

/* Attributes of a primitive that takes its scratch memory from us: planned once, no allocation while running. */
mixent_status mixent_onednn_attributes_create(dnnl_primitive_attr_t *out);

/* Within a function: describes the shapes given; M(i) is the i-th. mixent_onednn_shapes_destroy(&set) at the end. */
#define SHAPES(...)                                                                                          \
  mixent_onednn_shapes set;                                                                                  \
  const mixent_shape *const shapes[] = {__VA_ARGS__};                                                        \
  MIXENT_TRY(mixent_onednn_shapes_create(&set, (int)(sizeof shapes / sizeof *shapes), shapes))
#define M(i) mixent_onednn_shapes_view(&set, i)

#endif
