/* An image as part of a page. */
#ifndef MIXENT_LAB_REPORT_PICTURE_H
#define MIXENT_LAB_REPORT_PICTURE_H

#include "core/memory.h"
#include "mixent/data.h"

/* Appends <img> with the image as PNG in a data URI; its text is "PART image INDEX". */
mixent_status mixent_picture_append(const mixent_images *images, const char *part, size_t index,
                                    mixent_text *out);

#endif
