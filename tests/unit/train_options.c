/* train: options of a step. Each set of them is exact: a run that is stopped every few steps ends with the bytes of one in one
 * piece. What a step does with them is held to plain loops. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "mixent/train.h"
#include "model/evaluator.h"
#include "small_place.h"
#include "train/draw.h"
#include "train/init_from.h"
#include "train/resized.h"
#include "train/targets.h"
#include <math.h>

static char teachers[160], begun[80], firsts[160], first_of_pupils[96];

static int make_names(void **state) {
  if (make_data(state) != 0) return -1;
  snprintf(begun, sizeof begun, "%s/mixed", directory);
  snprintf(teachers, sizeof teachers, "%s/mixed,%s/clipped/best.safetensors", directory, directory);
  snprintf(firsts, sizeof firsts, "%s/pair/member-1.safetensors,%s/pair/member-2.safetensors", directory,
           directory);
  snprintf(first_of_pupils, sizeof first_of_pupils, "%s/pupils/member-1.safetensors", directory);
  return 0;
}

enum { BASE = 6, MOST = 6 };

/* What differs from the small run's recipe; ends with a key NULL. */
typedef struct option_set {
  const char *name;
  mixent_setting settings[MOST + 1];
} option_set;

static size_t join_settings(const mixent_setting *changes, mixent_setting out[BASE + MOST]) {
  const mixent_setting base[BASE] = {{"data", data_path}, {"net", net_path}, {"epochs", "3"},
                                     {"batch", "10"},     {"threads", "2"},  {"validation.fraction", "0.2"}};
  memcpy(out, base, sizeof base);
  size_t count = BASE;
  for (; changes->key; changes++) out[count++] = *changes;
  return count;
}

/* ------------------------------------------------------------- stopped, resumed ------ */

typedef struct stopper {
  volatile sig_atomic_t stop;
  int steps, stop_after;
} stopper;

static void count_step(void *context, const mixent_train_progress *progress) {
  stopper *stopper = context;
  (void)progress;
  if (++stopper->steps == stopper->stop_after) stopper->stop = 1;
}

static void train_in_parts(const mixent_setting *settings, size_t count, const char *run, int stop_after) {
  stopper stopper = {.stop_after = stop_after};
  mixent_train_options options = {.settings = settings,
                                  .setting_count = count,
                                  .run = run,
                                  .stop = &stopper.stop,
                                  .context = &stopper,
                                  .progress = count_step};
  mixent_train_summary summary;
  int parts = 1;
  mixent_status status = mixent_train(&options, &summary);
  for (; status == MIXENT_ERROR_INTERRUPTED; parts++) {
    stopper.stop = 0, stopper.steps = 0;
    status = mixent_train_resume(run, &options, &summary);
  }
  assert_ok(status);
  assert_int_equal(parts > 1, stop_after > 0);
  mixent_train_summary_free(&summary);
}

static void read_whole(const char *run, const char *name, char **bytes, size_t *size) {
  char *path = mixent_path_join(run, name);
  assert_ok(mixent_file_read(path, 1 << 24, bytes, size));
  free(path);
}

static void assert_same_file(const char *run, const char *other, const char *name) {
  size_t size_a, size_b;
  char *a, *b;
  read_whole(run, name, &a, &size_a);
  read_whole(other, name, &b, &size_b);
  assert_int_equal(size_a, size_b);
  assert_memory_equal(a, b, size_a);
  free(a);
  free(b);
}

static const option_set sets[] = {
    {"adamw",
     {{"optimizer.name", "adamw"}, {"optimizer.learning_rate", "0.01"}, {"optimizer.weight_decay", "0.1"}}},
    {"clipped", {{"optimizer.clip_norm", "0.1"}}},
    {"averaged", {{"net", "resnet20"}, {"ema.decay", "0.9"}}},
    {"mixed",
     {{"augment.mixup", "0.8"}, {"augment.cutmix", "1"}, {"augment.erase", "0.5"}, {"loss.name", "mix-ent"}}},
    {"pruned",
     {{"prune.fraction", "0.5"}, {"prune.until", "0.7"}, {"loss.name", "mix-ent"}, {"augment.mixup", "0.2"}}},
    {"progressive",
     {{"progressive.side", "20"}, {"net", "resnet20"}, {"augment.mixup", "0.5"}, {"ema.decay", "0.9"}}},
    {"members", {{"members", "3"}, {"ema.decay", "0.9"}}},
    {"pair", {{"members", "2"}, {"epochs", "2"}, {"ema.decay", "0.9"}}},
    {"student", {{"members", "3"}, {"distill.members", "2"}, {"ema.decay", "0.9"}}},
    {"pupils",
     {{"members", "3"},
      {"distill.members", "1"},
      {"distill.augmented", "true"},
      {"augment.mixup", "0.5"},
      {"replicas", "2"}}},
    {"first", {{"epochs", "1"}, {"ema.decay", "0.9"}}},
    /* the teachers, and what it begins from, are runs from above */
    {"taught", {{"distill.teacher", teachers}, {"distill.augmented", "true"}, {"augment.mixup", "0.5"}}},
    {"begun", {{"init_from", begun}, {"ema.decay", "0.9"}}},
    {"replicas",
     {{"replicas", "5"}, {"ema.decay", "0.9"}, {"loss.learn", "w1 w2"}, {"loss.name", "min-ent"}}},
    {"replicas-ahead",
     {{"replicas", "2"},
      {"loss.name", "min-ent"},
      {"loss.style", "hypergradient"},
      {"loss.held_out_fraction", "0.3"}}},
    {"replicas-pruned", {{"replicas", "2"}, {"prune.fraction", "0.5"}, {"members", "3"}}},
    {"replicas-progressive",
     {{"replicas", "5"},
      {"progressive.side", "20"},
      {"net", "resnet20"},
      {"augment.mixup", "0.5"},
      {"ema.decay", "0.9"}}},
    {"replicas-taught",
     {{"replicas", "2"},
      {"distill.teacher", teachers},
      {"distill.augmented", "true"},
      {"augment.mixup", "0.5"}}},
    {"distilled", {{"distill.teacher", teachers}, {"distill.temperature", "2"}}},
};

static void test_stopped_and_resumed(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
    mixent_setting settings[BASE + MOST];
    size_t count = join_settings(sets[i].settings, settings);
    char *whole = mixent_path_join(directory, sets[i].name), stopped[96];
    snprintf(stopped, sizeof stopped, "%s-stopped", whole);
    train_in_parts(settings, count, whole, 0);
    train_in_parts(settings, count, stopped, 3);
    assert_same_file(whole, stopped, "best.safetensors");
    assert_same_file(whole, stopped, "last.safetensors");
    assert_same_file(whole, stopped, "predictions.safetensors");
    free(whole);
  }
}

/* ------------------------------------------------------------------- one step --------- */

static void keep_epoch(void *context, const mixent_train_epoch *epoch) {
  *(mixent_train_epoch *)context = *epoch;
}

static mixent_trainer *make_trainer(const mixent_setting *settings, size_t count,
                                    const mixent_train_options *options) {
  mixent_recipe recipe;
  mixent_trainer *trainer;
  assert_ok(mixent_recipe_compose(NULL, settings, count, &recipe));
  assert_ok(mixent_recipe_resolve(&recipe, mixent_net_bf16_is_native()));
  assert_ok(mixent_trainer_create(&recipe, options, &trainer));
  return trainer;
}

/* A trainer after one step over all images, with what the step said of itself; its net holds the step's logits. */
static mixent_trainer *train_one_step(const mixent_setting *changes, mixent_train_epoch *epoch) {
  static const char run_name[] = "step";
  mixent_setting settings[BASE + MOST];
  size_t count = join_settings(changes, settings);
  settings[2].value = "1", settings[3].value = "66", settings[5].value = "0";
  static mixent_train_options options;
  options = (mixent_train_options){.context = epoch, .epoch = keep_epoch};
  char *place = mixent_path_join(directory, run_name);
  mixent_run_directory run;
  mixent_trainer *trainer = make_trainer(settings, count, &options);
  assert_ok(mixent_run_directory_begin(place, &run));
  assert_ok(mixent_file_replace(run.metrics, "", 0));
  assert_ok(mixent_trainer_run(trainer, &run));
  mixent_run_directory_close(&run);
  free(place);
  return trainer;
}

static double log_sum_exp(const float *logits, size_t count) {
  double sum = 0;
  for (size_t k = 0; k < count; k++) sum += exp(logits[k]);
  return log(sum);
}

/* Cross entropy is linear in its target: of a mixed image it is that of both labels, weighted. Accuracy goes by the own label. */
static void test_mixed_targets_reach_the_loss(void **state) {
  (void)state;
  const mixent_setting changes[] = {{"augment.mixup", "1"}, {"augment.cutmix", "1"}, {NULL, NULL}};
  mixent_train_epoch epoch;
  mixent_trainer *trainer = train_one_step(changes, &epoch);
  const mixent_train_batch *drawn = &trainer->drawn;
  const float *logits = mixent_replicas_logits(trainer->replicas, 0);
  double loss = 0, nll = 0;
  for (size_t i = 0; i < drawn->rows; i++, logits += drawn->classes) {
    mixent_mix mix = mixent_mix_draw(&trainer->recipe.mixing, trainer->train.side, 0, 0, drawn->indices[i]);
    double whole = log_sum_exp(logits, drawn->classes);
    double own = whole - (double)logits[drawn->labels[i]];
    double other = whole - (double)logits[drawn->labels[drawn->rows - 1 - i]];
    loss += (mix.share * own + (1 - mix.share) * other) / (double)drawn->rows;
    nll += own / (double)drawn->rows;
  }
  assert_true(fabs(epoch.train.loss - loss) < 1e-5);
  assert_true(fabs(epoch.train.nll - nll) < 1e-5);
  assert_true(fabs(loss - nll) > 1e-3);
  mixent_trainer_free(trainer);
}

/* The label, in part what both teachers say on average. */
static void test_distilled_targets(void **state) {
  (void)state;
  enum { CLASSES = 4, PIXELS = 256 };
  const mixent_setting changes[] = {{"distill.teacher", teachers},
                                    {"distill.weight", "0.7"},
                                    {"distill.temperature", "3"},
                                    {"precision", "fp32"},
                                    {NULL, NULL}};
  static const mixent_train_options options;
  mixent_setting settings[BASE + MOST];
  mixent_trainer *trainer = make_trainer(settings, join_settings(changes, settings), &options);
  const char *names[] = {"mixed", "clipped"};
  mixent_model *models[2];
  for (int i = 0; i < 2; i++) {
    char path[96];
    snprintf(path, sizeof path, "%s/%s/best.safetensors", directory, names[i]);
    assert_ok(mixent_model_open(path, &models[i]));
    models[i]->temperature = 3;
  }
  mixent_train_batch *drawn = &trainer->drawn;
  for (size_t i = 0; i < drawn->rows; i++) {
    drawn->indices[i] = trainer->split.train[2 * i],
    drawn->labels[i] = trainer->train.labels[drawn->indices[i]];
  }
  trainer->state.epoch = 1; /* the second of three */
  assert_ok(mixent_trainer_set_targets(trainer, &trainer->replicas->replica[0]));
  for (size_t i = 0; i < drawn->rows; i++) {
    float said[2][CLASSES];
    for (int m = 0; m < 2; m++)
      assert_ok(mixent_model_predict(models[m], trainer->train.pixels + drawn->indices[i] * PIXELS, 1,
                                     MIXENT_FP32, 1, said[m]));
    for (int k = 0; k < CLASSES; k++) {
      double expected = 0.3 * (drawn->labels[i] == k) + 0.7 * ((double)said[0][k] + (double)said[1][k]) / 2;
      assert_true(fabs((double)drawn->targets[i * CLASSES + (size_t)k] - expected) < 1e-5);
    }
  }
  for (int m = 0; m < 2; m++) mixent_model_free(models[m]);
  mixent_trainer_free(trainer);
}

static mixent_model *open_best(const char *run, const char *name) {
  char *path, *place = mixent_path_join(directory, run);
  mixent_model *model;
  path = mixent_path_join(place, name);
  assert_ok(mixent_model_open(path, &model));
  free(path);
  free(place);
  return model;
}

/* Asked in the step, the teachers see what the network sees. Without any change of the images that is what they say when asked once;
 * of mixed rows it is part of the mixed target. */
static void test_teachers_see_the_input(void **state) {
  (void)state;
  static const mixent_train_options options;
  const char *const mixing[] = {"0", "1"};
  for (int mixed = 0; mixed < 2; mixed++) {
    const mixent_setting changes[] = {{"distill.teacher", begun}, {"distill.augmented", "true"},
                                      {"distill.weight", "0.5"},  {"augment.mixup", mixing[mixed]},
                                      {"precision", "fp32"},      {NULL, NULL}};
    mixent_setting settings[BASE + MOST];
    mixent_trainer *trainer = make_trainer(settings, join_settings(changes, settings), &options);
    mixent_model *model = open_best("mixed", "best.safetensors");
    mixent_evaluator evaluator;
    assert_ok(mixent_evaluator_create(model, (int)trainer->batch, MIXENT_FP32, &evaluator));
    mixent_trainer_draw_order(trainer);
    mixent_replica *first = &trainer->replicas->replica[0];
    mixent_trainer_draw_batch(trainer);
    assert_ok(mixent_trainer_draw_rows(trainer, first));
    const float *input = mixent_net_input(first->net);
    float *copy =
        mixent_net_input(evaluator.net); /* the normalisation is the same, the data being the same */
    memcpy(copy, input, trainer->batch * 256 * sizeof *copy);
    assert_ok(mixent_net_forward(evaluator.net, MIXENT_EVALUATE, 0, 0));
    const mixent_train_batch *drawn = &trainer->drawn;
    for (size_t i = 0; i < drawn->rows; i++) {
      const float *logits = (const float *)mixent_net_logits(evaluator.net) + i * drawn->classes;
      mixent_mix mix = mixent_mix_draw(&trainer->recipe.mixing, 16, 0, 0, drawn->indices[i]);
      size_t partner = drawn->rows - 1 - i;
      for (size_t k = 0; k < drawn->classes; k++) {
        double label =
            mix.share * (drawn->labels[i] == (int)k) + (1 - mix.share) * (drawn->labels[partner] == (int)k);
        double said = exp((double)logits[k] - log_sum_exp(logits, drawn->classes));
        if (!(fabs((double)drawn->targets[i * drawn->classes + k] - (0.5 * label + 0.5 * said)) < 1e-5))
          fail_msg("mixed %d row %zu: %g is not %g", mixed, i, (double)drawn->targets[i * drawn->classes + k],
                   0.5 * label + 0.5 * said);
      }
    }
    mixent_evaluator_free(&evaluator);
    mixent_model_free(model);
    mixent_trainer_free(trainer);
  }
}

/* All weights are those of the run, but for the last layer's if a class has another name: that is drawn. */
static void test_begun_from_a_run(void **state) {
  (void)state;
  const mixent_setting changes[] = {{"init_from", begun}, {"ema.decay", "0.9"}, {NULL, NULL}};
  static const mixent_train_options options;
  mixent_setting settings[BASE + MOST];
  size_t count = join_settings(changes, settings);
  char path[128];
  snprintf(path, sizeof path, "%s/best.safetensors", begun);
  mixent_model *model;
  assert_ok(mixent_model_open(path, &model));
  for (int other = 0; other < 2; other++) {
    mixent_trainer *trainer = make_trainer(settings, count, &options);
    float *drawn = calloc(trainer->parameter_count, sizeof *drawn),
          *statistics = calloc(trainer->statistic_count, 4);
    mixent_graph_initialize(trainer->graph, 0, drawn, statistics);
    size_t head = trainer->parameter_count - 4 * (8 * 8 * 4 + 1); /* parameters before out.weight */
    if (other) trainer->dataset->class_names[2][0] = '?';
    assert_ok(mixent_trainer_init_from(trainer));
    assert_memory_equal(trainer->parameters, model->parameters, head * sizeof(float));
    assert_memory_equal(trainer->parameters + head, (other ? drawn : model->parameters) + head,
                        (trainer->parameter_count - head) * sizeof(float));
    assert_memory_equal(trainer->statistics, model->statistics, trainer->statistic_count * sizeof(float));
    assert_memory_equal(trainer->state.ema, trainer->parameters, trainer->parameter_count * sizeof(float));
    free(drawn);
    free(statistics);
    mixent_trainer_free(trainer);
  }
  mixent_model_free(model);
  const mixent_setting resnet[] = {{"init_from", begun}, {"net", "resnet20"}, {NULL, NULL}};
  mixent_trainer *trainer = make_trainer(settings, join_settings(resnet, settings), &options);
  assert_int_equal(mixent_trainer_init_from(trainer), MIXENT_ERROR_ARGUMENT);
  assert_non_null(strstr(mixent_last_error(), "of the shape that network resnet20 has"));
  mixent_trainer_free(trainer);
}

/* The first member is what the recipe trains alone in a third of the epochs; the others differ; best.safetensors has all three. */
static void test_members_become_an_ensemble(void **state) {
  (void)state;
  mixent_model *alone = open_best("first", "best.safetensors"),
               *all = open_best("members", "best.safetensors");
  mixent_model *members[] = {open_best("members", "member-1.safetensors"),
                             open_best("members", "member-2.safetensors"),
                             open_best("members", "member-3.safetensors")};
  size_t count = mixent_graph_parameter_count(alone->graph),
         statistics = mixent_graph_statistic_count(alone->graph);
  assert_memory_equal(members[0]->parameters, alone->parameters, count * sizeof(float));
  assert_memory_equal(members[0]->statistics, alone->statistics, statistics * sizeof(float));
  assert_int_equal(mixent_graph_parameter_count(all->graph), 3 * count);
  for (size_t i = 0; i < 3; i++) {
    assert_memory_equal(all->parameters + i * count, members[i]->parameters, count * sizeof(float));
    if (i) assert_memory_not_equal(members[i]->parameters, members[i - 1]->parameters, count * sizeof(float));
  }
  for (size_t i = 0; i < 3; i++) mixent_model_free(members[i]);
  mixent_model_free(alone);
  mixent_model_free(all);
  /* every epoch has its line, and the test score is the ensemble's */
  mixent_train_summary summary;
  static const mixent_train_options options;
  char run[96];
  snprintf(run, sizeof run, "%s/members", directory);
  assert_ok(mixent_train_resume(run, &options, &summary));
  assert_int_equal(summary.test.images, 20);
  mixent_train_summary_free(&summary);
}

static void assert_same_weights(const char *run, const char *file, const char *other, const char *its_file) {
  mixent_model *a = open_best(run, file), *b = open_best(other, its_file);
  size_t count = mixent_graph_parameter_count(a->graph), statistics = mixent_graph_statistic_count(a->graph);
  assert_int_equal(mixent_graph_parameter_count(b->graph), count);
  assert_memory_equal(a->parameters, b->parameters, count * sizeof(float));
  assert_memory_equal(a->statistics, b->statistics, statistics * sizeof(float));
  mixent_model_free(a);
  mixent_model_free(b);
}

static void train_by_hand(const char *name, const mixent_setting *changes) {
  mixent_setting settings[BASE + MOST];
  char *run = mixent_path_join(directory, name);
  train_in_parts(settings, join_settings(changes, settings), run, 0);
  free(run);
}

/* The first members are those of a run of so many; the others are what these teach by distill.teacher; the run's model is the one
 * that was taught, or the ensemble of several. */
static void test_members_teach_others(void **state) {
  (void)state;
  const mixent_setting student[] = {
      {"members", "3"}, {"distill.teacher", firsts}, {"ema.decay", "0.9"}, {NULL, NULL}};
  const mixent_setting taught[] = {{"members", "3"},
                                   {"distill.teacher", first_of_pupils},
                                   {"distill.augmented", "true"},
                                   {"augment.mixup", "0.5"},
                                   {"replicas", "2"},
                                   {NULL, NULL}};
  train_by_hand("student-by-hand", student);
  train_by_hand("pupils-by-hand", taught);
  assert_same_weights("student", "member-1.safetensors", "pair", "member-1.safetensors");
  assert_same_weights("student", "member-2.safetensors", "pair", "member-2.safetensors");
  assert_same_weights("student", "member-3.safetensors", "student-by-hand", "member-3.safetensors");
  assert_same_weights("student", "best.safetensors", "student", "member-3.safetensors");
  assert_same_weights("pupils", "member-2.safetensors", "pupils-by-hand", "member-2.safetensors");
  assert_same_weights("pupils", "member-3.safetensors", "pupils-by-hand", "member-3.safetensors");
  mixent_model *pupils = open_best("pupils", "best.safetensors"),
               *members[] = {open_best("pupils", "member-2.safetensors"),
                             open_best("pupils", "member-3.safetensors")};
  size_t count = mixent_graph_parameter_count(members[0]->graph);
  assert_int_equal(mixent_graph_parameter_count(pupils->graph), 2 * count);
  for (size_t i = 0; i < 2; i++) {
    assert_memory_equal(pupils->parameters + i * count, members[i]->parameters, count * sizeof(float));
    mixent_model_free(members[i]);
  }
  mixent_model_free(pupils);
}

/* Each pixel is the mean of what it covers: whole blocks, parts of pixels, and an image that grows; a flat image stays flat. */
static void test_images_are_resized(void **state) {
  (void)state;
  const uint8_t blocks[16] = {0, 4, 10, 10, 8, 12, 10, 10, 200, 100, 0, 1, 0, 100, 2, 3},
                nine[9] = {0, 90, 180, 0, 90, 180, 0, 90, 180};
  uint8_t out[64 * 3];
  mixent_image_resize(4, 1, blocks, 2, out);
  assert_memory_equal(out, ((uint8_t[]){6, 10, 100, 2}), 4); /* 1.5 to the even number */
  mixent_image_resize(3, 1, nine, 2, out);                   /* a pixel and half the next */
  assert_memory_equal(out, ((uint8_t[]){30, 150, 30, 150}), 4);
  mixent_image_resize(2, 1, (uint8_t[]){1, 2, 3, 4}, 4, out);
  assert_memory_equal(out, ((uint8_t[]){1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4}), 16);
  uint8_t flat[7 * 7 * 3];
  for (int i = 0; i < 7 * 7 * 3; i++) flat[i] = (uint8_t)(i % 3 * 100 + 55);
  mixent_image_resize(7, 3, flat, 5, out);
  for (int i = 0; i < 5 * 5 * 3; i++) assert_int_equal(out[i], i % 3 * 100 + 55);
}

/* In the first part of the epochs steps see images of the other side, by the same weights, and augmentation in its pixels. */
static void test_progressive_sizes(void **state) {
  (void)state;
  const mixent_setting changes[] = {{"progressive.side", "24"},
                                    {"progressive.until", "0.3"},
                                    {"net", "resnet20"},
                                    {"augment.affine_shift", "2"},
                                    {NULL, NULL}};
  static const mixent_train_options options;
  mixent_setting settings[BASE + MOST];
  mixent_trainer *trainer = make_trainer(settings, join_settings(changes, settings), &options);
  mixent_replicas *whole = trainer->replicas;
  for (uint64_t epoch = 0; epoch < 2; epoch++) {
    trainer->state.epoch = epoch;
    mixent_trainer_draw_order(trainer);
    assert_int_equal(trainer->images->side, epoch == 0 ? 24 : 16);
    assert_int_equal(trainer->replicas == whole, epoch == 1);
    assert_true(trainer->augmentation->affine_shift == (epoch == 0 ? 3 : 2));
    mixent_batch_pass pass = {.fill = mixent_trainer_draw_rows,
                              .rule = mixent_loss_rule_of(&trainer->loss, &trainer->state.loss, 0)};
    mixent_trainer_draw_batch(trainer);
    assert_ok(mixent_replicas_pass(trainer, &pass));
    assert_ptr_equal(mixent_net_parameters(trainer->replicas->replica[0].net), trainer->parameters);
  }
  mixent_trainer_free(trainer);
  const mixent_setting wrong[] = {{"progressive.side", "20"}, {NULL, NULL}};
  mixent_recipe recipe;
  assert_ok(mixent_recipe_compose(NULL, settings, join_settings(wrong, settings), &recipe));
  assert_ok(mixent_recipe_resolve(&recipe, mixent_net_bf16_is_native()));
  assert_int_equal(mixent_trainer_create(&recipe, &options, &trainer), MIXENT_ERROR_ARGUMENT);
  assert_non_null(strstr(mixent_last_error(), "'out.weight' of network small depends on the images' side"));
}

/* A run goes on where what it began from is gone. */
static void test_resumed_without_its_beginning(void **state) {
  (void)state;
  const mixent_setting changes[] = {{"init_from", begun}, {NULL, NULL}};
  mixent_setting settings[BASE + MOST];
  size_t count = join_settings(changes, settings);
  char run[96];
  snprintf(run, sizeof run, "%s/gone", directory);
  stopper stopper = {.stop_after = 1};
  mixent_train_options options = {.settings = settings,
                                  .setting_count = count,
                                  .run = run,
                                  .stop = &stopper.stop,
                                  .context = &stopper,
                                  .progress = count_step};
  mixent_train_summary summary;
  assert_int_equal(mixent_train(&options, &summary), MIXENT_ERROR_INTERRUPTED);
  assert_ok(mixent_directory_remove(begun));
  stopper.stop = 0;
  assert_ok(mixent_train_resume(run, &options, &summary));
  mixent_train_summary_free(&summary);
}

/* After one step without momentum or decay every parameter has moved by the rate times its gradient, which is as long as it may
 * be. */
static void test_what_moves_the_weights(void **state) {
  (void)state;
  const mixent_setting changes[] = {{"optimizer.clip_norm", "0.25"},
                                    {"optimizer.weight_decay", "0"},
                                    {"optimizer.nesterov", "false"},
                                    {"schedule.name", "constant"},
                                    {NULL, NULL}};
  mixent_train_epoch epoch;
  mixent_trainer *trainer = train_one_step(changes, &epoch);
  float *start = calloc(trainer->parameter_count, sizeof *start),
        *statistics = calloc(trainer->statistic_count, 4);
  mixent_graph_initialize(trainer->graph, 0, start, statistics);
  const float *gradient = trainer->replicas->gradient;
  size_t tensors;
  double squares = 0;
  const mixent_tensor *tensor = mixent_graph_parameters(trainer->graph, &tensors);
  for (size_t t = 0; t < tensors; t++) {
    for (size_t i = tensor[t].offset; i < tensor[t].offset + tensor[t].count; i++) {
      squares += (double)gradient[i] * gradient[i];
      assert_true(fabs(trainer->parameters[i] - (start[i] - epoch.learning_rate * gradient[i])) < 1e-6);
    }
  }
  assert_true(fabs(sqrt(squares) - 0.25) < 1e-5);
  free(start);
  free(statistics);
  mixent_trainer_free(trainer);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_stopped_and_resumed),        cmocka_unit_test(test_mixed_targets_reach_the_loss),
      cmocka_unit_test(test_distilled_targets),          cmocka_unit_test(test_teachers_see_the_input),
      cmocka_unit_test(test_members_become_an_ensemble), cmocka_unit_test(test_members_teach_others),
      cmocka_unit_test(test_images_are_resized),         cmocka_unit_test(test_progressive_sizes),
      cmocka_unit_test(test_begun_from_a_run),           cmocka_unit_test(test_resumed_without_its_beginning),
      cmocka_unit_test(test_what_moves_the_weights),
  };
  return cmocka_run_group_tests(tests, make_names, remove_data);
}
