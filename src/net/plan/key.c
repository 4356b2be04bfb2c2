/* What a plan was measured for: processor, versions, network, sizes. */
#include "core/processor.h"
#include "core/sha256.h"
#include "core/threads.h"
#include "net/graph/graph.h"
#include "net/kernels/kernels.h"
#include "net/plan/file.h"

#include <dnnl.h>
#include <stdio.h>
#include <string.h>

/* The name of the widest instructions that oneDNN uses, whatever DNNL_MAX_CPU_ISA leaves it. */
static const char *onednn_instructions(void) {
  static const struct {
    unsigned isa;
    const char *name;
  } names[] = {{dnnl_cpu_isa_avx512_core_amx, "avx512_core_amx"},
               {dnnl_cpu_isa_avx512_core_bf16, "avx512_core_bf16"},
               {dnnl_cpu_isa_avx512_core_vnni, "avx512_core_vnni"},
               {dnnl_cpu_isa_avx512_core, "avx512_core"},
               {dnnl_cpu_isa_avx2_vnni, "avx2_vnni"},
               {dnnl_cpu_isa_avx2, "avx2"},
               {dnnl_cpu_isa_avx, "avx"},
               {dnnl_cpu_isa_sse41, "sse41"}};
  unsigned isa = (unsigned)dnnl_get_effective_cpu_isa();
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if ((isa & names[i].isa) == names[i].isa) return names[i].name;
  return "plain";
}

static void hash_text(const char *text, char out[65]) {
  mixent_sha256 hash;
  mixent_sha256_begin(&hash);
  mixent_sha256_add(&hash, text, strlen(text));
  mixent_sha256_end(&hash, out);
}

mixent_status mixent_plan_key_make(const mixent_graph *graph, int batch, mixent_precision precision,
                                   mixent_plan_key *out) {
  const dnnl_version_t *version = dnnl_version();
  bool half = precision == MIXENT_BF16;
  *out = (mixent_plan_key){.channels = graph->options.channels,
                           .side = graph->options.side,
                           .classes = graph->options.classes,
                           .batch = batch,
                           .threads = mixent_threads()};
  mixent_processor_name(out->processor, sizeof out->processor);
  snprintf(out->instructions, sizeof out->instructions, "oneDNN %s, own %s", onednn_instructions(),
           mixent_kernels_choose(half)->name);
  snprintf(out->mixent, sizeof out->mixent, "%s", mixent_version());
  snprintf(out->onednn, sizeof out->onednn, "%d.%d.%d", version->major, version->minor, version->patch);
  snprintf(out->precision, sizeof out->precision, "%s", half ? "bf16" : "fp32");
  hash_text(graph->text, out->net_hash);
  if (snprintf(out->net, sizeof out->net, "%s", graph->name) < (int)sizeof out->net) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_ARGUMENT,
                     "network %.40s…: its name is longer than the %d bytes a plan takes", graph->name,
                     MIXENT_PLAN_TEXT - 1);
}

static void compare_text(const char *name, const char *a, const char *b, mixent_text *out) {
  if (strcmp(a, b) != 0)
    mixent_text_append(out, "%s%s %s, not %s", out->length ? "; " : "", name, *a ? a : "none",
                       *b ? b : "none");
}

static void compare_number(const char *name, long a, long b, mixent_text *out) {
  if (a != b) mixent_text_append(out, "%s%s %ld, not %ld", out->length ? "; " : "", name, a, b);
}

void mixent_plan_key_differences(const mixent_plan_key *a, const mixent_plan_key *b, mixent_text *out) {
  compare_text("network", a->net, b->net, out);
  if (strcmp(a->net, b->net) == 0 && strcmp(a->net_hash, b->net_hash) != 0)
    mixent_text_append(out, "%sa network %s with another description", out->length ? "; " : "", a->net);
  compare_number("channels", a->channels, b->channels, out);
  compare_number("side", a->side, b->side, out);
  compare_number("classes", a->classes, b->classes, out);
  compare_number("batch", a->batch, b->batch, out);
  compare_number("threads", a->threads, b->threads, out);
  compare_text("precision", a->precision, b->precision, out);
  compare_text("processor", a->processor, b->processor, out);
  compare_text("instructions", a->instructions, b->instructions, out);
  compare_text("mixent", a->mixent, b->mixent, out);
  compare_text("oneDNN", a->onednn, b->onednn, out);
}

bool mixent_plan_key_equal(const mixent_plan_key *a, const mixent_plan_key *b) {
  mixent_text differences = {0};
  mixent_plan_key_differences(a, b, &differences);
  bool equal = !differences.length && !differences.failed;
  mixent_text_free(&differences);
  return equal;
}
