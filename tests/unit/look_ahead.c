/* train: the hypergradient of a weight against the numeric derivative of one whole step: forward and backward
 * with batch norm, the optimiser with its momentum or moments, and the cross entropy of the held-out batch
 * after it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "small_place.h"
#include "train/draw.h"
#include "train/look_ahead.h"
#include <math.h>

typedef struct setup {
  const char *optimizer, *nesterov, *momentum, *loss;
  int warm_steps;       /* before the step that is looked at, so that momentum and moments are there */
  const char *replicas; /* NULL: one */
} setup;

static mixent_trainer *make_trainer(const setup *setup) {
  const bool adam = strncmp(setup->optimizer, "adam", 4) == 0;
  mixent_setting settings[] = {
      {"data", data_path},
      {"net", net_path},
      {"batch", "10"},
      {"threads", "1"},
      {"replicas", setup->replicas ? setup->replicas : "1"},
      {"precision", "fp32"},
      {"dropout", "0"},
      {"validation.fraction", "0.1"},
      {"loss.name", setup->loss},
      {"loss.style", "hypergradient"},
      {"loss.learn", "w1 w2"},
      {"loss.b2", "5"},
      {"loss.weight_learning_rate", "0"},
      {"loss.held_out_fraction", "0.3"},
      {"loss.hypergradient_every", "1"},
      {"optimizer.name", setup->optimizer},
      {"optimizer.learning_rate", adam ? "0.004" : "0.02"},
      {"schedule.name", "constant"},
      {"augment.affine_shift", "0"},
      /* Adam's epsilon: near 0 the gradient's sign alone would count */
      {adam ? "optimizer.epsilon" : "optimizer.momentum", adam ? "1e-3" : setup->momentum},
      {"optimizer.nesterov", setup->nesterov}}; /* SGD's alone */
  size_t count = sizeof settings / sizeof *settings - adam;
  static const mixent_train_options options;
  mixent_recipe recipe;
  mixent_trainer *trainer = NULL;
  if (mixent_recipe_compose(NULL, settings, count, &recipe) != MIXENT_OK ||
      mixent_recipe_resolve(&recipe, mixent_net_bf16_is_native()) != MIXENT_OK ||
      mixent_trainer_create(&recipe, &options, &trainer) != MIXENT_OK)
    fail_msg("%s", mixent_last_error());
  return trainer;
}

/* Steps with weights w, the last of them looking ahead, and of that one the held-out cross entropy after it.
 */
static double held_out_after(const setup *setup, const double w[2], double gradient[MIXENT_LOSS_PARAMETERS]) {
  mixent_trainer *trainer = make_trainer(setup);
  double rate = trainer->recipe.learning_rate;
  for (int done = 0; done <= setup->warm_steps; done++) {
    bool last = done == setup->warm_steps;
    for (int i = 0; i < 2 && last; i++) trainer->state.loss.value[i] = w[i];
    for (size_t i = 0; i < trainer->batch; i++) {
      trainer->drawn.indices[i] =
          trainer->split.train[((size_t)done * trainer->batch + i) % trainer->split.train_count];
      trainer->drawn.labels[i] = trainer->dataset->train.labels[trainer->drawn.indices[i]];
    }
    if (last) assert_int_equal(mixent_look_ahead_terms(trainer, (uint64_t)done), MIXENT_OK);
    mixent_batch_pass pass = {.fill = mixent_trainer_draw_rows,
                              .rule = mixent_loss_rule_of(&trainer->loss, &trainer->state.loss, 0),
                              .step = (uint64_t)done};
    assert_int_equal(mixent_replicas_pass(trainer, &pass), MIXENT_OK);
    if (last) mixent_look_ahead_respond(trainer, rate, (uint64_t)done + 1);
    mixent_optimizer_step(&trainer->optimizer, rate, (uint64_t)done + 1, trainer->parameters,
                          trainer->replicas->gradient, trainer->state.optimizer, NULL, 0);
  }
  assert_int_equal(mixent_look_ahead_finish(trainer, (uint64_t)setup->warm_steps, gradient), MIXENT_OK);
  /* the networks hold the held-out batch: once more, for its value */
  mixent_batch_pass pass = {.rule = mixent_loss_rule_of(&trainer->loss, &trainer->state.loss, 0),
                            .labels_alone = true,
                            .step = (uint64_t)setup->warm_steps};
  memset(pass.rule.coefficients, 0, sizeof pass.rule.coefficients);
  assert_int_equal(mixent_replicas_pass(trainer, &pass), MIXENT_OK);
  mixent_trainer_free(trainer);
  return pass.terms[MIXENT_CE1];
}

static void test_against_a_step_taken(void **state) {
  (void)state;
  static const setup setups[] = {
      {"sgd", "false", "0", "min-ent", 0, NULL},   {"sgd", "false", "0.9", "min-ent", 3, NULL},
      {"sgd", "true", "0.9", "min-ent", 3, NULL},  {"sgd", "true", "0.9", "mix-ent", 2, NULL},
      {"adam", "false", "0", "min-ent", 0, NULL},  {"adam", "false", "0", "mix-ent", 3, NULL},
      {"adamw", "false", "0", "mix-ent", 3, NULL}, {"sgd", "true", "0.9", "mix-ent", 2, "2"}};
  for (size_t s = 0; s < sizeof setups / sizeof *setups; s++) {
    const double at[2] = {0.9, 0.3}, step = 0.004;
    double gradient[MIXENT_LOSS_PARAMETERS], unused[MIXENT_LOSS_PARAMETERS];
    held_out_after(&setups[s], at, gradient);
    for (int i = 0; i < 2; i++) {
      double above[2] = {at[0], at[1]}, below[2] = {at[0], at[1]};
      above[i] += step, below[i] -= step;
      double difference =
          (held_out_after(&setups[s], above, unused) - held_out_after(&setups[s], below, unused)) /
          (2 * step);
      print_message("%s, nesterov %s, momentum %s, %s, replicas %s, dE/dw%d: %.6f, numeric %.6f\n",
                    setups[s].optimizer, setups[s].nesterov, setups[s].momentum, setups[s].loss,
                    setups[s].replicas ? setups[s].replicas : "1", i + 1, gradient[i], difference);
      if (!(fabs(gradient[i] - difference) < 0.01 * fabs(difference) + 1e-5))
        fail_msg("%g is not %g", gradient[i], difference);
    }
  }
}

/* Both held-out parts are apart from the training images and from each other, and the validating one is that
 * of other styles. */
static void test_held_out_images_are_apart(void **state) {
  (void)state;
  const setup setup = {"sgd", "false", "0", "min-ent", 0, NULL};
  mixent_trainer *trainer = make_trainer(&setup);
  const mixent_split *split = &trainer->split;
  uint8_t seen[66] = {0};
  for (size_t i = 0; i < split->train_count; i++) seen[split->train[i]]++;
  for (size_t i = 0; i < split->validation_count; i++) seen[split->validation[i]]++;
  for (size_t i = 0; i < split->held_out_count; i++) seen[split->held_out[i]]++;
  for (int i = 0; i < 66; i++) assert_int_equal(seen[i], 1);
  assert_true(split->held_out_count >= 10 && split->validation_count > 0);
  mixent_split plain;
  assert_int_equal(mixent_split_make(&trainer->dataset->train, 4, trainer->recipe.validation_fraction, 0,
                                     (uint64_t)trainer->recipe.validation_seed, &plain),
                   MIXENT_OK);
  assert_int_equal(plain.validation_count, split->validation_count);
  assert_memory_equal(plain.validation, split->validation,
                      split->validation_count * sizeof *split->validation);
  mixent_split_free(&plain);
  mixent_trainer_free(trainer);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_against_a_step_taken),
                                     cmocka_unit_test(test_held_out_images_are_apart)};
  return cmocka_run_group_tests(tests, make_data, remove_data);
}
