/* What the reader and the writer of safetensors share. */
#ifndef MIXENT_IO_SAFETENSORS_HEADER_H
#define MIXENT_IO_SAFETENSORS_HEADER_H

#include "io/safetensors.h"

#define MIXENT_METADATA_KEY "__metadata__"
/* Entries of __metadata__ that every file of ours has since format 2: the format, and the CRC-32 of all bytes after the
 * header, eight hexadecimal digits. */
#define MIXENT_FORMAT_KEY   "mixent_format"
#define MIXENT_CHECKSUM_KEY "payload_crc32"
/* Format 3 is that of files with 16-bit numbers, which programs that know format 2 alone cannot read; others stay of format 2. */
enum { MIXENT_SAFETENSORS_FORMAT = 3, MIXENT_SAFETENSORS_FORMAT_WIDE = 2 };
enum { MIXENT_LARGEST_HEADER = 100000000 }; /* the format's own limit */

const char *mixent_element_name(mixent_element element);

#endif
