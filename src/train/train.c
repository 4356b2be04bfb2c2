/* The public door: a new run, and going on with one. */
#include "core/file.h"
#include "core/layout.h"
#include "core/status.h"
#include "core/threads.h"
#include "data/check.h"
#include "net/plan/choices.h"
#include "peers/peers.h"
#include "recipe/retired.h"
#include "recipe/use.h"
#include "train/finish.h"
#include "train/init_from.h"
#include "train/members.h"
#include "train/ranks.h"
#include "train/trainer.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void tell_start(const mixent_trainer *trainer, const mixent_run_directory *run) {
  const mixent_train_options *options = trainer->options;
  const mixent_recipe *recipe = &trainer->recipe;
  const mixent_train_start start = {.run = run->place,
                                    .recipe = recipe->name,
                                    .data = trainer->dataset->name,
                                    .net = mixent_graph_name(trainer->graph),
                                    .loss = mixent_loss_names[recipe->loss_kind],
                                    .precision = recipe->precision == MIXENT_CHOICE_BF16 ? "bf16" : "fp32",
                                    .plan = recipe->plan,
                                    .plan_hash = recipe->plan_hash,
                                    .epochs = (int)recipe->epochs,
                                    .first_epoch = (int)trainer->state.epoch + 1,
                                    .first_step = (int)trainer->state.step,
                                    .steps = (int)trainer->steps,
                                    .batch = (int)trainer->batch,
                                    .replicas = (int)recipe->replicas,
                                    .threads = (int)recipe->threads,
                                    .classes = (int)trainer->classes,
                                    .samples = mixent_samples_name(trainer->dataset->train.features),
                                    .train_images = trainer->split.train_count,
                                    .validation_images = trainer->split.validation_count,
                                    .test_images = trainer->dataset->test.count,
                                    .parameters = trainer->parameter_count,
                                    .memory_bytes = mixent_replicas_memory(trainer->replicas)};
  if (options->started) options->started(options->context, &start);
}

/* Keeps in failure.txt why the run cannot go on. */
static mixent_status keep_failure(const mixent_run_directory *run, mixent_status status) {
  mixent_text text = {0};
  mixent_text_append(&text, "%s\n", mixent_last_error());
  if (!text.failed) {
    mixent_file_replace(run->failure, text.data,
                        text.length); /* where it cannot be kept it is told at least */
    mixent_fail(status, "%.*s", (int)text.length - 1, text.data);
  }
  mixent_text_free(&text);
  return status;
}

static mixent_status run_to_end(mixent_trainer *trainer, const mixent_run_directory *run,
                                mixent_train_summary *summary) {
  snprintf(summary->run, sizeof summary->run, "%s", run->place);
  tell_start(trainer, run);
  if (mixent_rank_leads()) unlink(run->failure); /* of a try before this one */
  mixent_status status = mixent_trainer_run(trainer, run);
  if (!mixent_rank_leads()) return status;
  if (status == MIXENT_ERROR_NUMERIC) return keep_failure(run, status);
  MIXENT_TRY(status);
  return mixent_trainer_finish(trainer, run, summary);
}

/* The choices that the net has come to, whatever said them. */
static mixent_status write_plan(const mixent_trainer *trainer, const char *path) {
  mixent_plan_key key;
  mixent_plan_file *file;
  const mixent_recipe *recipe = &trainer->recipe;
  int threads = mixent_threads();
  mixent_threads_set(mixent_recipe_replica_threads(recipe));
  mixent_status made = mixent_plan_key_make(trainer->graph, (int)trainer->replicas->rows,
                                            mixent_recipe_precision(recipe), &key);
  mixent_threads_set(threads);
  MIXENT_TRY(made);
  MIXENT_TRY(mixent_plan_file_of(trainer->replicas->replica[0].net, &key, &file));
  mixent_status status = mixent_plan_file_write(file, path);
  mixent_plan_file_free(file);
  return status;
}

/* recipe.yaml, plan.yaml, an empty metrics.jsonl and last.safetensors before the first step: from then on the run
 * can be resumed. */
static mixent_status fill_directory(mixent_trainer *trainer, const mixent_run_directory *run) {
  mixent_text text = {0};
  mixent_recipe again;
  mixent_recipe_write(&trainer->recipe, true, &text);
  mixent_status status = mixent_text_status(&text);
  if (status == MIXENT_OK) status = mixent_recipe_parse(text.data, run->recipe, "run", NULL, 0, &again);
  if (status == MIXENT_OK) status = mixent_file_replace(run->recipe, text.data, text.length);
  if (status == MIXENT_OK) status = write_plan(trainer, run->plan);
  if (status == MIXENT_OK) status = mixent_file_replace(run->metrics, "", 0);
  mixent_text_free(&text);
  mixent_checkpoint checkpoint = mixent_trainer_checkpoint(trainer);
  return status == MIXENT_OK ? mixent_checkpoint_write_all(run->last, &checkpoint) : status;
}

static mixent_status make_directory(mixent_trainer *trainer, const char *place, mixent_run_directory *run) {
  if (!mixent_rank_leads()) return mixent_run_directory_name(place, run);
  MIXENT_TRY(mixent_run_directory_begin(place, run));
  MIXENT_TRY(fill_directory(trainer, run));
  return mixent_run_directory_publish(run, trainer->options->overwrite);
}

static mixent_status start_run(mixent_trainer *trainer, const char *place, mixent_train_summary *summary) {
  mixent_run_directory run = {.lock = -1};
  mixent_status status = mixent_peers_agree(make_directory(trainer, place, &run));
  if (status == MIXENT_OK) status = run_to_end(trainer, &run, summary);
  mixent_run_directory_close(&run);
  return status;
}

/* The directory of a new run; free(). */
static mixent_status place_run(const mixent_recipe *recipe, const mixent_train_options *options, char **out) {
  if (options->run && !*options->run)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "the run's directory has an empty name");
  if (options->run) return mixent_copy_text(options->run, out);
  char *name = mixent_recipe_run_name(recipe);
  *out = name ? mixent_path_join("runs", name) : NULL;
  free(name);
  return *out ? MIXENT_OK : MIXENT_ERROR_MEMORY;
}

static void warn(const mixent_train_options *options, const char *message) {
  if (options->warning && message) options->warning(options->context, message);
}

/* Of a plan that is not quite what one might take it for. `hash` is what the recipe says of it. */
static void warn_of_plan(const mixent_trainer *trainer, const char *hash) {
  const mixent_plan_source *source = &trainer->plan_source;
  mixent_text elsewhere = {0}, changed = {0};
  if (*source->differences) {
    mixent_text_append(&elsewhere, "plan-elsewhere: %s was made for %s; 'mixent tune' measures this",
                       source->plan, source->differences);
    warn(trainer->options, elsewhere.data);
  }
  if (*hash && strcmp(hash, source->hash) != 0) {
    mixent_text_append(
        &changed,
        "plan-changed: the recipe's run had the plan %.12s, this has %.12s, so their bits differ; "
        "--plan takes that run's plan.yaml",
        hash, source->hash);
    warn(trainer->options, changed.data);
  }
  mixent_text_free(&elsewhere);
  mixent_text_free(&changed);
}

/* Of options that say how data are read, and do not concern these data. */
static void warn_of_reading(const mixent_trainer *trainer) {
  const mixent_recipe *recipe = &trainer->recipe;
  const mixent_dataset *dataset = trainer->dataset;
  if (recipe->transpose && dataset->train.features)
    warn(trainer->options,
         "unused-option: transpose has no effect: the data are rows of features, not images");
  if (dataset->cut) {
    mixent_text said = {0};
    mixent_text_append(
        &said,
        "no-test: the data have no test part; %g %% of each class were set apart as one, always the "
        "same %s",
        100 * MIXENT_CUT_FRACTION, mixent_samples_name(dataset->train.features));
    warn(trainer->options, said.data);
    mixent_text_free(&said);
  }
  for (size_t i = 0; i < trainer->options->setting_count && dataset->validation_count; i++)
    if (strcmp(trainer->options->settings[i].key, "validation.fraction") == 0)
      warn(trainer->options,
           "unused-option: validation.fraction has no effect: the data have a validation part of their own");
  for (const mixent_option *option = mixent_options; option->key; option++) {
    bool is_of_table = option->group == MIXENT_GROUP_TABLES;
    if (!mixent_option_reads(option) || option->place || mixent_option_is_default(option, recipe)) continue;
    if (is_of_table ? dataset->train.features != 0 : dataset->pictures) continue;
    char message[96];
    snprintf(message, sizeof message, "unused-option: %s has no effect: %s", option->key,
             is_of_table ? "the data are images, not a table" : "the data are no picture files");
    warn(trainer->options, message);
  }
}

static void warn_of_selection(const mixent_recipe *recipe, const mixent_train_options *options) {
  if (recipe->select == MIXENT_SELECT_TEST)
    warn(options,
         "test-selected: the epoch is chosen by the test part, so its score is too good by what choosing "
         "adds; --set select=validation gives one that is not");
}

/* The recipe as it is trained. What costs nothing is checked before what reads the data. */
static mixent_status compose(const mixent_train_options *options, mixent_recipe *recipe,
                             bool *automatic_threads) {
  MIXENT_TRY(mixent_recipe_compose(options->recipe, options->settings, options->setting_count, recipe));
  if (options->dataset) MIXENT_TRY(mixent_recipe_use_memory(recipe, options->dataset->name));
  MIXENT_TRY(mixent_recipe_check_network(recipe));
  *automatic_threads = recipe->threads == 0;
  return mixent_recipe_resolve(recipe, mixent_net_bf16_is_native());
}

/* Where the run goes; free(*place). */
static mixent_status find_place(const mixent_recipe *recipe, const mixent_train_options *options,
                                char **place) {
  MIXENT_TRY(mixent_recipe_check(recipe)); /* the whole paths, too */
  MIXENT_TRY(place_run(recipe, options, place));
  return mixent_rank_leads() ? mixent_run_directory_check(*place, options->overwrite) : MIXENT_OK;
}

static mixent_status prepare(const mixent_recipe *recipe, const mixent_train_options *options, char **place,
                             mixent_trainer **trainer) {
  MIXENT_TRY(mixent_peers_agree(find_place(recipe, options, place)));
  MIXENT_TRY(mixent_trainer_create(recipe, options, trainer));
  MIXENT_TRY(mixent_peers_agree(mixent_trainer_init_from(*trainer)));
  return mixent_ranks_compare(*trainer);
}

/* Of what the run is not quite as one might take it for. */
static void warn_of_all(const mixent_trainer *trainer, const mixent_recipe *recipe) {
  const mixent_train_options *options = trainer->options;
  if (options->warning) mixent_lines_visit(trainer->dataset->note, options->warning, options->context);
  warn_of_plan(trainer, recipe->plan_hash);
  warn_of_selection(recipe, options);
  warn_of_reading(trainer);
  if (options->warning)
    mixent_settings_warn_idle(options->settings, options->setting_count, recipe, options->warning,
                              options->context);
}

/* Processes other than the first tell nobody anything. */
static mixent_train_options own_options(const mixent_train_options *given) {
  mixent_train_options own = *given;
  if (mixent_rank_leads()) return own;
  own.started = NULL, own.progress = NULL, own.epoch = NULL, own.scored = NULL, own.saved = NULL,
  own.warning = NULL;
  return own;
}

mixent_status mixent_train(const mixent_train_options *options, mixent_train_summary *summary) {
  MIXENT_NEED(options);
  MIXENT_NEED(summary);
  if (options->setting_count) MIXENT_NEED(options->settings);
  for (size_t i = 0; i < options->setting_count; i++) {
    MIXENT_NEED(options->settings[i].key);
    MIXENT_NEED(options->settings[i].value);
  }
  if (options->dataset) MIXENT_TRY(mixent_dataset_check(options->dataset));
  const mixent_train_options own = own_options(options);
  mixent_recipe recipe;
  mixent_trainer *trainer = NULL;
  char *place = NULL;
  bool automatic_threads = false;
  memset(summary, 0, sizeof *summary);
  MIXENT_TRY(mixent_peers_agree(compose(&own, &recipe, &automatic_threads)));
  MIXENT_TRY(mixent_ranks_share(&recipe, true, automatic_threads));
  mixent_status status = prepare(&recipe, &own, &place, &trainer);
  if (status == MIXENT_OK) warn_of_all(trainer, &recipe);
  if (status == MIXENT_OK) status = start_run(trainer, place, summary);
  mixent_trainer_free(trainer);
  free(place);
  return status;
}

/* Brings a new trainer to where last.safetensors stands. */
static mixent_status go_back_to(mixent_trainer *trainer, const mixent_run_directory *run) {
  mixent_checkpoint checkpoint = mixent_trainer_checkpoint(trainer);
  MIXENT_TRY(mixent_checkpoint_read_all(run->last, &checkpoint));
  const mixent_train_state *state = &trainer->state;
  if (state->epoch > (uint64_t)trainer->recipe.epochs || state->step >= trainer->steps)
    return mixent_fail(MIXENT_ERROR_FORMAT, "%s: its position (epoch %llu, step %llu) is outside the run",
                       run->last, (unsigned long long)state->epoch, (unsigned long long)state->step);
  return mixent_rank_leads() ? mixent_run_directory_trim_metrics(run, state->epoch) : MIXENT_OK;
}

/* The run's own plan; a run of the time before there were plans had the table's. */
static mixent_status take_own_plan(const mixent_run_directory *run, mixent_recipe *recipe) {
  const char *plan = *recipe->plan_hash ? run->plan : "table";
  if (snprintf(recipe->plan, sizeof recipe->plan, "%s", plan) < (int)sizeof recipe->plan) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_ARGUMENT, "plan: the path %s is too long", plan);
}

static mixent_status check_own_plan(const mixent_run_directory *run, const mixent_recipe *recipe,
                                    const mixent_trainer *trainer) {
  const char *hash = trainer->plan_source.hash;
  if (!*recipe->plan_hash || strcmp(recipe->plan_hash, hash) == 0) return MIXENT_OK;
  return mixent_fail(
      MIXENT_ERROR_FORMAT,
      "%s: with its back ends the plan's hash is %s, but recipe.yaml says %s; put back what the run "
      "began with, or start another by --recipe %s --plan %s",
      run->plan, hash, recipe->plan_hash, run->recipe, run->plan);
}

static mixent_status read_own_recipe(const mixent_run_directory *run, mixent_recipe *recipe) {
  MIXENT_TRY(mixent_recipe_load(run->recipe, recipe));
  MIXENT_TRY(mixent_retired_refuse(recipe));
  MIXENT_TRY(take_own_plan(run, recipe));
  return mixent_recipe_resolve(recipe, mixent_net_bf16_is_native());
}

/* As it stood when it was saved last. */
static mixent_status take_up(const mixent_run_directory *run, const mixent_train_options *options,
                             mixent_trainer **trainer) {
  mixent_recipe recipe;
  MIXENT_TRY(mixent_peers_agree(read_own_recipe(run, &recipe)));
  MIXENT_TRY(mixent_ranks_share(&recipe, false, false));
  MIXENT_TRY(mixent_trainer_create(&recipe, options, trainer));
  mixent_status status = check_own_plan(run, &recipe, *trainer);
  if (status == MIXENT_OK) status = go_back_to(*trainer, run);
  MIXENT_TRY(mixent_peers_agree(status));
  return mixent_ranks_compare(*trainer);
}

static mixent_status resume_unfinished(const mixent_run_directory *run, const mixent_train_options *options,
                                       mixent_train_summary *summary) {
  mixent_trainer *trainer = NULL;
  mixent_status status = take_up(run, options, &trainer);
  if (status == MIXENT_OK) status = run_to_end(trainer, run, summary);
  mixent_trainer_free(trainer);
  return status;
}

/* A finished run has both files; older versions kept no predictions. */
static mixent_status read_finished(const mixent_run_directory *run, mixent_train_summary *summary,
                                   bool *finished) {
  mixent_path_kind predictions, scores;
  MIXENT_TRY(mixent_path_look(run->predictions, &predictions));
  MIXENT_TRY(mixent_path_look(run->summary, &scores));
  *finished = predictions == MIXENT_PATH_FILE && scores == MIXENT_PATH_FILE;
  if (!*finished) return MIXENT_OK;
  mixent_status status = mixent_run_summary_read(run->summary, summary);
  *finished = status != MIXENT_ERROR_FORMAT;
  return *finished ? status : MIXENT_OK;
}

/* The first process locks it, and sees whether there is anything to do. */
static mixent_status open_run(const char *place, mixent_run_directory *run, mixent_train_summary *summary,
                              bool *finished) {
  if (!mixent_rank_leads()) return mixent_run_directory_name(place, run);
  MIXENT_TRY(mixent_run_directory_open(place, run));
  snprintf(summary->run, sizeof summary->run, "%s", run->place);
  return read_finished(run, summary, finished);
}

mixent_status mixent_train_resume(const char *run, const mixent_train_options *options,
                                  mixent_train_summary *summary) {
  MIXENT_NEED(run);
  MIXENT_NEED(options);
  MIXENT_NEED(summary);
  if (options->dataset) MIXENT_TRY(mixent_dataset_check(options->dataset));
  const mixent_train_options own = own_options(options);
  mixent_run_directory directory = {.lock = -1};
  bool finished = false;
  memset(summary, 0, sizeof *summary);
  mixent_status status = mixent_peers_agree(open_run(run, &directory, summary, &finished));
  if (status == MIXENT_OK) status = mixent_ranks_follow(&finished);
  if (status == MIXENT_OK && !finished) status = resume_unfinished(&directory, &own, summary);
  mixent_run_directory_close(&directory);
  return status;
}
