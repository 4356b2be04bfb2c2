#include "mixent/status.h"

const char *mixent_version(void) {
  return MIXENT_VERSION;
}
