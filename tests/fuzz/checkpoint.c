/* libFuzzer: last.safetensors as --resume reads it. An input that begins with 'E' is a list of edits to a checkpoint that is right,
 * each an offset (two bytes, from the file's end), a length and as many bytes; every other one is a file of its own. What is taken
 * can be trained on with: numbers are finite, counts are counts; written again it is taken again. */
#include "train/checkpoint.h"
#include "core/file.h"
#include "fuzz/mend_safetensors.h"
#include "model/state_dict.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char net[] = "name: small\n"
                          "layers:\n"
                          "  - linear: {name: a, features: 2}\n"
                          "  - batch_norm: {name: n}\n"
                          "  - linear: {name: out, features: classes}\n";
static char *class_names[] = {"A", "B"};
static int64_t labels[] = {1, 2};
static float mean[] = {0.5f, 0.25f}, deviation[] = {1, 2};

enum { MOST_VALUES = 64, ARRAYS = 2 };
static float parameters[MOST_VALUES], statistics[MOST_VALUES], moments[ARRAYS * MOST_VALUES],
    average[MOST_VALUES];
static mixent_graph *graph;
static mixent_dataset dataset = {.name = "table",
                                 .train = {.side = 1, .channels = 2},
                                 .classes = 2,
                                 .class_names = class_names,
                                 .labels = labels,
                                 .fingerprint = 0x1234};
static mixent_train_state state;
static mixent_checkpoint checkpoint = {.dataset = &dataset,
                                       .mean = mean,
                                       .deviation = deviation,
                                       .recipe = "epochs: 3\nema.decay: 0.9\n",
                                       .parameters = parameters,
                                       .statistics = statistics,
                                       .batches_tracked = 7,
                                       .state = &state};

static mixent_status take(const char *bytes, size_t size) {
  mixent_safetensors *file;
  mixent_status status = mixent_safetensors_parse(bytes, size, "input", &file);
  if (status == MIXENT_OK) status = mixent_checkpoint_take_all(file, "input", &checkpoint);
  mixent_safetensors_free(file);
  if (status != MIXENT_OK && strncmp(mixent_last_error(), "input", 5) != 0) abort();
  return status;
}

/* The file that is right, made once. */
static const char *right_file(size_t *size) {
  static const mixent_graph_options shape = {.channels = 2, .side = 1, .classes = 2, .dropout = -1};
  static char *bytes, path[] = "/tmp/mixent-fuzz-XXXXXX";
  static size_t length;
  if (!bytes) {
    int file = mkstemp(path);
    if (file < 0 || mixent_graph_parse(net, "net", &shape, &graph) != MIXENT_OK) abort();
    if (mixent_graph_parameter_count(graph) > MOST_VALUES ||
        mixent_graph_statistic_count(graph) > MOST_VALUES)
      abort();
    mixent_graph_initialize(graph, 1, parameters, statistics);
    checkpoint.graph = graph, checkpoint.optimizer = mixent_optimizer_find("adam");
    state =
        (mixent_train_state){.epoch = 2, .step = 5, .optimizer = moments, .ema = average, .best_epoch = 1};
    if (checkpoint.optimizer->state_arrays > ARRAYS) abort();
    if (mixent_checkpoint_write_all(path, &checkpoint) != MIXENT_OK) abort();
    if (mixent_file_read(path, 1 << 20, &bytes, &length) != MIXENT_OK) abort();
    close(file);
    unlink(path);
    if (take(bytes, length) != MIXENT_OK) abort();
  }
  *size = length;
  return bytes;
}

static void edit(char *bytes, size_t length, const uint8_t *edits, size_t size) {
  while (size > 3) {
    size_t from_end = (size_t)edits[0] << 8 | edits[1], count = edits[2];
    edits += 3, size -= 3;
    for (size_t i = 0; i < count && i < size && from_end > i; i++)
      if (from_end <= length) bytes[length - from_end + i] = (char)edits[i];
    count = count < size ? count : size;
    edits += count, size -= count;
  }
}

static void check_state(void) {
  const mixent_metrics *metrics = &state.sums.metrics;
  if ((int64_t)state.epoch < 0 || (int64_t)state.step < 0 || state.best_epoch > state.epoch) abort();
  if (metrics->correct > metrics->count || !isfinite(state.schedule.factor)) abort();
  for (int i = 0; i < MIXENT_METRICS_BINS; i++)
    if (metrics->bin_correct[i] > metrics->bin_count[i]) abort();
  for (int k = 0; k < MIXENT_LOSS_PARAMETERS; k++)
    if (!isfinite(state.loss.value[k])) abort();
  if (!isfinite(state.monitor.best) || !isfinite(state.monitor.before)) abort();
  if (!mixent_all_finite(parameters, MOST_VALUES) || !mixent_all_finite(moments, ARRAYS * MOST_VALUES))
    abort();
  if (!mixent_all_finite(statistics, MOST_VALUES) || !mixent_all_finite(average, MOST_VALUES)) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  size_t length;
  const char *right = right_file(&length);
  bool edits = size && data[0] == 'E';
  if (!edits) length = size;
  char *bytes = malloc(length + 1);
  if (!bytes) return 0;
  if (length) memcpy(bytes, edits ? right : (const char *)data, length);
  if (edits) edit(bytes, length, data + 1, size - 1);
  mend_safetensors(bytes, length);
  if (take(bytes, length) == MIXENT_OK) check_state();
  free(bytes);
  return 0;
}
