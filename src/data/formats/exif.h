/* The one thing that is read of EXIF: which way up a picture is. */
#ifndef MIXENT_DATA_FORMATS_EXIF_H
#define MIXENT_DATA_FORMATS_EXIF_H

#include <stddef.h>
#include <stdint.h>

/* The orientation, 1 (upright) to 8, out of EXIF data: a TIFF header and its first directory. 1 where the data are damaged, name no
 * orientation, or one that does not exist: the picture is then taken as it is stored. */
int mixent_exif_orientation(const uint8_t *bytes, size_t size);

#endif
