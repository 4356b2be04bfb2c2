/* Scores as JSON and back, and whether scores in a file can be true. */
#include "run/scores.h"
#include "core/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Where each number of mixent_scores stands, for both directions. */
static const struct {
  const char *key;
  size_t offset;
} fields[] = {{"loss", offsetof(mixent_scores, loss)},
              {"accuracy", offsetof(mixent_scores, accuracy)},
              {"nll", offsetof(mixent_scores, nll)},
              {"brier", offsetof(mixent_scores, brier)},
              {"ece", offsetof(mixent_scores, ece)},
              {"entropy", offsetof(mixent_scores, entropy)},
              {"ce1", offsetof(mixent_scores, terms[MIXENT_CE1])},
              {"h", offsetof(mixent_scores, terms[MIXENT_H])},
              {"ce2", offsetof(mixent_scores, terms[MIXENT_CE2])},
              {"kl", offsetof(mixent_scores, terms[MIXENT_KL])},
              {"focal", offsetof(mixent_scores, terms[MIXENT_FOCAL])},
              {"gce", offsetof(mixent_scores, terms[MIXENT_GCE])},
              {"mae", offsetof(mixent_scores, terms[MIXENT_MAE])},
              {"poly1", offsetof(mixent_scores, terms[MIXENT_POLY1])},
              {"brier_term", offsetof(mixent_scores, terms[MIXENT_BRIER])},
              {"bi_tempered", offsetof(mixent_scores, terms[MIXENT_BI_TEMPERED])}};

/* The same of the scores by class, which are all there or none. */
static const struct {
  const char *key;
  size_t offset;
} by_class[] = {{"balanced_accuracy", offsetof(mixent_scores, balanced_accuracy)},
                {"macro_f1", offsetof(mixent_scores, macro_f1)},
                {"worst_recall", offsetof(mixent_scores, worst_recall)}};
enum { BY_CLASS = sizeof by_class / sizeof *by_class };

/* Scores that are never negative, and how much they can be; an NLL that overflowed is null. */
static const struct {
  const char *key;
  double most;
  bool null;
} bounds[] = {{"accuracy", 1, false}, {"nll", HUGE_VAL, true},     {"brier", 2, true},
              {"ece", 1, true},       {"entropy", HUGE_VAL, true}, {"balanced_accuracy", 1, false},
              {"macro_f1", 1, false}, {"worst_recall", 1, false}};

mixent_status mixent_scores_check(const json_t *json, const char *origin, const char *part) {
  const double rounding = 1e-9;
  for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
    const json_t *field = json_object_get(json, bounds[i].key);
    double value = json_number_value(field);
    bool right = json_is_number(field) ? value >= -rounding && value <= bounds[i].most + rounding
                                       : !field || (bounds[i].null && json_is_null(field));
    if (right) continue;
    char *text = json_dumps(field, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(6));
    mixent_status status =
        text ? mixent_fail(MIXENT_ERROR_FORMAT,
                           "%s: %s of the %s part: expected a number from 0%s, got %.40s; it was changed by "
                           "hand or is damaged",
                           origin, bounds[i].key, part,
                           bounds[i].most == 1   ? " to 1"
                           : bounds[i].most == 2 ? " to 2"
                                                 : " upwards",
                           text)
             : mixent_no_memory("%s", origin);
    free(text);
    return status;
  }
  return MIXENT_OK;
}

/* Terms that only some losses have; one that is 0 is left out. */
static bool is_rare(size_t field) {
  return fields[field].offset >= offsetof(mixent_scores, terms[MIXENT_FOCAL]);
}

json_t *mixent_scores_to_json(const mixent_scores *scores) {
  json_t *object = json_object();
  mixent_json_set(&object, "images", json_integer((json_int_t)scores->images));
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    double value;
    memcpy(&value, (const char *)scores + fields[i].offset, sizeof value);
    if (is_rare(i) && value == 0) continue;
    mixent_json_set(&object, fields[i].key, mixent_json_number(value));
  }
  for (size_t i = 0; i < BY_CLASS && scores->by_class; i++) {
    double value;
    memcpy(&value, (const char *)scores + by_class[i].offset, sizeof value);
    mixent_json_set(&object, by_class[i].key, mixent_json_number(value));
  }
  if (scores->by_class) mixent_json_set(&object, "worst_class", mixent_json_text(scores->worst_class));
  return object;
}

void mixent_scores_name_worst(mixent_scores *scores, const char *name) {
  size_t length = strlen(name);
  if (length >= sizeof scores->worst_class) { /* whole characters of UTF-8 */
    length = sizeof scores->worst_class - 1;
    while (length && ((unsigned char)name[length] & 0xc0) == 0x80) length--;
  }
  memcpy(scores->worst_class, name, length);
  scores->worst_class[length] = 0;
}

double mixent_scores_rank(const mixent_scores *scores, const char *key) {
  double value = NAN;
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
    if (strcmp(fields[i].key, key) == 0)
      memcpy(&value, (const char *)scores + fields[i].offset, sizeof value);
  for (size_t i = 0; i < BY_CLASS && scores->by_class; i++)
    if (strcmp(by_class[i].key, key) == 0)
      memcpy(&value, (const char *)scores + by_class[i].offset, sizeof value);
  return strcmp(key, "nll") == 0 ? -value : value;
}

static bool read_by_class(const json_t *json, mixent_scores *out) {
  const char *worst = json_string_value(json_object_get(json, "worst_class"));
  out->by_class = worst != NULL;
  if (!worst) return true;
  mixent_scores_name_worst(out, worst);
  for (size_t i = 0; i < BY_CLASS; i++) {
    const json_t *field = json_object_get(json, by_class[i].key);
    double value = json_number_value(field);
    if (!json_is_number(field)) return false;
    memcpy((char *)out + by_class[i].offset, &value, sizeof value);
  }
  return true;
}

bool mixent_scores_from_json(const json_t *json, mixent_scores *out) {
  const json_t *images = json_object_get(json, "images");
  if (!json_is_integer(images)) return false;
  out->images = (size_t)json_integer_value(images);
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    const json_t *field = json_object_get(json, fields[i].key);
    bool missing = is_rare(i) && !field;
    if (!missing && !json_is_number(field) && !json_is_null(field)) return false;
    double value = json_is_null(field) ? NAN : json_number_value(field); /* of NULL: 0 */
    memcpy((char *)out + fields[i].offset, &value, sizeof value);
  }
  return read_by_class(json, out);
}
