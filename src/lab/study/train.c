/* The processes of a study: who runs next, on which processors, what they say, and what is left when they end. */
#include "lab/study/train.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/json.h"
#include "core/system.h"
#include "core/threads.h"
#include "lab/study/command.h"
#include "lab/study/worker.h"
#include "run/directory.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TICK = 200 /* milliseconds */ };

typedef struct crew crew;

/* A place for a process, and the run that it trains. */
typedef struct slot {
  crew *crew;
  mixent_worker worker;
  mixent_processors cpus;
  bool busy;
  size_t run; /* index in the study's order */
  char *name, *path;
  double since;             /* the start of the epoch that runs */
  double part, part_until;  /* how much of it was done, and when that was */
  double images_per_second; /* in it, or in the last one */
} slot;

struct crew {
  mixent_study *study;
  const mixent_study_train_options *options;
  slot *slots;
  char **names; /* [slot_count], for tell_progress */
  size_t slot_count, next, total, finished, failed;
  long *epochs, *done;  /* [total] of each run */
  double epoch_seconds; /* summed over the epochs that were seen */
  size_t epochs_seen;
  bool pinned, stopping, stopped; /* stopped: a run by itself, by a signal */
};

long mixent_study_jobs(const mixent_study *study) {
  long jobs = mixent_processors_count() / mixent_study_threads(study);
  return jobs > 0 ? jobs : 1;
}

/* Where processes and their threads fill the processors, each has its own: then nothing can be gained by moving. */
static void pin(crew *crew) {
  long threads = mixent_study_threads(crew->study), all = mixent_processors_count();
  mixent_processors mine;
  mixent_processors_list(&mine);
  crew->pinned = crew->slot_count > 1 && (long)crew->slot_count * threads == all && (long)mine.count == all;
  for (size_t i = 0, cpu = 0; i < crew->slot_count && crew->pinned; i++)
    for (long thread = 0; thread < threads; thread++)
      crew->slots[i].cpus.numbers[crew->slots[i].cpus.count++] = mine.numbers[cpu++];
}

/* What processes say. */

static double number_of(const json_t *event, const char *key) {
  return json_number_value(json_object_get(event, key));
}

static void hear_progress(slot *slot, const json_t *event) {
  double step = number_of(event, "step"), steps = number_of(event, "steps");
  if (!(steps > 0)) return; /* it does not train now */
  if (number_of(event, "epoch") <= (double)slot->crew->done[slot->run])
    return; /* told once more, from before the epoch's end */
  slot->part = step / steps, slot->part_until = mixent_seconds_now();
  slot->images_per_second = number_of(event, "images_per_second");
}

static void hear_epoch(slot *slot, const json_t *event) {
  crew *crew = slot->crew;
  double now = mixent_seconds_now();
  slot->images_per_second = number_of(event, "images_per_second");
  crew->done[slot->run] = (long)number_of(event, "epoch");
  crew->epoch_seconds += now - slot->since;
  crew->epochs_seen++;
  slot->since = slot->part_until = now, slot->part = 0;
}

/* A run's event, as the study's own stream has it. */
static void tell_event(slot *slot, json_t *event) {
  const crew *crew = slot->crew;
  const mixent_study *study = crew->study;
  mixent_study_cell cell = mixent_study_cell_at(study, slot->run);
  if (!crew->options->event) return;
  int failed = json_object_set_new(event, "run", mixent_json_text(slot->name)) |
               json_object_set_new(event, "variant", mixent_json_text(study->variant_names[cell.variant])) |
               json_object_set_new(event, "seed", json_integer(study->seeds[cell.seed]));
  slot->worker.lacks |= failed != 0;
  if (!failed) crew->options->event(crew->options->context, event);
}

static void hear(void *context, mixent_event event, json_t *line) {
  slot *slot = context;
  const mixent_study_train_options *options = slot->crew->options;
  if (event == MIXENT_EVENT_START) {
    slot->crew->done[slot->run] = (long)number_of(line, "first_epoch") - 1;
    slot->since = slot->part_until = mixent_seconds_now();
  }
  if (event == MIXENT_EVENT_PROGRESS) hear_progress(slot, line);
  if (event == MIXENT_EVENT_EPOCH) hear_epoch(slot, line);
  if (event == MIXENT_EVENT_WARNING && options->warning)
    options->warning(options->context, slot->name, json_string_value(json_object_get(line, "message")));
  tell_event(slot, line);
}

static void tell_progress(const crew *crew) {
  mixent_study_progress progress = {.finished = crew->finished,
                                    .failed = crew->failed,
                                    .total = crew->total,
                                    .names = crew->names,
                                    .seconds_left = NAN};
  double all = 0, done = 0, seen = (double)crew->epochs_seen, seconds = crew->epoch_seconds;
  if (!crew->options->progress) return;
  for (size_t i = 0; i < crew->slot_count; i++) {
    const slot *slot = &crew->slots[i];
    if (!slot->busy) continue;
    crew->names[progress.running++] = slot->name;
    progress.images_per_second += slot->images_per_second;
    done += slot->part, seen += slot->part, seconds += slot->part_until - slot->since;
  }
  for (size_t i = 0; i < crew->total; i++) all += (double)crew->epochs[i], done += (double)crew->done[i];
  progress.fraction = done / all;
  if (seen > 0) progress.seconds_left = (all - done) * seconds / seen / (double)crew->slot_count;
  crew->options->progress(crew->options->context, &progress);
}

/* Runs begin and end. */

static void clear(slot *slot) {
  mixent_worker_free(&slot->worker);
  free(slot->name);
  free(slot->path);
  slot->name = slot->path = NULL;
  slot->busy = false;
  slot->images_per_second = slot->part = 0;
}

static mixent_status begin(slot *slot, size_t run) {
  crew *crew = slot->crew;
  mixent_study_cell cell = mixent_study_cell_at(crew->study, run);
  mixent_study_command command = {.count = 0};
  slot->run = run;
  slot->name = mixent_study_run_name(crew->study, cell);
  slot->path = mixent_study_run_path(crew->study, cell);
  mixent_status status = slot->name && slot->path ? MIXENT_OK : MIXENT_ERROR_MEMORY;
  if (status == MIXENT_OK) status = mixent_study_command_make(crew->study, cell, slot->path, &command);
  slot->worker.context = slot, slot->worker.heard = hear;
  if (status == MIXENT_OK)
    status = mixent_worker_start(&slot->worker, crew->options->program, command.words, crew->options->lock,
                                 crew->pinned ? &slot->cpus : NULL);
  mixent_study_command_free(&command);
  slot->busy = status == MIXENT_OK;
  slot->since = slot->part_until = mixent_seconds_now();
  if (status != MIXENT_OK) clear(slot);
  return status;
}

/* The scores of a run, if it is finished. */
static mixent_status read_scores(const char *path, bool *finished, mixent_study_ended *ended) {
  mixent_train_summary summary = {0};
  char *name = mixent_path_join(path, "summary.json");
  mixent_status status = name ? mixent_run_summary_read(name, &summary) : MIXENT_ERROR_MEMORY;
  free(name);
  *finished = status == MIXENT_OK;
  ended->accuracy = summary.test.accuracy, ended->nll = summary.test.nll, ended->seconds = summary.seconds;
  mixent_train_summary_free(&summary);
  return status == MIXENT_ERROR_MEMORY ? status : MIXENT_OK;
}

/* A process that ended without a last event, as one that was killed: the study tells it in its place. */
static mixent_status tell_end(slot *slot, const char *how, int code) {
  const mixent_worker *worker = &slot->worker;
  bool asked = slot->crew->stopping; /* perhaps before it could tell */
  mixent_text message = {0};
  if (*how)
    mixent_text_append(&message, "%s", how);
  else
    mixent_text_append(&message, "ended without a word, with exit code %d", code);
  if (worker->last_words) mixent_text_append(&message, "; its last words: %s", worker->last_words);
  MIXENT_TRY(mixent_text_status(&message));
  slot->worker.message = message.data;
  const char *name = mixent_event_names[asked ? MIXENT_EVENT_STOPPED : MIXENT_EVENT_FAILED];
  json_t *event = json_pack("{s:s, s:i, s:s, s:i, s:o, s:s*}", "event", name, "version",
                            (int)MIXENT_EVENT_VERSION, "command", "train", "exit_code", code, "message",
                            mixent_json_text(message.data), "error", asked ? NULL : "process");
  slot->worker.lacks |= !event;
  if (event) tell_event(slot, event);
  json_decref(event);
  return MIXENT_OK;
}

/* A process has ended: its run is finished, failed, or to be gone on with because it, or all of the study, was asked to stop. */
static mixent_status end(slot *slot) {
  crew *crew = slot->crew;
  const mixent_worker *worker = &slot->worker;
  mixent_study_cell cell = mixent_study_cell_at(crew->study, slot->run);
  mixent_study_ended ended = {.name = slot->name, .path = slot->path, .total = crew->total};
  char how[64];
  int code = mixent_worker_wait(&slot->worker, how);
  bool finished;
  if (worker->refusal)
    return mixent_fail(MIXENT_ERROR_IO, "cannot read what run %s says: %s; run again", slot->name,
                       strerror(worker->refusal));
  MIXENT_TRY(read_scores(slot->path, &finished, &ended));
  if (!finished && !worker->message) MIXENT_TRY(tell_end(slot, how, code));
  if (worker->lacks) return mixent_no_memory("what run %s says; run again", slot->name);
  bool saved = !finished && worker->last == MIXENT_EVENT_STOPPED;
  bool over = finished || (!saved && !crew->stopping);
  mixent_status status = MIXENT_OK;
  if (over) crew->done[slot->run] = crew->epochs[slot->run]; /* nothing of it is left to do */
  if (finished)
    crew->finished++;
  else if (over)
    crew->failed++, ended.message = worker->message;
  else if (saved && !crew->stopping)
    crew->stopped = true, ended.signal = code - 128; /* its exit code tells the signal */
  if (over) status = mixent_study_note(crew->study, cell, ended.message);
  ended.finished = crew->finished, ended.failed = crew->failed;
  if (status == MIXENT_OK && crew->options->ended && (over || ended.signal))
    crew->options->ended(crew->options->context, &ended);
  clear(slot);
  return status;
}

/* Whether a run that failed would do so again: failure.txt says why it cannot go on. */
static mixent_status is_lost(const crew *crew, mixent_study_cell cell, bool *out) {
  char *path = mixent_study_run_path(crew->study, cell);
  if (!path) return MIXENT_ERROR_MEMORY;
  mixent_path_kind failure;
  mixent_status status = mixent_path_look_in(path, "failure.txt", &failure);
  *out = failure == MIXENT_PATH_FILE;
  free(path);
  return status;
}

static mixent_status fill_slots(crew *crew) {
  for (size_t i = 0; i < crew->slot_count && !crew->stopping; i++)
    while (!crew->slots[i].busy && crew->next < crew->total) {
      size_t run = crew->next++;
      mixent_study_cell cell = mixent_study_cell_at(crew->study, run);
      mixent_run_state state;
      bool lost = false;
      MIXENT_TRY(mixent_study_run_state(crew->study, cell, &state, NULL));
      if (state == MIXENT_RUN_FAILED) MIXENT_TRY(is_lost(crew, cell, &lost));
      /* a note that this process's predecessor was killed before it took back */
      if (state == MIXENT_RUN_FINISHED) MIXENT_TRY(mixent_study_note(crew->study, cell, NULL));
      if (lost)
        crew->failed++, crew->done[run] = crew->epochs[run];
      else if (state != MIXENT_RUN_FINISHED)
        MIXENT_TRY(begin(&crew->slots[i], run));
    }
  return MIXENT_OK;
}

/* Waits until a process says something, or for a moment. */
static void wait_for_words(const crew *crew) {
  struct pollfd *polls;
  if (MIXENT_ALLOCATE(2 * crew->slot_count, &polls) != MIXENT_OK) return;
  for (size_t i = 0; i < crew->slot_count; i++) {
    const slot *slot = &crew->slots[i];
    polls[2 * i] = (struct pollfd){.fd = slot->busy ? slot->worker.out : -1, .events = POLLIN};
    polls[2 * i + 1] = (struct pollfd){.fd = slot->busy ? slot->worker.errors : -1, .events = POLLIN};
  }
  poll(polls, 2 * crew->slot_count, TICK);
  free(polls);
}

static void stop_all(crew *crew) {
  crew->stopping = true;
  for (size_t i = 0; i < crew->slot_count; i++)
    if (crew->slots[i].busy) mixent_worker_signal(&crew->slots[i].worker, SIGTERM);
}

static mixent_status work(crew *crew) {
  bool busy = true;
  MIXENT_TRY(fill_slots(crew));
  while (busy) {
    tell_progress(crew);
    wait_for_words(crew);
    if (crew->options->stop && *crew->options->stop && !crew->stopping) stop_all(crew);
    for (size_t i = 0; i < crew->slot_count; i++)
      if (crew->slots[i].busy && !mixent_worker_read(&crew->slots[i].worker))
        MIXENT_TRY(end(&crew->slots[i]));
    MIXENT_TRY(fill_slots(crew));
    busy = false;
    for (size_t i = 0; i < crew->slot_count; i++) busy |= crew->slots[i].busy;
  }
  return MIXENT_OK;
}

/* How many epochs each run has and how many are done as a whole. */
static mixent_status count_epochs(crew *crew) {
  for (size_t i = 0; i < crew->total; i++) {
    mixent_study_cell cell = mixent_study_cell_at(crew->study, i);
    mixent_run_state state;
    mixent_recipe recipe;
    MIXENT_TRY(mixent_study_run_state(crew->study, cell, &state, NULL));
    MIXENT_TRY(mixent_study_recipe(crew->study, cell, &recipe));
    crew->epochs[i] = recipe.epochs;
    crew->done[i] = state == MIXENT_RUN_FINISHED ? recipe.epochs : 0;
    crew->finished += state == MIXENT_RUN_FINISHED;
  }
  return MIXENT_OK;
}

static mixent_status make_crew(crew *crew) {
  long jobs = crew->options->jobs ? crew->options->jobs : mixent_study_jobs(crew->study);
  crew->total = mixent_study_run_count(crew->study);
  if ((size_t)jobs > crew->total) jobs = (long)crew->total;
  MIXENT_TRY(MIXENT_ALLOCATE(crew->total, &crew->epochs));
  MIXENT_TRY(MIXENT_ALLOCATE(crew->total, &crew->done));
  MIXENT_TRY(MIXENT_ALLOCATE(jobs, &crew->names));
  MIXENT_TRY(MIXENT_ALLOCATE(jobs, &crew->slots));
  crew->slot_count = (size_t)jobs;
  for (size_t i = 0; i < crew->slot_count; i++)
    crew->slots[i].crew = crew, crew->slots[i].worker.out = crew->slots[i].worker.errors = -1;
  pin(crew);
  return count_epochs(crew);
}

mixent_status mixent_study_train(mixent_study *study, const mixent_study_train_options *options,
                                 size_t *failed) {
  crew crew = {.study = study, .options = options};
  mixent_status status = make_crew(&crew);
  if (status == MIXENT_OK) status = work(&crew);
  for (size_t i = 0; i < crew.slot_count; i++) clear(&crew.slots[i]);
  free(crew.slots);
  free(crew.names);
  free(crew.epochs);
  free(crew.done);
  *failed = crew.failed;
  if (status == MIXENT_OK && (crew.stopping || crew.stopped) && crew.finished + crew.failed < crew.total) {
    char *directory = mixent_path_quote(study->directory);
    if (directory)
      status = mixent_fail(MIXENT_ERROR_INTERRUPTED,
                           "interrupted with %zu of %zu runs finished; go on by 'mixent compare %s'",
                           crew.finished, crew.total, directory);
    free(directory);
  }
  return status;
}
