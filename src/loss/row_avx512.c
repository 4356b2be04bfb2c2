/* The row kernels for AVX-512; compiled with it switched on. */
#define MIXENT_KERNEL_NAME   "avx512"
#define MIXENT_KERNEL_SYMBOL mixent_row_kernels_avx512
#include "loss/row_kernel.h"
