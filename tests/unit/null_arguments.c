/* Every public function with a NULL in place of each pointer that must not be, and with structs that a caller has filled in badly:
 * a status and a message, never a crash. Training and models: null_arguments_models.c. */
#include "null_arguments.h"
#include "mixent/statistics.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

/* As REFUSES, of a function without a status. */
#define GIVES_NOTHING(call)                                                                                  \
  do {                                                                                                       \
    assert_false(call);                                                                                      \
    if (!strstr(mixent_last_error(), "is NULL")) fail_msg("%s: %s", #call, mixent_last_error());             \
    forget();                                                                                                \
  } while (0)
#define DOES_NOTHING(call) GIVES_NOTHING(((call), 0))

enum { ROWS = 4 };

/* Another message, so that the next one is known to be new. */
static void forget(void) {
  mixent_dataset *none;
  assert_int_not_equal(mixent_dataset_open("/nowhere/at/all", NULL, &none), MIXENT_OK);
}

static void test_data(void **state) {
  (void)state;
  mixent_dataset *dataset;
  mixent_images out, rows = {.count = 1, .side = 1, .channels = 1};
  char *place;
  uint8_t pixels[ROWS * SIDE * SIDE] = {0}, scratch[SIDE * SIDE];
  int32_t labels[ROWS] = {0, 1, 0, 1};
  uint32_t indices[ROWS] = {0, 1, 2, 3};
  float mean[1] = {0}, deviation[1] = {1}, batch[SIDE * SIDE];
  mixent_images images = {.count = ROWS, .side = SIDE, .channels = 1, .pixels = pixels, .labels = labels},
                bad = images;
  const char *const names[1] = {NULL};
  REFUSES(mixent_dataset_open(NULL, NULL, &dataset));
  REFUSES(mixent_dataset_open("x", NULL, NULL));
  REFUSES(mixent_features_read(NULL, NULL, NULL, 1, &out, NULL));
  REFUSES(mixent_features_read("x", NULL, NULL, 1, NULL, NULL));
  REFUSES(mixent_features_read("x", NULL, names, 1, &out, NULL));
  REFUSES_STRUCT(mixent_features_read("x", NULL, NULL, -1, &out, NULL), "expected 1 to");
  REFUSES(mixent_dataset_find(NULL, NULL, &place));
  REFUSES(mixent_dataset_find("x", NULL, NULL));
  REFUSES(mixent_dataset_borrow(NULL, &dataset));
  REFUSES(mixent_dataset_borrow(&(mixent_dataset_arrays){0}, NULL));
  mixent_split split;
  REFUSES(mixent_split_make(NULL, CLASSES, 0.5, 0, 0, &split));
  REFUSES(mixent_split_make(&images, CLASSES, 0.5, 0, 0, NULL));
  REFUSES(mixent_split_fold(NULL, CLASSES, 2, 0, 0, &split));
  REFUSES(mixent_split_fold(&images, CLASSES, 2, 0, 0, NULL));
  bad.labels = NULL;
  REFUSES(mixent_split_make(&bad, CLASSES, 0.5, 0, 0, &split));
  bad = images, bad.pixels = NULL;
  REFUSES_STRUCT(mixent_images_cut(&bad, CLASSES, &out), "got neither");
  bad = images, bad.side = 0;
  REFUSES_STRUCT(mixent_images_cut(&bad, CLASSES, &out), "side");
  bad = images, bad.features = mean;
  REFUSES_STRUCT(mixent_images_cut(&bad, CLASSES, &out), "got both");
  bad.pixels = NULL;
  REFUSES_STRUCT(mixent_images_cut(&bad, CLASSES, &out), "expected side 1");
  split = (mixent_split){.train = indices, .train_count = ROWS};
  REFUSES(mixent_split_thin(NULL, CLASSES, 0.5, 0, &split));
  REFUSES(mixent_split_thin(&images, CLASSES, 0.5, 0, NULL));
  REFUSES(mixent_split_thin(&images, CLASSES, 0.5, 0, &(mixent_split){.train_count = 1}));
  indices[1] = ROWS;
  REFUSES_STRUCT(mixent_split_thin(&images, CLASSES, 0.5, 0, &split), "below 4");
  REFUSES_STRUCT(mixent_contact_sheet_write("x.png", &images, indices, 2, NULL, 1, 1), "below 4");
  indices[1] = 1;
  REFUSES(mixent_contact_sheet_write(NULL, &images, indices, 1, NULL, 1, 1));
  REFUSES(mixent_contact_sheet_write("x.png", NULL, indices, 1, NULL, 1, 1));
  REFUSES(mixent_contact_sheet_write("x.png", &images, NULL, 1, NULL, 1, 1));
  REFUSES(mixent_images_cut(NULL, CLASSES, &out));
  REFUSES(mixent_images_cut(&images, CLASSES, NULL));
  REFUSES(mixent_image_read(NULL, SIDE, 1, MIXENT_FIT_CROP, MIXENT_BACKGROUND_CONTRAST, pixels));
  REFUSES(mixent_image_read("x", SIDE, 1, MIXENT_FIT_CROP, MIXENT_BACKGROUND_CONTRAST, NULL));
  REFUSES(mixent_dataset_fetch(NULL, NULL, NULL, NULL, NULL));
  forget();
  DOES_NOTHING(mixent_labels_spoil(NULL, 1, CLASSES, 0.5, 0));
  DOES_NOTHING(mixent_images_moments(NULL, indices, 1, mean, deviation));
  DOES_NOTHING(mixent_images_moments(&images, NULL, 1, mean, deviation));
  DOES_NOTHING(mixent_images_moments(&images, indices, 1, NULL, deviation));
  DOES_NOTHING(mixent_images_moments(&images, indices, 1, mean, NULL));
  mixent_images_moments(&rows, indices, 1, mean, deviation);
  assert_non_null(strstr(mixent_last_error(), "got neither"));
  DOES_NOTHING(mixent_transform_draw(NULL, SIDE, 0, 0, 0));
  const mixent_transform none = mixent_view(0);
  DOES_NOTHING(mixent_transform_apply(NULL, SIDE, 1, pixels, scratch, scratch));
  DOES_NOTHING(mixent_transform_apply(&none, SIDE, 1, NULL, scratch, scratch));
  DOES_NOTHING(mixent_transform_apply(&none, SIDE, 1, pixels, NULL, scratch));
  DOES_NOTHING(mixent_transform_apply(&none, SIDE, 1, pixels, scratch, NULL));
  DOES_NOTHING(mixent_order_draw(0, 0, NULL, 1));
  DOES_NOTHING(mixent_batch_fill(NULL, indices, 1, NULL, 0, 0, mean, deviation, batch));
  DOES_NOTHING(mixent_batch_fill(&images, NULL, 1, NULL, 0, 0, mean, deviation, batch));
  DOES_NOTHING(mixent_batch_fill(&images, indices, 1, NULL, 0, 0, NULL, deviation, batch));
  DOES_NOTHING(mixent_batch_fill(&images, indices, 1, NULL, 0, 0, mean, NULL, batch));
  DOES_NOTHING(mixent_batch_fill(&images, indices, 1, NULL, 0, 0, mean, deviation, NULL));
  DOES_NOTHING(mixent_batch_view(NULL, indices, 1, 0, mean, deviation, batch));
  DOES_NOTHING(mixent_batch_view(&images, NULL, 1, 0, mean, deviation, batch));
  DOES_NOTHING(mixent_batch_view(&images, indices, 1, 0, mean, deviation, NULL));
  GIVES_NOTHING(mixent_image_is_negative(NULL, SIDE, 1, mean));
  GIVES_NOTHING(mixent_image_is_negative(pixels, SIDE, 1, NULL));
  DOES_NOTHING(mixent_image_invert(NULL, 1));
}

static void test_what_frees(void **state) {
  (void)state;
  mixent_dataset_free(NULL);
  mixent_encoder_free(NULL);
  mixent_images_free(NULL);
  mixent_broken_files_free(NULL);
  mixent_split_free(NULL);
  mixent_graph_free(NULL);
  mixent_net_free(NULL);
  mixent_train_summary_free(NULL);
  mixent_model_free(NULL);
  mixent_predictor_free(NULL);
}

static void test_net(void **state) {
  (void)state;
  mixent_graph *graph = make_graph(), *out;
  mixent_net *net;
  mixent_net_step step;
  size_t count;
  float values[64] = {0};
  const mixent_net_options options = {.batch = 1};
  const mixent_net_choice choice = {"conv", NULL, "direct"};
  REFUSES(mixent_graph_open(NULL, &shape, &out));
  REFUSES(mixent_graph_open("vgg5", NULL, &out));
  REFUSES(mixent_graph_open("vgg5", &shape, NULL));
  REFUSES(mixent_graph_parse(NULL, "small", &shape, &out));
  REFUSES(mixent_graph_parse(net_text, NULL, &shape, &out));
  REFUSES(mixent_graph_parse(net_text, "small", NULL, &out));
  REFUSES(mixent_graph_parse(net_text, "small", &shape, NULL));
  REFUSES(mixent_net_create(NULL, &options, &net));
  REFUSES(mixent_net_create(graph, NULL, &net));
  REFUSES(mixent_net_create(graph, &options, NULL));
  REFUSES(mixent_net_create(graph, &(mixent_net_options){.batch = 1, .choice_count = 1}, &net));
  REFUSES(mixent_net_create(graph, &(mixent_net_options){.batch = 1, .choices = &choice, .choice_count = 1},
                            &net));
  REFUSES(mixent_net_forward(NULL, MIXENT_EVALUATE, 0, 0));
  REFUSES(mixent_net_backward(NULL));
  forget();
  GIVES_NOTHING(mixent_graph_text(NULL));
  GIVES_NOTHING(mixent_graph_name(NULL));
  GIVES_NOTHING(mixent_graph_parameter_count(NULL));
  GIVES_NOTHING(mixent_graph_statistic_count(NULL));
  GIVES_NOTHING(mixent_graph_parameters(NULL, &count));
  GIVES_NOTHING(mixent_graph_parameters(graph, NULL));
  GIVES_NOTHING(mixent_graph_statistics(NULL, &count));
  GIVES_NOTHING(mixent_graph_statistics(graph, NULL));
  DOES_NOTHING(mixent_graph_initialize(NULL, 0, values, values));
  DOES_NOTHING(mixent_graph_initialize(graph, 0, NULL, values));
  GIVES_NOTHING(mixent_net_parameters(NULL));
  GIVES_NOTHING(mixent_net_statistics(NULL));
  GIVES_NOTHING(mixent_net_gradients(NULL));
  GIVES_NOTHING(mixent_net_input(NULL));
  GIVES_NOTHING(mixent_net_logits(NULL));
  GIVES_NOTHING(mixent_net_logits_gradient(NULL));
  GIVES_NOTHING(mixent_net_memory(NULL));
  GIVES_NOTHING(mixent_net_plan_text(NULL));
  GIVES_NOTHING(mixent_net_step_get(NULL, 0, &step));
  DOES_NOTHING(mixent_net_use(NULL, NULL, NULL));
  DOES_NOTHING(mixent_net_time_steps(NULL));
  DOES_NOTHING(mixent_net_watch_gradients(NULL, NULL, NULL));
  mixent_graph_free(graph);
}

static void ignore(void *context, mixent_warning warning, const char *message) {
  (void)context, (void)warning, (void)message;
}

static void test_loss(void **state) {
  (void)state;
  float numbers[CLASSES] = {0};
  int32_t label = 0;
  const mixent_loss_options options = mixent_loss_defaults(MIXENT_LOSS_MIN_ENT);
  mixent_loss_state at = mixent_loss_start(&options);
  const mixent_loss_rule rule = mixent_loss_rule_of(&options, &at, 0);
  const mixent_loss_batch batch = {.rows = 1,
                                   .classes = CLASSES,
                                   .logits = {.data = numbers},
                                   .labels = {.data = &label, .type = MIXENT_INT32}};
  mixent_loss_result result = {0};
  mixent_monitor monitor = {0};
  const mixent_observation seen = {0};
  double w[MIXENT_LOSS_PARTS], terms[MIXENT_TERMS] = {0}, gradient[MIXENT_LOSS_PARAMETERS];
  REFUSES(mixent_loss_evaluate(NULL, &rule, NULL, &result));
  REFUSES(mixent_loss_evaluate(&batch, NULL, NULL, &result));
  REFUSES(mixent_loss_evaluate(&batch, &rule, NULL, NULL));
  REFUSES(mixent_loss_check(NULL));
  forget();
  DOES_NOTHING(mixent_loss_start(NULL));
  DOES_NOTHING(mixent_loss_clamp(NULL, &at));
  DOES_NOTHING(mixent_loss_clamp(&options, NULL));
  DOES_NOTHING(mixent_loss_weights(NULL, &at, 0, w));
  DOES_NOTHING(mixent_loss_weights(&options, NULL, 0, w));
  DOES_NOTHING(mixent_loss_weights(&options, &at, 0, NULL));
  DOES_NOTHING(mixent_loss_rule_of(NULL, &at, 0));
  DOES_NOTHING(mixent_loss_rule_of(&options, NULL, 0));
  GIVES_NOTHING(mixent_loss_value(NULL, &at, 0, terms, gradient) != 0);
  GIVES_NOTHING(mixent_loss_value(&options, NULL, 0, terms, gradient) != 0);
  GIVES_NOTHING(mixent_loss_value(&options, &at, 0, NULL, gradient) != 0);
  GIVES_NOTHING(mixent_loss_value(&options, &at, 0, terms, NULL) != 0);
  GIVES_NOTHING(mixent_loss_hypergradient(1, NULL, numbers, NULL, 0.1, 1) != 0);
  GIVES_NOTHING(mixent_loss_hypergradient(1, numbers, NULL, NULL, 0.1, 1) != 0);
  GIVES_NOTHING(mixent_loss_parts(MIXENT_LOSS_CE, NULL));
  mixent_term parts[MIXENT_LOSS_PARTS];
  assert_int_equal(mixent_loss_parts((mixent_loss_kind)99, parts), 0);
  const mixent_loss_options unknown = mixent_loss_defaults((mixent_loss_kind)99);
  REFUSES_STRUCT(mixent_loss_check(&unknown), "no kind 99");
  DOES_NOTHING(mixent_monitor_observe(NULL, &options, &at, &seen, ignore, NULL));
  DOES_NOTHING(mixent_monitor_observe(&monitor, NULL, &at, &seen, ignore, NULL));
  DOES_NOTHING(mixent_monitor_observe(&monitor, &options, NULL, &seen, ignore, NULL));
  DOES_NOTHING(mixent_monitor_observe(&monitor, &options, &at, NULL, ignore, NULL));
  DOES_NOTHING(mixent_monitor_observe(&monitor, &options, &at, &seen, NULL, NULL));
  assert_int_equal(mixent_type_size((mixent_type)99), 0);
}

static void test_statistics(void **state) {
  (void)state;
  const double values[] = {1, 2, 3};
  const uint8_t right[] = {1, 0, 1}, *const rows[] = {right, right}, *const none[] = {right, NULL};
  const float logits[] = {1, 2};
  const int32_t labels[] = {1};
  const mixent_crossed runs = {rows, rows, 2}, lacks = {rows, none, 2}, unset = {.seeds = 2};
  const mixent_bootstrap_options options = {.images = 3, .replicates = 100, .confidence = 0.95};
  const mixent_predictions predictions = {logits, labels, 1, 2}, no_logits = {NULL, labels, 1, 2},
                           no_labels = {logits, NULL, 1, 2};
  double p[] = {0.1}, number;
  size_t count;
  mixent_sample sample;
  mixent_paired paired;
  mixent_mcnemar mcnemar;
  mixent_accuracy_difference difference;
  mixent_bootstrap bootstrap;
  mixent_calibration calibration;
  mixent_temperature temperature;
  REFUSES(mixent_sample_describe(NULL, 3, 0.95, &sample));
  REFUSES(mixent_sample_describe(values, 3, 0.95, NULL));
  REFUSES(mixent_paired_compare(NULL, values, 3, 0.95, &paired));
  REFUSES(mixent_paired_compare(values, NULL, 3, 0.95, &paired));
  REFUSES(mixent_paired_compare(values, values, 3, 0.95, NULL));
  REFUSES(mixent_holm_adjust(NULL, 1, p));
  REFUSES(mixent_holm_adjust(p, 1, NULL));
  REFUSES(mixent_mcnemar_test(NULL, right, 3, &mcnemar));
  REFUSES(mixent_mcnemar_test(right, NULL, 3, &mcnemar));
  REFUSES(mixent_mcnemar_test(right, right, 3, NULL));
  REFUSES(mixent_accuracy_compare(NULL, right, 3, &difference));
  REFUSES(mixent_accuracy_compare(right, NULL, 3, &difference));
  REFUSES(mixent_accuracy_compare(right, right, 3, NULL));
  REFUSES_STRUCT(mixent_accuracy_compare(right, right, 0, &difference), "at least 1 image");
  REFUSES(mixent_power_of_seeds(3, 1, 1, 0.05, NULL));
  REFUSES(mixent_power_least_seeds(1, 1, 0.05, 0.8, NULL));
  REFUSES(mixent_power_least_difference(3, 1, 0.05, 0.8, NULL));
  REFUSES(mixent_power_least_shift(3, 0.05, 0.8, NULL));
  REFUSES(mixent_bootstrap_crossed(NULL, 1, &options, &bootstrap));
  REFUSES(mixent_bootstrap_crossed(&runs, 1, NULL, &bootstrap));
  REFUSES(mixent_bootstrap_crossed(&runs, 1, &options, NULL));
  REFUSES(mixent_bootstrap_crossed(&unset, 1, &options, &bootstrap));
  REFUSES(mixent_bootstrap_crossed(&lacks, 1, &options, &bootstrap));
  const size_t counts[] = {3};
  const mixent_score_table scores = {values, counts, 1}, no_values = {NULL, counts, 1},
                           no_counts = {values, NULL, 1};
  const mixent_resampling resampling = {0, 100, 0.95};
  const int64_t seeds[] = {1, 1, 2}, *const factors[] = {seeds}, *const no_factor[] = {NULL};
  mixent_difference apart;
  mixent_equivalence equivalence;
  mixent_estimate estimate;
  mixent_component components[2];
  REFUSES(mixent_unpaired_compare(NULL, 3, values, 3, 0.95, &apart));
  REFUSES(mixent_unpaired_compare(values, 3, NULL, 3, 0.95, &apart));
  REFUSES(mixent_unpaired_compare(values, 3, values, 3, 0.95, NULL));
  REFUSES(mixent_resampled_compare(NULL, values, 3, 0.1, 0.95, &apart));
  REFUSES(mixent_resampled_compare(values, NULL, 3, 0.1, 0.95, &apart));
  REFUSES(mixent_resampled_compare(values, values, 3, 0.1, 0.95, NULL));
  REFUSES(mixent_equivalence_test(0, 1, 3, 1, NULL));
  REFUSES_STRUCT(mixent_equivalence_test(0, 1, 3, -1, &equivalence), "margin");
  REFUSES(mixent_improvement_measure(NULL, &scores, &resampling, &estimate));
  REFUSES(mixent_improvement_measure(&scores, NULL, &resampling, &estimate));
  REFUSES(mixent_improvement_measure(&scores, &scores, NULL, &estimate));
  REFUSES(mixent_improvement_measure(&scores, &scores, &resampling, NULL));
  REFUSES(mixent_improvement_measure(&scores, &no_values, &resampling, &estimate));
  REFUSES(mixent_interquartile_measure(NULL, &resampling, &estimate));
  REFUSES(mixent_interquartile_measure(&no_counts, &resampling, &estimate));
  REFUSES(mixent_interquartile_measure(&scores, NULL, &estimate));
  REFUSES(mixent_interquartile_measure(&scores, &resampling, NULL));
  REFUSES(mixent_profile_measure(NULL, values, 3, &resampling, &estimate));
  REFUSES(mixent_profile_measure(&scores, NULL, 3, &resampling, &estimate));
  REFUSES(mixent_profile_measure(&scores, values, 3, NULL, &estimate));
  REFUSES(mixent_profile_measure(&scores, values, 3, &resampling, NULL));
  REFUSES(mixent_components_measure(NULL, 3, factors, 1, components));
  REFUSES(mixent_components_measure(values, 3, NULL, 1, components));
  REFUSES(mixent_components_measure(values, 3, no_factor, 1, components));
  REFUSES(mixent_components_measure(values, 3, factors, 1, NULL));
  REFUSES(mixent_calibration_measure(NULL, 1, NULL, &calibration));
  REFUSES(mixent_calibration_measure(&predictions, 1, NULL, NULL));
  REFUSES(mixent_calibration_measure(&no_logits, 1, NULL, &calibration));
  REFUSES(mixent_calibration_measure(&no_labels, 1, NULL, &calibration));
  REFUSES(mixent_temperature_fit(NULL, &temperature));
  REFUSES(mixent_temperature_fit(&predictions, NULL));
  REFUSES(mixent_temperature_fit(&no_labels, &temperature));
  assert_int_equal(mixent_power_of_seeds(3, 1, 1, 0.05, &number), MIXENT_OK);
  assert_int_equal(mixent_power_least_seeds(1, 1, 0.05, 0.8, &count), MIXENT_OK);
}

/* Functions of the public headers that have no pointer, or whose result alone tells of a failure. */
static bool has_nothing_to_check(const char *name) {
  static const char *const names[] = {"mixent_last_error",
                                      "mixent_version",
                                      "mixent_dataset_names",
                                      "mixent_view",
                                      "mixent_loss_cpu",
                                      "mixent_graph_names",
                                      "mixent_net_bf16_is_native",
                                      "mixent_loss_rule_defaults",
                                      NULL};
  size_t i = 0;
  while (names[i] && strcmp(names[i], name) != 0) i++;
  return names[i];
}

static char *read_whole(const char *path) {
  char *text = calloc(1, 1 << 20);
  FILE *stream = fopen(path, "r");
  assert_non_null(text);
  if (!stream) fail_msg("%s", path);
  assert_in_range(fread(text, 1, (1 << 20) - 1, stream), 1, (1 << 20) - 2);
  fclose(stream);
  return text;
}

/* Whether these files call every function that the headers declare: a new one is to be added to them. */
static void test_all_functions_are_called(void **state) {
  (void)state;
  DIR *directory = opendir("include/mixent");
  const struct dirent *entry;
  char *own = read_whole("tests/unit/null_arguments.c"),
       *of_models = read_whole("tests/unit/null_arguments_models.c");
  int found = 0;
  assert_non_null(directory);
  while ((entry = readdir(directory)) != NULL) {
    char path[300], name[128];
    if (entry->d_name[0] == '.') continue;
    snprintf(path, sizeof path, "include/mixent/%s", entry->d_name);
    char *header = read_whole(path);
    for (char *line = strtok(header, "\n"); line; line = strtok(NULL, "\n")) {
      char *begin = strstr(line, "mixent_"), *end = begin ? strchr(begin, '(') : NULL;
      if (!end || strchr("/ *}#\t", line[0]) || strncmp(line, "typedef", 7) == 0) continue;
      for (begin = end; begin > line && strchr("abcdefghijklmnopqrstuvwxyz0123456789_", begin[-1]);) begin--;
      snprintf(name, sizeof name, "%.*s", (int)(end - begin), begin);
      if (has_nothing_to_check(name)) continue;
      found++;
      strcat(name, "(");
      if (!strstr(own, name) && !strstr(of_models, name))
        fail_msg("%s: %s) is not called here with NULL", path, name);
    }
    free(header);
  }
  closedir(directory);
  free(own);
  free(of_models);
  assert_in_range(found, 70, 200);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_data),       cmocka_unit_test(test_what_frees),
      cmocka_unit_test(test_net),        cmocka_unit_test(test_loss),
      cmocka_unit_test(test_statistics), cmocka_unit_test(test_all_functions_are_called)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
