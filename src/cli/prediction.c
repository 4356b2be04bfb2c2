/* What `mixent predict` prints of an answer: text, JSON or CSV. */
#include "cli/prediction.h"
#include "cli/exit.h"
#include "cli/json.h"
#include "cli/message.h"
#include "core/layout.h"
#include "core/printable.h"

#include <stdio.h>

enum { TOP = 3 }; /* classes named */

/* The classes with the largest probabilities, best first; the lower index among equals. Returns how many. */
static int find_top(const float *probabilities, int classes, int top[TOP]) {
  int count = 0;
  for (; count < TOP && count < classes; count++) {
    int best = -1;
    for (int k = 0; k < classes; k++) {
      bool taken = false;
      for (int i = 0; i < count; i++) taken |= top[i] == k;
      if (!taken && (best < 0 || probabilities[k] > probabilities[best])) best = k;
    }
    top[count] = best;
  }
  return count;
}

static int print_json(const mixent_model *model, const mixent_predicted_subject *subject,
                      const float *probabilities, const int *top, int count) {
  json_t *list = json_array();
  for (int i = 0; i < count; i++)
    mixent_json_append(&list, json_pack("{s:s, s:I, s:f}", "class", model->class_names[top[i]], "label",
                                        (json_int_t)model->labels[top[i]], "probability",
                                        (double)probabilities[top[i]]));
  if (!subject->row)
    return mixent_json_print(json_pack("{s:o, s:b, s:o}", "image", mixent_json_text(subject->path),
                                       "inverted", subject->inverted, "top", list));
  return mixent_json_print(json_pack("{s:o, s:I, s:o}", "file", mixent_json_text(subject->path), "row",
                                     (json_int_t)subject->row, "top", list));
}

static mixent_status print_csv_line(mixent_text *line) {
  mixent_status status = mixent_text_status(line);
  if (status == MIXENT_OK) puts(line->data);
  mixent_text_free(line);
  return status;
}

mixent_status mixent_prediction_print_header(const mixent_model *model) {
  mixent_text line = {0};
  mixent_csv_field_append(&line, "file", true);
  if (model->side == 1) mixent_csv_field_append(&line, "row", false);
  mixent_csv_field_append(&line, "class", false);
  for (int k = 0; k < model->classes; k++) {
    mixent_text name = {0};
    mixent_text_append(&name, "p(%s)", model->class_names[k]);
    if (name.failed) line.failed = 1;
    if (!name.failed) mixent_csv_field_append(&line, name.data, false);
    mixent_text_free(&name);
  }
  return print_csv_line(&line);
}

static int print_csv(const mixent_model *model, const mixent_predicted_subject *subject,
                     const float *probabilities, int best) {
  mixent_text line = {0};
  mixent_csv_field_append(&line, subject->path, true);
  if (subject->row) mixent_text_append(&line, ",%zu", subject->row);
  mixent_csv_field_append(&line, model->class_names[best], false);
  for (int k = 0; k < model->classes; k++) mixent_text_append(&line, ",%.7g", (double)probabilities[k]);
  mixent_status status = print_csv_line(&line);
  return status == MIXENT_OK ? MIXENT_EXIT_DONE : mixent_failed(status);
}

static void print_padded(const char *text, int width) {
  int columns = mixent_text_columns(text);
  printf("%s%*s", text, columns < width ? width - columns : 0, "");
}

int mixent_prediction_print(const mixent_model *model, mixent_prediction_shape shape,
                            const mixent_predicted_subject *subject, int width, const float *probabilities) {
  int top[TOP] = {0}, found = find_top(probabilities, model->classes, top);
  if (shape == MIXENT_PREDICTION_JSON) return print_json(model, subject, probabilities, top, found);
  if (shape == MIXENT_PREDICTION_CSV) return print_csv(model, subject, probabilities, top[0]);
  if (subject->row)
    printf("%s row %-*zu", mixent_printable(subject->path), width, subject->row);
  else
    print_padded(mixent_printable(subject->path), width);
  for (int j = 0; j < found; j++)
    printf("  %s %.1f %%", mixent_printable(model->class_names[top[j]]), 100 * (double)probabilities[top[j]]);
  putchar('\n');
  return MIXENT_EXIT_DONE;
}
