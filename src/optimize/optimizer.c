/* One optimiser step over all parameters: pieces of fixed size over the threads, in each the runs of one
 * weight decay, and the EMA of the piece while it is still in the cache. */
#include "core/threads.h"
#include "optimize/types.h"
#include <string.h>

enum { PIECE = 16384 };

const mixent_optimizer_type *const mixent_optimizer_types[] = {&mixent_optimizer_sgd, &mixent_optimizer_adam,
                                                               &mixent_optimizer_adamw, NULL};
const char *const mixent_optimizer_names[] = {"sgd", "adam", "adamw", NULL};

const mixent_optimizer_type *mixent_optimizer_find(const char *name) {
  for (int i = 0; mixent_optimizer_types[i]; i++)
    if (strcmp(mixent_optimizer_types[i]->name, name) == 0) return mixent_optimizer_types[i];
  return NULL;
}

mixent_optimizer mixent_optimizer_defaults(const mixent_optimizer_type *type) {
  return (mixent_optimizer){.type = type, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};
}

typedef struct job {
  const mixent_optimizer *optimizer;
  mixent_optimizer_range run;
  float *theta, *state, *ema;
  float *response; /* if given nothing is updated */
  const float *gradient;
  double ema_decay;
} job;

/* The elements of [begin, end), all of one segment. */
static void update_range(const job *job, const mixent_optimizer_segment *segment, size_t begin, size_t end) {
  const mixent_optimizer *optimizer = job->optimizer;
  mixent_optimizer_range run = job->run;
  run.weight_decay = segment->decay ? optimizer->weight_decay : 0;
  run.count = end - begin;
  float *state[MIXENT_OPTIMIZER_MAX_STATE] = {0};
  for (int a = 0; a < optimizer->type->state_arrays; a++)
    state[a] = job->state + (size_t)a * optimizer->count + begin;
  if (job->response) {
    optimizer->type->respond(optimizer, &run, job->theta + begin, job->gradient + begin, state,
                             job->response + begin);
    return;
  }
  optimizer->type->update(optimizer, &run, job->theta + begin, job->gradient + begin, state);
  if (!job->ema) return;
  const float *restrict theta = job->theta;
  float *restrict ema = job->ema;
  double keep = job->ema_decay;
  for (size_t i = begin; i < end; i++) ema[i] = (float)(keep * ema[i] + (1 - keep) * theta[i]);
}

static void update_piece(void *context, size_t begin, size_t end) {
  const job *job = context;
  const mixent_optimizer *optimizer = job->optimizer;
  for (size_t s = 0; s < optimizer->segment_count; s++) {
    const mixent_optimizer_segment *segment = &optimizer->segments[s];
    size_t first = segment->offset > begin ? segment->offset : begin;
    size_t last = segment->offset + segment->count < end ? segment->offset + segment->count : end;
    if (first < last) update_range(job, segment, first, last);
  }
}

void mixent_optimizer_step(const mixent_optimizer *optimizer, double learning_rate, uint64_t step,
                           float *theta, const float *gradient, float *state, float *ema, double ema_decay) {
  job job = {.optimizer = optimizer,
             .run = {.learning_rate = learning_rate, .step = step},
             .theta = theta,
             .state = state,
             .ema = ema,
             .gradient = gradient,
             .ema_decay = ema_decay};
  mixent_parallel_for(optimizer->count, PIECE, update_piece, &job);
}

void mixent_optimizer_respond(const mixent_optimizer *optimizer, double learning_rate, uint64_t step,
                              const float *theta, const float *gradient, float *state, float *response) {
  job job = {.optimizer = optimizer,
             .run = {.learning_rate = learning_rate, .step = step},
             .theta = (float *)theta,
             .state = state,
             .gradient = gradient,
             .response = response};
  memset(response, 0, optimizer->count * sizeof *response);
  mixent_parallel_for(optimizer->count, PIECE, update_piece, &job);
}

void mixent_optimizer_step_double(const mixent_optimizer *optimizer, double learning_rate, uint64_t step,
                                  size_t count, double *theta, const double *gradient, double *state) {
  mixent_optimizer_range run = {.learning_rate = learning_rate, .step = step, .count = count};
  double *arrays[MIXENT_OPTIMIZER_MAX_STATE] = {0};
  for (int a = 0; a < optimizer->type->state_arrays; a++) arrays[a] = state + (size_t)a * count;
  optimizer->type->update_double(optimizer, &run, theta, gradient, arrays);
}
