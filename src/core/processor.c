/* The processor's name: asked of the processor itself on x86, where no file stands between that could fail to open. Elsewhere
 * the architecture's. */
#include "core/processor.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>

/* 48 letters in twelve registers, with spaces on both sides. */
static void read_brand(char *out, size_t size) {
  unsigned registers[13] = {0};
  for (unsigned i = 0; i < 3; i++) {
    unsigned *four = registers + 4 * i;
    if (!__get_cpuid(0x80000002 + i, &four[0], &four[1], &four[2], &four[3])) return;
  }
  char *begin = (char *)registers, *end = begin + strlen(begin);
  while (*begin == ' ') begin++;
  while (end > begin && end[-1] == ' ') *--end = 0;
  if (*begin) snprintf(out, size, "%s", begin);
}
#else
static void read_brand(char *out, size_t size) {
  (void)out, (void)size;
}
#endif

void mixent_processor_name(char *out, size_t size) {
  struct utsname system;
  snprintf(out, size, "%s", uname(&system) == 0 ? system.machine : "unknown");
  read_brand(out, size);
}
