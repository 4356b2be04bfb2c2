/* train/checkpoint: all of a state comes back to the bit; what does not belong is named; what is not finite
 * is not written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/file.h"
#include "core/memory.h"
#include "core/random.h"
#include "model/state_dict.h"
#include "small_run.h"
#include "train/checkpoint_state.h"
#include <math.h>

static char directory[] = "/tmp/mixent-test-XXXXXX";
static char *path;
static char *class_names[] = {"A", "\xc3\xa4 \"b\"", "c"};
static int64_t labels[] = {1, 2, 7};
static float mean[] = {0.1722f}, deviation[] = {0.3309f};

/* A checkpoint with memory of its own, filled with numbers drawn from `seed`. */
typedef struct sample {
  mixent_graph *graph;
  mixent_dataset dataset;
  mixent_train_state state;
  mixent_checkpoint checkpoint;
  size_t parameters, statistics;
} sample;

static void fill(const char *name, float *out, size_t count, uint64_t seed) {
  mixent_random random = mixent_random_stream(seed, "test", name);
  for (size_t i = 0; i < count; i++) {
    uint32_t words[4];
    mixent_random_block(&random, 0, i, words);
    out[i] = mixent_uniform_float(words[0]) - 0.5f;
  }
}

static void fill_state(mixent_train_state *state, uint64_t seed) {
  mixent_random random = mixent_random_stream(seed, "test", "state");
  uint64_t element = 0;
  double *const numbers[] = {state->loss.value,
                             &state->loss_optimizer[0][0],
                             &state->schedule.factor,
                             &state->best_score,
                             &state->best_nll,
                             state->sums.terms,
                             &state->sums.loss,
                             &state->sums.metrics.nll,
                             &state->sums.metrics.brier,
                             &state->sums.metrics.entropy,
                             state->sums.metrics.bin_confidence};
  const size_t counts[] = {4, 8, 1, 1, 1, MIXENT_TERMS, 1, 1, 1, 1, MIXENT_METRICS_BINS};
  uint32_t words[4];
  for (size_t n = 0; n < sizeof counts / sizeof *counts; n++)
    for (size_t i = 0; i < counts[n]; i++) {
      mixent_random_block(&random, 0, element++, words);
      numbers[n][i] = mixent_uniform_double(words[0], words[1]);
    }
  mixent_random_block(&random, 1, 0, words);
  state->epoch = words[0], state->step = words[1], state->best_epoch = words[0] / 2;
  state->sums.metrics.count = words[3], state->sums.metrics.correct = words[3] / 2;
  for (size_t i = 0; i < MIXENT_METRICS_BINS; i++) {
    mixent_random_block(&random, 2, i, words);
    state->sums.metrics.bin_count[i] = words[0], state->sums.metrics.bin_correct[i] = words[0] / 3;
  }
}

static void make_sample(sample *out, const char *net, uint64_t seed) {
  memset(out, 0, sizeof *out);
  const mixent_graph_options options = {.channels = 1, .side = 16, .classes = 3, .dropout = -1};
  mixent_status status = net ? mixent_graph_open(net, &options, &out->graph)
                             : mixent_graph_parse(small_net, "t", &options, &out->graph);
  if (status != MIXENT_OK) fail_msg("%s", mixent_last_error());
  out->dataset = (mixent_dataset){.name = "letters",
                                  .train = {.side = 16, .channels = 1},
                                  .classes = 3,
                                  .class_names = class_names,
                                  .labels = labels,
                                  .transposed = true,
                                  .fingerprint = 0xfedcba9876543210u};
  out->parameters = mixent_graph_parameter_count(out->graph);
  out->statistics = mixent_graph_statistic_count(out->graph);
  out->checkpoint = (mixent_checkpoint){.graph = out->graph,
                                        .dataset = &out->dataset,
                                        .mean = mean,
                                        .deviation = deviation,
                                        .recipe = "epochs: 3\nloss:\n  name: ce\n",
                                        .batches_tracked = 77,
                                        .optimizer = mixent_optimizer_find("adam"),
                                        .state = &out->state};
  assert_int_equal(MIXENT_ALLOCATE(out->parameters, &out->checkpoint.parameters), MIXENT_OK);
  assert_int_equal(MIXENT_ALLOCATE(out->statistics, &out->checkpoint.statistics), MIXENT_OK);
  assert_int_equal(MIXENT_ALLOCATE(2 * out->parameters, &out->state.optimizer), MIXENT_OK);
  assert_int_equal(MIXENT_ALLOCATE(out->parameters, &out->state.ema), MIXENT_OK);
  fill("parameters", out->checkpoint.parameters, out->parameters, seed);
  fill("statistics", out->checkpoint.statistics, out->statistics, seed);
  fill("optimizer", out->state.optimizer, 2 * out->parameters, seed);
  fill("ema", out->state.ema, out->parameters, seed);
  fill_state(&out->state, seed);
}

static void free_sample(sample *sample) {
  mixent_graph_free(sample->graph);
  free(sample->checkpoint.parameters);
  free(sample->checkpoint.statistics);
  free(sample->state.optimizer);
  free(sample->state.ema);
}

static int set_up(void **state) {
  (void)state;
  path = mkdtemp(directory) ? mixent_path_join(directory, "last.safetensors") : NULL;
  return path ? 0 : -1;
}

static int tear_down(void **state) {
  (void)state;
  free(path);
  return mixent_directory_remove(directory) == MIXENT_OK ? 0 : -1;
}

static void write_sample(uint64_t seed) {
  sample sample;
  make_sample(&sample, NULL, seed);
  assert_int_equal(mixent_checkpoint_write_all(path, &sample.checkpoint), MIXENT_OK);
  free_sample(&sample);
}

static void test_everything_comes_back(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed < 20; seed++) {
    sample written, read;
    make_sample(&written, NULL, seed);
    make_sample(&read, NULL, seed + 100);
    assert_int_equal(mixent_checkpoint_write_all(path, &written.checkpoint), MIXENT_OK);
    assert_int_equal(mixent_checkpoint_read_all(path, &read.checkpoint), MIXENT_OK);
    assert_memory_equal(written.checkpoint.parameters, read.checkpoint.parameters, 4 * read.parameters);
    assert_memory_equal(written.checkpoint.statistics, read.checkpoint.statistics, 4 * read.statistics);
    assert_memory_equal(written.state.optimizer, read.state.optimizer, 8 * read.parameters);
    assert_memory_equal(written.state.ema, read.state.ema, 4 * read.parameters);
    /* the rest of the state, arrays aside */
    free(written.state.optimizer), free(written.state.ema);
    written.state.optimizer = read.state.optimizer, written.state.ema = read.state.ema;
    assert_memory_equal(&written.state, &read.state, sizeof read.state);
    written.state.optimizer = NULL, written.state.ema = NULL;
    free_sample(&written);
    free_sample(&read);
  }
}

static void test_a_model_comes_back(void **state) {
  (void)state;
  sample sample;
  mixent_model *model;
  make_sample(&sample, "spinal-vgg5", 1);
  sample.state.epoch = 3;
  for (int with_state = 0; with_state < 2; with_state++) {
    assert_int_equal(with_state ? mixent_checkpoint_write_all(path, &sample.checkpoint)
                                : mixent_checkpoint_write_model(path, &sample.checkpoint),
                     MIXENT_OK);
    if (mixent_model_open(path, &model) != MIXENT_OK) fail_msg("%s", mixent_last_error());
    assert_string_equal(mixent_graph_name(model->graph), "spinal-vgg5");
    assert_memory_equal(model->parameters, sample.checkpoint.parameters, 4 * sample.parameters);
    assert_memory_equal(model->statistics, sample.checkpoint.statistics, 4 * sample.statistics);
    assert_memory_equal(model->loss.value, sample.state.loss.value, sizeof model->loss.value);
    assert_true(model->mean[0] == mean[0] && model->deviation[0] == deviation[0] && model->epoch == 3);
    assert_int_equal(model->labels[2], 7);
    assert_string_equal(model->class_names[1], class_names[1]);
    assert_string_equal(model->data, "letters");
    assert_true(model->transposed && model->fingerprint == sample.dataset.fingerprint);
    assert_true(!model->pictures && model->fit == MIXENT_FIT_STRETCH &&
                model->background == MIXENT_BACKGROUND_BLACK);
    mixent_model_free(model);
  }
  sample.dataset.pictures = true;
  for (int fit = 0; mixent_fit_names[fit]; fit++) {
    sample.dataset.fit = (mixent_fit)fit;
    assert_int_equal(mixent_checkpoint_write_model(path, &sample.checkpoint), MIXENT_OK);
    if (mixent_model_open(path, &model) != MIXENT_OK) fail_msg("%s", mixent_last_error());
    assert_true(model->pictures && (int)model->fit == fit && model->background == MIXENT_BACKGROUND_CONTRAST);
    mixent_model_free(model);
  }
  free_sample(&sample);
}

static void refuse(const sample *now, const char *message) {
  assert_int_not_equal(mixent_checkpoint_read_all(path, &now->checkpoint), MIXENT_OK);
  if (!strstr(mixent_last_error(), message)) fail_msg("%s\nlacks: %s", mixent_last_error(), message);
}

static void test_what_differs_is_named(void **state) {
  (void)state;
  sample now;
  write_sample(1);
  make_sample(&now, "resnet20", 1);
  refuse(&now, "made with another net: 'small' there, 'resnet20' now");
  free_sample(&now);
  make_sample(&now, NULL, 1);
  now.dataset.fingerprint++;
  refuse(&now, "the data changed since it was saved (their checksum was fedcba9876543210, now it is "
               "fedcba9876543211)");
  now.dataset.fingerprint--;
  now.checkpoint.recipe = "epochs: 3\nloss:\n  name: min-ent\n";
  refuse(&now, "another recipe: 'name: ce' there, 'name: min-ent' now");
  now.checkpoint.recipe = "epochs: 3\nloss:\n  name: ce\n";
  float other[] = {0.5f};
  now.checkpoint.mean = other;
  refuse(&now, "another mean");
  now.checkpoint.mean = mean;
  assert_int_equal(mixent_checkpoint_read_all(path, &now.checkpoint), MIXENT_OK);
  /* the model alone is no place to go on from */
  assert_int_equal(mixent_checkpoint_write_model(path, &now.checkpoint), MIXENT_OK);
  refuse(&now, "'state.optimizer.exp_avg.c.weight' is missing");
  free_sample(&now);
}

/* The tensors of a file under the graph of another: a description that lies is found out by names and shapes.
 */
static void test_tensors_must_be_the_networks(void **state) {
  (void)state;
  const mixent_graph_options options = {.channels = 1, .side = 16, .classes = 3, .dropout = -1},
                             wider = {1, 16, 4, -1};
  mixent_graph *graph;
  mixent_safetensors *file;
  float parameters[4096], statistics[64];
  write_sample(1);
  assert_int_equal(mixent_safetensors_open(path, &file), MIXENT_OK);
  assert_int_equal(mixent_graph_parse(small_net, "t", &wider, &graph), MIXENT_OK);
  assert_int_equal(mixent_state_dict_read(file, "f", graph, parameters, statistics), MIXENT_ERROR_FORMAT);
  assert_string_equal(mixent_last_error(), "f: 'out.weight' has shape [3, 256], expected [4, 256]");
  mixent_graph_free(graph);
  static const char less[] =
      "name: less\nlayers:\n  - conv2d: {name: c, channels: 4, kernel: 3, padding: 1}\n  - flatten:\n";
  assert_int_equal(mixent_graph_parse(less, "t", &(mixent_graph_options){1, 16, 1024, -1}, &graph),
                   MIXENT_OK);
  assert_int_equal(mixent_state_dict_read(file, "f", graph, parameters, statistics), MIXENT_ERROR_FORMAT);
  assert_string_equal(mixent_last_error(), "f: holds 'n.weight', which network less has not");
  mixent_graph_free(graph);
  assert_int_equal(mixent_graph_parse(small_net, "t", &options, &graph), MIXENT_OK);
  assert_int_equal(mixent_state_dict_read(file, "f", graph, parameters, statistics), MIXENT_OK);
  mixent_graph_free(graph);
  mixent_safetensors_free(file);
}

static void test_what_is_not_finite_is_not_written(void **state) {
  (void)state;
  sample sample;
  char *before, *after;
  size_t size_before, size_after;
  write_sample(1);
  assert_int_equal(mixent_file_read(path, 1 << 20, &before, &size_before), MIXENT_OK);
  make_sample(&sample, NULL, 2);
  float *const places[] = {sample.checkpoint.parameters + sample.parameters - 1, sample.checkpoint.statistics,
                           sample.state.optimizer + 2 * sample.parameters - 1, sample.state.ema};
  for (size_t i = 0; i < 4; i++) {
    float kept = *places[i];
    *places[i] = i & 1 ? NAN : -INFINITY;
    assert_int_equal(mixent_checkpoint_write_all(path, &sample.checkpoint), MIXENT_ERROR_NUMERIC);
    *places[i] = kept;
  }
  assert_int_equal(mixent_file_read(path, 1 << 20, &after, &size_after), MIXENT_OK);
  assert_int_equal(size_before, size_after);
  assert_memory_equal(before, after, size_before);
  free(before);
  free(after);
  free_sample(&sample);
}

/* Numbers that the writer takes, for training never makes them, but --resume does not believe. */
static void test_a_state_that_cannot_be(void **state) {
  (void)state;
  for (int wrong = 0; wrong < 8; wrong++) {
    static const char *const names[] = {"position", "position",     "best.epoch",   "best.scores",
                                        "schedule", "epoch.counts", "epoch.counts", "monitor"};
    sample sample;
    char message[64];
    make_sample(&sample, NULL, 1);
    mixent_train_state *to = &sample.state;
    if (wrong == 0) to->epoch = UINT64_MAX;
    if (wrong == 1) to->step = 1ull << 63;
    if (wrong == 2) to->best_epoch = to->epoch + 1;
    if (wrong == 3) to->best_score = NAN;
    if (wrong == 4) to->schedule.factor = INFINITY;
    if (wrong == 5) to->sums.metrics.correct = to->sums.metrics.count + 1;
    if (wrong == 6) to->sums.metrics.bin_correct[3] = UINT64_MAX;
    if (wrong == 7) to->monitor.best = NAN;
    assert_int_equal(mixent_checkpoint_write_all(path, &sample.checkpoint), MIXENT_OK);
    snprintf(message, sizeof message, "'state.%s' holds numbers that no training leaves behind",
             names[wrong]);
    refuse(&sample, message);
    free_sample(&sample);
  }
}

/* Cut anywhere, a checkpoint is refused, not believed. */
static void test_a_cut_file(void **state) {
  (void)state;
  char *bytes;
  size_t size;
  mixent_model *model;
  write_sample(1);
  assert_int_equal(mixent_file_read(path, 1 << 20, &bytes, &size), MIXENT_OK);
  for (size_t cut = 0; cut < size; cut += size / 50) {
    assert_int_equal(mixent_file_replace(path, bytes, cut), MIXENT_OK);
    assert_int_equal(mixent_model_open(path, &model), MIXENT_ERROR_FORMAT);
    assert_non_null(strstr(mixent_last_error(), path));
  }
  free(bytes);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_everything_comes_back),
      cmocka_unit_test(test_a_model_comes_back),
      cmocka_unit_test(test_what_differs_is_named),
      cmocka_unit_test(test_tensors_must_be_the_networks),
      cmocka_unit_test(test_what_is_not_finite_is_not_written),
      cmocka_unit_test(test_a_state_that_cannot_be),
      cmocka_unit_test(test_a_cut_file),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
