/* Convolutions: which back end computes each pass. A choice that the plan was given counts; else the fixed table,
 * which asks each back end what the pass would cost. Nothing is timed here. */
#include "net/narrow/convolution.h"
#include "core/memory.h"
#include "net/onednn/patterns.h"
#include "net/plan/choices.h"
#include "net/winograd/patterns.h"

#include <pthread.h>
#include <stdlib.h>

/* A back end that can compute a pass. */
typedef struct candidate {
  const char *name;
  bool (*covers)(const mixent_plan *plan, int layer, mixent_pass pass);
  mixent_status (*estimate)(const mixent_plan *plan, int layer, mixent_pass pass,
                            double *cost); /* NULL: never in the table */
  mixent_status (*lower)(mixent_plan *plan, int layer, mixent_pass pass, int gradient);
} candidate;

static bool onednn_covers(const mixent_plan *plan, int layer, mixent_pass pass) {
  return mixent_onednn_has_type(plan) &&
         (pass != MIXENT_BACKWARD_WEIGHTS || mixent_onednn_finds_weight_gradient(plan, layer));
}

/* In products of an image, as mixent_winograd_cost counts: direct convolution comes near enough to the peak. */
static mixent_status onednn_estimate(const mixent_plan *plan, int layer, mixent_pass pass, double *cost) {
  (void)pass;
  *cost = mixent_plan_operations(plan, layer) / 2 / plan->rows;
  return MIXENT_OK;
}

static bool winograd_covers(const mixent_plan *plan, int layer, mixent_pass pass) {
  (void)pass;
  return mixent_winograd_covers(plan, layer);
}

/* A fraction of what direct convolution takes there: it starves on few channels. */
static mixent_status narrow_estimate(const mixent_plan *plan, int layer, mixent_pass pass, double *cost) {
  MIXENT_TRY(onednn_estimate(plan, layer, pass, cost));
  *cost /= 2;
  return MIXENT_OK;
}

#define WINOGRAD(cut)                                                                                        \
  static mixent_status estimate_##cut(const mixent_plan *plan, int layer, mixent_pass pass, double *cost) {  \
    return mixent_winograd_estimate(plan, layer, pass, MIXENT_CUT_##cut, cost);                              \
  }                                                                                                          \
  static mixent_status lower_##cut(mixent_plan *plan, int layer, mixent_pass pass, int gradient) {           \
    return mixent_winograd_lower_pass(plan, layer, pass, MIXENT_CUT_##cut, gradient);                        \
  }
WINOGRAD(2)
WINOGRAD(3)
WINOGRAD(4)
WINOGRAD(43)
WINOGRAD(7)

static const candidate candidates[] = {
    {"onednn", onednn_covers, onednn_estimate, mixent_onednn_lower_weighted_pass},
    {"onednn-winograd", mixent_onednn_has_winograd, NULL, mixent_onednn_lower_winograd_pass},
    {"narrow", mixent_narrow_covers, narrow_estimate, mixent_narrow_lower_pass},
    {"winograd-2", winograd_covers, estimate_2, lower_2},
    {"winograd-3", winograd_covers, estimate_3, lower_3},
    {"winograd-4", winograd_covers, estimate_4, lower_4},
    {"winograd-43", winograd_covers, estimate_43, lower_43},
    {"winograd-7", winograd_covers, estimate_7, lower_7},
};
enum { CANDIDATES = sizeof candidates / sizeof *candidates };

static const char *backend_names[CANDIDATES + 1];

static void collect_names(void) {
  for (int c = 0; c < CANDIDATES; c++) backend_names[c] = candidates[c].name;
}

const char *const *mixent_backend_names(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, collect_names);
  return backend_names;
}

/* Whether it may be chosen without being named: of products of bfloat16, tiles of 4 outputs and more keep too few
 * digits (bench/winograd.c prints how many). */
static bool is_eligible(const mixent_plan *plan, int layer, mixent_pass pass, const candidate *c) {
  bool large = c->lower == lower_4 || c->lower == lower_43 || c->lower == lower_7;
  return c->covers(plan, layer, pass) && !(large && plan->value_type == MIXENT_TYPE_BF16);
}

mixent_status mixent_convolution_names(mixent_plan *plan, int layer, mixent_pass pass, const char ***out) {
  int count = 0;
  MIXENT_TRY(mixent_plan_allocate(plan, (CANDIDATES + 1) * sizeof **out, (void **)out));
  for (int c = 0; c < CANDIDATES; c++)
    if (is_eligible(plan, layer, pass, &candidates[c])) (*out)[count++] = candidates[c].name;
  return MIXENT_OK;
}

static bool names(const char *pattern, const char *name) {
  return strcmp(pattern, "*") == 0 || strcmp(pattern, name) == 0;
}

bool mixent_convolution_is_chosen(const mixent_plan *plan, int layer) {
  for (size_t i = 0; i < plan->options->choice_count; i++)
    if (names(plan->options->choices[i].layer, plan->graph->layers[layer].name)) return true;
  return false;
}

static const candidate *find_candidate(const char *name) {
  for (const candidate *c = candidates; c < candidates + CANDIDATES; c++)
    if (strcmp(c->name, name) == 0) return c;
  return NULL;
}

/* The text lists all candidates, or those that cover a pass of a layer. */
static void list_known(const mixent_plan *plan, int layer, mixent_pass pass, bool all, mixent_text *out) {
  for (const candidate *c = candidates; c < candidates + CANDIDATES; c++)
    if (all || c->covers(plan, layer, pass)) mixent_text_append_item(out, out->length, "%s", c->name);
}

/* A choice that can never be meant: a back end that there is not, or one that cannot do the one pass it was chosen for. */
static mixent_status check_choice(const mixent_plan *plan, int layer, mixent_pass pass,
                                  const mixent_net_choice *choice) {
  const char *name = plan->graph->layers[layer].name, *pass_name = mixent_pass_names[pass];
  const candidate *found = find_candidate(choice->backend);
  bool only_this = strcmp(choice->layer, name) == 0 && strcmp(choice->pass, pass_name) == 0;
  if (found && (!only_this || found->covers(plan, layer, pass))) return MIXENT_OK;
  mixent_text known = {0};
  list_known(plan, layer, pass, !found, &known);
  if (!known.length) mixent_text_append(&known, "none");
  mixent_status status = mixent_text_status(&known);
  if (status == MIXENT_OK && !found)
    status = mixent_fail(MIXENT_ERROR_ARGUMENT, "layer %s, %s: there is no back end '%s'; there is %s",
                         choice->layer, choice->pass, choice->backend, known.data);
  else if (status == MIXENT_OK)
    status = mixent_fail(MIXENT_ERROR_ARGUMENT, "layer %s, %s: the back end '%s' cannot do it; %s can", name,
                         pass_name, choice->backend, known.data);
  mixent_text_free(&known);
  return status;
}

/* What the plan's options say of a pass, the last that does; NULL in *out: nothing. */
static mixent_status find_chosen(const mixent_plan *plan, int layer, mixent_pass pass,
                                 const candidate **out) {
  const char *name = plan->graph->layers[layer].name;
  for (size_t i = 0; i < plan->options->choice_count; i++) {
    const mixent_net_choice *choice = &plan->options->choices[i];
    if (!names(choice->layer, name) || !names(choice->pass, mixent_pass_names[pass])) continue;
    MIXENT_TRY(check_choice(plan, layer, pass, choice));
    const candidate *found = find_candidate(choice->backend);
    if (found->covers(plan, layer, pass)) *out = found;
  }
  return MIXENT_OK;
}

/* Whether the fixed table takes it: products of bfloat16 need an instruction to be faster than oneDNN's. */
static bool in_table(const mixent_plan *plan, int layer, mixent_pass pass, const candidate *c) {
  if (!c->estimate || !is_eligible(plan, layer, pass, c)) return false;
  if (c->covers != winograd_covers || plan->value_type != MIXENT_TYPE_BF16) return true;
  return mixent_net_bf16_is_native() || !mixent_onednn_has_type(plan);
}

static mixent_status choose(const mixent_plan *plan, int layer, mixent_pass pass, const candidate **out) {
  double least = 0;
  *out = NULL;
  MIXENT_TRY(find_chosen(plan, layer, pass, out));
  if (*out) return MIXENT_OK;
  for (const candidate *c = candidates; c < candidates + CANDIDATES; c++) {
    double cost = 0;
    if (!in_table(plan, layer, pass, c)) continue;
    MIXENT_TRY(c->estimate(plan, layer, pass, &cost));
    if (!*out || cost < least) *out = c, least = cost;
  }
  return MIXENT_OK;
}

static mixent_status lower_pass(mixent_plan *plan, int layer, mixent_pass pass, int gradient) {
  const candidate *chosen;
  const char **names;
  MIXENT_TRY(choose(plan, layer, pass, &chosen));
  MIXENT_TRY(mixent_convolution_names(plan, layer, pass, &names));
  MIXENT_TRY(chosen->lower(plan, layer, pass, gradient));
  mixent_step *step = &plan->steps[plan->step_count - 1];
  step->candidates = names;
  step->choice = chosen->name;
  return MIXENT_OK;
}

/* Whether some back end can compute every pass that the plan may need. */
static bool is_covered(const mixent_plan *plan, int layer) {
  for (int pass = MIXENT_FORWARD; pass <= (plan->training ? MIXENT_BACKWARD_DATA : MIXENT_FORWARD); pass++) {
    bool covered = pass == MIXENT_BACKWARD_DATA && plan->graph->layers[layer].inputs[0] == 0;
    for (int c = 0; c < CANDIDATES; c++) covered |= candidates[c].covers(plan, layer, (mixent_pass)pass);
    if (!covered) return false;
  }
  return true;
}

/* A convolution that gives the logits writes another type than it reads, and one in 8 bits too; they are oneDNN's. */
static int match(const mixent_plan *plan, int layer) {
  if (!mixent_layer_is(&plan->graph->layers[layer], MIXENT_LAYER_CONV2D) ||
      plan->value_type == MIXENT_TYPE_F64 || plan->types[layer] != plan->value_type ||
      mixent_onednn_match_quantized(plan, layer))
    return 0;
  bool relu = mixent_plan_takes_relu(plan, layer);
  if (relu && plan->types[layer + 1] != plan->value_type) return 0;
  return !is_covered(plan, layer) ? 0 : relu ? 2 : 1;
}

static mixent_status lower_forward(mixent_plan *plan, int layer, void **shared) {
  *shared = NULL;
  return lower_pass(plan, layer, MIXENT_FORWARD, -1);
}

static mixent_status lower_backward(mixent_plan *plan, int layer, void *shared) {
  (void)shared;
  int gradient = plan->value_gradients[layer];
  MIXENT_TRY(lower_pass(plan, layer, MIXENT_BACKWARD_WEIGHTS, gradient));
  if (plan->input_gradients[layer][0] < 0) return MIXENT_OK;
  return lower_pass(plan, layer, MIXENT_BACKWARD_DATA, gradient);
}

const mixent_backend_pattern mixent_convolution_patterns[] = {
    {"conv2d", match, lower_forward, lower_backward},
    {0},
};
