/* The functions of training and of models with a NULL in place of each pointer that must not be, and with models that a caller has
 * filled in badly. null_arguments.c has the others, and checks that none is left out. */
#include "null_arguments.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A model with all it needs, as a caller may fill it in. */
typedef struct filled {
  mixent_model model;
  float parameters[64], mean[1], deviation[1];
  char *names[CLASSES];
  int64_t labels[CLASSES];
} filled;

static void fill(filled *out, mixent_graph *graph) {
  static char first[] = "a", second[] = "b", data[] = "data", recipe[] = "name: by hand\n";
  assert_in_range(mixent_graph_parameter_count(graph), 1, 64);
  *out = (filled){.deviation = {1}, .names = {first, second}, .labels = {0, 1}};
  out->model = (mixent_model){.graph = graph,
                              .parameters = out->parameters,
                              .channels = 1,
                              .side = SIDE,
                              .classes = CLASSES,
                              .class_names = out->names,
                              .labels = out->labels,
                              .mean = out->mean,
                              .deviation = out->deviation,
                              .data = data,
                              .recipe = recipe};
}

static void test_models_filled_in_by_hand(void **state) {
  (void)state;
  static const size_t pointers[] = {offsetof(mixent_model, graph),       offsetof(mixent_model, parameters),
                                    offsetof(mixent_model, mean),        offsetof(mixent_model, deviation),
                                    offsetof(mixent_model, labels),      offsetof(mixent_model, data),
                                    offsetof(mixent_model, class_names), offsetof(mixent_model, recipe)};
  mixent_graph *graph = make_graph();
  filled by_hand;
  mixent_predictor *predictor;
  char path[] = "/tmp/mixent-test-XXXXXX";
  assert_int_not_equal(mkstemp(path), -1);
  fill(&by_hand, graph);
  assert_int_equal(mixent_model_export_onnx(&by_hand.model, path), MIXENT_OK);
  for (size_t i = 0; i < sizeof pointers / sizeof *pointers; i++) {
    fill(&by_hand, graph);
    memset((char *)&by_hand.model + pointers[i], 0, sizeof(void *));
    REFUSES(mixent_model_export_onnx(&by_hand.model, path));
    REFUSES(mixent_model_export_c(&by_hand.model, NULL, path, NULL));
    REFUSES(mixent_model_save(&by_hand.model, path));
    REFUSES(mixent_predictor_create(&by_hand.model, 1, MIXENT_FP32, &predictor));
  }
  fill(&by_hand, graph);
  by_hand.names[1] = NULL;
  REFUSES(mixent_model_export_onnx(&by_hand.model, path));
  fill(&by_hand, graph);
  by_hand.model.classes = 3;
  REFUSES_STRUCT(mixent_model_export_onnx(&by_hand.model, path), "got 16, 1 and 3");
  remove(path);
  mixent_graph_free(graph);
}

/* What would make no probabilities, or a file that nothing reads, is refused before anything is written. */
static void test_models_with_wrong_values(void **state) {
  (void)state;
  static char latin[] = "\xc4";
  static const char path[] = "/tmp/mixent-test-nothing-is-written";
  mixent_graph *graph = make_graph();
  filled by_hand;
  mixent_model *model = &by_hand.model;
  mixent_predictor *predictor;
#define WRONG(change, words)                                                                                 \
  do {                                                                                                       \
    fill(&by_hand, graph);                                                                                   \
    change;                                                                                                  \
    REFUSES_STRUCT(mixent_model_export_onnx(model, path), words);                                            \
    REFUSES_STRUCT(mixent_model_export_c(model, NULL, path, NULL), words);                                   \
    REFUSES_STRUCT(mixent_model_save(model, path), words);                                                   \
    REFUSES_STRUCT(mixent_predictor_create(model, 1, MIXENT_FP32, &predictor), words);                       \
  } while (0)
  WRONG(by_hand.mean[0] = NAN, "got nan and 1");
  WRONG(by_hand.deviation[0] = 0, "got 0 and 0");
  WRONG(by_hand.deviation[0] = -1, "got 0 and -1");
  WRONG(by_hand.deviation[0] = INFINITY, "got 0 and inf");
  WRONG(model->temperature = NAN, "model: temperature: expected 0 or a number from 1e-06 to 1e+06, got nan");
  WRONG(model->temperature = 1e300, "got 1e+300"); /* infinite as a float */
  WRONG(model->temperature = 1e-50, "got 1e-50");  /* 0 as a float */
  WRONG(model->fitted_temperature = -1, "model: fitted_temperature: expected 0");
  WRONG(by_hand.names[1] = latin, "the name of class 1: expected UTF-8");
  WRONG(model->fit = (mixent_fit)99, "got 99 and 0");
  WRONG(model->background = (mixent_background)-1, "got 0 and -1");
#undef WRONG
  static const double epochs[] = {NAN, -1, 2.5, 1e300};
  for (size_t i = 0; i < sizeof epochs / sizeof *epochs; i++) {
    fill(&by_hand, graph);
    model->epoch = epochs[i];
    REFUSES_STRUCT(mixent_model_save(model, path), "model: epoch: expected a whole number from 0 to");
  }
  fill(&by_hand, graph);
  model->loss.value[1] = INFINITY;
  assert_int_equal(mixent_model_save(model, path), MIXENT_ERROR_NUMERIC);
  assert_int_equal(access(path, F_OK), -1);
  mixent_graph_free(graph);
}

/* 1e-44 / 127 is 0: no weight is divided by it. */
static void test_weights_too_small_for_a_scale(void **state) {
  (void)state;
  mixent_graph *graph = make_graph();
  filled by_hand;
  char path[] = "/tmp/mixent-test-XXXXXX", text[1 << 14] = "";
  assert_int_not_equal(mkstemp(path), -1);
  fill(&by_hand, graph);
  for (size_t i = 0; i < mixent_graph_parameter_count(graph); i++) by_hand.parameters[i] = 1e-44F;
  assert_int_equal(mixent_model_export_c(&by_hand.model, &(mixent_c_options){.int8 = true}, path, NULL),
                   MIXENT_OK);
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  assert_true(fread(text, 1, sizeof text - 1, file) > 0 && fgetc(file) == EOF);
  fclose(file);
  remove(path);
  const char *scale = strstr(text, "static const float scale_");
  assert_non_null(scale);
  assert_non_null(strstr(scale, "= {\n    1.0f"));
  mixent_graph_free(graph);
}

static void test_train(void **state) {
  (void)state;
  mixent_graph *graph = make_graph();
  filled by_hand;
  fill(&by_hand, graph);
  const mixent_model *model = &by_hand.model;
  const mixent_train_options options = {.recipe = "demo"}, unset = {.setting_count = 1};
  mixent_train_summary summary;
  mixent_model *out;
  mixent_predictor *predictor;
  mixent_scores scores;
  mixent_dataset empty = {0};
  const mixent_train_options by_hand_data = {.recipe = "demo", .dataset = &empty};
  uint8_t pixels[SIDE * SIDE] = {0};
  float probabilities[CLASSES];
  int views;
  REFUSES(mixent_train(NULL, &summary));
  REFUSES(mixent_train(&options, NULL));
  REFUSES(mixent_train(&unset, &summary));
  const mixent_setting lacks[] = {{NULL, "1"}, {"epochs", NULL}};
  for (int i = 0; i < 2; i++)
    REFUSES(mixent_train(&(mixent_train_options){.settings = &lacks[i], .setting_count = 1}, &summary));
  REFUSES(mixent_train_resume(NULL, &options, &summary));
  REFUSES(mixent_train_resume("x", NULL, &summary));
  REFUSES(mixent_train_resume("x", &options, NULL));
  REFUSES(mixent_model_open(NULL, &out));
  REFUSES(mixent_model_open("x", NULL));
  REFUSES(mixent_model_check_dataset(NULL, &empty));
  REFUSES(mixent_model_check_dataset(model, NULL));
  REFUSES(mixent_model_check_dataset(model, &empty));
  REFUSES(mixent_model_score(NULL, &empty, MIXENT_PART_TEST, MIXENT_FP32, 1, NULL, &scores));
  REFUSES(mixent_model_score(model, NULL, MIXENT_PART_TEST, MIXENT_FP32, 1, NULL, &scores));
  REFUSES(mixent_model_score(model, &empty, MIXENT_PART_TEST, MIXENT_FP32, 1, NULL, NULL));
  REFUSES(mixent_model_views(NULL, &views));
  REFUSES(mixent_model_views(model, NULL));
  REFUSES(mixent_predictor_create(NULL, 1, MIXENT_FP32, &predictor));
  REFUSES_STRUCT(mixent_predictor_create(model, 1, (mixent_precision)99, &predictor), "precision");
  REFUSES(mixent_predictor_create(model, 1, MIXENT_FP32, NULL));
  REFUSES(mixent_predictor_run(NULL, pixels, 1, NULL, probabilities));
  REFUSES(mixent_predictor_run_features(NULL, probabilities, 1, NULL, probabilities));
  REFUSES(mixent_model_predict(NULL, pixels, 1, MIXENT_FP32, 1, probabilities));
  REFUSES(mixent_model_predict(model, NULL, 1, MIXENT_FP32, 1, probabilities));
  REFUSES(mixent_model_predict(model, pixels, 1, MIXENT_FP32, 1, NULL));
  REFUSES(mixent_model_export_onnx(NULL, "x.onnx"));
  REFUSES(mixent_model_export_onnx(model, NULL));
  REFUSES(mixent_model_save(NULL, "x.safetensors"));
  REFUSES(mixent_model_save(model, NULL));
  REFUSES_STRUCT(mixent_model_save(model, ""), "expected the name of a file to write, got ''");
  REFUSES(mixent_train(&by_hand_data, &summary));
  REFUSES(mixent_train_resume("x", &by_hand_data, &summary));
  REFUSES(mixent_model_export_c(NULL, NULL, "x.c", NULL));
  REFUSES(mixent_model_export_c(model, NULL, NULL, NULL));
  REFUSES_STRUCT(mixent_model_export_c(model, &(mixent_c_options){.prefix = ""}, "x.c", NULL), "got ''");
  assert_int_equal(mixent_predictor_create(model, 1, MIXENT_FP32, &predictor), MIXENT_OK);
  REFUSES(mixent_predictor_run(predictor, NULL, 1, NULL, probabilities));
  REFUSES(mixent_predictor_run_features(predictor, NULL, 1, NULL, probabilities));
  mixent_predictor_free(predictor);
  mixent_graph_free(graph);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_train), cmocka_unit_test(test_models_filled_in_by_hand),
      cmocka_unit_test(test_models_with_wrong_values), cmocka_unit_test(test_weights_too_small_for_a_scale)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
