/* Which processor this is, for what was measured on it. */
#ifndef MIXENT_CORE_PROCESSOR_H
#define MIXENT_CORE_PROCESSOR_H

#include <stddef.h>

/* Its name, or the architecture's where it has none. */
void mixent_processor_name(char *out, size_t size);

#endif
