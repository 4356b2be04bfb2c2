/* What reading a model from ONNX keeps in mind. The nodes are taken in their order; each gives values by the values it reads.
 * Most values are that of a layer of our network to be. Some stand for a step of what several nodes spell out (a normalisation, a
 * GELU, a padded shortcut) and become a layer once it is whole. */
#ifndef MIXENT_MODEL_IMPORT_ONNX_H
#define MIXENT_MODEL_IMPORT_ONNX_H

#include "io/onnx_read.h"
#include "io/safetensors.h"
#include "mixent/model.h"
#include "net/graph/layer.h"

enum { MIXENT_ONNX_NUMBERS = 64 };
#define MIXENT_ONNX_BATCH (INT64_MIN / 2) /* among the numbers of a shape: that of the rows, whatever it is */

/* Whole numbers that nodes compute with: shapes, axes, pads. */
typedef struct mixent_onnx_numbers {
  int dimensions, count;
  int64_t shape[MIXENT_ONNX_DIMENSIONS], values[MIXENT_ONNX_NUMBERS];
} mixent_onnx_numbers;

typedef enum mixent_onnx_kind {
  MIXENT_ONNX_TENSOR, /* floats of the file */
  MIXENT_ONNX_WHOLE,
  MIXENT_ONNX_LAYER, /* x: what a layer gives */
  MIXENT_ONNX_AFFINE, /* scale x + shift, per channel; of layer 0 x is what enters the file's network, before mean and deviation */
  MIXENT_ONNX_PADDED,  /* x with zero channels before and after */
  MIXENT_ONNX_STRIDED, /* every second (third, …) row of x, or column */
  MIXENT_ONNX_ERF,     /* a erf(x / sqrt 2) + b */
  MIXENT_ONNX_GELU,    /* x (a erf(x / sqrt 2) + b) */
  MIXENT_ONNX_SIGMOID,
  MIXENT_ONNX_SOFTMAX, /* the mean of the softmax of `layers` */
  MIXENT_ONNX_LOG_SOFTMAX
} mixent_onnx_kind;

typedef struct mixent_onnx_item {
  mixent_onnx_kind kind;
  const mixent_onnx_tensor *tensor;
  mixent_onnx_tensor *own_tensor; /* where it is no tensor of the file's list */
  mixent_onnx_numbers *numbers;
  int layer, rank;       /* of computed values: the layer x; 4: [N, C, H, W], 2: [N, C] */
  bool direct;           /* it is what the node of the layer gives, under its one name */
  double *scale, *shift; /* [channels of x] */
  double a, b;
  int before, after; /* channels of PADDED */
  int axis, step;    /* of STRIDED */
  int layers[MIXENT_MAX_INPUTS], layer_count;
} mixent_onnx_item;

/* Values of a parameter: bytes of the file, or made here. */
typedef struct mixent_onnx_values {
  mixent_bytes bytes;
  float *made;
} mixent_onnx_values;

/* A layer of the network to be. Its values: weight, bias, running mean and variance. */
typedef struct mixent_onnx_made {
  mixent_layer_kind kind;
  char *name;
  int inputs[MIXENT_MAX_INPUTS], input_count;
  int channels, height, width;
  int kernel, stride, padding, begin, end;
  bool transposed; /* the weight stands as [in, out] */
  bool used;       /* by the output */
  mixent_onnx_values values[4];
} mixent_onnx_made;

typedef struct mixent_onnx_name {
  mixent_bytes name;      /* empty: no entry */
  mixent_onnx_item *item; /* NULL: nothing has given it so far */
  int uses;               /* inputs of nodes, and outputs of the network, that have the name */
} mixent_onnx_name;

typedef struct mixent_importer {
  mixent_onnx_file file;
  mixent_onnx_step step;    /* the node in hand */
  mixent_onnx_made *layers; /* [0]: the input */
  int layer_count;
  mixent_onnx_item **items;
  size_t item_count;
  mixent_onnx_name *names; /* [name_room], a power of 2, by open addressing */
  size_t name_room;
  float *mean, *deviation; /* [channels of the input]; NULL: nothing has read the input so far */
  bool normalised;
  double temperature; /* that the output is divided by, of a file of ours; else 1 */
  size_t budget;      /* numbers that may still be made */
} mixent_importer;

/* MIXENT_ERROR_UNSUPPORTED: "FILE: node 'NAME' (OPERATOR): …". */
mixent_status mixent_onnx_fail(const mixent_importer *importer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
#ifdef __clang_analyzer__ /* as in core/status.h */
#define mixent_onnx_fail(...) (mixent_onnx_fail(__VA_ARGS__), MIXENT_ERROR_UNSUPPORTED)
#endif

/* import_onnx_values.c. Names of the file's values; fails for lack of memory alone. */
mixent_status mixent_onnx_name_all(mixent_importer *importer);
/* The entry of a name that stands in the file. */
mixent_onnx_name *mixent_onnx_name_find(mixent_importer *importer, mixent_bytes name);
bool mixent_onnx_has_input(const mixent_importer *importer, int i);
/* Input i of the node in hand, which must be there. */
mixent_status mixent_onnx_item_get(mixent_importer *importer, int i, mixent_onnx_item **out);
/* The same as the value of a layer, of that rank (0: any): of a value that stands for a step so far, the layer is added. */
mixent_status mixent_onnx_layer_get(mixent_importer *importer, int i, int rank, int *layer);
mixent_status mixent_onnx_settle(mixent_importer *importer, mixent_onnx_item *item);
/* The same as floats of the file, and as whole numbers. */
mixent_status mixent_onnx_tensor_get(mixent_importer *importer, int i, const mixent_onnx_tensor **out);
mixent_status mixent_onnx_numbers_get(mixent_importer *importer, int i, const mixent_onnx_numbers **out);
/* Output i of the node gets a new value, which takes over what the item owns. */
mixent_status mixent_onnx_give(mixent_importer *importer, int i, mixent_onnx_item item);
mixent_status mixent_onnx_give_numbers(mixent_importer *importer, const mixent_onnx_numbers *numbers);
/* Output 0 is the value of input 0. */
mixent_status mixent_onnx_give_same(mixent_importer *importer);
/* scale x + shift of a value that is a layer's, or of that form already; its arrays are new. */
mixent_status mixent_onnx_affine_make(mixent_importer *importer, const mixent_onnx_item *from,
                                      mixent_onnx_item *out);
/* Whether it is scale x, with one scale for all channels. */
bool mixent_onnx_is_scaled(const mixent_importer *importer, const mixent_onnx_item *item, double *scale);
/* One more layer; takes over what it owns. `stem`: a tensor's name, "l1.0.weight", of which the layer gets its name; or empty. */
mixent_status mixent_onnx_layer_add(mixent_importer *importer, mixent_onnx_made layer, mixent_bytes stem,
                                    int *index);
/* The same as output i of the node. */
mixent_status mixent_onnx_give_layer(mixent_importer *importer, int output, int rank, mixent_onnx_made made,
                                     mixent_bytes stem);
extern const mixent_bytes mixent_onnx_no_stem;
/* A layer that reads one other and gives what has its shape. */
mixent_onnx_made mixent_onnx_made_like(const mixent_importer *importer, mixent_layer_kind kind, int input);
/* The rank of input i. */
mixent_status mixent_onnx_rank_get(mixent_importer *importer, int i, int *rank);
/* Refuses an attribute that is not the wanted number. */
mixent_status mixent_onnx_expect(mixent_importer *importer, const char *attribute, int64_t fallback,
                                 int64_t wanted);
/* Free what they own. */
void mixent_onnx_item_clear(mixent_onnx_item *item);
void mixent_onnx_made_clear(mixent_onnx_made *layer);
/* Takes `count` from the budget of numbers. */
mixent_status mixent_onnx_spend(mixent_importer *importer, size_t count);

/* import_onnx_numbers.c: whole numbers. `done` is false where the node does not compute with them. */
mixent_status mixent_onnx_compute_numbers(mixent_importer *importer, bool *done);
/* A list that an operator takes as input i, or in older versions as an attribute; *count 0: it is left out. */
mixent_status mixent_onnx_list_get(mixent_importer *importer, int i, const char *attribute, int *count,
                                   int64_t out[MIXENT_ONNX_NUMBERS]);
/* The axis made positive; -1: there is no such axis. */
int mixent_onnx_axis(int64_t axis, int rank);

/* import_onnx_layers.c, import_onnx_forms.c, import_onnx_arithmetic.c: operators on what layers give. */
typedef mixent_status mixent_onnx_operator(mixent_importer *importer);
typedef struct mixent_onnx_operator_entry {
  const char *type;
  mixent_onnx_operator *take;
  const char *attributes[8]; /* that it may have; NULL after the last */
} mixent_onnx_operator_entry;
extern const mixent_onnx_operator_entry mixent_onnx_layer_operators[], mixent_onnx_form_operators[],
    mixent_onnx_arithmetic_operators[]; /* type NULL after the last */

/* What a model says of itself, as in the metadata of a checkpoint. */
typedef struct mixent_onnx_description {
  mixent_metadata *entries; /* values owned */
  size_t count;
} mixent_onnx_description;
/* import_onnx_description.c */
mixent_status mixent_onnx_describe(const mixent_importer *importer, const mixent_graph *graph,
                                   mixent_onnx_description *out);
/* NULL: there is none of that key. `source` is a description. */
const char *mixent_onnx_description_find(const void *source, const char *key);
void mixent_onnx_description_free(mixent_onnx_description *description);

/* import_onnx.c: a trained model from an ONNX file. */
mixent_status mixent_model_import_onnx(const char *path, mixent_model **out);
/* The same from memory that must outlive the call. */
mixent_status mixent_model_parse_onnx(const char *bytes, size_t size, const char *origin, mixent_model **out);

#endif
