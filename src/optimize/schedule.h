/* Learning-rate schedules. One function and one line in the registry in schedule.c per schedule. */
#ifndef MIXENT_OPTIMIZE_SCHEDULE_H
#define MIXENT_OPTIMIZE_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

/* What a schedule remembers between epochs; part of a checkpoint. */
typedef struct mixent_schedule_state {
  double factor; /* rate / base, moved by `spinal` only; 1 at the start */
} mixent_schedule_state;

typedef struct mixent_schedule_type mixent_schedule_type;

typedef struct mixent_schedule {
  const mixent_schedule_type *type;
  double rate;   /* the base rate; the peak where a schedule has one */
  double warmup; /* fraction of all steps, 0 to 1 (one-cycle, cosine) */
} mixent_schedule;

struct mixent_schedule_type {
  const char *name;    /* "one-cycle" */
  const char *summary; /* one line for help texts */
  double default_warmup;
  /* rate / base at `progress` in (0, 1) */
  double (*factor)(const mixent_schedule *schedule, double progress, const mixent_schedule_state *state);
  /* NULL: nothing happens between epochs */
  void (*epoch_end)(mixent_schedule_state *state, uint64_t seed, uint64_t epoch, bool new_best);
};

/* NULL-terminated; names beside it in the same order for "did you mean". */
extern const mixent_schedule_type *const mixent_schedule_types[];
extern const char *const mixent_schedule_names[];
/* NULL if there is none of that name. */
const mixent_schedule_type *mixent_schedule_find(const char *name);

/* {1} */
mixent_schedule_state mixent_schedule_start(void);

/* The learning rate of step `step` (from 1, as the optimiser counts) of `total_steps`. Progress is taken in
 * the middle of the step, (step - 1/2) / total_steps, so that no step is wasted on a rate of 0. */
double mixent_schedule_rate(const mixent_schedule *schedule, uint64_t step, uint64_t total_steps,
                            const mixent_schedule_state *state);

/* To be called after each epoch (from 0), once its validation accuracy is known. */
void mixent_schedule_epoch_end(const mixent_schedule *schedule, mixent_schedule_state *state, uint64_t seed,
                               uint64_t epoch, bool new_best);

#endif
