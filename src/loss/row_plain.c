/* The row kernels for any processor: what the compiler takes for granted (SSE2 on x86-64, NEON on 64-bit
 * Arm). */
#ifdef __ARM_NEON
#define MIXENT_KERNEL_NAME "neon"
#else
#define MIXENT_KERNEL_NAME "plain"
#endif
#define MIXENT_KERNEL_SYMBOL mixent_row_kernels_plain
#include "loss/row_kernel.h"
