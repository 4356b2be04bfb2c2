/* `mixent info`: the layers of a network, by name, file or checkpoint. */
#include "cli/commands.h"
#include "cli/inputs.h"
#include "cli/model.h"
#include "cli/places.h"
#include "cli/terminal.h"
#include "core/file.h"
#include "core/printable.h"
#include "net/graph/graph.h"
#include "net/graph/layer.h"
#include "train/plan_source.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_NAMES = 64 };

typedef struct arguments {
  long side, channels, classes, batch, threads; /* 0: not given */
  int precision;
  bool plan;
  const char *plan_file;
} arguments;

static long or_default(long given, long usual) {
  return given ? given : usual;
}

static uint64_t layer_parameters(const mixent_graph *graph, const mixent_layer *layer) {
  uint64_t count = 0;
  for (int i = 0; i < MIXENT_MAX_LAYER_TENSORS; i++)
    if (layer->parameters[i] >= 0) count += graph->parameters[layer->parameters[i]].count;
  return count;
}

/* A matrix or a convolution uses each of its weights once per place of its output; the rest multiplies next
 * to nothing. */
static uint64_t layer_multiply_adds(const mixent_graph *graph, const mixent_layer *layer) {
  uint64_t places = (uint64_t)layer->height * (uint64_t)layer->width, count = 0;
  for (int i = 0; i < MIXENT_MAX_LAYER_TENSORS; i++)
    if (layer->parameters[i] >= 0 && graph->parameters[layer->parameters[i]].dimensions > 1)
      count += places * graph->parameters[layer->parameters[i]].count;
  return count;
}

static void add_layer(mixent_table *table, const mixent_graph *graph, const mixent_layer *layer) {
  uint64_t parameters = layer_parameters(graph, layer), operations = layer_multiply_adds(graph, layer);
  mixent_table_add(table, "%s", layer->name);
  mixent_table_add(table, "%s", layer->type ? layer->type->name : "");
  if (layer->height == 1 && layer->width == 1)
    mixent_table_add(table, "%d", layer->channels);
  else
    mixent_table_add(table, "%d x %d x %d", layer->channels, layer->height, layer->width);
  mixent_table_add(table, "%s", parameters ? mixent_text_count(parameters) : "");
  mixent_table_add(table, "%s", operations ? mixent_text_count(operations) : "");
}

static void print_layers(const mixent_graph *graph) {
  mixent_table table = {.columns = 5,
                        .titles = {"layer", "kind", "output", "parameters", "multiply-adds"},
                        .left = {true, true, false, false, false}};
  uint64_t operations = 0;
  for (int i = 0; i < graph->layer_count; i++) {
    add_layer(&table, graph, &graph->layers[i]);
    operations += layer_multiply_adds(graph, &graph->layers[i]);
  }
  mixent_table_print(&table, stdout);
  mixent_table_free(&table);
  printf(
      "\n%s: %s parameters, %s multiply-adds per sample forward, about three times that per training step\n",
      mixent_printable(mixent_graph_name(graph)), mixent_text_count(mixent_graph_parameter_count(graph)),
      mixent_text_count(operations));
}

static mixent_status print_plan(const mixent_graph *graph, const arguments *arguments) {
  mixent_net_options options = {.batch = (int)or_default(arguments->batch, 250), .training = true};
  MIXENT_TRY(mixent_precision_choose(arguments->precision, NULL, &options.precision));
  const char *wanted = arguments->plan_file ? arguments->plan_file : "auto";
  mixent_plan_source source;
  mixent_net *net;
  mixent_status status = mixent_plan_source_net(graph, &options, wanted, &source, &net);
  if (status != MIXENT_OK) return status;
  char *text = mixent_net_plan_text(net);
  if (!text)
    mixent_output_lacks();
  else
    printf("\nThe plan of a training step with %d images in %s, %s of memory\nplan %s: %s\n%s%s%s%s",
           options.batch, options.precision == MIXENT_BF16 ? "bf16" : "fp32",
           mixent_text_bytes((double)mixent_net_memory(net)), source.hash, mixent_printable(source.plan),
           *source.differences ? "it was made for " : "", mixent_printable(source.differences),
           *source.differences ? "\n" : "", text);
  free(text);
  mixent_net_free(net);
  return MIXENT_OK;
}

static mixent_status print_graph(const mixent_graph *graph, const arguments *arguments) {
  print_layers(graph);
  return arguments->plan || arguments->plan_file ? print_plan(graph, arguments) : MIXENT_OK;
}

/* Mean or deviation, one number per channel. */
static void print_channels(const char *name, const float *values, int channels) {
  printf("%s", name);
  for (int i = 0; i < channels; i++) printf(" %.4f", (double)values[i]);
}

static mixent_status print_checkpoint(const char *word, const arguments *arguments) {
  mixent_model *model;
  char *path;
  MIXENT_TRY(mixent_checkpoint_open(word, &path, &model));
  printf("%s: trained on %s, ", mixent_printable(path), mixent_printable(model->data));
  if (model->side == 1)
    printf("rows of %d features, ", model->channels);
  else
    printf("%d x %d pixels, ", model->side, model->side);
  printf("%d classes:", model->classes);
  for (int k = 0; k < model->classes; k++) printf(" %s", mixent_printable(model->class_names[k]));
  if (model->side == 1) {
    puts("\neach feature is normalised by its mean and deviation\n");
  } else {
    print_channels("\npixels from 0 to 1 are normalised by mean", model->mean, model->channels);
    print_channels(", deviation", model->deviation, model->channels);
    printf("%s", model->transposed ? "; images were stored transposed" : "");
    if (model->pictures) printf("; pictures are made square by fit %s", mixent_fit_names[model->fit]);
    puts("\n");
  }
  if (model->fitted_temperature > 0)
    printf("temperature %.4g fits the %s held out best: eval, predict and export take --temperature "
           "fitted\n\n",
           model->fitted_temperature, mixent_samples_name(model->side == 1));
  mixent_status status = print_graph(model->graph, arguments);
  mixent_model_free(model);
  free(path);
  return status;
}

static mixent_status print_net(const char *name, const arguments *arguments) {
  mixent_graph_options options = {.channels = (int)or_default(arguments->channels, 1),
                                  .side = (int)or_default(arguments->side, 28),
                                  .classes = (int)or_default(arguments->classes, 26),
                                  .dropout = -1};
  mixent_graph *graph;
  mixent_status status = mixent_graph_open(name, &options, &graph);
  if (status != MIXENT_OK) return status;
  status = print_graph(graph, arguments);
  mixent_graph_free(graph);
  return status;
}

/* An option without effect is a mistake. */
static int check_options(const arguments *arguments, bool trained) {
  bool planned = arguments->plan || arguments->plan_file;
  const struct {
    const char *name;
    bool given, used;
    const char *reason;
  } options[] = {
      {"side", arguments->side, !trained, "a checkpoint has its own"},
      {"channels", arguments->channels, !trained, "a checkpoint has its own"},
      {"classes", arguments->classes, !trained, "a checkpoint has its own"},
      {"batch", arguments->batch, planned, "it needs --plan or --plan-file"},
      {"precision", arguments->precision, planned, "it needs --plan or --plan-file"},
      {"threads", arguments->threads, planned, "it needs --plan or --plan-file"},
  };
  for (size_t i = 0; i < sizeof options / sizeof *options; i++)
    if (options[i].given && !options[i].used)
      return mixent_wrong_use("info: --%s has no effect here: %s", options[i].name, options[i].reason);
  return MIXENT_EXIT_DONE;
}

static bool is_in(const char *const *names, const char *word) {
  while (*names && strcmp(*names, word) != 0) names++;
  return *names;
}

/* Networks, then models that come with mixent. */
static const char *const *list_names(void) {
  static const char *all[MOST_NAMES + 1];
  size_t count = 0;
  const char *const *const lists[] = {mixent_graph_names(), mixent_shipped_names()};
  for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
    for (const char *const *name = lists[i]; *name && count < MOST_NAMES; name++) all[count++] = *name;
  return all;
}

/* A checkpoint, a run, also one in MIXENT_RUNS, a shipped model, or what is most like one's name. A network's name stays one beside a
 * directory of that name. */
static bool is_trained(const char *word) {
  if (is_in(mixent_graph_names(), word)) return false;
  if (mixent_is_directory(word) || mixent_names_checkpoint(word)) return true;
  if (mixent_is_file(word) || mixent_has_ending(word, ".yaml")) return false;
  char *run = mixent_path_join(MIXENT_RUNS, word);
  bool below = run && mixent_is_directory(run);
  free(run);
  if (below || strchr(word, '/')) return true; /* no network's name has a slash */
  const char *near = mixent_nearest_name(word, list_names());
  return near && is_in(mixent_shipped_names(), near);
}

static int run(const void *given, int count, char **words) {
  (void)count;
  const arguments *arguments = given;
  bool trained = is_trained(words[0]);
  int code = check_options(arguments, trained);
  if (code != MIXENT_EXIT_DONE) return code;
  mixent_threads_choose(arguments->threads);
  mixent_status status = trained ? print_checkpoint(words[0], arguments) : print_net(words[0], arguments);
  return status == MIXENT_OK ? MIXENT_EXIT_DONE : mixent_failed(status);
}

static const mixent_command_option options[] = {
    {.name = "side",
     .argument = "N",
     .help =
         "pixels along each side of an image; 1: rows of a table, with a channel per feature (default: 28)",
     .kind = MIXENT_VALUE_WHOLE,
     .offset = offsetof(arguments, side),
     .low = 1,
     .high = 256},
    {.name = "channels",
     .argument = "1|3|N",
     .help = "grey or colour; with --side 1 the number of features (default: 1)",
     .kind = MIXENT_VALUE_WHOLE,
     .offset = offsetof(arguments, channels),
     .low = 1,
     .high = MIXENT_MOST_FEATURES},
    {.name = "classes",
     .argument = "N",
     .help = "classes to tell apart (default: 26)",
     .kind = MIXENT_VALUE_WHOLE,
     .offset = offsetof(arguments, classes),
     .low = 2,
     .high = 1000000},
    {.name = "plan",
     .help =
         "also print how a training step runs here: each step, by which code. The plan is that of 'mixent tune' "
         "if it measured exactly this, else the table's",
     .kind = MIXENT_VALUE_FLAG,
     .offset = offsetof(arguments, plan)},
    {.name = "plan-file",
     .argument = "FILE|table|NAME",
     .help = "the same with that plan: a file, the table's, or one back end wherever it can",
     .kind = MIXENT_VALUE_TEXT,
     .offset = offsetof(arguments, plan_file)},
    {.name = "batch",
     .argument = "N",
     .help = "images or rows in a step, for --plan (default: 250)",
     .kind = MIXENT_VALUE_WHOLE,
     .offset = offsetof(arguments, batch),
     .low = 1,
     .high = 65536},
    {.name = "precision",
     .argument = "auto|fp32|bf16",
     .help = "arithmetic, for --plan",
     .kind = MIXENT_VALUE_CHOICE,
     .offset = offsetof(arguments, precision),
     .fallback = "auto",
     .choices = mixent_training_precision_choices},
    {.name = "threads",
     .argument = "N",
     .help = "threads, for --plan; 0 is one per processor",
     .kind = MIXENT_VALUE_WHOLE,
     .offset = offsetof(arguments, threads),
     .fallback = "0",
     .high = 4096},
    {.name = NULL}};

const mixent_command mixent_command_info = {
    .name = "info",
    .summary = "Show the layers of a network, their shapes and their parameters",
    .operands = "NET|CHECKPOINT|RUN|MODEL",
    .names = list_names,
    .least_operands = 1,
    .most_operands = 1,
    .options = options,
    .description =
        "NET is a built-in network (vgg5, spinal-vgg5, vgg5-half, conv3, resnet9, "
        "resnet9-thin, resnet9-pool-first, resnet10, resnet20, mlp) or a YAML file. For a CHECKPOINT (.safetensors) or RUN the answer also says what the model was "
        "trained on, and so it does for a MODEL that comes with mixent; --side, --channels and --classes are for a NET alone.",
    .arguments_size = sizeof(arguments),
    .run = run};
