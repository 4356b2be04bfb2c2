/* train: one step. What it does with mixed images, teachers, images of another side and clipped gradients is held to plain loops. */
#include "model/evaluator.h"
#include "train/draw.h"
#include "train/resized.h"
#include "train/targets.h"
#include "train_options.h"
#include <math.h>

static int train_teachers(void **state) {
  if (make_place(state) != 0) return -1;
  for (int i = 0; i < TEACHERS; i++) train_run(teaching_sets[i].name, teaching_sets[i].settings);
  return 0;
}

static void keep_epoch(void *context, const mixent_train_epoch *epoch) {
  *(mixent_train_epoch *)context = *epoch;
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
      cmocka_unit_test(test_mixed_targets_reach_the_loss),
      cmocka_unit_test(test_distilled_targets),
      cmocka_unit_test(test_teachers_see_the_input),
      cmocka_unit_test(test_images_are_resized),
      cmocka_unit_test(test_progressive_sizes),
      cmocka_unit_test(test_what_moves_the_weights),
  };
  return cmocka_run_group_tests(tests, train_teachers, remove_data);
}
