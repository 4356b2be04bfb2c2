/* The processor's name, as Linux tells it. */
#include "core/processor.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

void mixent_processor_name(char *out, size_t size) {
  struct utsname system;
  char line[256];
  snprintf(out, size, "%s", uname(&system) == 0 ? system.machine : "unknown");
  FILE *stream = fopen("/proc/cpuinfo", "r");
  while (stream && fgets(line, sizeof line, stream)) {
    char *colon = strchr(line, ':');
    if (strncmp(line, "model name", 10) != 0 || !colon || !colon[1]) continue;
    line[strcspn(line, "\n")] = 0;
    snprintf(out, size, "%s", colon + 2);
    break;
  }
  if (stream) fclose(stream);
}
