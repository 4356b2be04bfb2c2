/* Which studies there are below a directory, and what they say. */
#include "core/file.h"
#include "core/gzip.h"
#include "core/sha256.h"
#include "lab/ledger/parts.h"
#include "lab/record/record.h"
#include "lab/results/compare.h"
#include "lab/study/file.h"
#include "lab/study/results.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { REPLICATES = 100 };                     /* of bootstraps, of which the ledger shows nothing */
static const size_t largest = (size_t)1 << 30; /* bytes of a study's file */

typedef char hash[MIXENT_LEDGER_HASH];

/* A run's recipe, with the options of today (a file may be older than some), and its result. */
static mixent_status hash_run(const json_t *run, hash out) {
  const char *given = json_string_value(json_object_get(run, "recipe.yaml")),
             *result = json_string_value(json_object_get(run, "result.json"));
  mixent_recipe recipe;
  mixent_text text = {0};
  mixent_sha256 sha;
  MIXENT_TRY(mixent_recipe_parse(given, "recipe.yaml", "run", NULL, 0, &recipe));
  mixent_recipe_write(&recipe, true, &text);
  mixent_status status = mixent_text_status(&text);
  mixent_sha256_begin(&sha);
  if (status == MIXENT_OK) mixent_sha256_add(&sha, text.data, text.length);
  mixent_sha256_add(&sha, result, strlen(result));
  mixent_sha256_end(&sha, out);
  mixent_text_free(&text);
  return status;
}

/* Of each run of a study's file that is compared. */
static mixent_status hash_import(const mixent_import *import, const mixent_compare_input *input, hash *out) {
  for (size_t i = 0; i < input->run_count; i++)
    for (size_t k = 0; k < import->run_count; k++) {
      const mixent_study_cell *cell = &import->runs[k].cell;
      if (cell->data == input->runs[i].data && cell->variant == input->runs[i].variant &&
          (long)cell->seed == input->runs[i].seed)
        MIXENT_TRY(hash_run(import->runs[k].json, out[i]));
    }
  return MIXENT_OK;
}

static mixent_status take_file(const char *path, const char *text, size_t size, mixent_ledger *ledger) {
  mixent_import import = {.origin = path, .text = text, .size = size};
  mixent_study_results results = {0};
  hash *hashes = NULL;
  mixent_status status = mixent_import_read(&import);
  if (status == MIXENT_OK) status = mixent_study_results_import(&import, REPLICATES, &results);
  const mixent_comparison *comparison = results.compared.comparison;
  if (status == MIXENT_OK) status = MIXENT_ALLOCATE(comparison->input.run_count, &hashes);
  if (status == MIXENT_OK) status = hash_import(&import, &comparison->input, hashes);
  if (status == MIXENT_OK) status = mixent_ledger_add(ledger, path, import.study->name, comparison, hashes);
  free(hashes);
  mixent_study_results_free(&results);
  mixent_import_free(&import);
  return status;
}

/* In the form of its exported file, which leaves out what differs with the machine. */
static mixent_status take_study(const char *path, mixent_ledger *ledger) {
  mixent_study *study;
  mixent_text text = {0};
  size_t runs;
  MIXENT_TRY(mixent_study_open(path, &study));
  mixent_status status = mixent_study_export(study, &text, &runs);
  if (status == MIXENT_OK) status = mixent_text_status(&text);
  if (status == MIXENT_OK) status = take_file(path, text.data, text.length, ledger);
  mixent_text_free(&text);
  mixent_study_free(study);
  return status;
}

/* Who ran, and every value. */
static void hash_recorded(const mixent_compare_input *input, hash *out) {
  for (size_t i = 0; i < input->run_count; i++) {
    const mixent_compare_run *run = &input->runs[i];
    const char *seed = run->seed == MIXENT_NO_SEED ? "" : input->seeds[run->seed];
    mixent_sha256 sha;
    mixent_sha256_begin(&sha);
    mixent_sha256_add(&sha, input->variants[run->variant], strlen(input->variants[run->variant]) + 1);
    mixent_sha256_add(&sha, seed, strlen(seed) + 1);
    mixent_sha256_add(&sha, run->values, input->measure_count * sizeof *run->values);
    if (run->right) mixent_sha256_add(&sha, run->right, input->data[run->data].items);
    mixent_sha256_end(&sha, out[i]);
  }
}

static mixent_status take_records(const char *path, mixent_ledger *ledger) {
  const mixent_results_question question = {.difference = NAN};
  mixent_results results = {0};
  mixent_results_comparison *comparison = NULL;
  hash *hashes = NULL;
  const char *slash = strrchr(path, '/');
  mixent_status status = mixent_results_read_records(path, &results);
  if (status == MIXENT_OK) status = mixent_results_finish(&results);
  if (status == MIXENT_OK) status = mixent_results_compare(&results, &question, &comparison);
  if (status == MIXENT_OK) status = MIXENT_ALLOCATE(comparison->comparison->input.run_count, &hashes);
  if (status == MIXENT_OK) {
    hash_recorded(&comparison->comparison->input, hashes);
    status = mixent_ledger_add(ledger, path, slash ? slash + 1 : path, comparison->comparison, hashes);
  }
  free(hashes);
  mixent_results_comparison_free(comparison);
  mixent_results_free(&results);
  return status;
}

/* A file of `mixent study export`, by its first bytes; another file is passed over. */
static mixent_status look_at_file(const char *path, mixent_ledger *ledger) {
  static const char begin[] = "{\"kind\":\"mixent study\"";
  uint8_t *bytes;
  size_t size;
  if (!mixent_has_ending(path, ".jsonl") && !mixent_has_ending(path, ".jsonl.gz")) return MIXENT_OK;
  MIXENT_TRY(mixent_gzip_read(path, largest, &bytes, &size));
  mixent_status status = MIXENT_OK;
  if (size > strlen(begin) && memcmp(bytes, begin, strlen(begin)) == 0)
    status = take_file(path, (const char *)bytes, size, ledger);
  free(bytes);
  return status;
}

typedef struct walk {
  mixent_ledger *ledger;
  int depth;
  bool has_records; /* those of the directory were taken, and all below */
} walk;

static mixent_status find_record(void *context, const char *path, const char *name) {
  mixent_path_kind kind, record;
  (void)name;
  MIXENT_TRY(mixent_path_look(path, &kind));
  if (kind != MIXENT_PATH_DIRECTORY) return MIXENT_OK;
  MIXENT_TRY(mixent_path_look_in(path, MIXENT_RECORD_FILE, &record));
  *(bool *)context |= record == MIXENT_PATH_FILE;
  return MIXENT_OK;
}

static mixent_status look_at_directory(const char *path, walk walk);

static mixent_status visit(void *context, const char *path, const char *name) {
  const walk *walk = context;
  mixent_path_kind kind;
  (void)name;
  MIXENT_TRY(mixent_path_look(path, &kind));
  if (kind == MIXENT_PATH_FILE) return look_at_file(path, walk->ledger);
  return kind == MIXENT_PATH_DIRECTORY ? look_at_directory(path, *walk) : MIXENT_OK;
}

/* A study; else the recorded runs in it, which are one comparison, and what else is in it. */
static mixent_status look_at_directory(const char *path, walk walk) {
  enum { DEEPEST = 32 }; /* a link may lead to a directory above */
  bool study, records = false;
  MIXENT_TRY(mixent_study_look(path, &study));
  if (study) return take_study(path, walk.ledger);
  if (!walk.has_records) MIXENT_TRY(mixent_directory_visit(path, find_record, &records));
  if (records) MIXENT_TRY(take_records(path, walk.ledger));
  walk.has_records |= records;
  if (walk.depth++ == DEEPEST)
    return mixent_fail(MIXENT_ERROR_UNSUPPORTED,
                       "%s: expected at most %d directories one in another, got more", path, DEEPEST);
  return mixent_directory_visit(path, visit, &walk);
}

mixent_status mixent_ledger_read(const char *directory, mixent_ledger *out) {
  MIXENT_TRY(look_at_directory(directory, (walk){.ledger = out}));
  if (!out->study_count)
    return mixent_fail(
        MIXENT_ERROR_ARGUMENT,
        "%s: expected studies below this directory (their directories, files of 'mixent study export', recorded "
        "runs), got none",
        directory);
  return mixent_ledger_conclude(out);
}
