/* train/trainer: a run that is stopped anywhere ends with the same bytes; what goes wrong leaves a run that
 * goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/memory.h"
#include "io/safetensors.h"
#include "mixent/train.h"
#include "run/directory.h"
#include "small_run.h"
#include <jansson.h>
#include <math.h>
#include <sys/resource.h>
#include <unistd.h>

static char directory[] = "/tmp/mixent-test-XXXXXX";
static char data_path[64], net_path[64];
/* everything that has a state: EMA, learned weights and bases, augmentation, dropout, a schedule that
 * remembers */
static mixent_setting settings[] = {{"data", data_path},
                                    {"net", net_path},
                                    {"epochs", "6"},
                                    {"batch", "10"},
                                    {"threads", "2"},
                                    {"validation.fraction", "0.2"},
                                    {"loss.name", "min-ent"},
                                    {"loss.style", "square_decay"},
                                    {"loss.max_interval", "6"},
                                    {"loss.learn", "w1,w2,b2"},
                                    {"loss.weight_learning_rate", "0.01"},
                                    {"loss.base_learning_rate", "0.01"},
                                    {"optimizer.name", "adam"},
                                    {"optimizer.learning_rate", "0.05"},
                                    {"schedule.name", "spinal"},
                                    {"ema.decay", "0.9"},
                                    {"ema.estimate_batches", "3"}};
enum { SETTINGS = sizeof settings / sizeof *settings, STEPS = 5, EPOCHS = 6 };

/* What the callbacks saw, and when they ask to stop. */
typedef struct watcher {
  volatile sig_atomic_t stop;
  int steps, stop_after, epochs, starts;
  int best; /* epoch, by the rule: accuracy, then likelihood */
  double best_accuracy, best_nll, next_rate;
  void (*at_step)(struct watcher *watcher);
} watcher;

static void count_start(void *context, const mixent_train_start *start) {
  watcher *watcher = context;
  watcher->starts++;
  assert_int_equal(start->steps, STEPS);
  assert_int_equal(start->classes, 4);
}

static void count_step(void *context, const mixent_train_progress *progress) {
  watcher *watcher = context;
  watcher->steps++;
  assert_true(progress->step >= 1 && progress->step <= STEPS && isfinite(progress->loss));
  if (watcher->steps == watcher->stop_after) watcher->stop = 1;
  if (watcher->at_step) watcher->at_step(watcher);
}

static void count_epoch(void *context, const mixent_train_epoch *epoch) {
  watcher *watcher = context;
  watcher->epochs++;
  assert_int_equal(epoch->train.images, STEPS * 10);
  assert_int_equal(epoch->validation.images, 12);
}

/* For a run in one piece: which epoch is best, and what `spinal` makes of it. */
static void follow_best(void *context, const mixent_train_epoch *epoch) {
  watcher *watcher = context;
  count_epoch(context, epoch);
  double accuracy = epoch->validation.accuracy, nll = epoch->validation.nll;
  bool best = watcher->best == 0 || accuracy > watcher->best_accuracy ||
              (accuracy == watcher->best_accuracy && nll < watcher->best_nll);
  assert_int_equal(epoch->best, best);
  if (epoch->epoch > 1) assert_int_equal(epoch->learning_rate == watcher->next_rate, watcher->next_rate > 0);
  watcher->next_rate = best ? epoch->learning_rate : 0;
  if (best) watcher->best = epoch->epoch, watcher->best_accuracy = accuracy, watcher->best_nll = nll;
}

static mixent_train_options options_for(watcher *watcher, const char *run) {
  return (mixent_train_options){.settings = settings,
                                .setting_count = SETTINGS,
                                .run = run,
                                .stop = &watcher->stop,
                                .context = watcher,
                                .started = count_start,
                                .progress = count_step,
                                .epoch = count_epoch};
}

static char *run_path(const char *name) {
  return mixent_path_join(directory, name);
}

static void assert_ok(mixent_status status) {
  if (status != MIXENT_OK) fail_msg("%s", mixent_last_error());
}

static char *read_file(const char *run, const char *name, size_t *size) {
  char *path = mixent_path_join(run, name), *bytes;
  assert_ok(mixent_file_read(path, 1 << 24, &bytes, size));
  free(path);
  return bytes;
}

static void assert_same_file(const char *run, const char *other, const char *name) {
  size_t size_a, size_b;
  char *a = read_file(run, name, &size_a), *b = read_file(other, name, &size_b);
  assert_int_equal(size_a, size_b);
  assert_memory_equal(a, b, size_a);
  free(a);
  free(b);
}

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

static size_t count_lines(const char *run) {
  size_t size, lines = 0;
  char *text = read_file(run, "metrics.jsonl", &size);
  for (size_t i = 0; i < size; i++) lines += text[i] == '\n';
  free(text);
  return lines;
}

static char *whole; /* the run of set_up */

static int set_up(void **state) {
  (void)state;
  if (!mkdtemp(directory) || !small_run_make(directory, 4)) return -1;
  snprintf(data_path, sizeof data_path, "%s/data", directory);
  snprintf(net_path, sizeof net_path, "%s/small.yaml", directory);
  whole = run_path("whole");
  watcher watcher = {0};
  mixent_train_summary summary;
  mixent_train_options options = options_for(&watcher, whole);
  options.epoch = follow_best;
  if (mixent_train(&options, &summary) != MIXENT_OK) {
    print_error("%s\n", mixent_last_error());
    return -1;
  }
  mixent_train_summary_free(&summary);
  assert_int_equal(summary.best_epoch, watcher.best);
  assert_true(watcher.best < EPOCHS); /* or the rule was not tried */
  return watcher.steps == STEPS * EPOCHS && watcher.epochs == EPOCHS && watcher.starts == 1 ? 0 : -1;
}

static int tear_down(void **state) {
  (void)state;
  free(whole);
  return mixent_directory_remove(directory) == MIXENT_OK ? 0 : -1;
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

static void test_an_existing_run(void **state) {
  (void)state;
  watcher watcher = {0};
  mixent_train_summary summary;
  mixent_train_options options = options_for(&watcher, whole);
  assert_int_equal(mixent_train(&options, &summary), MIXENT_ERROR_ARGUMENT);
  assert_non_null(strstr(mixent_last_error(), "--resume"));
  assert_non_null(strstr(mixent_last_error(), "--overwrite"));
  options.overwrite = true, options.run = data_path;
  assert_int_equal(mixent_train(&options, &summary), MIXENT_ERROR_ARGUMENT);
  assert_non_null(strstr(mixent_last_error(), "no recipe.yaml"));
  assert_int_equal(watcher.steps, 0);
  /* one that is done is told of, not trained again */
  assert_ok(mixent_train_resume(whole, &options, &summary));
  assert_int_equal(watcher.steps, 0);
  assert_int_equal(summary.test.images, 20);
  assert_non_null(strstr(summary.json, "\"peak_memory_bytes\""));
  mixent_train_summary_free(&summary);
  char *run = run_path("replaced");
  options.run = run, options.overwrite = false;
  assert_ok(mixent_train(&options, &summary));
  mixent_train_summary_free(&summary);
  options.overwrite = true;
  /* neighbours that somebody named like this stay */
  char *neighbours[] = {run_path("replaced.new"), run_path("replaced.old")};
  for (int i = 0; i < 2; i++) assert_ok(mixent_directory_make(neighbours[i]));
  assert_ok(mixent_train(&options, &summary));
  mixent_train_summary_free(&summary);
  assert_same_file(whole, run, "last.safetensors");
  for (int i = 0; i < 2; i++) {
    assert_true(mixent_is_directory(neighbours[i]));
    free(neighbours[i]);
  }
  free(run);
}

static void train_it_twice(watcher *watcher) {
  struct watcher second = {0};
  mixent_train_summary summary;
  mixent_train_options options = options_for(&second, NULL);
  char *run = run_path("locked");
  assert_int_equal(mixent_train_resume(run, &options, &summary), MIXENT_ERROR_ARGUMENT);
  assert_non_null(strstr(mixent_last_error(), "another process"));
  options.run = run, options.overwrite = true;
  assert_int_equal(mixent_train(&options, &summary), MIXENT_ERROR_ARGUMENT);
  assert_non_null(strstr(mixent_last_error(), "another process"));
  free(run);
  watcher->stop = 1;
}

static void test_one_process_per_run(void **state) {
  (void)state;
  char *run = run_path("locked");
  watcher watcher = {.at_step = train_it_twice};
  mixent_train_summary summary;
  mixent_train_options options = options_for(&watcher, run);
  assert_int_equal(mixent_train(&options, &summary), MIXENT_ERROR_INTERRUPTED);
  free(run);
}

static void test_metrics_are_cut_to_what_is_saved(void **state) {
  (void)state;
  char *run = run_path("torn");
  watcher watcher = {.stop_after = STEPS + 2};
  mixent_train_summary summary;
  mixent_train_options options = options_for(&watcher, run);
  assert_int_equal(mixent_train(&options, &summary), MIXENT_ERROR_INTERRUPTED);
  mixent_run_directory opened;
  assert_ok(mixent_run_directory_open(run, &opened));
  assert_ok(mixent_run_directory_add_metrics(&opened, "{\"epoch\":2}\n{\"epo"));
  mixent_run_directory_close(&opened);
  watcher.stop = 0;
  assert_ok(mixent_train_resume(run, &options, &summary));
  assert_int_equal(count_lines(run), EPOCHS);
  mixent_train_summary_free(&summary);
  free(run);
}

/* Replaces a text in recipe.yaml; the run must be refused with that message. */
static void refuse_with(const char *run, const char *from, const char *to, const char *message) {
  char *path = mixent_path_join(run, "recipe.yaml"), *bytes, *place;
  size_t size;
  mixent_text text = {0};
  watcher watcher = {0};
  mixent_train_summary summary;
  mixent_train_options options = options_for(&watcher, NULL);
  assert_ok(mixent_file_read(path, 1 << 20, &bytes, &size));
  assert_non_null(place = strstr(bytes, from));
  mixent_text_append(&text, "%.*s%s%s", (int)(place - bytes), bytes, to, place + strlen(from));
  assert_ok(mixent_file_replace(path, text.data, text.length));
  assert_int_not_equal(mixent_train_resume(run, &options, &summary), MIXENT_OK);
  if (!strstr(mixent_last_error(), message)) fail_msg("%s\nlacks: %s", mixent_last_error(), message);
  assert_ok(mixent_file_replace(path, bytes, size));
  mixent_text_free(&text);
  free(bytes);
  free(path);
}

static void test_a_run_that_was_changed_is_refused(void **state) {
  (void)state;
  char *run = run_path("changed");
  watcher watcher = {.stop_after = 1};
  mixent_train_summary summary;
  mixent_train_options options = options_for(&watcher, run);
  assert_int_equal(mixent_train(&options, &summary), MIXENT_ERROR_INTERRUPTED);
  refuse_with(run, "epochs: 6", "epochs: 4", "another recipe: 'epochs: 6' there, 'epochs: 4' now");
  refuse_with(run, "small.yaml", "none.yaml", "none.yaml");
  refuse_with(run, net_path, "resnet20", "made for another network (network small, not resnet20)");
  refuse_with(run, "epochs: 6", "epohcs: 6", "did you mean 'epochs'");
  watcher.stop_after = 0, watcher.stop = 0;
  assert_ok(mixent_train_resume(run, &options, &summary));
  assert_same_file(whole, run, "best.safetensors");
  mixent_train_summary_free(&summary);
  free(run);
}

static void test_a_loss_that_is_not_finite(void **state) {
  (void)state;
  char *run = run_path("infinite");
  watcher watcher = {0};
  mixent_train_summary summary;
  mixent_setting wild[SETTINGS + 3];
  memcpy(wild, settings, sizeof settings);
  wild[SETTINGS] = (mixent_setting){"optimizer.name", "sgd"};
  wild[SETTINGS + 1] = (mixent_setting){"optimizer.learning_rate", "1000"};
  wild[SETTINGS + 2] = (mixent_setting){"schedule.name", "constant"};
  mixent_train_options options = options_for(&watcher, run);
  options.progress = NULL;
  options.settings = wild, options.setting_count = SETTINGS + 3;
  wild[2].value = "400"; /* weights grow until they overflow */
  assert_int_equal(mixent_train(&options, &summary), MIXENT_ERROR_NUMERIC);
  assert_non_null(strstr(mixent_last_error(), "last.safetensors, after step"));
  char *path = mixent_path_join(run, "last.safetensors");
  mixent_model *model;
  assert_ok(mixent_model_open(path, &model)); /* refuses weights that are not finite */
  mixent_model_free(model);
  free(path);
  free(run);
}

/* No file may grow beyond a few bytes: what a full disk does, with another errno. */
static void forbid_writing(watcher *watcher) {
  (void)watcher;
  struct rlimit limit;
  getrlimit(RLIMIT_FSIZE, &limit);
  limit.rlim_cur = 100;
  signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &limit);
}

static void test_a_disk_that_is_full(void **state) {
  (void)state;
  char *run = run_path("full");
  watcher watcher = {.at_step = forbid_writing};
  mixent_train_summary summary;
  struct rlimit limit;
  getrlimit(RLIMIT_FSIZE, &limit);
  mixent_train_options options = options_for(&watcher, run);
  mixent_status status = mixent_train(&options, &summary);
  setrlimit(RLIMIT_FSIZE, &limit);
  assert_int_equal(status, MIXENT_ERROR_IO);
  assert_non_null(strstr(mixent_last_error(), "best.safetensors"));
  watcher.at_step = NULL;
  assert_ok(mixent_train_resume(run, &options, &summary));
  assert_same_file(whole, run, "best.safetensors");
  assert_same_file(whole, run, "last.safetensors");
  mixent_train_summary_free(&summary);
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
      cmocka_unit_test(test_an_existing_run),
      cmocka_unit_test(test_one_process_per_run),
      cmocka_unit_test(test_metrics_are_cut_to_what_is_saved),
      cmocka_unit_test(test_a_run_that_was_changed_is_refused),
      cmocka_unit_test(test_a_loss_that_is_not_finite),
      cmocka_unit_test(test_a_disk_that_is_full),
      cmocka_unit_test(test_the_model_alone),
      cmocka_unit_test(test_views_at_the_end),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
