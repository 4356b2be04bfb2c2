/* How values of an evaluation plan are stored. Channels last serves every back end, but on processors with
 * AVX2 alone oneDNN's convolutions are faster over blocks of eight channels, [N, C/8, H, W, 8], which only
 * oneDNN's own layers read. So a chain of convolutions and poolings is blocked as a whole or not at all. */
#include "net/onednn/patterns.h"

enum { BLOCK = 8 };

static bool likes_blocks(void) {
  unsigned isa = (unsigned)dnnl_get_effective_cpu_isa(), avx512 = (unsigned)dnnl_cpu_isa_avx512_core;
  return (isa & dnnl_cpu_isa_avx2) == dnnl_cpu_isa_avx2 && (isa & avx512) != avx512;
}

/* The layer whose value a conv2d or max_pool of oneDNN's writes; -1 for other layers. */
static int writes(const mixent_plan *plan, int layer) {
  if (mixent_onednn_match_convolution(plan, layer))
    return layer + (mixent_onednn_match_convolution_relu(plan, layer) ? 1 : 0);
  return mixent_onednn_match_max_pool(plan, layer) ? layer : -1;
}

/* Whether both layouts are the same bytes: one pixel of whole blocks, or images of one channel. */
static bool is_either(const mixent_plan *plan, int layer) {
  const mixent_layer *l = &plan->graph->layers[layer];
  return l->height == 1 && l->width == 1 ? l->channels % BLOCK == 0 : layer == 0 && l->channels == 1;
}

/* All values that cannot be blocked, whatever their neighbours. */
static void mark_plain(const mixent_plan *plan, bool *plain) {
  const mixent_graph *graph = plan->graph;
  for (int l = 0; l < graph->layer_count; l++) plain[l] = graph->layers[l].channels % BLOCK != 0;
  plain[0] = true;
  for (int l = 1; l < graph->layer_count; l++) {
    int target = writes(plan, l);
    if (target > l) l = target; /* the ReLU rides along */
    if (target >= 0) continue;
    plain[l] = true;
    for (int i = 0; i < graph->layers[l].input_count; i++) plain[graph->layers[l].inputs[i]] = true;
  }
}

/* What one of oneDNN's layers reads and writes is blocked together. Returns whether anything changed. */
static bool spread_plain(const mixent_plan *plan, bool *plain) {
  bool changed = false;
  for (int l = 1; l < plan->graph->layer_count; l++) {
    int source = plan->graph->layers[l].inputs[0], target = writes(plan, l);
    if (target < 0 || is_either(plan, source) || is_either(plan, target) || plain[source] == plain[target])
      continue;
    plain[source] = plain[target] = changed = true;
  }
  return changed;
}

mixent_status mixent_onednn_choose_layouts(mixent_plan *plan) {
  bool *flags;
  size_t count = (size_t)plan->graph->layer_count;
  if (!plan->frozen || plan->int8 || plan->value_type != MIXENT_TYPE_F32 || !likes_blocks()) return MIXENT_OK;
  MIXENT_TRY(mixent_plan_allocate(plan, count * sizeof *flags, (void **)&flags));
  mark_plain(plan, flags);
  while (spread_plain(plan, flags)) {
  }
  for (size_t l = 0; l < count; l++) flags[l] = !flags[l] && !is_either(plan, (int)l);
  plan->blocked = flags;
  return MIXENT_OK;
}

void mixent_onednn_set_layouts(const mixent_plan *plan, int source_layer, int target_layer,
                               mixent_shape *source, mixent_shape *target) {
  if (!plan->blocked || (!plan->blocked[source_layer] && !plan->blocked[target_layer])) return;
  source->layout = source->sizes[1] == 1 ? dnnl_nchw : dnnl_nChw8c;
  target->layout = dnnl_nChw8c;
}
