/* The arena: how long each buffer is alive, and where it lies. Buffers whose lives overlap never overlap in memory. */
#include "core/memory.h"
#include "net/plan/plan.h"

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

/* Lays the largest buffers first, each as low as those alive at the same time allow. */
mixent_status mixent_plan_place_buffers(mixent_plan *plan) {
  int count = plan->buffer_count, *order, placed = 0;
  find_lifetimes(plan);
  MIXENT_TRY(mixent_plan_allocate(plan, (size_t)count * sizeof *order, (void **)&order));
  for (int i = 0; i < count; i++) { /* insertion by size, ties in order of making */
    int at = i;
    for (; at > 0 && plan->buffers[order[at - 1]].bytes < plan->buffers[i].bytes; at--)
      order[at] = order[at - 1];
    order[at] = i;
  }
  for (int i = 0; i < count; i++) {
    mixent_buffer *buffer = &plan->buffers[order[i]];
    if (buffer->first < 0) continue; /* no step touches it */
    for (bool moved = true; moved;) {
      moved = false;
      for (int j = 0; j < placed; j++) {
        const mixent_buffer *other = &plan->buffers[order[j]];
        bool apart = other->last < buffer->first || buffer->last < other->first ||
                     other->offset + other->bytes <= buffer->offset ||
                     buffer->offset + buffer->bytes <= other->offset;
        if (apart) continue;
        buffer->offset = other->offset + other->bytes;
        moved = true;
      }
    }
    order[placed++] = order[i];
    if (buffer->offset + buffer->bytes > plan->arena_bytes)
      plan->arena_bytes = buffer->offset + buffer->bytes;
  }
  return mixent_allocate(plan->arena_bytes, (void **)&plan->arena);
}
