/* train/trainer in trouble: a run that exists, is trained by another process, was torn or changed, diverges, or fills the disk is
 * refused or goes on. */
#include "core/memory.h"
#include "run/directory.h"
#include "trainer_run.h"
#include <sys/resource.h>

static size_t count_lines(const char *run) {
  size_t size, lines = 0;
  char *text = read_file(run, "metrics.jsonl", &size);
  for (size_t i = 0; i < size; i++) lines += text[i] == '\n';
  free(text);
  return lines;
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

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_an_existing_run),
      cmocka_unit_test(test_one_process_per_run),
      cmocka_unit_test(test_metrics_are_cut_to_what_is_saved),
      cmocka_unit_test(test_a_run_that_was_changed_is_refused),
      cmocka_unit_test(test_a_loss_that_is_not_finite),
      cmocka_unit_test(test_a_disk_that_is_full),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
