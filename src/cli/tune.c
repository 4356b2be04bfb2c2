/* `mixent tune`: measures which back end computes each convolution fastest, and keeps that as a plan. */
#include "net/plan/tune.h"
#include "cli/commands.h"
#include "cli/events.h"
#include "cli/model.h"
#include "cli/terminal.h"
#include "core/file.h"
#include "core/json.h"
#include "core/printable.h"
#include "core/threads.h"
#include "net/graph/graph.h"
#include "net/plan/choices.h"
#include "train/plan_source.h"

#include <stdlib.h>
#include <string.h>

typedef struct arguments {
  long side, channels, classes, batch, threads, repetitions;
  int precision;
  const char *data, *data_directory, *output;
  bool json;
} arguments;

static void show_progress(void *context, const char *what, double fraction) {
  if (mixent_event_progress_is_due())
    mixent_event_progress(json_pack("{s:s, s:f, s:o}", "phase", "measure", "fraction", fraction, "what",
                                    mixent_json_text(what)));
  mixent_progress_show(context, "tune", fraction, what);
}

/* The shape of the images: a data set's, or what the options say. */
static mixent_status choose_shape(const arguments *arguments, mixent_graph_options *out) {
  *out = (mixent_graph_options){.channels = (int)arguments->channels,
                                .side = (int)arguments->side,
                                .classes = (int)arguments->classes,
                                .dropout = -1};
  if (!arguments->data) return MIXENT_OK;
  mixent_dataset *dataset;
  const mixent_dataset_options options = {.data_directory = arguments->data_directory};
  mixent_status status = mixent_dataset_open(arguments->data, &options, &dataset);
  if (status != MIXENT_OK) return status;
  out->channels = dataset->train.channels;
  out->side = dataset->train.side;
  out->classes = dataset->classes;
  mixent_dataset_free(dataset);
  return MIXENT_OK;
}

/* The file the plan goes to; free(). A place in the cache is made. */
static mixent_status choose_path(const char *output, const mixent_plan_key *key, char **out) {
  if (output) return mixent_copy_text(output, out);
  *out = mixent_plan_cache_path(key);
  if (!*out) return MIXENT_ERROR_IO;
  char *slash = strrchr(*out, '/');
  *slash = 0;
  mixent_status status = mixent_directory_make(*out);
  *slash = '/';
  return status;
}

static double time_of(const mixent_plan_entry *entry, const char *backend) {
  const mixent_plan_time *time = mixent_plan_entry_time(entry, backend);
  return time ? time->milliseconds : 0;
}

static void add_times(mixent_table *table, double chosen, const char *backend, double before) {
  mixent_table_add(table, "%.3f", chosen);
  mixent_table_add(table, "%s", backend);
  mixent_table_add(table, "%.3f", before);
  if (chosen < before)
    mixent_table_add(table, "%.0f %%", 100 * (before / chosen - 1));
  else
    mixent_table_add(table, "-");
}

static void print_table(const mixent_tune_result *result) {
  mixent_table table = {.columns = 7,
                        .titles = {"layer", "pass", "chosen", "ms", "table's", "ms", "gain"},
                        .left = {true, true, true, false, true, false, false}};
  double chosen = 0, before = 0;
  for (size_t i = 0; i < result->plan->count; i++) {
    const mixent_plan_entry *entry = &result->plan->entries[i];
    mixent_table_add(&table, "%s", entry->layer);
    mixent_table_add(&table, "%s", entry->pass);
    mixent_table_add(&table, "%s", entry->backend);
    add_times(&table, time_of(entry, entry->backend), entry->table, time_of(entry, entry->table));
    chosen += time_of(entry, entry->backend), before += time_of(entry, entry->table);
  }
  mixent_table_add(&table, "convolutions");
  mixent_table_add(&table, "all");
  mixent_table_add(&table, "%s", "");
  add_times(&table, chosen, "", before);
  mixent_table_print(&table, stdout);
  mixent_table_free(&table);
}

static void print_result(const mixent_tune_result *result, const char *path, const char *hash) {
  const mixent_plan_key *key = &result->plan->key;
  printf("%s, %ld images of %ld x %ld x %ld in %ld classes, %s, %ld thread%s\non %s (%s)\n\n",
         mixent_printable(key->net), key->batch, key->side, key->side, key->channels, key->classes,
         key->precision, key->threads, key->threads == 1 ? "" : "s", key->processor, key->instructions);
  print_table(result);
  printf(
      "\nA whole step, forward and backward: %.2f ms with the fastest back ends, %.2f ms with the table's.\n",
      1e3 * result->plan_seconds, 1e3 * result->table_seconds);
  if (result->kept) puts("The table's choices stay.");
  printf("Plan %.12s: %s\n", hash, mixent_printable(path));
}

static json_t *entry_to_json(const mixent_plan_entry *entry) {
  json_t *times = json_object();
  for (size_t i = 0; i < entry->time_count; i++)
    mixent_json_set(&times, entry->times[i].backend, json_real(entry->times[i].milliseconds));
  return json_pack("{s:s, s:s, s:s, s:s, s:o}", "layer", entry->layer, "pass", entry->pass, "backend",
                   entry->backend, "table", entry->table, "milliseconds", times);
}

static void print_start(const mixent_graph *graph, const mixent_graph_options *shape,
                        const arguments *arguments) {
  mixent_event_print(MIXENT_EVENT_START,
                     json_pack("{s:o, s:i, s:i, s:i, s:I, s:i}", "net",
                               mixent_json_text(mixent_graph_name(graph)), "channels", shape->channels,
                               "side", shape->side, "classes", shape->classes, "batch",
                               (json_int_t)arguments->batch, "threads", mixent_threads()));
}

static json_t *result_to_json(const mixent_tune_result *result, const char *path, const char *hash) {
  const mixent_plan_key *key = &result->plan->key;
  json_t *layers = json_array();
  for (size_t i = 0; i < result->plan->count; i++)
    mixent_json_append(&layers, entry_to_json(&result->plan->entries[i]));
  return json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:s, s:o, s:s, s:b, s:f, s:f, s:o}", "net",
                   key->net, "processor", key->processor, "instructions", key->instructions, "precision",
                   key->precision, "channels", (json_int_t)key->channels, "side", (json_int_t)key->side,
                   "classes", (json_int_t)key->classes, "batch", (json_int_t)key->batch, "threads",
                   (json_int_t)key->threads, "onednn", key->onednn, "plan", mixent_json_text(path),
                   "plan_hash", hash, "kept", (int)result->kept, "milliseconds", 1e3 * result->plan_seconds,
                   "table_milliseconds", 1e3 * result->table_seconds, "layers", layers);
}

/* Measures, and keeps the plan. */
static mixent_status measure(const mixent_graph *graph, const arguments *arguments,
                             mixent_tune_result *result, char **path) {
  mixent_progress progress = mixent_progress_start(!arguments->json);
  mixent_precision precision;
  MIXENT_TRY(mixent_precision_choose(arguments->precision, NULL, &precision));
  const mixent_tune_options options = {.batch = (int)arguments->batch,
                                       .precision = precision,
                                       .repetitions = (int)arguments->repetitions,
                                       .context = &progress,
                                       .progress = show_progress};
  mixent_status status = mixent_tune(graph, &options, result);
  mixent_progress_clear(&progress);
  if (status == MIXENT_OK) status = choose_path(arguments->output, &result->plan->key, path);
  if (status == MIXENT_OK) status = mixent_plan_file_write(result->plan, *path);
  return status;
}

static int tune(const mixent_graph *graph, const arguments *arguments) {
  mixent_tune_result result = {0};
  char *path = NULL, hash[MIXENT_PLAN_HASH];
  int code = MIXENT_EXIT_DONE;
  mixent_status status = measure(graph, arguments, &result, &path);
  if (status != MIXENT_OK) {
    code = mixent_failed(status);
  } else {
    mixent_plan_file_hash(result.plan, hash);
    if (arguments->json)
      mixent_event_finished(result_to_json(&result, path, hash));
    else
      print_result(&result, path, hash);
  }
  mixent_plan_file_free(result.plan);
  free(path);
  return code;
}

static int run(const void *given, int count, char **words) {
  (void)count;
  const arguments *arguments = given;
  mixent_graph_options shape;
  mixent_graph *graph;
  mixent_threads_choose(arguments->threads);
  mixent_status status = mixent_graph_check_name(words[0]);
  if (status == MIXENT_OK && arguments->output) status = mixent_new_file_check(arguments->output);
  if (status == MIXENT_OK) status = choose_shape(arguments, &shape);
  if (status == MIXENT_OK) status = mixent_graph_open(words[0], &shape, &graph);
  if (status != MIXENT_OK) return mixent_failed(status);
  if (arguments->json) print_start(graph, &shape, arguments);
  int code = tune(graph, arguments);
  mixent_graph_free(graph);
  return code;
}

#define WHOLE(option, member, words, value, least, most)                                                     \
  {                                                                                                          \
    .name = option, .argument = "N", .help = words, .kind = MIXENT_VALUE_WHOLE,                              \
    .offset = offsetof(arguments, member), .fallback = value, .low = least, .high = most                     \
  }
#define WORD(option, value, member, words)                                                                   \
  {                                                                                                          \
    .name = option, .argument = value, .help = words, .kind = MIXENT_VALUE_TEXT,                             \
    .offset = offsetof(arguments, member)                                                                    \
  }

static const mixent_command_option options[] = {
    WHOLE("batch", batch, "images in a step", "250", 2, 65536),
    {.name = "precision",
     .argument = "auto|fp32|bf16",
     .help = "arithmetic; auto is bf16 where the processor has it",
     .kind = MIXENT_VALUE_CHOICE,
     .offset = offsetof(arguments, precision),
     .fallback = "auto",
     .choices = mixent_training_precision_choices},
    WHOLE("threads", threads, "number of threads; 0 is one per processor", "0", 0, 4096),
    WHOLE("side", side, "pixels along each side of an image", "28", 16, 256),
    WHOLE("channels", channels, "1 is grey, 3 is colour", "1", 1, 3),
    WHOLE("classes", classes, "classes to tell apart", "26", 2, 1000000),
    {.name = "data",
     .argument = "NAME|DIR|FILE",
     .help = "take side, channels and classes from this data set",
     .kind = MIXENT_VALUE_TEXT,
     .offset = offsetof(arguments, data),
     .names = mixent_dataset_names},
    WORD("data-dir", "DIR", data_directory, "directory in which known data sets are looked for first"),
    WHOLE("repetitions", repetitions, "times that each back end is measured", "7", 1,
          MIXENT_TUNE_MOST_REPETITIONS),
    WORD("output", "FILE", output,
         "where the plan goes (default: the user's cache, where training finds it)"),
    {.name = "json",
     .help = "print events, one line of JSON each (docs/EVENTS.md)",
     .kind = MIXENT_VALUE_FLAG,
     .offset = offsetof(arguments, json)},
    {.name = NULL}};

const mixent_command mixent_command_tune = {
    .name = "tune",
    .summary = "Measure which code computes each convolution fastest, for training",
    .operands = "NET",
    .names = mixent_graph_names,
    .least_operands = 1,
    .most_operands = 1,
    .options = options,
    .description =
        "Runs training steps of NET on random images with each back end in turn, and chooses the "
        "fastest for each pass of each convolution. The fixed table's choice stands unless another "
        "back end is more than 3 % faster. The plan is a text file. 'mixent train' takes it by "
        "itself if processor, versions, network, images, batch, threads and precision are those that "
        "were measured; --plan overrides that.\n\n"
        "  mixent tune vgg5                      for the recipes' batch of 250\n"
        "  mixent tune resnet20 --data mnist     for the images of a data set\n"
        "  mixent tune vgg5 --batch 125 --threads 1   for batch=250 replicas=2 threads=2\n\n"
        "Measure on an idle machine. It needs the memory of a network for each back end.",
    .events = true,
    .arguments_size = sizeof(arguments),
    .run = run};
