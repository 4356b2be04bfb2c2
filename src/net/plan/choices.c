/* A plan file held against the net it is for: the choices a net was made with, and whether a file's choices fit. */
#include "net/plan/choices.h"
#include "core/sha256.h"

#include <stdlib.h>
#include <string.h>

/* The next step from *index on that has back ends which could do it, or do its convolution (`alone`: which one of them does). */
static bool next_step(const mixent_net *net, bool alone, size_t *index, mixent_net_step *out) {
  while (mixent_net_step_get(net, (*index)++, out))
    if (out->candidates && (!alone || mixent_is_name(out->backend, out->candidates))) return true;
  return false;
}

/* The next step that one of several back ends does. */
static bool next_choice(const mixent_net *net, size_t *index, mixent_net_step *out) {
  return next_step(net, true, index, out);
}

mixent_status mixent_plan_file_of(const mixent_net *net, const mixent_plan_key *key, mixent_plan_file **out) {
  size_t count = 0;
  mixent_net_step step;
  for (size_t i = 0; next_choice(net, &i, &step);) count++;
  MIXENT_TRY(mixent_plan_file_create("plan", count, out));
  (*out)->key = *key;
  mixent_status status = MIXENT_OK;
  for (size_t i = 0; status == MIXENT_OK && next_choice(net, &i, &step);) {
    mixent_plan_entry *entry = &(*out)->entries[(*out)->count++];
    entry->pass = step.pass;
    status = mixent_copy_text(step.layer, &entry->layer);
    if (status == MIXENT_OK) status = mixent_copy_text(step.backend, &entry->backend);
  }
  if (status == MIXENT_OK) return MIXENT_OK;
  mixent_plan_file_free(*out);
  *out = NULL;
  return status;
}

/* The step that an entry speaks of. */
static bool find_step(const mixent_net *net, const mixent_plan_entry *entry, mixent_net_step *out) {
  for (size_t i = 0; next_step(net, false, &i, out);)
    if (strcmp(out->layer, entry->layer) == 0 && strcmp(out->pass, entry->pass) == 0) return true;
  return false;
}

static mixent_status fail_backend(const mixent_plan_file *file, const mixent_plan_entry *entry,
                                  const char *const *candidates) {
  mixent_text known = {0};
  mixent_text_append_names(&known, candidates);
  mixent_status status = mixent_text_status(&known);
  if (status == MIXENT_OK)
    status = mixent_fail(MIXENT_ERROR_FORMAT,
                         "%s:%d:%d: layer %s, %s: no back end '%s' for it here; there is %s", file->origin,
                         entry->line, entry->column, entry->layer, entry->pass, entry->backend, known.data);
  mixent_text_free(&known);
  return status;
}

mixent_status mixent_plan_file_check(const mixent_plan_file *file, const mixent_net *net, bool *same) {
  *same = true;
  for (const mixent_plan_entry *entry = file->entries; entry < file->entries + file->count; entry++) {
    mixent_net_step step;
    if (!find_step(net, entry, &step))
      return mixent_fail(MIXENT_ERROR_FORMAT,
                         "%s:%d:%d: layer %s, %s: there is no choice of a back end for it in this network "
                         "('mixent info NET --plan' lists its steps)",
                         file->origin, entry->line, entry->column, entry->layer, entry->pass);
    if (!mixent_is_name(entry->backend, step.candidates)) return fail_backend(file, entry, step.candidates);
    *same &= strcmp(step.backend, entry->backend) == 0;
  }
  return MIXENT_OK;
}

static bool covers_step(const mixent_plan_file *file, const mixent_net_step *step) {
  for (const mixent_plan_entry *entry = file->entries; entry < file->entries + file->count; entry++) {
    if (strcmp(entry->layer, step->layer) != 0 || strcmp(entry->pass, step->pass) != 0) continue;
    size_t count = 0;
    for (; step->candidates[count]; count++)
      if (!mixent_plan_entry_time(entry, step->candidates[count])) return false;
    return count == entry->time_count && mixent_is_name(entry->backend, step->candidates);
  }
  return false;
}

bool mixent_plan_file_covers(const mixent_plan_file *file, const mixent_net *net) {
  size_t count = 0;
  mixent_net_step step;
  for (size_t i = 0; next_choice(net, &i, &step); count++)
    if (!covers_step(file, &step)) return false;
  return count == file->count;
}

mixent_status mixent_plan_file_choices(const mixent_plan_file *file, mixent_net_choice **out) {
  MIXENT_TRY(MIXENT_ALLOCATE(file->count, out));
  for (size_t i = 0; i < file->count; i++) {
    const mixent_plan_entry *entry = &file->entries[i];
    (*out)[i] = (mixent_net_choice){entry->layer, entry->pass, entry->backend};
  }
  return MIXENT_OK;
}

void mixent_plan_hash(const mixent_net *net, char out[MIXENT_PLAN_HASH]) {
  mixent_sha256 hash;
  mixent_net_step step;
  mixent_sha256_begin(&hash);
  for (size_t i = 0; next_choice(net, &i, &step);)
    mixent_plan_choice_hash(&hash, step.layer, step.pass, step.backend);
  mixent_sha256_end(&hash, out);
}
