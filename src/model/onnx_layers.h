/* What writing a model as ONNX keeps in mind, and its layers: one function per kind (onnx_layers.c). */
#ifndef MIXENT_MODEL_ONNX_LAYERS_H
#define MIXENT_MODEL_ONNX_LAYERS_H

#include "io/onnx.h"
#include "mixent/model.h"
#include "net/graph/fold.h"
#include "net/graph/layer.h"

/* Of a value: [N, C, H, W] or [N, C]. */
typedef enum mixent_onnx_form { MIXENT_MAP, MIXENT_VECTOR } mixent_onnx_form;

typedef struct mixent_exporter {
  const mixent_model *model;
  const char *loss; /* its name */
  mixent_folded folded;
  mixent_onnx onnx;
  char *(*names)[2]; /* per layer and form: what the value is called */
  bool (*made)[2];   /* per layer and form: whether a node gives it */
  bool axes[2];      /* the lists of axes that are in the file already */
  bool gelu;         /* so are the numbers of a GELU */
} mixent_exporter;

/* Adds what gives the value of layer `index`; those before it are there. */
mixent_status mixent_onnx_export_layer(mixent_exporter *exporter, int index);
/* The name of a value in that form, which is made if it is not there. */
const char *mixent_onnx_value_as(mixent_exporter *exporter, int index, mixent_onnx_form form);

static inline const mixent_layer *mixent_onnx_layer(const mixent_exporter *e, int index) {
  return &e->folded.graph->layers[index];
}

#endif
