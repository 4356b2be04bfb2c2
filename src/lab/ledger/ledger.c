/* The comparisons of all studies together: what is shared, and Holm's correction over all. */
#include "lab/ledger/ledger.h"
#include "core/sha256.h"
#include "lab/compare/engine.h"
#include "lab/ledger/parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void mixent_ledger_free(mixent_ledger *ledger) {
  for (size_t i = 0; i < ledger->study_count; i++) {
    free(ledger->studies[i].path);
    free(ledger->studies[i].name);
  }
  for (size_t i = 0; i < ledger->entry_count; i++) {
    mixent_ledger_entry *entry = &ledger->entries[i];
    free(entry->data);
    free(entry->variant);
    free(entry->baseline);
    free(entry->metric);
    free(entry->unit);
  }
  free(ledger->studies);
  free(ledger->entries);
  free(ledger->runs);
  free(ledger->shared);
  *ledger = (mixent_ledger){0};
}

/* The runs of a variant on a data set, in the order of seeds. */
static void hash_side(const mixent_comparison *comparison, size_t data, size_t variant,
                      char (*hashes)[MIXENT_LEDGER_HASH], char out[MIXENT_LEDGER_HASH]) {
  size_t place = mixent_compare_place(comparison, data, variant);
  mixent_sha256 sha;
  mixent_sha256_begin(&sha);
  for (size_t i = comparison->begins[place]; i < comparison->begins[place + 1]; i++)
    mixent_sha256_add(&sha, hashes[comparison->runs[i] - comparison->input.runs], MIXENT_LEDGER_HASH);
  mixent_sha256_end(&sha, out);
}

/* Of both sides, whichever is the baseline, and of the measure. */
static void find_key(const mixent_comparison *comparison, size_t data, size_t variant,
                     char (*hashes)[MIXENT_LEDGER_HASH], char out[MIXENT_LEDGER_HASH]) {
  const mixent_compare_input *input = &comparison->input;
  const char *metric = input->measures[input->primary].name;
  char sides[2][MIXENT_LEDGER_HASH];
  mixent_sha256 sha;
  hash_side(comparison, data, variant, hashes, sides[0]);
  hash_side(comparison, data, input->baseline, hashes, sides[1]);
  int first = strcmp(sides[0], sides[1]) > 0;
  mixent_sha256_begin(&sha);
  mixent_sha256_add(&sha, sides[first], MIXENT_LEDGER_HASH);
  mixent_sha256_add(&sha, sides[!first], MIXENT_LEDGER_HASH);
  mixent_sha256_add(&sha, metric, strlen(metric));
  mixent_sha256_end(&sha, out);
}

static mixent_status add_entry(mixent_ledger *ledger, const mixent_comparison *comparison, size_t data,
                               const mixent_compare_pair *pair, char (*hashes)[MIXENT_LEDGER_HASH]) {
  const mixent_compare_input *input = &comparison->input;
  const mixent_measure *measure = &input->measures[input->primary];
  size_t at = ledger->entry_count;
  MIXENT_TRY(MIXENT_GROW(&ledger->entries, at, "the ledger"));
  mixent_ledger_entry *entry = &ledger->entries[ledger->entry_count++];
  *entry = (mixent_ledger_entry){.study = ledger->study_count - 1,
                                 .scale = measure->scale,
                                 .digits = comparison->digits[input->primary],
                                 .better = measure->better,
                                 .confidence = input->confidence,
                                 .difference = pair->measures[input->primary],
                                 .verdict = pair->verdict,
                                 .scope = pair->scope,
                                 .reason = pair->reason,
                                 .all = *pair,
                                 .same_as = at};
  entry->all.measures = NULL;
  entry->all.words = entry->all.calibration = NULL;
  find_key(comparison, data, pair->variant, hashes, entry->key);
  for (size_t i = at; i-- > 0 && !isnan(entry->difference.difference.p);)
    if (strcmp(ledger->entries[i].key, entry->key) == 0) entry->same_as = i;
  MIXENT_TRY(mixent_copy_text(input->data[data].name, &entry->data));
  MIXENT_TRY(mixent_copy_text(input->variants[pair->variant], &entry->variant));
  MIXENT_TRY(mixent_copy_text(input->variants[input->baseline], &entry->baseline));
  MIXENT_TRY(mixent_copy_text(measure->name, &entry->metric));
  return mixent_copy_text(measure->unit, &entry->unit);
}

mixent_status mixent_ledger_add(mixent_ledger *ledger, const char *path, const char *name,
                                const mixent_comparison *comparison, char (*hashes)[MIXENT_LEDGER_HASH]) {
  const mixent_compare_input *input = &comparison->input;
  if (ledger->study_count == MIXENT_LEDGER_STUDIES)
    return mixent_fail(MIXENT_ERROR_UNSUPPORTED, "%s: expected at most %d studies, got more", path,
                       MIXENT_LEDGER_STUDIES);
  MIXENT_TRY(MIXENT_GROW(&ledger->studies, ledger->study_count, "the ledger"));
  mixent_ledger_study *study = &ledger->studies[ledger->study_count++];
  *study = (mixent_ledger_study){.runs = input->run_count};
  MIXENT_TRY(mixent_copy_text(path, &study->path));
  MIXENT_TRY(mixent_copy_text(name, &study->name));
  for (size_t i = 0; i < input->run_count; i++) {
    MIXENT_TRY(MIXENT_GROW(&ledger->runs, ledger->run_count, "the ledger"));
    mixent_ledger_run *run = &ledger->runs[ledger->run_count++];
    memcpy(run->hash, hashes[i], sizeof run->hash);
    run->study = ledger->study_count - 1;
  }
  for (size_t data = 0; data < input->data_count; data++)
    for (size_t i = 0; i + 1 < input->variant_count; i++)
      MIXENT_TRY(add_entry(ledger, comparison, data, &comparison->data[data].pairs[i], hashes));
  return MIXENT_OK;
}

static int compare_runs(const void *a, const void *b) {
  const mixent_ledger_run *left = a, *right = b;
  int order = strcmp(left->hash, right->hash);
  return order ? order : (left->study > right->study) - (left->study < right->study);
}

static mixent_status count_shared(mixent_ledger *ledger, size_t a, size_t b) {
  size_t at = 0;
  while (at < ledger->shared_count &&
         (ledger->shared[at].studies[0] != a || ledger->shared[at].studies[1] != b))
    at++;
  if (at == ledger->shared_count) {
    MIXENT_TRY(MIXENT_GROW(&ledger->shared, at, "the ledger"));
    ledger->shared[ledger->shared_count++] = (mixent_ledger_shared){{a, b}, 0};
  }
  ledger->shared[at].runs++;
  return MIXENT_OK;
}

static int compare_shared(const void *a, const void *b) {
  const mixent_ledger_shared *left = a, *right = b;
  int first = (left->studies[0] > right->studies[0]) - (left->studies[0] < right->studies[0]);
  return first ? first : (left->studies[1] > right->studies[1]) - (left->studies[1] < right->studies[1]);
}

static mixent_status find_shared(mixent_ledger *ledger) {
  mixent_ledger_run *runs = ledger->runs;
  if (ledger->run_count) qsort(runs, ledger->run_count, sizeof *runs, compare_runs);
  for (size_t i = 0; i < ledger->run_count; i++)
    for (size_t k = i + 1; k < ledger->run_count && strcmp(runs[i].hash, runs[k].hash) == 0; k++)
      if (runs[i].study != runs[k].study) MIXENT_TRY(count_shared(ledger, runs[i].study, runs[k].study));
  if (ledger->shared_count)
    qsort(ledger->shared, ledger->shared_count, sizeof *ledger->shared, compare_shared);
  return MIXENT_OK;
}

/* The families of p values that decide a verdict. */
enum { THESE, LIKE, EQUIVALENCE, EQUIVALENCE_LIKE, FAMILIES };

static double p_of(const mixent_ledger_entry *entry, int family) {
  return family == THESE         ? entry->difference.difference.p
         : family == LIKE        ? entry->all.bootstrap.p
         : family == EQUIVALENCE ? entry->all.equivalence.test.p
                                 : entry->all.equivalence_like.test.p;
}

static double *holm_of(mixent_ledger_entry *entry, int family) {
  return family == THESE         ? &entry->all_holm
         : family == LIKE        ? &entry->all.bootstrap_holm
         : family == EQUIVALENCE ? &entry->all.equivalence.holm
                                 : &entry->all.equivalence_like.holm;
}

/* Whether an entry is the first of the same runs, or tests them otherwise: equivalence hangs on the difference that the study says matters. */
static bool is_own(const mixent_ledger *ledger, size_t index, int family) {
  const mixent_ledger_entry *entry = &ledger->entries[index], *first = &ledger->entries[entry->same_as];
  return entry == first || (family >= EQUIVALENCE && p_of(entry, family) != p_of(first, family));
}

/* p [entries] is room. */
static mixent_status adjust(mixent_ledger *ledger, int family, double *p) {
  size_t count = 0;
  for (size_t i = 0; i < ledger->entry_count; i++)
    if (is_own(ledger, i, family) && !isnan(p_of(&ledger->entries[i], family)))
      p[count++] = p_of(&ledger->entries[i], family);
  MIXENT_TRY(mixent_holm_adjust(p, count, p));
  if (family == THESE) ledger->tested = count;
  for (size_t i = 0, next = 0; i < ledger->entry_count; i++) {
    mixent_ledger_entry *entry = &ledger->entries[i];
    bool known = !isnan(p_of(entry, family));
    *holm_of(entry, family) = !known ? NAN
                              : is_own(ledger, i, family)
                                  ? p[next++]
                                  : *holm_of(&ledger->entries[entry->same_as], family);
  }
  return MIXENT_OK;
}

/* The verdict by the correction over all: what a study's own rule says of the new p values. */
static void decide(mixent_ledger_entry *entry) {
  const mixent_measure measure = {.name = entry->metric, .better = entry->better};
  const mixent_compare_input input = {
      .measures = &measure, .measure_count = 1, .confidence = entry->confidence};
  mixent_compared difference = entry->difference;
  difference.holm = entry->all_holm;
  entry->all.measures = &difference;
  entry->all.verdict = MIXENT_VERDICT_UNDECIDED;
  entry->all.scope = MIXENT_SCOPE_NONE;
  if (entry->reason == MIXENT_REASON_OPEN || entry->reason == MIXENT_REASON_FEW_SEEDS)
    entry->all.reason = MIXENT_REASON_NONE;
  mixent_compare_decide(&input, &entry->all);
  entry->all.measures = NULL;
}

mixent_status mixent_ledger_conclude(mixent_ledger *ledger) {
  double *p;
  MIXENT_TRY(find_shared(ledger));
  MIXENT_TRY(MIXENT_ALLOCATE(ledger->entry_count, &p));
  mixent_status status = MIXENT_OK;
  for (int family = 0; family < FAMILIES && status == MIXENT_OK; family++) status = adjust(ledger, family, p);
  free(p);
  for (size_t i = 0; i < ledger->entry_count && status == MIXENT_OK; i++) decide(&ledger->entries[i]);
  return status;
}
