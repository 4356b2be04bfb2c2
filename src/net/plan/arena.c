/* The arena: how long each buffer is alive, and where it lies. Buffers whose lives overlap never overlap in memory. */
#include "net/plan/arena.h"
#include "core/memory.h"
#include "net/plan/plan.h"

#include <stdlib.h>

static void find_lifetimes(mixent_plan *plan) {
  for (int s = 0; s < plan->step_count; s++)
    for (int i = 0; i < plan->steps[s].buffer_count; i++) {
      mixent_buffer *buffer = &plan->buffers[plan->steps[s].buffers[i]];
      if (buffer->first < 0) buffer->first = s;
      buffer->last = s;
    }
  for (int b = 0; b < plan->buffer_count; b++)
    if (plan->buffers[b].kept) plan->buffers[b].first = 0, plan->buffers[b].last = plan->step_count;
}

/* As low as the `placed` buffers that are alive at the same time allow. */
static void place_buffer(mixent_buffer *buffer, const mixent_buffer *buffers, const int *order, int placed) {
  for (bool moved = true; moved;) {
    moved = false;
    for (int j = 0; j < placed; j++) {
      const mixent_buffer *other = &buffers[order[j]];
      bool apart = other->last < buffer->first || buffer->last < other->first ||
                   other->offset + other->bytes <= buffer->offset ||
                   buffer->offset + buffer->bytes <= other->offset;
      if (apart) continue;
      buffer->offset = other->offset + other->bytes;
      moved = true;
    }
  }
}

/* Lays the largest buffers first. */
mixent_status mixent_buffers_place(mixent_buffer *buffers, int count, size_t *bytes) {
  int *order, placed = 0;
  *bytes = 0;
  MIXENT_TRY(MIXENT_ALLOCATE(count, &order));
  for (int i = 0; i < count; i++) { /* insertion by size, ties in order of making */
    int at = i;
    for (; at > 0 && buffers[order[at - 1]].bytes < buffers[i].bytes; at--) order[at] = order[at - 1];
    order[at] = i;
  }
  for (int i = 0; i < count; i++) {
    mixent_buffer *buffer = &buffers[order[i]];
    if (buffer->first < 0) continue;
    place_buffer(buffer, buffers, order, placed);
    order[placed++] = order[i];
    if (buffer->offset + buffer->bytes > *bytes) *bytes = buffer->offset + buffer->bytes;
  }
  free(order);
  return MIXENT_OK;
}

mixent_status mixent_plan_place_buffers(mixent_plan *plan) {
  find_lifetimes(plan);
  MIXENT_TRY(mixent_buffers_place(plan->buffers, plan->buffer_count, &plan->arena_bytes));
  return mixent_allocate(plan->arena_bytes, (void **)&plan->arena);
}
