/* What a plan was measured for: processor, versions, network, sizes. */
#include "core/sha256.h"
#include "core/system.h"
#include "core/threads.h"
#include "net/graph/graph.h"
#include "net/kernels/kernels.h"
#include "net/onednn/processor.h"
#include "net/plan/choices.h"

#include <stdio.h>
#include <string.h>

static void hash_text(const char *text, char out[65]) {
  mixent_sha256 hash;
  mixent_sha256_begin(&hash);
  mixent_sha256_add(&hash, text, strlen(text));
  mixent_sha256_end(&hash, out);
}

mixent_status mixent_plan_key_make(const mixent_graph *graph, int batch, mixent_precision precision,
                                   mixent_plan_key *out) {
  bool half = precision == MIXENT_BF16;
  *out = (mixent_plan_key){.channels = graph->options.channels,
                           .side = graph->options.side,
                           .classes = graph->options.classes,
                           .batch = batch,
                           .threads = mixent_threads()};
  mixent_processor_name(out->processor, sizeof out->processor);
  snprintf(out->instructions, sizeof out->instructions, "oneDNN %s, own %s", mixent_onednn_instructions(),
           mixent_kernels_choose(half)->name);
  snprintf(out->mixent, sizeof out->mixent, "%s", mixent_version());
  snprintf(out->onednn, sizeof out->onednn, "%s", mixent_onednn_version());
  snprintf(out->precision, sizeof out->precision, "%s", half ? "bf16" : "fp32");
  hash_text(graph->text, out->net_hash);
  if (snprintf(out->net, sizeof out->net, "%s", graph->name) < (int)sizeof out->net) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_ARGUMENT,
                     "network %.40s…: its name is longer than the %d bytes a plan takes", graph->name,
                     MIXENT_PLAN_TEXT - 1);
}
