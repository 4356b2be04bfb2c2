/* train: a batch cut into replicas, against a plain loop over its parts: batch statistics of each part, the mean of the gradients,
 * dropout's masks of the whole batch. And nothing depends on who works on them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/team.h"
#include "core/threads.h"
#include "mixent/train.h"
#include "net/graph/graph.h"
#include "small_place.h"
#include "train/draw.h"
#include "train/trainer.h"
#include <math.h>

static mixent_trainer *make_trainer(const char *replicas, const char *threads, const char *net) {
  const mixent_setting settings[] = {{"data", data_path},      {"net", net},         {"batch", "20"},
                                     {"precision", "fp32"},    {"threads", threads}, {"replicas", replicas},
                                     {"loss.name", "mix-ent"}, {"loss.b2", "5"},     {"dropout", "0.4"}};
  static const mixent_train_options options;
  mixent_recipe recipe;
  mixent_trainer *trainer = NULL;
  assert_ok(mixent_recipe_compose(NULL, settings, sizeof settings / sizeof *settings, &recipe));
  assert_ok(mixent_recipe_resolve(&recipe, false));
  assert_ok(mixent_trainer_create(&recipe, &options, &trainer));
  return trainer;
}

static mixent_batch_pass take_pass(mixent_trainer *trainer) {
  mixent_batch_pass pass = {.fill = mixent_trainer_draw_rows,
                            .rule = mixent_loss_rule_of(&trainer->loss, &trainer->state.loss, 0),
                            .step = 3};
  mixent_trainer_draw_order(trainer);
  mixent_trainer_draw_batch(trainer);
  assert_ok(mixent_replicas_pass(trainer, &pass));
  return pass;
}

static void assert_near(const float *a, const double *b, size_t count, const char *what) {
  for (size_t i = 0; i < count; i++)
    if (!(fabs((double)a[i] - b[i]) < 1e-6 + 1e-5 * fabs(b[i])))
      fail_msg("%s %zu: %g is not %g", what, i, (double)a[i], b[i]);
}

/* The plain reference of each part in double; its masks are those of its rows in the whole batch. */
static void test_against_a_plain_loop(void **state) {
  (void)state;
  enum { REPLICAS = 5 };
  mixent_trainer *trainer = make_trainer("5", "2", net_path);
  size_t rows = 20 / REPLICAS, pixels = 256, classes = trainer->classes;
  float *start = malloc(trainer->statistic_count * sizeof *start);
  memcpy(start, trainer->statistics, trainer->statistic_count * sizeof *start);
  mixent_batch_pass pass = take_pass(trainer);
  mixent_replicas_mean_statistics(trainer->replicas, trainer->statistics);
  double *gradient = calloc(trainer->parameter_count, sizeof *gradient),
         *statistics = calloc(trainer->statistic_count, sizeof *statistics), terms[MIXENT_TERMS] = {0};
  for (size_t r = 0; r < REPLICAS; r++) {
    const mixent_net_options options = {.batch = (int)rows,
                                        .first_row = (int)(r * rows),
                                        .precision = MIXENT_FP64,
                                        .training = true,
                                        .reference = true};
    mixent_net *net;
    assert_ok(mixent_net_create(trainer->graph, &options, &net));
    double *parameters = mixent_net_parameters(net), *own = mixent_net_statistics(net),
           *input = mixent_net_input(net);
    float *logits = malloc(rows * classes * sizeof *logits), *slope = malloc(rows * classes * sizeof *slope);
    for (size_t i = 0; i < trainer->parameter_count; i++) parameters[i] = (double)trainer->parameters[i];
    for (size_t i = 0; i < trainer->statistic_count; i++) own[i] = (double)start[i];
    const float *filled = mixent_net_input(trainer->replicas->replica[r].net);
    for (size_t i = 0; i < rows * pixels; i++) input[i] = (double)filled[i];
    assert_ok(mixent_net_forward(net, MIXENT_TRAIN, trainer->seed, 3));
    for (size_t i = 0; i < rows * classes; i++)
      logits[i] = (float)((const double *)mixent_net_logits(net))[i];
    const mixent_loss_batch batch = {
        .rows = rows,
        .classes = classes,
        .logits = {.data = logits},
        .labels = {.data = trainer->drawn.labels + r * rows, .type = MIXENT_INT32}};
    mixent_loss_result result = {.gradient = slope};
    assert_ok(mixent_loss_evaluate(&batch, &pass.rule, NULL, &result));
    for (size_t i = 0; i < rows * classes; i++)
      ((double *)mixent_net_logits_gradient(net))[i] = (double)slope[i];
    assert_ok(mixent_net_backward(net));
    const double *part = mixent_net_gradients(net);
    for (size_t i = 0; i < trainer->parameter_count; i++) gradient[i] += part[i] / REPLICAS;
    for (size_t i = 0; i < trainer->statistic_count; i++) statistics[i] += own[i] / REPLICAS;
    for (int t = 0; t < MIXENT_TERMS; t++) terms[t] += result.terms[t] / REPLICAS;
    free(logits);
    free(slope);
    mixent_net_free(net);
  }
  assert_near(trainer->replicas->gradient, gradient, trainer->parameter_count, "gradient");
  assert_near(trainer->statistics, statistics, trainer->statistic_count, "statistic");
  for (int t = 0; t < MIXENT_TERMS; t++) assert_true(fabs(pass.terms[t] - terms[t]) < 1e-5);
  free(start);
  free(gradient);
  free(statistics);
  mixent_trainer_free(trainer);
}

/* One thread for all, one for each, and more of them than replicas: the same bits. */
static void test_threads_do_not_matter(void **state) {
  (void)state;
  const char *threads[] = {"1", "2", "4"};
  mixent_trainer *trainer[3];
  for (int i = 0; i < 3; i++) {
    trainer[i] = make_trainer("4", threads[i], "vgg5-half");
    take_pass(trainer[i]);
    assert_memory_equal(trainer[i]->replicas->gradient, trainer[0]->replicas->gradient,
                        trainer[0]->parameter_count * sizeof(float));
  }
  for (int i = 0; i < 3; i++) mixent_trainer_free(trainer[i]);
}

/* Without batch norm the parts make up the whole, dropout included. */
static void test_parts_of_the_whole(void **state) {
  (void)state;
  static const char text[] =
      "name: plain\nlayers:\n  - conv2d: {name: c, channels: 3, kernel: 3, padding: 1}\n  - relu:\n"
      "  - max_pool: {size: 2}\n  - flatten:\n  - dropout: {rate: 0.2}\n"
      "  - linear: {name: out, features: classes}\n";
  char path[80];
  snprintf(path, sizeof path, "%s/plain.yaml", directory);
  assert_ok(mixent_file_replace(path, text, strlen(text)));
  mixent_trainer *whole = make_trainer("1", "1", path);
  take_pass(whole);
  mixent_trainer *parts = make_trainer("4", "2", path);
  take_pass(parts);
  double *expected = malloc(whole->parameter_count * sizeof *expected);
  for (size_t i = 0; i < whole->parameter_count; i++) expected[i] = (double)whole->replicas->gradient[i];
  assert_near(parts->replicas->gradient, expected, whole->parameter_count, "gradient");
  free(expected);
  mixent_trainer_free(whole);
  mixent_trainer_free(parts);
}

/* What is told to be final during the backward pass is. */
typedef struct watched {
  mixent_net *net;
  float *kept;
  size_t count, from, calls;
} watched;

static void keep_complete(void *context, size_t complete_from) {
  watched *watched = context;
  const float *gradient = mixent_net_gradients(watched->net);
  assert_true(complete_from < watched->from);
  memcpy(watched->kept + complete_from, gradient + complete_from,
         (watched->from - complete_from) * sizeof *gradient);
  watched->from = complete_from, watched->calls++;
}

static void test_gradients_are_complete_when_told(void **state) {
  (void)state;
  for (const char *const *name = mixent_graph_names(); *name; name++) {
    bool table = strcmp(*name, "mlp") == 0;
    const mixent_graph_options shape = {
        .channels = table ? 7 : 1, .side = table ? 1 : 28, .classes = 4, .dropout = -1};
    const mixent_net_options options = {.batch = 3, .precision = MIXENT_FP32, .training = true};
    mixent_graph *graph;
    watched watched = {.net = NULL};
    assert_ok(mixent_graph_open(*name, &shape, &graph));
    assert_ok(mixent_net_create(graph, &options, &watched.net));
    watched.count = watched.from = mixent_graph_parameter_count(graph);
    watched.kept = malloc(watched.count * sizeof *watched.kept);
    mixent_graph_initialize(graph, 1, mixent_net_parameters(watched.net), mixent_net_statistics(watched.net));
    float *input = mixent_net_input(watched.net), *slope;
    for (size_t i = 0; i < 3u * (size_t)(shape.channels * shape.side * shape.side); i++)
      input[i] = (float)(i * 37 % 101) / 50 - 1;
    mixent_net_watch_gradients(watched.net, keep_complete, &watched);
    assert_ok(mixent_net_forward(watched.net, MIXENT_TRAIN, 0, 0));
    slope = mixent_net_logits_gradient(watched.net);
    for (int i = 0; i < 12; i++) slope[i] = (float)(i % 5) / 7 - 0.3f;
    assert_ok(mixent_net_backward(watched.net));
    assert_int_equal(watched.from, 0);
    assert_true(watched.calls > 2);
    assert_memory_equal(watched.kept, mixent_net_gradients(watched.net),
                        watched.count * sizeof *watched.kept);
    free(watched.kept);
    mixent_net_free(watched.net);
    mixent_graph_free(graph);
  }
}

/* Every part is done once, by threads that have as many threads as was said. */
typedef struct tally {
  _Atomic int done[7], wrong;
} tally;

static void count_part(void *context, size_t part) {
  tally *tally = context;
  tally->done[part]++;
  tally->wrong += mixent_threads() != 3;
}

static void test_team(void **state) {
  (void)state;
  for (size_t members = 1; members <= 9; members += 4) {
    mixent_team *team;
    tally tally = {.wrong = 0};
    assert_ok(mixent_team_create(members, 3, &team));
    for (int round = 1; round <= 50; round++) {
      mixent_team_begin(team, 7, count_part, &tally);
      while (!mixent_team_wait(team, round % 2 ? 0.001 : -1)) {
      }
      for (int part = 0; part < 7; part++) assert_int_equal(tally.done[part], round);
    }
    assert_int_equal(tally.wrong, 0);
    mixent_team_free(team);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_team),
      cmocka_unit_test(test_gradients_are_complete_when_told),
      cmocka_unit_test(test_parts_of_the_whole),
      cmocka_unit_test(test_against_a_plain_loop),
      cmocka_unit_test(test_threads_do_not_matter),
  };
  return cmocka_run_group_tests(tests, make_data, remove_data);
}
