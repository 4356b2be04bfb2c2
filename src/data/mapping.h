/* Pixels of a data set that memory should not hold: in a file, mapped into memory, of which the system keeps what was read of late.
 * What is read is the same as of pixels in memory. */
#ifndef MIXENT_DATA_MAPPING_H
#define MIXENT_DATA_MAPPING_H

#include "mixent/data.h"

typedef struct mixent_mapping mixent_mapping;

/* Maps `bytes` of the file at `path` from `first` on, which must be a multiple of a page. About `most` bytes of them are in this
 * process's memory at a time. */
mixent_status mixent_mapping_open(const char *path, size_t first, size_t bytes, size_t most,
                                  mixent_mapping **out);
uint8_t *mixent_mapping_pixels(const mixent_mapping *mapping);
/* One more owner. */
mixent_mapping *mixent_mapping_share(mixent_mapping *mapping);
/* The last owner's ends the mapping. NULL is allowed. */
void mixent_mapping_free(mixent_mapping *mapping);

/* To be called when so many images have been read: lets the pages of earlier ones go. From any thread. */
void mixent_images_were_read(const mixent_images *images, size_t count);
/* Has these images read in the background; without an effect where they are in memory. */
void mixent_images_read_ahead(const mixent_images *images, const uint32_t *indices, size_t count);

#endif
