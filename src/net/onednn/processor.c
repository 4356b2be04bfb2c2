/* Versions and instruction sets, asked of oneDNN. */
#include "net/onednn/processor.h"
#include "net/onednn/api.h"

#include <stdio.h>

const char *mixent_onednn_version(void) {
  static _Thread_local char text[32];
  const dnnl_version_t *version = dnnl_version();
  snprintf(text, sizeof text, "%d.%d.%d", version->major, version->minor, version->patch);
  return text;
}

const char *mixent_onednn_instructions(void) {
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

static bool processor_has(unsigned isa) {
  return ((unsigned)dnnl_get_effective_cpu_isa() & isa) == isa;
}

bool mixent_onednn_has_avx2(void) {
  return processor_has(dnnl_cpu_isa_avx2);
}

bool mixent_onednn_has_bf16(void) {
  return processor_has(dnnl_cpu_isa_avx512_core_bf16);
}
