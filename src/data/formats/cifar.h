/* The binary form of CIFAR-10 and CIFAR-100: records of labels (10: one; 100: coarse, fine), then 32 x 32
 * bytes of red, of green, of blue. There is no header. */
#ifndef MIXENT_DATA_FORMATS_CIFAR_H
#define MIXENT_DATA_FORMATS_CIFAR_H

#include "mixent/data.h"

enum { MIXENT_CIFAR_SIDE = 32 };

/* Appends the records in `bytes` to `images`; `label_bytes` 1 is CIFAR-10, 2 CIFAR-100, whose fine labels are
 * taken. `origin` names the bytes in messages. After an error `images` is as it was. */
mixent_status mixent_cifar_parse(const char *origin, const uint8_t *bytes, size_t size, size_t label_bytes,
                                 mixent_images *images);

#endif
