/* A check as a terminal shows it: how much of each kind, then the worst of each. */
#include "core/layout.h"
#include "core/printable.h"
#include "lab/inspect/words.h"

#include <math.h>

/* "train 17 (cat) photos/cat/17.png" */
static void append_image(const mixent_dataset *dataset, size_t number, mixent_text *out) {
  size_t index;
  mixent_inspection_find(dataset, number, &index);
  mixent_text_append(out, "%s %zu (%s)", mixent_check_part(dataset, number), index,
                     mixent_printable(mixent_check_class(dataset, number)));
  const char *file = mixent_check_file(dataset, number);
  if (file) mixent_text_append(out, " %s", mixent_printable(file));
}

static void append_more(size_t all, size_t most, mixent_text *out) {
  if (all > most)
    mixent_text_append(out, "  and %s more; --json and --html have them\n", mixent_text_count(all - most));
}

static void append_tally(const char *what, const mixent_check_tally *tally, mixent_text *out) {
  mixent_text_append(out, "  %-20s %s", what, mixent_text_count(tally->count));
  if (tally->count)
    mixent_text_append(out, ", %s across train and test, %s with different labels",
                       mixent_text_count(tally->across), mixent_text_count(tally->conflicts));
  mixent_text_append(out, "\n");
}

static void append_summary(const mixent_data_check *check, mixent_text *out) {
  const mixent_dataset *dataset = check->dataset;
  const char *samples = mixent_samples_name(dataset->train.features);
  double imbalance = mixent_data_check_imbalance(check);
  const mixent_check_tally groups = mixent_check_duplicates(check), pairs = mixent_check_near(check);
  mixent_text_append(
      out, "%s: %s train and %s in %s\n", mixent_printable(dataset->name),
      mixent_text_count(dataset->train.count),
      mixent_text_counted(dataset->test.count, dataset->train.features ? "test rows" : "test images"),
      mixent_text_counted((uint64_t)dataset->classes, "classes"));
  mixent_text_append(out, "  %-20s %s\n", "broken files", mixent_text_count(check->broken->count));
  if (!dataset->train.features)
    mixent_text_append(out, "  %-20s %s\n", "constant images",
                       mixent_text_count(check->found.constant_count));
  append_tally("duplicate groups", &groups, out);
  if (check->near > 0) append_tally("near duplicates", &pairs, out);
  if (imbalance < 1.005) /* as 1 in three digits */
    mixent_text_append(out, "  %-20s all classes have %sequally many train %s\n", "class balance",
                       imbalance > 1 ? "almost " : "", samples);
  else if (isfinite(imbalance))
    mixent_text_append(out, "  %-20s the largest class has %.3g times the train %s of the smallest\n",
                       "class balance", imbalance, samples);
  else
    mixent_text_append(out, "  %-20s a class has no train %s\n", "class balance", samples);
  if (check->judged)
    mixent_text_append(out, "  %-20s %s of %s (%.2f %%)\n", "likely label errors",
                       mixent_text_count(check->error_count), mixent_text_count(check->judged),
                       100 * (double)check->error_count / (double)check->judged);
}

static void append_broken(const mixent_data_check *check, size_t most, mixent_text *out) {
  if (check->broken->count) mixent_text_append(out, "\nBroken files\n");
  for (size_t i = 0; i < check->broken->count && i < most; i++)
    mixent_text_append(out, "  %s\n", mixent_printable(check->broken->reasons[i]));
  append_more(check->broken->count, most, out);
}

static void append_constant(const mixent_data_check *check, size_t most, mixent_text *out) {
  if (check->found.constant_count) mixent_text_append(out, "\nConstant images\n");
  for (size_t i = 0; i < check->found.constant_count && i < most; i++) {
    mixent_text_append(out, "  ");
    append_image(check->dataset, check->found.constant[i], out);
    mixent_text_append(out, "\n");
  }
  append_more(check->found.constant_count, most, out);
}

static void append_duplicates(const mixent_data_check *check, size_t most, mixent_text *out) {
  enum { MEMBERS = 6 };
  if (check->found.group_count) mixent_text_append(out, "\nDuplicates\n");
  for (size_t i = 0; i < check->found.group_count && i < most; i++) {
    const mixent_duplicate_group *group = &check->found.groups[i];
    mixent_text_append(out, "  ");
    for (size_t j = 0; j < group->count && j < MEMBERS; j++) {
      if (j) mixent_text_append(out, " = ");
      append_image(check->dataset, check->found.duplicates[group->begin + j], out);
    }
    if (group->count > MEMBERS) mixent_text_append(out, " = %zu more", group->count - MEMBERS);
    mixent_text_append(out, "\n");
  }
  append_more(check->found.group_count, most, out);
}

static void append_near(const mixent_data_check *check, size_t most, mixent_text *out) {
  if (check->found.near_count)
    mixent_text_append(out, "\nNear duplicates (correlation of %g or more)\n", check->near);
  for (size_t i = 0; i < check->found.near_count && i < most; i++) {
    const mixent_near_pair *pair = &check->found.near[i];
    mixent_text_append(out, "  %.4f  ", (double)pair->correlation);
    append_image(check->dataset, pair->a, out);
    mixent_text_append(out, " ~ ");
    append_image(check->dataset, pair->b, out);
    mixent_text_append(out, "\n");
  }
  append_more(check->found.near_count, most, out);
}

static void append_errors(const mixent_data_check *check, size_t most, mixent_text *out) {
  if (check->error_count)
    mixent_text_append(out,
                       "\nLikely label errors (probability of the label, and of which class it looks)\n");
  for (size_t i = 0; i < check->error_count && i < most; i++) {
    const mixent_label_error *error = &check->errors[i];
    mixent_text_append(out, "  %.4f  ", error->confidence);
    append_image(check->dataset, error->item, out);
    mixent_text_append(out, " looks like %s\n",
                       mixent_printable(check->dataset->class_names[error->suggested]));
  }
  append_more(check->error_count, most, out);
}

void mixent_data_check_text(const mixent_data_check *check, size_t most, mixent_text *out) {
  append_summary(check, out);
  append_broken(check, most, out);
  append_errors(check, most, out);
  append_duplicates(check, most, out);
  append_near(check, most, out);
  append_constant(check, most, out);
}
