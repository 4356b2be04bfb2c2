/* train/trainer: a run that is stopped anywhere ends with the same bytes, and the model that it leaves has the run's scores. What
 * goes wrong: trainer_trouble.c. */
#include "io/safetensors.h"
#include "trainer_run.h"
#include <jansson.h>
#include <unistd.h>

/* metrics.jsonl but for its times. */
static void assert_same_metrics(const char *run, const char *other) {
  size_t size;
  char *a = read_file(run, "metrics.jsonl", &size), *b = read_file(other, "metrics.jsonl", &size), *rest_a,
       *rest_b;
  char *line_a = strtok_r(a, "\n", &rest_a), *line_b = strtok_r(b, "\n", &rest_b);
  for (; line_a && line_b; line_a = strtok_r(NULL, "\n", &rest_a), line_b = strtok_r(NULL, "\n", &rest_b)) {
    json_t *json_a = json_loads(line_a, 0, NULL), *json_b = json_loads(line_b, 0, NULL);
    assert_int_equal(json_object_del(json_a, "seconds") + json_object_del(json_b, "seconds"), 0);
    assert_int_equal(
        json_object_del(json_a, "images_per_second") + json_object_del(json_b, "images_per_second"), 0);
    if (!json_equal(json_a, json_b)) fail_msg("%s\n%s", line_a, line_b);
    json_decref(json_a);
    json_decref(json_b);
  }
  assert_true(!line_a && !line_b);
  free(a);
  free(b);
}

static void test_stopped_after_every_number_of_steps(void **state) {
  (void)state;
  for (int stride = 1; stride <= 7; stride += 2) {
    char *run = run_path("stopped");
    mixent_train_summary summary;
    watcher watcher = {.stop_after = stride};
    mixent_train_options options = options_for(&watcher, run);
    mixent_status status = mixent_train(&options, &summary);
    int parts = 1, epochs = watcher.epochs, steps = watcher.steps;
    for (; status == MIXENT_ERROR_INTERRUPTED; parts++) {
      assert_non_null(strstr(mixent_last_error(), "--resume"));
      watcher = (struct watcher){.stop_after = stride};
      status = mixent_train_resume(run, &options, &summary);
      epochs += watcher.epochs, steps += watcher.steps;
    }
    assert_ok(status);
    assert_true(parts > STEPS * EPOCHS / stride);
    assert_int_equal(epochs, EPOCHS);
    assert_int_equal(steps, STEPS * EPOCHS);
    assert_same_metrics(whole, run);
    assert_same_file(whole, run, "best.safetensors");
    assert_same_file(whole, run, "last.safetensors");
    mixent_train_summary_free(&summary);
    assert_ok(mixent_directory_remove(run));
    free(run);
  }
}

static void stop_at_the_end(void *context, size_t done, size_t images) {
  watcher *watcher = context;
  if (watcher->epochs == EPOCHS && done > 0 && done <= images) watcher->stop = 1;
}

static void test_stopped_while_scoring(void **state) {
  (void)state;
  char *run = run_path("unscored"), *path = mixent_path_join(run, "summary.json");
  watcher watcher = {0};
  mixent_train_summary summary;
  mixent_train_options options = options_for(&watcher, run);
  options.scored = stop_at_the_end;
  assert_int_equal(mixent_train(&options, &summary), MIXENT_ERROR_INTERRUPTED);
  assert_non_null(strstr(mixent_last_error(), "--resume"));
  assert_int_equal(access(path, F_OK), -1);
  watcher = (struct watcher){0};
  assert_ok(mixent_train_resume(run, &options, &summary));
  assert_int_equal(watcher.steps, 0);
  assert_int_equal(access(path, F_OK), 0);
  assert_same_file(whole, run, "last.safetensors");
  assert_same_file(whole, run, "predictions.safetensors");
  mixent_train_summary_free(&summary);
  free(path);
  free(run);
}

static void test_the_model_alone(void **state) {
  (void)state;
  static const char *const names[] = {"c.weight",
                                      "c.bias",
                                      "n.weight",
                                      "n.bias",
                                      "n.running_mean",
                                      "n.running_var",
                                      "n.num_batches_tracked",
                                      "out.weight",
                                      "out.bias"};
  char *path = mixent_path_join(whole, "best.safetensors");
  size_t count;
  mixent_safetensors *file;
  assert_ok(mixent_safetensors_open(path, &file));
  const mixent_safetensor *tensors = mixent_safetensors_tensors(file, &count);
  assert_int_equal(count, sizeof names / sizeof *names);
  for (size_t i = 0; i < count; i++) assert_string_equal(tensors[i].name, names[i]);
  assert_int_equal(tensors[6].dimensions, 0);
  assert_int_equal(tensors[7].shape[0], 4);
  mixent_safetensors_free(file);

  mixent_model *model;
  mixent_dataset *dataset;
  mixent_scores scores;
  mixent_train_summary summary;
  watcher watcher = {0};
  mixent_train_options options = options_for(&watcher, NULL);
  assert_ok(mixent_model_open(path, &model));
  assert_ok(mixent_dataset_open(data_path, &(mixent_dataset_options){0}, &dataset));
  assert_ok(mixent_train_resume(whole, &options, &summary));
  mixent_precision precision = strstr(summary.json, "bf16") ? MIXENT_BF16 : MIXENT_FP32;
  assert_ok(mixent_model_score(model, dataset, MIXENT_PART_TEST, precision, 0, NULL, &scores));
  assert_true(scores.accuracy == summary.test.accuracy && fabs(scores.nll - summary.test.nll) < 1e-12);
  assert_ok(mixent_model_score(model, dataset, MIXENT_PART_VALIDATION, precision, 0, NULL, &scores));
  assert_int_equal(scores.images, 12);
  assert_true(scores.accuracy == summary.validation.accuracy);

  dataset->fingerprint ^= 1; /* another set has a test part, but none that this training held out */
  for (mixent_part part = MIXENT_PART_TEST; part <= MIXENT_PART_TRAIN; part++)
    assert_int_equal(mixent_model_score(model, dataset, part, precision, 0, NULL, &scores),
                     part == MIXENT_PART_TEST ? MIXENT_OK : MIXENT_ERROR_ARGUMENT);

  float probabilities[20 * 4];
  int right = 0;
  assert_ok(mixent_model_predict(model, dataset->test.pixels, 20, precision, 0, probabilities));
  for (int i = 0; i < 20; i++) {
    double sum = 0;
    int best = 0;
    for (int k = 0; k < 4; k++)
      sum += probabilities[4 * i + k],
          best = probabilities[4 * i + k] > probabilities[4 * i + best] ? k : best;
    assert_true(fabs(sum - 1) < 1e-5);
    right += best == dataset->test.labels[i];
  }
  assert_int_equal(right, (int)lround(20 * summary.test.accuracy));
  dataset->classes = 3;
  assert_int_equal(mixent_model_check_dataset(model, dataset), MIXENT_ERROR_ARGUMENT);
  assert_non_null(strstr(mixent_last_error(), "tells 4 classes apart"));
  dataset->classes = 4, dataset->train.side = 28;
  assert_int_equal(mixent_model_check_dataset(model, dataset), MIXENT_ERROR_ARGUMENT);
  assert_non_null(strstr(mixent_last_error(), "28x28"));
  mixent_dataset_free(dataset);
  mixent_model_free(model);
  mixent_train_summary_free(&summary);
  free(path);
}

/* With several views all is trained and chosen as with one; the scores at the end are those of the mean. */
static void test_views_at_the_end(void **state) {
  (void)state;
  char *run = run_path("views"), *path = mixent_path_join(run, "best.safetensors");
  watcher watcher = {0};
  mixent_train_summary summary, plain;
  mixent_setting viewed[SETTINGS + 1];
  memcpy(viewed, settings, sizeof settings);
  viewed[SETTINGS] = (mixent_setting){"test.views", "5"};
  mixent_train_options options = options_for(&watcher, run);
  assert_ok(mixent_train_resume(whole, &options, &plain));
  options.settings = viewed, options.setting_count = SETTINGS + 1;
  assert_ok(mixent_train(&options, &summary));
  assert_same_metrics(whole, run);
  assert_int_equal(plain.test_views, 1);
  assert_int_equal(summary.test_views, 5);
  assert_non_null(strstr(summary.json, "\"test_views\": 5"));
  assert_int_equal(summary.best_epoch, plain.best_epoch);
  assert_true(summary.test.nll != plain.test.nll && summary.validation.nll != plain.validation.nll);

  mixent_model *model;
  mixent_dataset *dataset;
  assert_ok(mixent_model_open(path, &model));
  assert_ok(mixent_dataset_open(data_path, &(mixent_dataset_options){0}, &dataset));
  mixent_precision precision = strstr(summary.json, "bf16") ? MIXENT_BF16 : MIXENT_FP32;
  const struct {
    int views;
    const mixent_scores *wanted;
  } cases[] = {{0, &summary.test}, {5, &summary.test}, {1, &plain.test}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    mixent_scores scores;
    float probabilities[20 * 4];
    double nll = 0;
    assert_ok(mixent_model_score(model, dataset, MIXENT_PART_TEST, precision, cases[i].views, NULL, &scores));
    assert_true(scores.accuracy == cases[i].wanted->accuracy);
    assert_true(fabs(scores.nll - cases[i].wanted->nll) < 1e-12);
    assert_true(fabs(scores.loss - cases[i].wanted->loss) < 1e-12);
    assert_true(fabs(scores.terms[MIXENT_CE1] - scores.nll) < 1e-6);
    assert_ok(
        mixent_model_predict(model, dataset->test.pixels, 20, precision, cases[i].views, probabilities));
    for (int image = 0; image < 20; image++)
      nll -= log((double)probabilities[4 * image + dataset->test.labels[image]]) / 20;
    assert_true(fabs(nll - scores.nll) < 1e-5);
  }
  mixent_dataset_free(dataset);
  mixent_model_free(model);
  mixent_train_summary_free(&summary);
  mixent_train_summary_free(&plain);
  free(path);
  free(run);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_stopped_after_every_number_of_steps),
      cmocka_unit_test(test_stopped_while_scoring),
      cmocka_unit_test(test_the_model_alone),
      cmocka_unit_test(test_views_at_the_end),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
