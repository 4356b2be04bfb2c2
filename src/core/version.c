/* The version, as the build names it. */
#include "mixent/status.h"

const char *mixent_version(void) {
  return MIXENT_VERSION;
}
