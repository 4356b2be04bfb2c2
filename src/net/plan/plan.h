/* The plan: a graph lowered to a list of steps over planned buffers. Forward steps come first, then backward
 * steps; a back end adds steps for the layers it covers and says which buffers each step touches; when all is
 * said, buffers get places in one arena so that only those alive at the same time take room at the same time.
 */
#ifndef MIXENT_NET_PLAN_PLAN_H
#define MIXENT_NET_PLAN_PLAN_H

#include "io/plan_file.h"
#include "net/graph/layer.h"
#include "net/plan/arena.h"

typedef struct mixent_plan mixent_plan;
typedef struct mixent_step mixent_step;

/* What a step may use when it runs. */
typedef struct mixent_step_context {
  mixent_mode mode;
  uint64_t seed, step;
  uint64_t version; /* of the parameters, from 1: another number, other values (for frozen plans) */
  char *arena;
  char *parameters, *gradients, *statistics; /* base of the arrays, of the master type */
} mixent_step_context;

enum { MIXENT_MAX_STEP_BUFFERS = 24 };

struct mixent_step {
  int layer;                     /* the first layer it covers */
  const char *pass;              /* "forward", "backward data", "backward weights", … for the plan's text */
  const char *backend;           /* who does it, with detail ("jit:avx512_core_bf16") */
  const char *const *candidates; /* where there is a choice: all that could do it, NULL-terminated */
  const char *choice; /* the one that does; NULL: none alone, the step does more than theirs would */
  double seconds;     /* spent in it while steps are timed */
  bool backward;
  void *state; /* the back end's own; destroyed with the plan */
  mixent_status (*run)(void *state, const mixent_step_context *context);
  void (*destroy)(void *state);
  int buffers[MIXENT_MAX_STEP_BUFFERS]; /* everything it reads or writes in the arena */
  int buffer_count;
};

struct mixent_plan {
  const mixent_graph *graph;
  const mixent_net_options *options; /* while it is being made */
  int rows, first_row, threads;      /* threads: that may run it; steps have scratch for each */
  bool training;
  bool int8;   /* convolutions that read a value of known range compute in 8 bits */
  bool frozen; /* steps may keep what they made of the parameters while context->version stays */
  mixent_data_type value_type;  /* of values between layers */
  mixent_data_type master_type; /* of parameters, gradients of parameters, statistics, input and logits */
  mixent_step *steps;
  int step_count;
  mixent_buffer *buffers;
  int buffer_count;
  int *values;             /* per layer: buffer of its value, -1 if fused away */
  mixent_data_type *types; /* per layer: element type of its value (and of its gradient) */
  int *value_gradients;    /* per layer: buffer of the gradient of its value, -1 if none is needed */
  int *more_gradients;     /* per layer: buffer of what its backward adds to that gradient, -1: nothing */
  int *consumers;          /* per layer: how many layers read its value */
  int (*input_gradients)[MIXENT_MAX_INPUTS]; /* per layer and input: buffer its backward writes; -1: not
                                                needed */
  size_t arena_bytes;
  char *arena;
  void **owned; /* small memory of the back ends, freed with the plan */
  int owned_count;
};

/* Adds a buffer of that many bytes; its index in *buffer. */
mixent_status mixent_plan_add_buffer(mixent_plan *plan, size_t bytes, int *buffer);
/* Adds a step with its state (destroyed with the plan, also when this fails). `buffers` ends with -1;
 * negative entries before the end are not allowed. */
mixent_status mixent_plan_add_step(mixent_plan *plan, mixent_step step, const int *buffers);
/* Zeroed memory that lives as long as the plan. */
mixent_status mixent_plan_allocate(mixent_plan *plan, size_t bytes, void **out);
static inline void *mixent_plan_address(const mixent_plan *plan, const mixent_step_context *context,
                                        int buffer) {
  return buffer < 0 ? NULL : context->arena + plan->buffers[buffer].offset;
}

/* What a back end can do: a pattern covers `layers` consecutive layers starting at one, in both passes. */
typedef struct mixent_backend_pattern {
  const char *name;                                 /* "batch_norm+relu" */
  int (*match)(const mixent_plan *plan, int layer); /* layers covered, 0 if it cannot */
  mixent_status (*lower_forward)(mixent_plan *plan, int layer, void **shared);
  mixent_status (*lower_backward)(mixent_plan *plan, int layer, void *shared); /* training plans only */
} mixent_backend_pattern;

/* NULL-name-terminated, best first. */
extern const mixent_backend_pattern mixent_stem_patterns[];        /* the first block in one pass */
extern const mixent_backend_pattern mixent_convolution_patterns[]; /* chooses among back ends, pass by pass */
extern const mixent_backend_pattern mixent_norm_patterns[];        /* batch norm, with what follows it */
extern const mixent_backend_pattern mixent_onednn_patterns[];
extern const mixent_backend_pattern mixent_elementwise_patterns[];
extern const mixent_backend_pattern mixent_reference_patterns[]; /* covers every layer */

/* norm.c: whether the backward pass of a batch norm, with what it covers, adds more_gradients itself. */
bool mixent_norm_adds_gradients(const mixent_plan *plan, int layer);
/* lowering.c: the whole of it. `types` of the plan say float or bfloat16 per value; the arena is allocated. */
mixent_status mixent_plan_create(const mixent_graph *graph, const mixent_net_options *options,
                                 mixent_plan **out);
void mixent_plan_free(mixent_plan *plan);
/* Fails if there are more threads now than the plan was made for. */
mixent_status mixent_plan_check_threads(const mixent_plan *plan);
/* Whether the layer after `layer` is a ReLU that can ride along with it in evaluation: nothing else, and no backward
 * pass, reads between. */
bool mixent_plan_takes_relu(const mixent_plan *plan, int layer);
/* Whether the next layer is of that kind, in the plan's type of values, and reads this one's value, which no other layer reads. */
bool mixent_plan_follows(const mixent_plan *plan, int layer, mixent_layer_kind kind);
/* Multiplications and additions of one pass of a conv2d (taps that meet a pixel) or linear layer; 0 for others. */
double mixent_plan_operations(const mixent_plan *plan, int layer);
/* convolution.c: the names of the back ends that may compute a pass of a convolution, NULL-terminated; they live as long as the plan. And
 * whether the options of the plan under way choose one for it. */
mixent_status mixent_convolution_names(mixent_plan *plan, int layer, mixent_pass pass, const char ***out);
bool mixent_convolution_is_chosen(const mixent_plan *plan, int layer);
/* arena.c: gives every buffer its offset, once all steps are there, and allocates the arena. */
mixent_status mixent_plan_place_buffers(mixent_plan *plan);
/* cast.c: adds a buffer in bfloat16, *to, for a layer's value or its gradient, and the step that rounds the floats of buffer `from` into it. */
mixent_status mixent_plan_add_cast(mixent_plan *plan, int layer, bool backward, int from, int *to);
/* elementwise.c: adds the step that sums the gradients of a value which several layers read, into buffers[0].
 */
mixent_status mixent_plan_add_sum(mixent_plan *plan, int layer, const int *buffers, int count);

#endif
