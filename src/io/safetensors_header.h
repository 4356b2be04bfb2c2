/* What the reader and the writer of safetensors share. */
#ifndef MIXENT_IO_SAFETENSORS_HEADER_H
#define MIXENT_IO_SAFETENSORS_HEADER_H

#include "io/safetensors.h"

#define MIXENT_METADATA_KEY "__metadata__"
enum { MIXENT_LARGEST_HEADER = 100000000 }; /* the format's own limit */

const char *mixent_element_name(mixent_element element);

#endif
