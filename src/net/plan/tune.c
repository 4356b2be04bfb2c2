/* The measurement behind `mixent tune`: a net for each back end, run in turn on random data, step by step timed. */
#include "net/plan/tune.h"
#include "core/clock.h"
#include "core/random.h"
#include "net/graph/graph.h"
#include "net/plan/choices.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_BACKENDS = 16, WARM_UP_STEPS = 2, MOST_STEPS = 50 };
static const double margin = 0.97;         /* of the table's time that another back end must stay under */
static const double shortest_piece = 0.05; /* seconds: small networks run several steps in one piece */

/* A net that is measured, and how many steps it runs in one piece. */
typedef struct contender {
  const char *name;
  mixent_net *net;
  int steps;
} contender;

typedef struct tuner {
  const mixent_graph *graph;
  const mixent_tune_options *options;
  mixent_plan_file *plan;
  contender contenders[MOST_BACKENDS];
  int count;
  uint64_t step;
  double *samples; /* [entries][back ends][repetitions]: seconds; 0: none */
  int pieces, pieces_done;
} tuner;

/* What a busy machine adds to a time is never less than nothing, so the least is the nearest to what it costs. */
static double least(const double *values, int count) {
  double value = values[0];
  for (int i = 1; i < count; i++)
    if (values[i] < value) value = values[i];
  return value;
}

static void fill(const char *what, float *values, size_t count, float scale) {
  mixent_random random = mixent_random_stream(0, "tune", what);
  uint32_t words[4];
  for (size_t i = 0; i < count; i++) {
    if (i % 4 == 0) mixent_random_block(&random, 0, i / 4, words);
    values[i] = scale * (2 * mixent_uniform_float(words[i % 4]) - 1);
  }
}

static mixent_status run_step(tuner *tuner, mixent_net *net) {
  MIXENT_TRY(mixent_net_forward(net, MIXENT_TRAIN, 0, tuner->step++));
  return mixent_net_backward(net);
}

/* A net with these choices, warmed up; how long a step takes says how many make a piece. */
static mixent_status make_contender(tuner *tuner, const mixent_net_choice *choices, size_t count,
                                    contender *out) {
  const mixent_graph *graph = tuner->graph;
  const mixent_net_options options = {.batch = tuner->options->batch,
                                      .precision = tuner->options->precision,
                                      .training = true,
                                      .choices = choices,
                                      .choice_count = count};
  MIXENT_TRY(mixent_net_create(graph, &options, &out->net));
  mixent_graph_initialize(graph, 0, mixent_net_parameters(out->net), mixent_net_statistics(out->net));
  fill("images", mixent_net_input(out->net),
       (size_t)options.batch * (size_t)(graph->options.side * graph->options.side * graph->options.channels),
       1);
  fill("gradient", mixent_net_logits_gradient(out->net),
       (size_t)options.batch * (size_t)graph->options.classes, 1e-3F);
  double seconds = 0;
  for (int i = 0; i < WARM_UP_STEPS; i++) {
    double start = mixent_seconds_now();
    MIXENT_TRY(run_step(tuner, out->net));
    seconds = mixent_seconds_now() - start;
  }
  out->steps = seconds > 0 && seconds < shortest_piece ? (int)(shortest_piece / seconds) + 1 : 1;
  if (out->steps > MOST_STEPS) out->steps = MOST_STEPS;
  return MIXENT_OK;
}

static void free_contenders(tuner *tuner) {
  for (int i = 0; i < tuner->count; i++) mixent_net_free(tuner->contenders[i].net);
  tuner->count = 0;
}

static void tell(tuner *tuner, const char *what) {
  const mixent_tune_options *options = tuner->options;
  if (options->progress)
    options->progress(options->context, what, (double)tuner->pieces_done / tuner->pieces);
  tuner->pieces_done++;
}

/* Runs a piece of a net; the time of a step in *seconds. */
static mixent_status run_piece(tuner *tuner, const contender *contender, double *seconds) {
  tell(tuner, contender->name);
  mixent_net_time_steps(contender->net);
  double start = mixent_seconds_now();
  for (int i = 0; i < contender->steps; i++) MIXENT_TRY(run_step(tuner, contender->net));
  *seconds = (mixent_seconds_now() - start) / contender->steps;
  return MIXENT_OK;
}

/* Back ends by name, each once; the names outlive the net that told them. */
static mixent_status add_backends(tuner *tuner, const char *const *names) {
  for (; *names; names++) {
    int i = 0;
    while (i < tuner->count && strcmp(tuner->contenders[i].name, *names) != 0) i++;
    if (i < tuner->count) continue;
    if (i == MOST_BACKENDS)
      return mixent_fail(MIXENT_ERROR_UNSUPPORTED, "more than %d back ends to measure", MOST_BACKENDS);
    tuner->contenders[tuner->count++] = (contender){.name = *names};
  }
  return MIXENT_OK;
}

/* The plan of the table, whose passes are the entries, and the back ends there are for them. */
static mixent_status find_passes(tuner *tuner, mixent_net *table) {
  mixent_plan_key key;
  mixent_net_step step;
  MIXENT_TRY(mixent_plan_key_make(tuner->graph, tuner->options->batch, tuner->options->precision, &key));
  MIXENT_TRY(mixent_plan_file_of(table, &key, &tuner->plan));
  for (size_t i = 0; mixent_net_step_get(table, i, &step); i++)
    if (step.candidates) MIXENT_TRY(add_backends(tuner, step.candidates));
  for (size_t i = 0; i < tuner->plan->count; i++) {
    mixent_plan_entry *entry = &tuner->plan->entries[i];
    MIXENT_TRY(mixent_copy_text(entry->backend, &entry->table));
    MIXENT_TRY(MIXENT_ALLOCATE(tuner->count, &entry->times));
  }
  size_t samples = tuner->plan->count * (size_t)tuner->count * (size_t)tuner->options->repetitions;
  return MIXENT_ALLOCATE(samples, &tuner->samples);
}

static double *samples_of(const tuner *tuner, size_t entry, int backend) {
  return tuner->samples +
         (entry * (size_t)tuner->count + (size_t)backend) * (size_t)tuner->options->repetitions;
}

static double *samples_at(const tuner *tuner, const mixent_net_step *step, int backend) {
  for (size_t i = 0; i < tuner->plan->count; i++)
    if (strcmp(tuner->plan->entries[i].layer, step->layer) == 0 &&
        strcmp(tuner->plan->entries[i].pass, step->pass) == 0)
      return samples_of(tuner, i, backend);
  return NULL;
}

/* A pass that the net's back end cannot compute fell to another, and counts for none. */
static void keep_times(const tuner *tuner, int backend, int repetition) {
  const contender *contender = &tuner->contenders[backend];
  mixent_net_step step;
  for (size_t i = 0; mixent_net_step_get(contender->net, i, &step); i++) {
    if (!step.candidates || strcmp(step.backend, contender->name) != 0) continue;
    double *samples = samples_at(tuner, &step, backend);
    if (samples) samples[repetition] = step.seconds / contender->steps;
  }
}

static mixent_status measure_backends(tuner *tuner) {
  double seconds;
  for (int i = 0; i < tuner->count; i++) {
    contender *contender = &tuner->contenders[i];
    const mixent_net_choice choice = {"*", "*", contender->name};
    tell(tuner, contender->name);
    MIXENT_TRY(make_contender(tuner, &choice, 1, contender));
  }
  for (int repetition = 0; repetition < tuner->options->repetitions; repetition++)
    for (int i = 0; i < tuner->count; i++) {
      MIXENT_TRY(run_piece(tuner, &tuner->contenders[i], &seconds));
      keep_times(tuner, i, repetition);
    }
  return MIXENT_OK;
}

static mixent_status set_backend(mixent_plan_entry *entry, const char *name) {
  char *copy;
  MIXENT_TRY(mixent_copy_text(name, &copy));
  free(entry->backend);
  entry->backend = copy;
  return MIXENT_OK;
}

/* The times of a pass, and the back end they speak for. */
static mixent_status choose_backend(const tuner *tuner, size_t index) {
  mixent_plan_entry *entry = &tuner->plan->entries[index];
  for (int i = 0; i < tuner->count; i++) {
    const double *samples = samples_of(tuner, index, i);
    if (samples[0] <= 0) continue;
    mixent_plan_time *time = &entry->times[entry->time_count];
    MIXENT_TRY(mixent_copy_text(tuner->contenders[i].name, &time->backend));
    time->milliseconds = 1e3 * least(samples, tuner->options->repetitions);
    entry->time_count++;
  }
  const mixent_plan_time *table = mixent_plan_entry_time(entry, entry->table), *best = table;
  for (const mixent_plan_time *time = entry->times; time < entry->times + entry->time_count; time++)
    if (!best || time->milliseconds < best->milliseconds) best = time;
  bool faster = best && (!table || best->milliseconds < margin * table->milliseconds);
  return faster ? set_backend(entry, best->backend) : MIXENT_OK;
}

/* Whole steps with the table's plan and with the one that came out. */
static mixent_status compare_plans(tuner *tuner, const mixent_net_choice *choices,
                                   mixent_tune_result *result) {
  double seconds[2][MIXENT_TUNE_MOST_REPETITIONS] = {0};
  static const char *const names[] = {"the table's plan", "the new plan"};
  for (int i = 0; i < 2; i++) {
    tuner->contenders[i] = (contender){.name = names[i]};
    tuner->count = i + 1;
    tell(tuner, names[i]);
    MIXENT_TRY(make_contender(tuner, i ? choices : NULL, i ? tuner->plan->count : 0, &tuner->contenders[i]));
  }
  for (int repetition = 0; repetition < tuner->options->repetitions; repetition++)
    for (int i = 0; i < 2; i++) MIXENT_TRY(run_piece(tuner, &tuner->contenders[i], &seconds[i][repetition]));
  result->table_seconds = least(seconds[0], tuner->options->repetitions);
  result->plan_seconds = least(seconds[1], tuner->options->repetitions);
  return MIXENT_OK;
}

static bool is_table(const mixent_plan_file *plan) {
  for (size_t i = 0; i < plan->count; i++)
    if (strcmp(plan->entries[i].backend, plan->entries[i].table) != 0) return false;
  return true;
}

/* A plan that does not make a whole step faster gives way to the table's. */
static mixent_status judge(tuner *tuner, mixent_tune_result *result) {
  mixent_net_choice *choices;
  MIXENT_TRY(mixent_plan_file_choices(tuner->plan, &choices));
  mixent_status status = compare_plans(tuner, choices, result);
  free(choices);
  MIXENT_TRY(status);
  result->kept = is_table(tuner->plan) || result->plan_seconds >= result->table_seconds;
  for (size_t i = 0; result->kept && i < tuner->plan->count; i++)
    MIXENT_TRY(set_backend(&tuner->plan->entries[i], tuner->plan->entries[i].table));
  return MIXENT_OK;
}

static mixent_status tune(tuner *tuner, mixent_tune_result *result) {
  const mixent_net_options options = {
      .batch = tuner->options->batch, .precision = tuner->options->precision, .training = true};
  mixent_net *table;
  MIXENT_TRY(mixent_net_create(tuner->graph, &options, &table));
  mixent_status status = find_passes(tuner, table);
  mixent_net_free(table);
  MIXENT_TRY(status);
  tuner->pieces = (tuner->count + 2) * (tuner->options->repetitions + 1);
  MIXENT_TRY(measure_backends(tuner));
  for (size_t i = 0; i < tuner->plan->count; i++) MIXENT_TRY(choose_backend(tuner, i));
  free_contenders(tuner); /* their memory is wanted */
  return judge(tuner, result);
}

mixent_status mixent_tune(const mixent_graph *graph, const mixent_tune_options *options,
                          mixent_tune_result *result) {
  *result = (mixent_tune_result){0};
  if (options->repetitions < 1 || options->repetitions > MIXENT_TUNE_MOST_REPETITIONS)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "%d repetitions; expected 1 to %d", options->repetitions,
                       MIXENT_TUNE_MOST_REPETITIONS);
  tuner tuner = {.graph = graph, .options = options};
  mixent_status status = tune(&tuner, result);
  free_contenders(&tuner);
  free(tuner.samples);
  if (status == MIXENT_OK)
    result->plan = tuner.plan;
  else
    mixent_plan_file_free(tuner.plan);
  return status;
}
