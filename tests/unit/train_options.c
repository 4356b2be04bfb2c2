/* train: options of a step. Each set of them is exact: a run that is stopped every few steps ends with the bytes of one in one
 * piece. What runs begin from, and what several members become. What a step does with its options: train_step.c. */
#include "train_options.h"
#include "train/init_from.h"

static char firsts[160], first_of_pupils[96];

static int make_names(void **state) {
  if (make_place(state) != 0) return -1;
  snprintf(firsts, sizeof firsts, "%s/pair/member-1.safetensors,%s/pair/member-2.safetensors", directory,
           directory);
  snprintf(first_of_pupils, sizeof first_of_pupils, "%s/pupils/member-1.safetensors", directory);
  return 0;
}

/* ------------------------------------------------------------- stopped, resumed ------ */

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
    {"averaged", {{"net", "resnet20"}, {"ema.decay", "0.9"}}},
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
    /* the teachers, and what it begins from, are runs of teaching_sets */
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

static void stop_and_resume(const option_set *set) {
  mixent_setting settings[BASE + MOST];
  size_t count = join_settings(set->settings, settings);
  char *whole = mixent_path_join(directory, set->name), stopped[96];
  snprintf(stopped, sizeof stopped, "%s-stopped", whole);
  train_in_parts(settings, count, whole, 0);
  train_in_parts(settings, count, stopped, 3);
  assert_same_file(whole, stopped, "best.safetensors");
  assert_same_file(whole, stopped, "last.safetensors");
  assert_same_file(whole, stopped, "predictions.safetensors");
  free(whole);
}

static void test_stopped_and_resumed(void **state) {
  (void)state;
  for (size_t i = 0; i < TEACHERS; i++) stop_and_resume(&teaching_sets[i]);
  for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) stop_and_resume(&sets[i]);
}

/* ----------------------------------------------------------- where runs begin ------ */

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

/* A run goes on where what it began from is gone. */
static void test_resumed_without_its_beginning(void **state) {
  (void)state;
  const mixent_setting changes[] = {{"init_from", begun}, {NULL, NULL}};
  mixent_setting settings[BASE + MOST];
  size_t count = join_settings(changes, settings);
  char run[96];
  snprintf(run, sizeof run, "%s/gone", directory);
  stopper stopper = {.stop_after = 1};
  mixent_train_options options = stopping_options(settings, count, run, &stopper);
  mixent_train_summary summary;
  assert_int_equal(mixent_train(&options, &summary), MIXENT_ERROR_INTERRUPTED);
  assert_ok(mixent_directory_remove(begun));
  stopper.stop = 0;
  assert_ok(mixent_train_resume(run, &options, &summary));
  mixent_train_summary_free(&summary);
}

/* -------------------------------------------------------------------- members ------ */

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
  train_run("student-by-hand", student);
  train_run("pupils-by-hand", taught);
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

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_stopped_and_resumed),           cmocka_unit_test(test_members_become_an_ensemble),
      cmocka_unit_test(test_members_teach_others),          cmocka_unit_test(test_begun_from_a_run),
      cmocka_unit_test(test_resumed_without_its_beginning),
  };
  return cmocka_run_group_tests(tests, make_names, remove_data);
}
