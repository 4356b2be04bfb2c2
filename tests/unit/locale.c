/* core/locale.h, and a model from disk to disk: numbers have a point in every locale that a host may have set. CTest runs this
 * program twice, the second time with a decimal comma (tests/tools/host_locale.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/locale.h"
#include "lab/result/result.h"
#include "mixent/train.h"
#include "small_run.h"
#include <locale.h>

static char directory[] = "/tmp/mixent-test-XXXXXX";

static int set_up(void **state) {
  (void)state;
  return !mkdtemp(directory) || !small_run_make(directory, 4);
}

static int tear_down(void **state) {
  (void)state;
  return mixent_directory_remove(directory) != MIXENT_OK;
}

/* Or this program would show nothing. */
static void test_the_host_has_its_locale(void **state) {
  (void)state;
  char text[16];
  snprintf(text, sizeof text, "%.1f", 0.5);
  assert_string_equal(text, getenv("MIXENT_TEST_LOCALE") ? "0,5" : "0.5");
}

static void test_numbers(void **state) {
  (void)state;
  char text[16], *end;
  assert_int_equal(mixent_print(text, sizeof text, "%.2f %d", 1234.5, 6), 9);
  assert_string_equal(text, "1234.50 6");
  assert_true(mixent_number_read("0.25x", &end) == 0.25 && *end == 'x');
  assert_true(mixent_number_read("1,5", &end) == 1 && *end == ',');
  assert_true(mixent_same_word("I-i", "i-I") && !mixent_same_word("I", "l"));
  test_the_host_has_its_locale(NULL); /* it still does */
}

static mixent_status train(const char *run) {
  char data[64], net[64];
  snprintf(data, sizeof data, "%s/data", directory);
  snprintf(net, sizeof net, "%s/small.yaml", directory);
  const mixent_setting settings[] = {{"data", data},       {"net", net},
                                     {"epochs", "2"},      {"batch", "10"},
                                     {"threads", "1"},     {"loss.name", "mix-ent"},
                                     {"loss.w2", "0.125"}, {"validation.fraction", "0.25"}};
  const mixent_train_options options = {
      .settings = settings, .setting_count = sizeof settings / sizeof *settings, .run = run};
  mixent_train_summary summary;
  mixent_status status = mixent_train(&options, &summary);
  mixent_train_summary_free(&summary);
  return status;
}

static void assert_same_file(const char *a, const char *b, const char *name) {
  char path[128], *bytes[2];
  size_t sizes[2];
  for (int i = 0; i < 2; i++) {
    snprintf(path, sizeof path, "%s/%s", i ? b : a, name);
    if (mixent_file_read(path, 1 << 24, &bytes[i], &sizes[i]) != MIXENT_OK)
      fail_msg("%s", mixent_last_error());
  }
  assert_int_equal(sizes[0], sizes[1]);
  assert_memory_equal(bytes[0], bytes[1], sizes[0]);
  free(bytes[0]);
  free(bytes[1]);
}

/* What a run leaves is the same to the byte as in the "C" locale, and each locale's is read in the other. */
static void test_a_run_is_the_same(void **state) {
  (void)state;
  char plain[64], host[64], path[128];
  snprintf(plain, sizeof plain, "%s/plain", directory);
  snprintf(host, sizeof host, "%s/host", directory);
  if (train(host) != MIXENT_OK) fail_msg("%s", mixent_last_error());
  char *locale = strdup(setlocale(LC_ALL, NULL));
  setlocale(LC_ALL, "C");
  mixent_status status = train(plain);
  setlocale(LC_ALL, locale);
  free(locale);
  assert_int_equal(status, MIXENT_OK);
  for (int i = 0; i < 2; i++) {
    const char *run = i ? plain : host;
    mixent_model *model;
    mixent_result *result;
    snprintf(path, sizeof path, "%s/best.safetensors", run);
    if (mixent_model_open(path, &model) != MIXENT_OK) fail_msg("%s", mixent_last_error());
    snprintf(path, sizeof path, "%s/model.onnx", run);
    if (mixent_model_export_onnx(model, path) != MIXENT_OK) fail_msg("%s", mixent_last_error());
    mixent_model_free(model);
    if (mixent_result_read(run, &result) != MIXENT_OK) fail_msg("%s", mixent_last_error());
    mixent_result_free(result);
  }
  static const char *const files[] = {
      "recipe.yaml", "plan.yaml",   "last.safetensors",       "best.safetensors",
      "model.onnx",  "result.json", "predictions.safetensors"};
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) assert_same_file(plain, host, files[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_the_host_has_its_locale),
      cmocka_unit_test(test_numbers),
      cmocka_unit_test(test_a_run_is_the_same),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
