/* The loop: a step, an epoch, saving. Everything a step does depends on the recipe and the number of the step
 * alone, so that a run that goes on from a checkpoint computes what it would have computed undisturbed. */
#include "train/trainer.h"
#include "core/clock.h"
#include "core/file.h"
#include "model/state_dict.h"
#include "peers/peers.h"
#include "run/scores.h"
#include "train/draw.h"
#include "train/look_ahead.h"
#include "train/members.h"
#include "train/resized.h"
#include "train/targets.h"
#include "train/update.h"
#include "train/validate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What this process is asked for. */
static mixent_wishes own_wishes(const mixent_trainer *trainer, double saved) {
  double minutes = trainer->recipe.save_minutes;
  return (mixent_wishes){.stop = trainer->options->stop ? *trainer->options->stop : 0,
                         .save = minutes > 0 && mixent_seconds_now() - saved >= 60 * minutes};
}

/* What all processes are to do now: alone at once, of several what they said in the last step. Leaves what this one asks for in the
 * trainer, for the next. */
static mixent_wishes next_wishes(mixent_trainer *trainer, double saved) {
  mixent_wishes own = own_wishes(trainer, saved), agreed = trainer->wishes;
  trainer->wishes = own;
  if (mixent_peers_count() == 1) return own;
  if (agreed.stop && trainer->options->stop && !own.stop)
    *trainer->options->stop = agreed.stop; /* a signal to one rank ends all with the same exit code */
  return agreed;
}

/* Steps done since the start. */
static uint64_t steps_done(const mixent_trainer *trainer) {
  return trainer->state.epoch * trainer->steps + trainer->state.step;
}

/* The epochs of the member that are done, and the part of the one that runs. */
static double epochs_done(const mixent_trainer *trainer) {
  return (double)mixent_trainer_member(trainer).steps / (double)trainer->steps;
}

/* The loss by its terms, the gradient of its own parameters, and what is kept of the batch that went through. */
static void evaluate_loss(mixent_trainer *trainer, const double terms[MIXENT_TERMS],
                          double gradient[MIXENT_LOSS_PARAMETERS], double *value) {
  mixent_train_state *state = &trainer->state;
  const mixent_replicas *replicas = trainer->replicas;
  *value = mixent_loss_value(&trainer->loss, &state->loss, epochs_done(trainer), terms, gradient);
  for (size_t number = 0; number < replicas->count; number++) {
    const mixent_train_batch rows = mixent_replicas_batch(replicas, &trainer->drawn, number);
    const float *logits = mixent_replicas_logits(replicas, number);
    mixent_score_add(&state->sums, terms, *value, logits, rows.labels, rows.rows, rows.classes);
    if (state->losses) mixent_pruning_keep(&rows, logits, state->losses + trainer->train.count);
  }
}

/* What is learned of the raw weights and of the logarithms of the bases, at their own constant rates, by the
 * network's optimiser. */
static void update_loss(mixent_trainer *trainer, uint64_t done,
                        const double gradient[MIXENT_LOSS_PARAMETERS]) {
  mixent_train_state *state = &trainer->state;
  for (int k = 0; k < MIXENT_LOSS_PARAMETERS; k++) {
    uint64_t step = done + 1;
    if (k < MIXENT_LOSS_PARTS &&
        trainer->look_ahead) { /* weights move only when there is news, and count those times */
      if (!mixent_look_ahead_is_due(trainer, done)) continue;
      step = done / (uint64_t)trainer->recipe.hypergradient_every + 1;
    }
    double rate =
        k < MIXENT_LOSS_PARTS ? trainer->recipe.weight_learning_rate : trainer->recipe.base_learning_rate;
    if (trainer->loss.learn[k])
      mixent_optimizer_step_double(&trainer->optimizer, rate, step, 1, &state->loss.value[k], &gradient[k],
                                   state->loss_optimizer[k]);
  }
  mixent_loss_clamp(&trainer->loss, &state->loss);
}

static bool learns_weights(const mixent_trainer *trainer) {
  const bool *learn = trainer->loss.learn;
  return learn[0] || learn[1] || learn[2];
}

/* `what` at a step, counted from 1 over the whole run. */
static mixent_status fail_not_finite(const mixent_trainer *trainer, const mixent_run_directory *run,
                                     const char *what, uint64_t step) {
  return mixent_fail(
      MIXENT_ERROR_NUMERIC,
      "%s not finite at step %llu (step %llu of epoch %llu); the last good checkpoint is %s, after step "
      "%llu; a lower optimizer.learning_rate%s may help",
      what, (unsigned long long)step, (unsigned long long)((step - 1) % trainer->steps + 1),
      (unsigned long long)((step - 1) / trainer->steps + 1), run->last, (unsigned long long)trainer->saved,
      learns_weights(trainer) ? " or loss.weight_learning_rate" : "");
}

/* Of the loss's weights and bases. */
static mixent_status check_slopes(mixent_trainer *trainer, const mixent_run_directory *run,
                                  const double gradient[MIXENT_LOSS_PARAMETERS], uint64_t step) {
  bool finite = true;
  for (int k = 0; k < MIXENT_LOSS_PARAMETERS; k++) finite &= isfinite(gradient[k]) != 0;
  if (finite) return MIXENT_OK;
  mixent_trainer_watch_not_finite(trainer);
  return fail_not_finite(trainer, run, "the gradient of the loss's weights is", step);
}

/* Nothing that is not finite reaches the optimiser: the step it comes up in is the one that is named. */
static mixent_status check_gradient(mixent_trainer *trainer, const mixent_run_directory *run,
                                    const double gradient[MIXENT_LOSS_PARAMETERS], uint64_t step) {
  if (mixent_all_finite(trainer->replicas->gradient, trainer->parameter_count))
    return check_slopes(trainer, run, gradient, step);
  mixent_trainer_watch_not_finite(trainer);
  return fail_not_finite(trainer, run, "the gradient is", step);
}

static mixent_status run_step(mixent_trainer *trainer, const mixent_run_directory *run, double *value) {
  double gradient[MIXENT_LOSS_PARAMETERS];
  uint64_t done = mixent_trainer_member(trainer).steps, step = steps_done(trainer) + 1;
  bool ahead = mixent_look_ahead_is_due(trainer, done);
  mixent_trainer_draw_batch(trainer);
  if (ahead) MIXENT_TRY(mixent_look_ahead_terms(trainer, done));
  mixent_batch_pass pass = {
      .fill = ahead ? NULL : mixent_trainer_draw_rows,
      .rule = mixent_loss_rule_of(&trainer->loss, &trainer->state.loss, epochs_done(trainer)),
      .step = done};
  MIXENT_TRY(mixent_replicas_pass(trainer, &pass));
  mixent_replicas_mean_statistics(trainer->replicas, trainer->statistics);
  evaluate_loss(trainer, pass.terms, gradient, value);
  if (!isfinite(*value)) {
    mixent_trainer_watch_not_finite(trainer);
    return fail_not_finite(trainer, run, "the loss is", step);
  }
  MIXENT_TRY(check_gradient(trainer, run, gradient, step));
  mixent_trainer_update(trainer, done);
  if (ahead) {
    MIXENT_TRY(mixent_look_ahead_finish(trainer, done, gradient));
    MIXENT_TRY(check_slopes(trainer, run, gradient, step));
  }
  update_loss(trainer, done, gradient);
  trainer->state.step++;
  return MIXENT_OK;
}

/* Training time, in which a step that the process was stopped in (Ctrl-Z) does not count: how long it took nobody knows. */
typedef struct stopwatch {
  double begin;
  sig_atomic_t continued;
} stopwatch;

static sig_atomic_t times_continued(const mixent_trainer *trainer) {
  return trainer->options->continued ? *trainer->options->continued : 0;
}

static stopwatch start_watch(const mixent_trainer *trainer) {
  return (stopwatch){mixent_seconds_now(), times_continued(trainer)};
}

/* Adds what has passed, if the process ran all the while. */
static bool add_time(mixent_trainer *trainer, stopwatch watch) {
  if (times_continued(trainer) != watch.continued) return false;
  trainer->seconds += mixent_seconds_now() - watch.begin;
  return true;
}

static void show_progress(mixent_trainer *trainer, double loss) {
  const mixent_train_options *options = trainer->options;
  if (!options->progress || !trainer->timed_steps) return;
  double speed = (double)(trainer->timed_steps * trainer->batch) / trainer->seconds;
  uint64_t left = trainer->steps * (uint64_t)trainer->recipe.epochs - steps_done(trainer);
  const mixent_train_progress progress = {.epoch = (int)trainer->state.epoch + 1,
                                          .epochs = (int)trainer->recipe.epochs,
                                          .step = (int)trainer->state.step,
                                          .steps = (int)trainer->steps,
                                          .loss = loss,
                                          .images_per_second = speed,
                                          .seconds_left = (double)(left * trainer->batch) / speed};
  options->progress(options->context, &progress);
}

/* Weights that overflowed are the last step's. */
static mixent_status name_step(const mixent_trainer *trainer, const mixent_run_directory *run,
                               mixent_status status) {
  if (status != MIXENT_ERROR_NUMERIC) return status;
  return fail_not_finite(trainer, run, "the weights are", steps_done(trainer));
}

static void tell_saved(const mixent_trainer *trainer, const char *path) {
  const mixent_train_options *options = trainer->options;
  const mixent_train_saved saved = {path, steps_done(trainer)};
  if (options->saved) options->saved(options->context, &saved);
}

static mixent_status save(mixent_trainer *trainer, const mixent_run_directory *run) {
  mixent_checkpoint checkpoint = mixent_trainer_checkpoint(trainer);
  mixent_status status =
      mixent_peers_rank() == 0 ? mixent_checkpoint_write_all(run->last, &checkpoint) : MIXENT_OK;
  MIXENT_TRY(mixent_peers_agree(name_step(trainer, run, status)));
  trainer->saved = steps_done(trainer);
  tell_saved(trainer, run->last);
  return MIXENT_OK;
}

mixent_status mixent_trainer_stopped(const mixent_trainer *trainer, const mixent_run_directory *run) {
  char *place = mixent_path_quote(run->place);
  mixent_fail(MIXENT_ERROR_INTERRUPTED,
              "stopped and saved after step %llu of %llu; go on with: mixent train --resume %s",
              (unsigned long long)steps_done(trainer),
              (unsigned long long)(trainer->steps * (uint64_t)trainer->recipe.epochs),
              place ? place : run->place);
  free(place);
  return MIXENT_ERROR_INTERRUPTED;
}

static mixent_status run_steps(mixent_trainer *trainer, const mixent_run_directory *run) {
  double saved = mixent_seconds_now(), loss;
  trainer->timed_steps = 0, trainer->seconds = 0;
  mixent_trainer_draw_order(trainer);
  while (trainer->state.step < trainer->steps) {
    const mixent_wishes wishes = next_wishes(trainer, saved);
    if ((wishes.stop || wishes.save) && trainer->saved != steps_done(trainer)) {
      MIXENT_TRY(save(trainer, run));
      saved = mixent_seconds_now();
      trainer->wishes.save = false; /* what this process asked for meanwhile is done */
    }
    if (wishes.stop) return mixent_trainer_stopped(trainer, run);
    stopwatch watch = start_watch(trainer);
    MIXENT_TRY(run_step(trainer, run, &loss));
    bool last_chance = trainer->state.step == trainer->steps && !trainer->timed_steps;
    if (last_chance) watch.continued = times_continued(trainer); /* an epoch needs one step to go by */
    if (add_time(trainer, watch)) trainer->timed_steps++;
    show_progress(trainer, loss);
  }
  return MIXENT_OK;
}

/* It counts as training. */
static mixent_status estimate_in_time(mixent_trainer *trainer) {
  stopwatch watch = start_watch(trainer);
  MIXENT_TRY(mixent_trainer_estimate_statistics(trainer));
  add_time(trainer, watch);
  return MIXENT_OK;
}

/* What the option select_by compares. */
static double rank_of(const mixent_trainer *trainer, const mixent_scores *scores) {
  return mixent_scores_rank(scores, mixent_option_find("select_by")->choices[trainer->recipe.select_by]);
}

/* Whether these scores are the best so far: the chosen one, then likelihood. Of no images the last epoch is. */
static bool is_best(const mixent_trainer *trainer, const mixent_scores *scores) {
  const mixent_train_state *state = &trainer->state;
  if (state->best_epoch == 0 || scores->images == 0) return true;
  double rank = rank_of(trainer, scores);
  return rank > state->best_score || (rank == state->best_score && scores->nll < state->best_nll);
}

static mixent_train_epoch describe_epoch(const mixent_trainer *trainer, const mixent_scores *validation,
                                         const mixent_scores *test, bool best) {
  const mixent_train_state *state = &trainer->state;
  const bool *learn = trainer->loss.learn;
  double images = (double)(trainer->timed_steps * trainer->batch);
  mixent_train_epoch epoch = {
      .epoch = (int)state->epoch + 1,
      .epochs = (int)trainer->recipe.epochs,
      .train = mixent_score_result(&state->sums),
      .validation = *validation,
      .test = *test,
      .learning_rate = trainer->last_rate,
      .weight_learning_rate = learns_weights(trainer) ? trainer->recipe.weight_learning_rate : 0,
      .base_learning_rate = learn[3] || learn[4] || learn[5] ? trainer->recipe.base_learning_rate : 0,
      .best = best};
  /* an epoch that was interrupted counts as a whole at the speed of the part that ran here */
  epoch.images_per_second = images / trainer->seconds;
  epoch.seconds = (double)(trainer->steps * trainer->batch) / epoch.images_per_second;
  mixent_loss_weights(&trainer->loss, &state->loss, (double)mixent_trainer_member(trainer).epoch + 1,
                      epoch.w);
  for (int i = 0; i < MIXENT_LOSS_PARTS; i++) epoch.b[i] = exp(state->loss.value[MIXENT_LOSS_PARTS + i]);
  return epoch;
}

static mixent_status write_best(mixent_trainer *trainer, const mixent_run_directory *run) {
  mixent_checkpoint checkpoint = mixent_trainer_checkpoint(trainer);
  if (trainer->state.ema) {
    checkpoint.parameters = trainer->state.ema;
    checkpoint.statistics = trainer->ema_statistics;
    checkpoint.batches_tracked = mixent_trainer_estimate_batches(trainer);
  }
  MIXENT_TRY(name_step(trainer, run, mixent_checkpoint_write_model(run->best, &checkpoint)));
  tell_saved(trainer, run->best);
  return MIXENT_OK;
}

/* Written in this order: best.safetensors, the line of metrics.jsonl, last.safetensors. Whatever is cut off
 * in between is done again, the same, by the run that goes on from the older last.safetensors. */
static mixent_status end_epoch(mixent_trainer *trainer, const mixent_run_directory *run) {
  mixent_train_state *state = &trainer->state;
  const mixent_images *test_images = &trainer->dataset->test;
  mixent_scores held_out = {0}, test = {0};
  bool by_test = trainer->recipe.select == MIXENT_SELECT_TEST;
  mixent_resized_use(trainer, false); /* scores are of whole images */
  if (state->ema) MIXENT_TRY(estimate_in_time(trainer));
  MIXENT_TRY(mixent_trainer_validate(trainer,
                                     (mixent_validation){.images = &trainer->train,
                                                         .indices = trainer->split.validation,
                                                         .count = trainer->split.validation_count},
                                     &held_out));
  if (by_test)
    MIXENT_TRY(mixent_trainer_validate(
        trainer, (mixent_validation){.images = test_images, .count = test_images->count}, &test));
  const mixent_scores *seen = by_test ? &test : &held_out;
  bool better = is_best(trainer, seen), best = better || trainer->recipe.select == MIXENT_SELECT_LAST;
  mixent_train_epoch epoch = describe_epoch(trainer, &held_out, &test, best);
  mixent_schedule_epoch_end(&trainer->schedule, &state->schedule, trainer->seed,
                            mixent_trainer_member(trainer).epoch, better);
  if (better) {
    state->best_epoch = state->epoch + 1;
    state->best_score = seen->images ? rank_of(trainer, seen) : 0, state->best_nll = seen->nll;
  }
  state->epoch++;
  state->step = 0;
  state->sums = (mixent_score_sums){0};
  char *json;
  MIXENT_TRY(mixent_trainer_report(trainer, &epoch, steps_done(trainer), &json));
  epoch.json = json;
  mixent_status status = MIXENT_OK;
  if (mixent_peers_rank() == 0) {
    if (best) status = write_best(trainer, run);
    if (status == MIXENT_OK) status = mixent_run_directory_add_metrics(run, json);
  }
  status = mixent_peers_agree(status);
  if (status == MIXENT_OK) status = save(trainer, run);
  if (status == MIXENT_OK && trainer->options->epoch)
    trainer->options->epoch(trainer->options->context, &epoch);
  free(json);
  return status;
}

mixent_status mixent_trainer_run(mixent_trainer *trainer, const mixent_run_directory *run) {
  trainer->saved = steps_done(trainer);
  while (trainer->state.epoch < (uint64_t)trainer->recipe.epochs) {
    MIXENT_TRY(mixent_member_begin(trainer, run));
    MIXENT_TRY(run_steps(trainer, run));
    MIXENT_TRY(end_epoch(trainer, run));
  }
  return next_wishes(trainer, mixent_seconds_now()).stop ? mixent_trainer_stopped(trainer, run) : MIXENT_OK;
}
