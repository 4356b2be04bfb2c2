/* The kernels of one instruction set and type of value, with MIXENT_KERNELS the name of the table that comes out. */
#include "net/kernels/kernels.h"
#include "net/kernels/elementwise.h"
#include "net/kernels/narrow.h"
#include "net/kernels/norm.h"
#include "net/kernels/smooth.h"
#include "net/kernels/winograd.h"

#if defined __AVX512BF16__
#define MIXENT_CPU_NAME "avx512-bf16"
#elif defined __AVX512F__
#define MIXENT_CPU_NAME "avx512"
#elif defined __AVX2__
#define MIXENT_CPU_NAME "avx2"
#else
#define MIXENT_CPU_NAME "plain"
#endif

extern const mixent_kernels MIXENT_KERNELS;
const mixent_kernels MIXENT_KERNELS = {.name = MIXENT_CPU_NAME,
                                       .lanes = LANES,
                                       .values_in_word = VALUES_IN_WORD,
                                       .winograd = &winograd,
                                       .norm = &norm,
                                       .narrow = &narrow,
                                       .elementwise = &elementwise,
                                       .smooth = &smooth};
