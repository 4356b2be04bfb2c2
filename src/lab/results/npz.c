/* One run in a .npz file: who ran, its logits and labels, or its test items and which of them are right, and single numbers as metrics. */
#include "core/file.h"
#include "core/locale.h"
#include "core/memory.h"
#include "data/formats/npy.h"
#include "data/formats/zip.h"
#include "lab/result/parts.h"
#include "lab/results/rows.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_ARRAYS = 1000 };
static const size_t largest = (size_t)2 << 30; /* bytes of a file, and of an array in it */
static const char ending[] = ".npy";

typedef struct archive {
  const char *origin;
  const uint8_t *bytes;
  const mixent_results_layout *layout;
  mixent_zip_source source;
  mixent_names names; /* "seed.npy" */
  mixent_zip_entry *entries;
} archive;

static mixent_status read_memory(void *context, uint64_t first, size_t count, void *out) {
  const archive *archive = context;
  memcpy(out, archive->bytes + first, count);
  return MIXENT_OK;
}

/* An array, and the bytes that it lies in. */
typedef struct member {
  char *origin; /* "run.npz: seed" */
  mixent_npy array;
  uint8_t *bytes; /* NULL: there is no such array */
} member;

static void member_free(member *member) {
  free(member->origin);
  free(member->bytes);
  *member = (struct member){0};
}

static size_t elements(const member *member) {
  return member->array.extent[0] * member->array.row;
}

/* Whether a member is an array, and the length of its name without the ending. */
static bool is_array(const char *name, size_t *length) {
  *length = strlen(name);
  if (*length < sizeof ending || strcmp(name + *length - (sizeof ending - 1), ending) != 0) return false;
  *length -= sizeof ending - 1;
  return true;
}

static mixent_status read_member(const archive *archive, size_t index, member *out) {
  const mixent_zip_entry *entry = &archive->entries[index];
  const char *name = archive->names.items[index];
  MIXENT_TRY(mixent_print_text(&out->origin, "%s: %.*s", archive->origin, (int)strlen(name) - 4, name));
  MIXENT_TRY(mixent_zip_read(&archive->source, entry, name, largest, &out->bytes));
  return mixent_npy_any(out->origin, out->bytes, (size_t)entry->size, (size_t)entry->size, &out->array);
}

/* The array of that name; out->bytes NULL: there is none. */
static mixent_status find_member(const archive *archive, const char *wanted, member *out) {
  size_t length;
  for (size_t i = 0; i < archive->names.count; i++)
    if (is_array(archive->names.items[i], &length) && length == strlen(wanted) &&
        memcmp(archive->names.items[i], wanted, length) == 0)
      return read_member(archive, i, out);
  return MIXENT_OK;
}

static const char *name_of(const archive *archive, mixent_results_role role) {
  const char *mapped = archive->layout->columns[role];
  return mapped ? mapped : mixent_results_roles[role];
}

/* Element `index` as a text; whole numbers have one spelling. */
static mixent_status text_of(const member *member, size_t index, char **out) {
  double number;
  if (mixent_npy_is_text(&member->array)) return mixent_npy_text(&member->array, index, out);
  mixent_npy_row(&member->array, index, &number);
  return mixent_print_text(out, number == floor(number) ? "%.0f" : "%.17g", number + 0.0 /* no -0 */);
}

/* The text of a role; *out "" where there is no such array. */
static mixent_status read_role(const archive *archive, mixent_results_role role, char **out) {
  member member = {0};
  const char *name = name_of(archive, role);
  mixent_status status = find_member(archive, name, &member);
  if (status == MIXENT_OK && member.bytes && elements(&member) != 1)
    status = mixent_fail(MIXENT_ERROR_FORMAT, "%s: expected a single text or number, got %zu", member.origin,
                         elements(&member));
  else if (status == MIXENT_OK && member.bytes)
    status = text_of(&member, 0, out);
  else if (status == MIXENT_OK)
    status = mixent_copy_text("", out);
  bool needed = role == MIXENT_ROLE_VARIANT || archive->layout->columns[role];
  if (status == MIXENT_OK && needed && !**out)
    status = mixent_fail(
        MIXENT_ERROR_FORMAT,
        "%s: expected an array '%s' that holds the %s, got none; numpy.savez(FILE, variant=…, seed=…, "
        "test_logits=…, test_labels=…)",
        archive->origin, name, mixent_results_roles[role]);
  member_free(&member);
  return status;
}

static mixent_status take_logits(const member *logits, mixent_run_predictions *out, mixent_predicted *part) {
  const mixent_npy *array = &logits->array;
  if (mixent_npy_is_text(array) || array->dimensions != 2 || array->extent[0] < 1 || array->row < 2 ||
      (out->classes && out->classes != array->row))
    return mixent_fail(
        MIXENT_ERROR_FORMAT,
        "%s: expected numbers of the shape (rows, classes), with two classes or more and as many in "
        "test and validation",
        logits->origin);
  double *row;
  bool probabilities = true;
  out->classes = array->row, part->images = array->extent[0];
  MIXENT_TRY(MIXENT_ALLOCATE(elements(logits), &part->logits));
  MIXENT_TRY(MIXENT_ALLOCATE(array->row, &row));
  for (size_t i = 0; i < part->images; i++) {
    double sum = 0;
    mixent_npy_row(array, i, row);
    for (size_t k = 0; k < array->row; k++) {
      part->logits[i * array->row + k] = (float)row[k];
      sum += row[k];
      probabilities &= row[k] >= 0;
    }
    probabilities &= fabs(sum - 1) < 1e-3;
  }
  free(row);
  if (!probabilities) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_FORMAT,
                     "%s: expected logits, got probabilities (every row sums to 1); save their logarithm",
                     logits->origin);
}

static mixent_status take_labels(const member *labels, mixent_predicted *part) {
  const mixent_npy *array = &labels->array;
  if (mixent_npy_is_text(array) || elements(labels) != part->images || array->row != 1)
    return mixent_fail(MIXENT_ERROR_FORMAT, "%s: expected a label for each of the %zu rows of logits",
                       labels->origin, part->images);
  MIXENT_TRY(MIXENT_ALLOCATE(part->images, &part->labels));
  for (size_t i = 0; i < part->images; i++) {
    double label;
    mixent_npy_row(array, i, &label);
    if (!(label >= 0 && label <= INT32_MAX && label == floor(label)))
      return mixent_fail(MIXENT_ERROR_FORMAT, "%s: expected whole numbers from 0 on, got %g in row %zu",
                         labels->origin, label, i);
    part->labels[i] = (int32_t)label;
  }
  return MIXENT_OK;
}

/* "test_logits" with "test_labels"; neither: the part stays empty. */
static mixent_status read_part(const archive *archive, const char *logits_name, const char *labels_name,
                               mixent_run_predictions *out, mixent_predicted *part) {
  member logits = {0}, labels = {0};
  mixent_status status = find_member(archive, logits_name, &logits);
  if (status == MIXENT_OK) status = find_member(archive, labels_name, &labels);
  if (status == MIXENT_OK && !logits.bytes != !labels.bytes)
    status = mixent_fail(MIXENT_ERROR_FORMAT, "%s: expected the arrays '%s' and '%s', got one of them",
                         archive->origin, logits_name, labels_name);
  if (status == MIXENT_OK && logits.bytes) status = take_logits(&logits, out, part);
  if (status == MIXENT_OK && logits.bytes) status = take_labels(&labels, part);
  member_free(&logits);
  member_free(&labels);
  return status;
}

/* 0, 1, 2, …, or what the array `class_names` says. */
static mixent_status name_classes(const archive *archive, mixent_run_predictions *out) {
  member names = {0};
  mixent_status status = find_member(archive, "class_names", &names);
  if (status == MIXENT_OK && names.bytes && (elements(&names) != out->classes || names.array.row != 1))
    status = mixent_fail(MIXENT_ERROR_FORMAT, "%s: expected %zu names, one a class, got %zu", names.origin,
                         out->classes, elements(&names));
  if (status == MIXENT_OK) status = MIXENT_ALLOCATE(out->classes, &out->class_names);
  for (size_t k = 0; k < out->classes && status == MIXENT_OK; k++)
    status = names.bytes ? text_of(&names, k, &out->class_names[k])
                         : mixent_print_text(&out->class_names[k], "%zu", k);
  member_free(&names);
  return status;
}

static mixent_status compute(const mixent_run_predictions *predictions, mixent_record *out) {
  MIXENT_TRY(MIXENT_ALLOCATE(1, &out->result));
  out->result->seconds = out->result->images_per_second = NAN;
  MIXENT_TRY(mixent_copy_text(out->path, &out->result->run));
  MIXENT_TRY(mixent_copy_text(out->data, &out->result->data));
  mixent_status status = mixent_result_compute(predictions, out->result);
  if (status == MIXENT_OK || status == MIXENT_ERROR_MEMORY) return status;
  return mixent_fail(MIXENT_ERROR_FORMAT, "%s: %s", out->path, mixent_last_error());
}

static mixent_status read_predictions(const archive *archive, mixent_record *out) {
  mixent_run_predictions predictions = {0};
  mixent_status status = read_part(archive, "test_logits", "test_labels", &predictions, &predictions.test);
  if (status == MIXENT_OK)
    status = read_part(archive, "val_logits", "val_labels", &predictions, &predictions.validation);
  if (status == MIXENT_OK && predictions.validation.images && !predictions.test.images)
    status = mixent_fail(MIXENT_ERROR_FORMAT,
                         "%s: expected the arrays 'test_logits' and 'test_labels', got those of "
                         "validation alone",
                         archive->origin);
  if (status == MIXENT_OK && predictions.test.images) status = name_classes(archive, &predictions);
  if (status == MIXENT_OK && predictions.test.images) status = compute(&predictions, out);
  mixent_run_predictions_free(&predictions);
  return status;
}

static mixent_status take_metric(const archive *archive, size_t index, size_t length, mixent_record *out) {
  member member = {0};
  mixent_status status = read_member(archive, index, &member);
  double number = NAN;
  if (status == MIXENT_OK) mixent_npy_row(&member.array, 0, &number);
  member_free(&member);
  if (status == MIXENT_OK) status = MIXENT_GROW(&out->metrics, out->metric_count, archive->origin);
  if (status != MIXENT_OK) return status;
  out->metrics[out->metric_count].value = fabs(number) <= MIXENT_RESULTS_LARGEST ? number : NAN;
  MIXENT_TRY(mixent_copy_start(archive->names.items[index], length, &out->metrics[out->metric_count].name));
  out->metric_count++;
  return MIXENT_OK;
}

/* Whether a name is that of a variant, a seed, … */
static bool is_role(const archive *archive, const char *name, size_t length) {
  bool found = false;
  for (int role = 0; role < MIXENT_ROLES; role++) {
    const char *of = name_of(archive, (mixent_results_role)role);
    found |= strlen(of) == length && memcmp(of, name, length) == 0;
  }
  return found;
}

/* Single numbers under other names; what is no number, or more than one, is passed over. */
static mixent_status read_metrics(const archive *archive, mixent_record *out) {
  uint8_t *head;
  mixent_status status = MIXENT_ALLOCATE(MIXENT_NPY_HEADER, &head);
  for (size_t i = 0; i < archive->names.count && status == MIXENT_OK; i++) {
    size_t length;
    uint64_t made;
    mixent_npy array;
    if (!is_array(archive->names.items[i], &length) || is_role(archive, archive->names.items[i], length))
      continue;
    status = mixent_zip_read_head(&archive->source, &archive->entries[i], archive->names.items[i], largest,
                                  MIXENT_NPY_HEADER, head, &made);
    if (status == MIXENT_OK &&
        mixent_npy_any(archive->origin, head, (size_t)made, (size_t)archive->entries[i].size, &array) ==
            MIXENT_OK &&
        !mixent_npy_is_text(&array) && array.extent[0] * array.row == 1)
      status = take_metric(archive, i, length, out);
  }
  free(head);
  return status;
}

/* A row of the table for each test item. */
static mixent_status take_items(const archive *archive, const mixent_record *record, const member *items,
                                const member *correct, mixent_results *out) {
  const char *names[MIXENT_ROLES];
  mixent_results_header header = {
      .origin = archive->origin, .line = 1, .names = names, .count = MIXENT_ROLES};
  mixent_results_field fields[MIXENT_ROLES] = {
      [MIXENT_ROLE_VARIANT] = {.kind = MIXENT_FIELD_WORD, .text = record->variant},
      [MIXENT_ROLE_SEED] = {.kind = MIXENT_FIELD_WORD, .text = record->seed},
      [MIXENT_ROLE_DATA] = {.kind = MIXENT_FIELD_WORD, .text = record->data}};
  for (int role = 0; role < MIXENT_ROLES; role++) {
    names[role] = name_of(archive, (mixent_results_role)role);
    header.roles[role] = (size_t)role;
  }
  header.roles[MIXENT_ROLE_METRIC] = header.roles[MIXENT_ROLE_VALUE] = header.count;
  header.roles[MIXENT_ROLE_RUN] = header.roles[MIXENT_ROLE_EPOCH] = header.count;
  if (!*record->data) header.roles[MIXENT_ROLE_DATA] = header.count;
  mixent_status status = MIXENT_OK;
  for (size_t i = 0; i < elements(items) && status == MIXENT_OK; i++) {
    char *text, digits[32];
    double right;
    mixent_npy_row(&correct->array, i, &right);
    mixent_print(digits, sizeof digits, "%g", right);
    MIXENT_TRY(text_of(items, i, &text));
    fields[MIXENT_ROLE_ITEM] = (mixent_results_field){.kind = MIXENT_FIELD_WORD, .text = text, .line = i + 1};
    fields[MIXENT_ROLE_CORRECT] = mixent_results_number(right, digits);
    fields[MIXENT_ROLE_CORRECT].line = i + 1;
    status = mixent_results_take(&header, fields, out);
    free(text);
  }
  return status;
}

static mixent_status read_items(const archive *archive, const mixent_record *record, mixent_results *out) {
  member items = {0}, correct = {0};
  const char *const names[] = {name_of(archive, MIXENT_ROLE_ITEM), name_of(archive, MIXENT_ROLE_CORRECT)};
  mixent_status status = find_member(archive, names[0], &items);
  if (status == MIXENT_OK) status = find_member(archive, names[1], &correct);
  if (status == MIXENT_OK && (!items.bytes != !correct.bytes || (items.bytes && !*record->seed)))
    status = mixent_fail(MIXENT_ERROR_FORMAT,
                         "%s: expected the arrays '%s' and '%s' with a '%s', got some of them",
                         archive->origin, names[0], names[1], name_of(archive, MIXENT_ROLE_SEED));
  if (status == MIXENT_OK && items.bytes && out->runs[out->last_run].result)
    status = mixent_fail(MIXENT_ERROR_FORMAT, "%s: expected '%s' or 'test_logits', got both", archive->origin,
                         names[1]);
  if (status == MIXENT_OK && items.bytes &&
      (elements(&items) != elements(&correct) || items.array.row != 1 || correct.array.row != 1 ||
       mixent_npy_is_text(&correct.array)))
    status = mixent_fail(MIXENT_ERROR_FORMAT,
                         "%s: expected a number for each of the %zu items, in one dimension, got %zu",
                         correct.origin, elements(&items), elements(&correct));
  if (status == MIXENT_OK && items.bytes) status = take_items(archive, record, &items, &correct, out);
  member_free(&items);
  member_free(&correct);
  return status;
}

static mixent_status read_run(const archive *archive, mixent_record *record, mixent_results *out) {
  MIXENT_TRY(mixent_copy_text(archive->origin, &record->path));
  MIXENT_TRY(read_role(archive, MIXENT_ROLE_VARIANT, &record->variant));
  MIXENT_TRY(read_role(archive, MIXENT_ROLE_SEED, &record->seed));
  MIXENT_TRY(read_role(archive, MIXENT_ROLE_DATA, &record->data));
  MIXENT_TRY(read_predictions(archive, record));
  MIXENT_TRY(read_metrics(archive, record));
  MIXENT_TRY(mixent_results_add(record, out));
  return read_items(archive, record, out);
}

static mixent_status read_archive(archive *archive, mixent_results *out) {
  mixent_record record = {0};
  MIXENT_TRY(MIXENT_ALLOCATE(archive->names.count, &archive->entries));
  mixent_status status = mixent_zip_find(&archive->source, (const char *const *)archive->names.items,
                                         archive->names.count, archive->entries);
  if (status == MIXENT_OK) status = read_run(archive, &record, out);
  mixent_record_free(&record);
  return status;
}

mixent_status mixent_results_parse_npz(const char *origin, const uint8_t *bytes, size_t size,
                                       const mixent_results_layout *layout, mixent_results *out) {
  archive archive = {
      .origin = origin,
      .bytes = bytes,
      .layout = layout,
      .source = {.name = origin, .advice = "save it again", .size = size, .read = read_memory}};
  archive.source.context = &archive;
  out->file = origin;
  mixent_status status = mixent_zip_list(&archive.source, MOST_ARRAYS, &archive.names);
  if (status == MIXENT_OK) status = read_archive(&archive, out);
  mixent_names_free(&archive.names);
  free(archive.entries);
  return status;
}

mixent_status mixent_results_read_npz(const char *path, const mixent_results_layout *layout,
                                      mixent_results *out) {
  char *bytes;
  size_t size;
  MIXENT_TRY(mixent_file_read(path, largest, &bytes, &size));
  mixent_status status = mixent_results_parse_npz(path, (const uint8_t *)bytes, size, layout, out);
  free(bytes);
  return status;
}
