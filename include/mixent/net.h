/* Networks: a description (graph) and, lowered for one batch size, memory plan and processor, a net that
 * runs.
 *
 *   mixent_graph *graph;
 *   mixent_net *net;
 *   mixent_graph_options shape = {.channels = 1, .side = 28, .classes = 26, .dropout = -1};
 *   mixent_net_options options = {.batch = 250, .precision = MIXENT_FP32, .training = true};
 *   mixent_graph_open("vgg5", &shape, &graph);
 *   mixent_net_create(graph, &options, &net);
 *   mixent_graph_initialize(graph, seed, mixent_net_parameters(net), mixent_net_statistics(net));
 *
 * and in each step: fill mixent_net_input(net); mixent_net_forward(…); write mixent_net_logits_gradient(net);
 * mixent_net_backward(net); use mixent_net_gradients(net) to change mixent_net_parameters(net).
 *
 * Images are [rows, side, side, channels] (channels last), logits [rows, classes], both float (double for
 * MIXENT_FP64). All parameters lie one after another in one array, in PyTorch's order and layout (convolution
 * weights [out, in, kh, kw], linear [out, in]); so do their gradients, and so do batch norm's running
 * statistics in an array of their own. */
#ifndef MIXENT_NET_H
#define MIXENT_NET_H

#include "mixent/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mixent_graph mixent_graph;
typedef struct mixent_net mixent_net;

typedef struct mixent_graph_options {
  int channels;   /* of the input: 1 or 3; of rows of a table the features, 1 to 65536 */
  int side;       /* of the input, 16 to 256 pixels; 1: rows of a table */
  int classes;    /* logits */
  double dropout; /* replaces every dropout layer's rate; negative: as described */
} mixent_graph_options;

/* A network by built-in name or from a YAML file (a name with a '/' or ending in .yaml is a file). */
mixent_status mixent_graph_open(const char *name_or_file, const mixent_graph_options *options,
                                mixent_graph **out);
/* The same from a text; `origin` names it in messages. */
mixent_status mixent_graph_parse(const char *text, const char *origin, const mixent_graph_options *options,
                                 mixent_graph **out);
void mixent_graph_free(mixent_graph *graph);
/* NULL-terminated. */
const char *const *mixent_graph_names(void);
/* The text of the description, and its name ("vgg5"). */
const char *mixent_graph_text(const mixent_graph *graph);
const char *mixent_graph_name(const mixent_graph *graph);

/* A named piece of the parameter array or of the statistics array. */
typedef struct mixent_tensor {
  const char *name; /* PyTorch's state-dict name, "l1.0.weight" */
  int dimensions;
  int64_t shape[4];
  size_t offset, count; /* in elements, within its array */
  bool decay;           /* weight decay applies: matrices and convolution weights, not norms and biases */
} mixent_tensor;

size_t mixent_graph_parameter_count(const mixent_graph *graph); /* elements in all */
size_t mixent_graph_statistic_count(const mixent_graph *graph);
/* The tensors in PyTorch's order. Statistics alternate running_mean, running_var per batch norm. */
const mixent_tensor *mixent_graph_parameters(const mixent_graph *graph, size_t *count);
const mixent_tensor *mixent_graph_statistics(const mixent_graph *graph, size_t *count);

typedef enum mixent_precision {
  MIXENT_FP32,
  MIXENT_BF16, /* activations and weights in bfloat16 inside the step; master weights, gradients, statistics
                  in float */
  MIXENT_FP64, /* reference back end only; all arrays are double */
  MIXENT_QUANTIZED /* trained models only (mixent_predictor_create, mixent_model_score): as MIXENT_FP32, but
                  convolutions after a batch norm and ReLU compute in 8 bits */
} mixent_precision;

/* Which back end computes one pass ("forward", "backward data", "backward weights") of one convolution. Layer or pass "*"
 * stands for all for which it can; the others are as they would be without. Of several that name a pass the last counts. */
typedef struct mixent_net_choice {
  const char *layer, *pass, *backend; /* "l1.3", "forward", "winograd-4" */
} mixent_net_choice;

typedef struct mixent_net_options {
  int batch; /* rows of one step */
  int first_row; /* where they are a part of a larger batch: its row that is the first here. Keys the dropout masks, so that
                    the parts have those of the whole */
  mixent_precision precision;
  bool training;  /* false: forward only, less memory */
  bool frozen;    /* not for training; see mixent_net_use */
  bool reference; /* plain C for every layer (slow; what the fast back ends are held to) */
  /* what a measurement found (`mixent tune`); passes not named take the fixed table's back end */
  const mixent_net_choice *choices;
  size_t choice_count;
} mixent_net_options;

/* Lowers the graph: plans all memory, prepares all primitives. The graph must outlive the net. */
mixent_status mixent_net_create(const mixent_graph *graph, const mixent_net_options *options,
                                mixent_net **out);
void mixent_net_free(mixent_net *net);

/* True if this processor runs bfloat16 networks at full speed. */
bool mixent_net_bf16_is_native(void);

/* Draws initial parameters (convolution weights as SpinalNet's VGG: normal with standard deviation
 * sqrt(2/(k*k*out)), the rest PyTorch's default), each tensor from its own random stream; statistics become
 * mean 0, variance 1. */
void mixent_graph_initialize(const mixent_graph *graph, uint64_t seed, float *parameters, float *statistics);

/* The arrays the net reads and writes. parameters and statistics may be replaced by the caller's own arrays
 * of the same sizes (an EMA, say); NULL restores the net's. A net made with frozen = true brings the
 * parameters into the form it computes with once, at the first forward pass after each mixent_net_use, not in
 * every pass: whoever changes their values calls mixent_net_use again. */
void *mixent_net_parameters(mixent_net *net);
void *mixent_net_statistics(mixent_net *net);
void *mixent_net_gradients(mixent_net *net);
void mixent_net_use(mixent_net *net, void *parameters, void *statistics);

void *mixent_net_input(mixent_net *net);              /* [batch, side, side, channels] */
const void *mixent_net_logits(const mixent_net *net); /* [batch, classes] */
void *mixent_net_logits_gradient(mixent_net *net);    /* [batch, classes]; written by the caller */

typedef enum mixent_mode {
  MIXENT_EVALUATE, /* running statistics, no dropout; rows do not influence one another */
  MIXENT_TRAIN,    /* batch statistics, dropout; running statistics move with momentum 0.1 */
  MIXENT_ESTIMATE  /* batch statistics, no dropout; running statistics become the mean over the calls: `step`
                      counts them from 0 (used to give an EMA of the weights statistics of its own) */
} mixent_mode;

/* Runs forward over the whole batch. seed and step key the dropout masks (MIXENT_TRAIN). */
mixent_status mixent_net_forward(mixent_net *net, mixent_mode mode, uint64_t seed, uint64_t step);
/* After a MIXENT_TRAIN forward: reads the logits' gradient, overwrites mixent_net_gradients. */
mixent_status mixent_net_backward(mixent_net *net);

/* From now on watch(context, complete_from) is called in each backward pass, in its thread, whenever more of the gradients are
 * final: all elements from `complete_from` on, which falls to 0. The last layers come first. NULL: no more. */
typedef void mixent_net_gradient_watch(void *context, size_t complete_from);
void mixent_net_watch_gradients(mixent_net *net, mixent_net_gradient_watch *watch, void *context);

/* Bytes held: activations, gradients of activations, scratch, parameters. */
size_t mixent_net_memory(const mixent_net *net);

/* One step of the plan. */
typedef struct mixent_net_step {
  const char *layer, *kind, *pass;
  const char *backend; /* as chosen, "winograd-4"; with detail if there was no choice */
  const char *const *
      candidates; /* the back ends that could be chosen, NULL-terminated; NULL: no choice. `backend` is not among
                                    them where a step does more than a choice would */
  double operations; /* multiplications and additions of a convolution or linear layer, each tap counted that
                        meets a pixel; 0 for others */
  double seconds;    /* spent since mixent_net_time_steps */
} mixent_net_step;

/* `index` from 0; false after the last. */
bool mixent_net_step_get(const mixent_net *net, size_t index, mixent_net_step *out);
/* From now on the time each step takes is added up, from 0 again. It is off unless asked for. */
void mixent_net_time_steps(mixent_net *net);

/* One line per step of the plan: layer, pass, back end, shapes; for `mixent info --plan` and tests. free().
 */
char *mixent_net_plan_text(const mixent_net *net);

#ifdef __cplusplus
}
#endif
#endif
