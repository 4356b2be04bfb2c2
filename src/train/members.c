/* From one member to the next: a file kept, a state begun anew. */
#include "train/members.h"
#include "core/file.h"
#include "model/ensemble.h"
#include "model/one_file.h"
#include "peers/peers.h"
#include "train/teaching.h"

#include <stdlib.h>
#include <string.h>

mixent_member mixent_trainer_member(const mixent_trainer *trainer) {
  uint64_t epochs = (uint64_t)(trainer->recipe.epochs / trainer->recipe.members),
           epoch = trainer->state.epoch;
  mixent_member member = {.number = epoch / epochs, .epoch = epoch % epochs};
  member.steps = member.epoch * trainer->steps + trainer->state.step;
  return member;
}

uint64_t mixent_member_batches(const mixent_trainer *trainer) {
  uint64_t all = trainer->state.epoch * trainer->steps + trainer->state.step;
  uint64_t own = (uint64_t)(trainer->recipe.epochs / trainer->recipe.members) * trainer->steps;
  return all ? (all - 1) % own + 1 : 0;
}

void mixent_member_draw_weights(mixent_trainer *trainer, uint64_t number) {
  const mixent_recipe *recipe = &trainer->recipe;
  long seed = recipe->init_seed < 0 ? recipe->seed : recipe->init_seed;
  mixent_graph_initialize(trainer->graph, mixent_member_seed(seed, number), trainer->parameters,
                          trainer->statistics);
}

static char *member_path(const mixent_run_directory *run, uint64_t number) {
  char name[48];
  snprintf(name, sizeof name, "member-%llu.safetensors", (unsigned long long)number + 1);
  return mixent_path_join(run->path, name);
}

/* best.safetensors is that member's until the next has ended an epoch, and the file is there before that begins. */
static mixent_status keep_member(const mixent_run_directory *run, uint64_t number) {
  char *path = member_path(run, number), *bytes = NULL;
  size_t size;
  mixent_path_kind kind = MIXENT_PATH_NOTHING;
  mixent_status status = path ? mixent_path_look(path, &kind) : MIXENT_ERROR_MEMORY;
  if (status == MIXENT_OK && kind == MIXENT_PATH_NOTHING) {
    status = mixent_file_read(run->best, SIZE_MAX, &bytes, &size);
    if (status == MIXENT_OK) status = mixent_file_replace(path, bytes, size);
  }
  free(bytes);
  free(path);
  return status;
}

/* Everything that training changes, as it is before the first step. */
static mixent_status begin_anew(mixent_trainer *trainer) {
  mixent_train_state *state = &trainer->state;
  size_t parameters = trainer->parameter_count;
  mixent_member_draw_weights(trainer, mixent_trainer_member(trainer).number);
  memset(state->optimizer, 0,
         parameters * (size_t)trainer->optimizer.type->state_arrays * sizeof *state->optimizer);
  if (state->ema) memcpy(state->ema, trainer->parameters, parameters * sizeof *state->ema);
  for (size_t i = 0; state->losses && i < 2 * trainer->train.count; i++) state->losses[i] = -1;
  memset(state->loss_optimizer, 0, sizeof state->loss_optimizer);
  state->loss = mixent_loss_start(&trainer->loss);
  state->schedule = mixent_schedule_start();
  state->monitor = (mixent_monitor){.told = state->monitor.told}; /* nothing is told twice */
  state->best_epoch = 0, state->best_score = 0, state->best_nll = 0;
  return MIXENT_OK;
}

/* Where a member is taught by the first ones, whose files are there: takes them as its teachers, if no member before it did. */
static mixent_status take_teachers(mixent_trainer *trainer, const mixent_run_directory *run,
                                   uint64_t number) {
  char *paths[MIXENT_MAX_MEMBERS] = {NULL};
  size_t count = (size_t)trainer->recipe.distill_members;
  if (count == 0 || number < count || trainer->taught || trainer->teachers) return MIXENT_OK;
  mixent_status status = MIXENT_OK;
  for (size_t i = 0; i < count && status == MIXENT_OK; i++)
    if (!(paths[i] = member_path(run, i))) status = MIXENT_ERROR_MEMORY;
  if (status == MIXENT_OK) status = mixent_trainer_teachers_take(trainer, (const char *const *)paths, count);
  for (size_t i = 0; i < count; i++) free(paths[i]);
  return mixent_peers_agree(status);
}

mixent_status mixent_member_begin(mixent_trainer *trainer, const mixent_run_directory *run) {
  mixent_member member = mixent_trainer_member(trainer);
  trainer->seed = mixent_member_seed(trainer->recipe.seed, member.number);
  if (member.number > 0 && member.steps == 0) {
    mixent_status status = mixent_peers_rank() == 0 ? keep_member(run, member.number - 1) : MIXENT_OK;
    MIXENT_TRY(mixent_peers_agree(status));
    MIXENT_TRY(begin_anew(trainer));
  }
  return take_teachers(trainer, run, member.number);
}

/* Opens the files of members; the arrays have room for them. */
static mixent_status open_members(const mixent_run_directory *run, size_t first, size_t count, char **paths,
                                  mixent_model **models) {
  for (size_t i = 0; i < count; i++) {
    paths[i] = member_path(run, first + i);
    if (!paths[i]) return MIXENT_ERROR_MEMORY;
    MIXENT_TRY(mixent_model_open(paths[i], &models[i]));
  }
  return MIXENT_OK;
}

mixent_status mixent_members_join(const mixent_trainer *trainer, const mixent_run_directory *run) {
  char *paths[MIXENT_MAX_MEMBERS] = {NULL};
  mixent_model *models[MIXENT_MAX_MEMBERS] = {NULL}, *ensemble = NULL;
  size_t all = (size_t)trainer->recipe.members, first = (size_t)trainer->recipe.distill_members,
         count = all - first;
  if (all == 1) return MIXENT_OK;
  mixent_status status = keep_member(run, all - 1);
  if (count == 1) return status; /* the one that the others taught is the best already */
  if (status == MIXENT_OK) status = open_members(run, first, count, paths, models);
  if (status == MIXENT_OK)
    status = mixent_ensemble_make((const mixent_model *const *)models, (const char *const *)paths, count,
                                  &ensemble);
  if (status == MIXENT_OK)
    status = mixent_one_file_write(ensemble, (const char *const *)paths, count, false, run->best);
  mixent_model_free(ensemble);
  for (size_t i = 0; i < count; i++) {
    mixent_model_free(models[i]);
    free(paths[i]);
  }
  return status;
}
