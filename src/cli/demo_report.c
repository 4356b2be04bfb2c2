/* What the demo's two networks predict for the test images: the table, the paired comparison, the contact
 * sheet. */
#include "cli/demo_report.h"
#include "cli/model.h"
#include "cli/sheet.h"
#include "cli/terminal.h"
#include "core/memory.h"
#include "core/printable.h"
#include "mixent/statistics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { SHEET_IMAGES = 96, SHEET_COLUMNS = 12 };

static int32_t find_largest(const float *values, int count) {
  int best = 0;
  for (int k = 1; k < count; k++)
    if (values[k] > values[best]) best = k;
  return best;
}

/* predicted [images->count]: the most likely class of each image. */
static mixent_status predict_images(const mixent_model *model, const mixent_images *images,
                                    int32_t *predicted) {
  size_t classes = (size_t)model->classes;
  float *probabilities;
  mixent_precision precision;
  MIXENT_TRY(mixent_precision_choose(0, model, &precision));
  MIXENT_TRY(MIXENT_ALLOCATE(images->count * classes, &probabilities));
  mixent_status status =
      mixent_model_predict(model, images->pixels, images->count, precision, 0, probabilities);
  for (size_t i = 0; i < images->count && status == MIXENT_OK; i++)
    predicted[i] = find_largest(probabilities + i * classes, model->classes);
  free(probabilities);
  return status;
}

static mixent_status predict_run(const char *run, const mixent_images *images, int32_t *predicted) {
  mixent_text path = {0};
  mixent_text_append(&path, "%s/best.safetensors", run);
  mixent_status status = mixent_text_status(&path);
  mixent_model *model = NULL;
  if (status == MIXENT_OK) status = mixent_model_open(path.data, &model);
  if (status == MIXENT_OK) status = predict_images(model, images, predicted);
  mixent_model_free(model);
  mixent_text_free(&path);
  return status;
}

static void print_scores(const char *const *losses, const mixent_train_summary *summaries) {
  mixent_table table = {.columns = 8,
                        .titles = {"loss", "test %", "NLL", "ECE", "Brier", "entropy", "images/s", "seconds"},
                        .left = {true}};
  for (int i = 0; i < MIXENT_DEMO_RUNS; i++) {
    const mixent_scores *test = &summaries[i].test;
    mixent_table_add(&table, "%s", losses[i]);
    mixent_table_add(&table, "%.2f", 100 * test->accuracy);
    mixent_table_add(&table, "%.4f", test->nll);
    mixent_table_add(&table, "%.4f", test->ece);
    mixent_table_add(&table, "%.4f", test->brier);
    mixent_table_add(&table, "%.4f", test->entropy);
    mixent_table_add(&table, "%.0f", summaries[i].images_per_second);
    mixent_table_add(&table, "%.0f", summaries[i].seconds);
  }
  putchar('\n');
  mixent_table_print(&table, stdout);
  mixent_table_free(&table);
}

/* right [images->count]: 1 where the prediction is the label. */
static mixent_status mark_right(const mixent_images *images, const int32_t *predicted, uint8_t **right) {
  MIXENT_TRY(MIXENT_ALLOCATE(images->count, right));
  for (size_t i = 0; i < images->count; i++) (*right)[i] = predicted[i] == images->labels[i];
  return MIXENT_OK;
}

static mixent_status compare_runs(const mixent_images *images, int32_t *const *predicted,
                                  mixent_accuracy_difference *out) {
  uint8_t *right[MIXENT_DEMO_RUNS] = {NULL};
  mixent_status status = MIXENT_OK;
  for (int i = 0; i < MIXENT_DEMO_RUNS && status == MIXENT_OK; i++)
    status = mark_right(images, predicted[i], &right[i]);
  if (status == MIXENT_OK) status = mixent_accuracy_compare(right[1], right[0], images->count, out);
  for (int i = 0; i < MIXENT_DEMO_RUNS; i++) free(right[i]);
  return status;
}

static mixent_status print_difference(const char *const *losses, const mixent_images *images,
                                      int32_t *const *predicted) {
  mixent_accuracy_difference found;
  MIXENT_TRY(compare_runs(images, predicted, &found));
  double difference = found.difference, deviation = found.error;
  char text[1024];
  int length = snprintf(
      text, sizeof text,
      "%s gets %.2f points %s than %s. Of the %s test images %zu are right with %s alone and %zu with %s "
      "alone, so the standard error of this difference is %.2f points: ",
      losses[1], 100 * fabs(difference), difference < 0 ? "less" : "more", losses[0],
      mixent_text_count(images->count), found.only_a, losses[1], found.only_b, losses[0], 100 * deviation);
  if (fabs(difference) < 2 * deviation || deviation == 0)
    snprintf(text + length, sizeof text - (size_t)length,
             "it is within two of them, and says nothing about which loss is better. Only many seeds could.");
  else
    snprintf(
        text + length, sizeof text - (size_t)length,
        "it is %.1f of them, more than these test images explain. But it is one seed; another moves both "
        "accuracies, and only many could tell which loss is better.",
        fabs(difference) / deviation);
  putchar('\n');
  mixent_wrapped_print(stdout, 0, 0, text);
  return MIXENT_OK;
}

/* The caption of a test image: its class where it was recognised, else marked "truth>predicted". */
static void write_caption(const mixent_dataset *dataset, uint32_t index, int32_t predicted,
                          mixent_text *out) {
  int32_t truth = dataset->test.labels[index];
  if (predicted == truth)
    mixent_text_append(out, "%s", dataset->class_names[truth]);
  else
    mixent_text_append(out, "!%s>%s", dataset->class_names[truth], dataset->class_names[predicted]);
}

/* Test images drawn at random, so that the sheet shows as many mistakes as there are. */
static mixent_status write_sheet(const mixent_dataset *dataset, const int32_t *predicted, const char *loss,
                                 const char *path) {
  const mixent_images *images = &dataset->test;
  size_t count = images->count < SHEET_IMAGES ? images->count : SHEET_IMAGES;
  uint32_t *order;
  MIXENT_TRY(MIXENT_ALLOCATE(images->count, &order));
  mixent_order_draw(0, 0, order, images->count);
  mixent_text captions[SHEET_IMAGES] = {0};
  const char *texts[SHEET_IMAGES];
  mixent_status status = MIXENT_OK;
  for (size_t i = 0; i < count && status == MIXENT_OK; i++) {
    write_caption(dataset, order[i], predicted[order[i]], &captions[i]);
    status = mixent_text_status(&captions[i]);
    texts[i] = captions[i].data;
  }
  if (status == MIXENT_OK)
    status = mixent_contact_sheet_write(path, images, order, count, texts, SHEET_COLUMNS,
                                        mixent_sheet_scale(images->side));
  for (size_t i = 0; i < count; i++) mixent_text_free(&captions[i]);
  free(order);
  if (status == MIXENT_OK)
    printf("\n%s shows %zu test images with what the %s network says; mistakes are framed and read "
           "truth>said.\n",
           mixent_printable(path), count, loss);
  return status;
}

mixent_status mixent_demo_report(const mixent_dataset *dataset, const char *const losses[MIXENT_DEMO_RUNS],
                                 const mixent_train_summary summaries[MIXENT_DEMO_RUNS], const char *sheet) {
  const mixent_images *images = &dataset->test;
  int32_t *predicted[MIXENT_DEMO_RUNS] = {0};
  mixent_status status = MIXENT_OK;
  for (int i = 0; i < MIXENT_DEMO_RUNS && status == MIXENT_OK; i++) {
    status = MIXENT_ALLOCATE(images->count, &predicted[i]);
    if (status == MIXENT_OK) status = predict_run(summaries[i].run, images, predicted[i]);
  }
  if (status == MIXENT_OK) {
    print_scores(losses, summaries);
    status = print_difference(losses, images, predicted);
  }
  if (status == MIXENT_OK)
    status = write_sheet(dataset, predicted[MIXENT_DEMO_RUNS - 1], losses[MIXENT_DEMO_RUNS - 1], sheet);
  for (int i = 0; i < MIXENT_DEMO_RUNS; i++) free(predicted[i]);
  return status;
}
