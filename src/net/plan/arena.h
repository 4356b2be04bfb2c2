/* Buffers in one piece of memory, which those that are never alive together share. */
#ifndef MIXENT_NET_PLAN_ARENA_H
#define MIXENT_NET_PLAN_ARENA_H

#include "core/status.h"
#include <stdbool.h>
#include <stddef.h>

typedef struct mixent_buffer {
  size_t bytes, offset; /* offset within the arena, known once the buffers are placed */
  int first, last;      /* steps between which it is alive; first -1: no step touches it */
  bool kept;            /* alive always: input, logits, the logits' gradient */
} mixent_buffer;

/* Sets the offsets; *bytes becomes the size of the arena. */
mixent_status mixent_buffers_place(mixent_buffer *buffers, int count, size_t *bytes);

#endif
