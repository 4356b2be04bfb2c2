/* The row kernels for AVX2 with FMA; compiled with those switched on. */
#define MIXENT_KERNEL_NAME   "avx2"
#define MIXENT_KERNEL_SYMBOL mixent_row_kernels_avx2
#include "loss/row_kernel.h"
