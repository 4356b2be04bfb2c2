/* libFuzzer: any bytes as STUDY.yaml; what is taken has runs, each with a recipe and a name of its own. */
#include "lab/study/study_parts.h"
#include "text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What each variant would search, and the words of it. */
static void search(const mixent_study *study) {
  mixent_yaml *root;
  const char *keys[MIXENT_STUDY_OPTIONS];
  size_t count;
  bool same;
  mixent_recipe recipe;
  if (mixent_study_tuned_same(study, study, &same) != MIXENT_OK || !same) abort();
  if (mixent_yaml_parse(study->text, strlen(study->text), "input", &root) != MIXENT_OK) abort();
  for (size_t v = 0; v < study->variant_count; v += 1 + study->variant_count / 8) {
    if (mixent_study_recipe(study, (mixent_study_cell){.variant = v}, &recipe) != MIXENT_OK) abort();
    mixent_study_tuned_options(mixent_yaml_find(root, "tuned"), &recipe, keys, &count);
  }
  mixent_yaml_free(root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *text = text_of(data, size);
  mixent_study *study;
  mixent_recipe recipe;
  if (!text) return 0;
  mixent_status status = mixent_study_parse(text, "input", "epochs: 1\n", &study);
  free(text);
  if (status != MIXENT_OK) {
    if (study || strncmp(mixent_last_error(), "input", 5) != 0) abort();
    return 0;
  }
  size_t runs = mixent_study_run_count(study);
  if (!runs || study->baseline >= study->variant_count) abort();
  if (!mixent_study_compared(study) || mixent_study_compared(study) > study->seed_count) abort();
  if (study->tuned.replicates) search(study);
  for (size_t i = 0; i < runs; i += 1 + runs / 8) {
    char *name = mixent_study_run_name(study, mixent_study_cell_at(study, i));
    if (!name || *name == '.' || strstr(name, "/../")) abort();
    if (mixent_study_recipe(study, mixent_study_cell_at(study, i), &recipe) != MIXENT_OK) abort();
    free(name);
  }
  mixent_study_free(study);
  return 0;
}
