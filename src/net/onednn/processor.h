/* What oneDNN says of itself and of the processor. */
#ifndef MIXENT_NET_ONEDNN_PROCESSOR_H
#define MIXENT_NET_ONEDNN_PROCESSOR_H

#include <stdbool.h>

/* "3.1.1" */
const char *mixent_onednn_version(void);
/* The name of the widest instructions that oneDNN uses, whatever DNNL_MAX_CPU_ISA leaves it. */
const char *mixent_onednn_instructions(void);
/* Whether it uses AVX2, and whether it multiplies bfloat16 at full speed. */
bool mixent_onednn_has_avx2(void);
bool mixent_onednn_has_bf16(void);

#endif
