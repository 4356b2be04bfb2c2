/* Making replicas, running work on them, one pass. */
#include "train/replicas.h"
#include "core/layout.h"
#include "core/status.h"
#include "core/threads.h"
#include "peers/mean.h"
#include "peers/peers.h"
#include "train/trainer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Each part of a report begins on a cache line of its own: replicas write theirs at once. */
static size_t padded(size_t bytes) {
  enum { LINE = 64 };
  return (bytes + LINE - 1) / LINE * LINE;
}

mixent_replica_report *mixent_replicas_report(const mixent_replicas *replicas, size_t number) {
  return (mixent_replica_report *)(void *)(replicas->reports + number * replicas->report_size);
}

float *mixent_replicas_statistics(const mixent_replicas *replicas, size_t number) {
  return (float *)(void *)(replicas->reports + number * replicas->report_size +
                           padded(sizeof(mixent_replica_report)));
}

float *mixent_replicas_logits(const mixent_replicas *replicas, size_t number) {
  return mixent_replicas_statistics(replicas, number) +
         padded(replicas->statistic_count * sizeof(float)) / sizeof(float);
}

mixent_class_count *mixent_replicas_classes(const mixent_replicas *replicas, size_t number) {
  char *logits = (char *)mixent_replicas_logits(replicas, number);
  return (mixent_class_count *)(void *)(logits + padded(replicas->rows * replicas->classes * sizeof(float)));
}

mixent_train_batch mixent_replicas_batch(const mixent_replicas *replicas, const mixent_train_batch *whole,
                                         size_t number) {
  mixent_train_batch part = *whole;
  size_t first = number * replicas->rows;
  part.rows = replicas->rows;
  part.indices += first, part.labels += first;
  if (part.targets) part.targets += first * part.classes;
  if (part.weights) part.weights += first;
  return part;
}

/* Its network computes with as many threads as it was made with. */
static mixent_status make_replica(mixent_trainer *trainer, mixent_replicas *replicas, size_t i,
                                  const mixent_graph *graph, const char *plan, mixent_plan_source *source) {
  mixent_replica *replica = &replicas->replica[i];
  replica->all = replicas;
  replica->number = replicas->first + i;
  const mixent_net_options options = {.batch = (int)replicas->rows,
                                      .first_row = (int)(replica->number * replicas->rows),
                                      .precision = mixent_recipe_precision(&trainer->recipe),
                                      .training = true};
  MIXENT_TRY(mixent_plan_source_net(graph, &options, plan, source, &replica->net));
  replicas->gradients[i] = mixent_net_gradients(replica->net);
  return MIXENT_OK;
}

static void tell_ready(void *context, size_t complete_from) {
  const mixent_replica *replica = context;
  mixent_mean_ready(replica->all->mean, (int)(replica->number - replica->all->first), complete_from);
}

static mixent_status fill_set(mixent_trainer *trainer, mixent_replicas *replicas, const mixent_graph *graph,
                              const char *plan, mixent_plan_source *source) {
  MIXENT_TRY(MIXENT_ALLOCATE(replicas->local, &replicas->replica));
  MIXENT_TRY(MIXENT_ALLOCATE(replicas->local, &replicas->gradients));
  MIXENT_TRY(MIXENT_ALLOCATE(replicas->count * replicas->report_size, &replicas->reports));
  for (size_t i = 0; i < replicas->local; i++)
    MIXENT_TRY(make_replica(trainer, replicas, i, graph, plan, source));
  replicas->gradient = replicas->gradients[0];
  return MIXENT_OK;
}

mixent_status mixent_replicas_create(mixent_trainer *trainer, const mixent_graph *graph, const char *plan,
                                     mixent_plan_source *source, mixent_replicas **out) {
  const mixent_recipe *recipe = &trainer->recipe;
  size_t count = (size_t)recipe->replicas, local = count / (size_t)mixent_peers_count();
  mixent_replicas *replicas;
  MIXENT_TRY(MIXENT_ALLOCATE(1, &replicas));
  *replicas = (mixent_replicas){.count = count,
                                .first = (size_t)mixent_peers_rank() * local,
                                .local = local,
                                .rows = mixent_recipe_rows(recipe),
                                .statistic_count = mixent_graph_statistic_count(graph),
                                .classes = trainer->classes};
  replicas->report_size = padded(sizeof(mixent_replica_report)) +
                          padded(replicas->statistic_count * sizeof(float)) +
                          padded(replicas->rows * trainer->classes * sizeof(float)) +
                          padded(trainer->classes * sizeof(mixent_class_count));
  int threads = mixent_threads();
  mixent_threads_set(mixent_recipe_replica_threads(recipe));
  mixent_status status = fill_set(trainer, replicas, graph, plan, source);
  mixent_threads_set(threads);
  if (status == MIXENT_OK)
    *out = replicas;
  else
    mixent_replicas_free(replicas);
  return status;
}

mixent_status mixent_replicas_connect(mixent_replicas *replicas, size_t parameters) {
  if (replicas->count == 1) return MIXENT_OK;
  const mixent_mean_options options = {.replicas = (int)replicas->count,
                                       .arrays = replicas->gradients,
                                       .count = parameters,
                                       .out = replicas->gradient};
  MIXENT_TRY(mixent_mean_create(&options, &replicas->mean));
  for (size_t i = 0; i < replicas->local; i++)
    mixent_net_watch_gradients(replicas->replica[i].net, tell_ready, &replicas->replica[i]);
  return MIXENT_OK;
}

void mixent_replicas_free(mixent_replicas *replicas) {
  if (!replicas) return;
  mixent_mean_free(replicas->mean);
  for (size_t i = 0; replicas->replica && i < replicas->local; i++) mixent_net_free(replicas->replica[i].net);
  free(replicas->replica);
  free(replicas->gradients);
  free(replicas->reports);
  free(replicas);
}

size_t mixent_replicas_memory(const mixent_replicas *replicas) {
  size_t bytes = 0;
  for (size_t i = 0; i < replicas->local; i++) bytes += mixent_net_memory(replicas->replica[i].net);
  return bytes;
}

/* Work as the team's members see it. */
typedef struct assignment {
  mixent_trainer *trainer;
  mixent_replica_work *work;
  void *context;
} assignment;

static void work_on(void *given, size_t part) {
  const assignment *assignment = given;
  mixent_replicas *replicas = assignment->trainer->replicas;
  mixent_replica *replica = &replicas->replica[part];
  mixent_replica_report *report = mixent_replicas_report(replicas, replica->number);
  report->status = assignment->work(assignment->trainer, replica, assignment->context);
  if (report->status != MIXENT_OK)
    snprintf(replica->message, sizeof replica->message, "%s", mixent_last_error());
}

/* The first failure of all replicas. */
static mixent_status find_failure(const mixent_replicas *replicas) {
  bool failed = false;
  for (size_t number = 0; number < replicas->count; number++)
    failed |= mixent_replicas_report(replicas, number)->status != MIXENT_OK;
  if (!failed) return MIXENT_OK;
  mixent_status status = MIXENT_OK;
  for (size_t i = 0; i < replicas->local && status == MIXENT_OK; i++) {
    status = mixent_replicas_report(replicas, replicas->first + i)->status;
    if (status != MIXENT_OK) mixent_fail(status, "%s", replicas->replica[i].message);
  }
  return mixent_peers_agree(status);
}

static mixent_status gather_reports(mixent_trainer *trainer) {
  mixent_replicas *replicas = trainer->replicas;
  const mixent_wishes wishes = trainer->wishes;
  for (size_t i = 0; i < replicas->local; i++) {
    mixent_replica_report *report = mixent_replicas_report(replicas, replicas->first + i);
    report->stop = wishes.stop, report->save = wishes.save;
  }
  MIXENT_TRY(mixent_peers_gather(replicas->reports + replicas->first * replicas->report_size,
                                 replicas->local * replicas->report_size, replicas->reports));
  for (size_t number = 0; number < replicas->count; number++) {
    const mixent_replica_report *report = mixent_replicas_report(replicas, number);
    if (!trainer->wishes.stop) trainer->wishes.stop = report->stop;
    trainer->wishes.save |= report->save;
  }
  return find_failure(replicas);
}

/* Without a team the caller does it all. */
static void begin(mixent_trainer *trainer, assignment *assignment) {
  if (trainer->team)
    mixent_team_begin(trainer->team, trainer->replicas->local, work_on, assignment);
  else
    work_on(assignment, 0);
}

mixent_status mixent_replicas_run(mixent_trainer *trainer, mixent_replica_work *work, void *context,
                                  void (*tell)(mixent_trainer *trainer, void *context)) {
  static const double tenth = 0.1;
  assignment assignment = {trainer, work, context};
  begin(trainer, &assignment);
  while (trainer->team && !mixent_team_wait(trainer->team, tenth))
    if (tell) tell(trainer, context);
  return gather_reports(trainer);
}

static mixent_status go_through(mixent_trainer *trainer, mixent_replica *replica,
                                const mixent_batch_pass *pass) {
  mixent_replicas *replicas = replica->all;
  mixent_train_batch batch = mixent_replicas_batch(replicas, &trainer->drawn, replica->number);
  float *statistics = mixent_replicas_statistics(replicas, replica->number);
  mixent_loss_result result;
  if (pass->fill) MIXENT_TRY(pass->fill(trainer, replica));
  if (pass->labels_alone) batch.targets = batch.weights = NULL, batch.class_weights = NULL;
  memcpy(statistics, trainer->statistics, replicas->statistic_count * sizeof *statistics);
  mixent_net_use(replica->net, trainer->parameters, statistics);
  MIXENT_TRY(mixent_net_forward(replica->net, MIXENT_TRAIN, trainer->seed, pass->step));
  MIXENT_TRY(mixent_train_batch_evaluate(&batch, replica->net, &pass->rule, &result));
  memcpy(mixent_replicas_report(replicas, replica->number)->terms, result.terms, sizeof result.terms);
  memcpy(mixent_replicas_logits(replicas, replica->number), mixent_net_logits(replica->net),
         batch.rows * batch.classes * sizeof(float));
  return mixent_net_backward(replica->net);
}

/* Whoever waits for its gradients is not left waiting, whatever happened. */
static mixent_status pass_replica(mixent_trainer *trainer, mixent_replica *replica, void *context) {
  mixent_status status = go_through(trainer, replica, context);
  if (status != MIXENT_OK && replica->all->mean) tell_ready(replica, 0);
  return status;
}

mixent_status mixent_replicas_pass(mixent_trainer *trainer, mixent_batch_pass *pass) {
  const mixent_replicas *replicas = trainer->replicas;
  assignment assignment = {trainer, pass_replica, pass};
  begin(trainer, &assignment);
  if (replicas->mean) mixent_mean_finish(replicas->mean);
  if (trainer->team) mixent_team_wait(trainer->team, -1);
  MIXENT_TRY(gather_reports(trainer));
  memset(pass->terms, 0, sizeof pass->terms);
  for (size_t number = 0; number < replicas->count; number++)
    for (int t = 0; t < MIXENT_TERMS; t++)
      pass->terms[t] += mixent_replicas_report(replicas, number)->terms[t] / (double)replicas->count;
  return MIXENT_OK;
}

void mixent_replicas_mean_statistics(const mixent_replicas *replicas, float *out) {
  for (size_t i = 0; i < replicas->statistic_count; i++) {
    float sum = 0;
    for (size_t number = 0; number < replicas->count; number++)
      sum += mixent_replicas_statistics(replicas, number)[i];
    out[i] = sum / (float)replicas->count;
  }
}
