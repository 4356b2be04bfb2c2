/* Components of variance of a study's runs, by mixent_components_measure. */
#include "lab/study/variance.h"
#include "core/json.h"
#include "core/layout.h"

#include <math.h>
#include <stdlib.h>

/* The factors of a crossed design; returns how many. */
static size_t list_factors(const mixent_study *study, mixent_study_factor out[MIXENT_STUDY_FACTORS]) {
  size_t count = 0;
  for (int f = 0; f < MIXENT_STUDY_FACTORS; f++)
    if (study->vary.levels[f]) out[count++] = (mixent_study_factor)f;
  return count;
}

/* values [seeds], gathered: of the finished runs; levels [factors, seeds]: room for their levels. */
static mixent_status measure(const mixent_study *study, const double *accuracies, double *values,
                             int64_t *levels, mixent_study_variance *out) {
  mixent_study_factor factors[MIXENT_STUDY_FACTORS];
  const int64_t *columns[MIXENT_STUDY_FACTORS];
  size_t count = list_factors(study, factors);
  for (size_t f = 0; f < count; f++) columns[f] = levels + f * study->seed_count;
  for (size_t s = 0; s < study->seed_count; s++) {
    if (isnan(accuracies[s])) continue;
    for (size_t f = 0; f < count; f++)
      levels[f * study->seed_count + out->runs] = mixent_study_level(study, factors[f], s);
    values[out->runs++] = accuracies[s];
  }
  if (out->runs == 0) return MIXENT_OK;
  mixent_status status = mixent_components_measure(values, out->runs, columns, count, out->parts);
  out->known = status == MIXENT_OK;
  return status == MIXENT_ERROR_ARGUMENT ? MIXENT_OK : status; /* too few are finished */
}

mixent_status mixent_study_variance_measure(const mixent_study *study, const double *accuracies,
                                            mixent_study_variance *out) {
  double *values;
  int64_t *levels;
  MIXENT_TRY(MIXENT_ALLOCATE(study->seed_count, &values));
  mixent_status status = MIXENT_ALLOCATE(study->seed_count * MIXENT_STUDY_FACTORS, &levels);
  for (size_t i = 0; i < study->data_count * study->variant_count && status == MIXENT_OK; i++)
    status = measure(study, accuracies + i * study->seed_count, values, levels, &out[i]);
  free(levels);
  free(values);
  return status;
}

static void add_part(mixent_table *table, const mixent_study_variance *variance, size_t part) {
  const mixent_component *component = &variance->parts[part];
  if (!variance->known)
    mixent_table_add(table, "-");
  else if (component->negative)
    mixent_table_add(table, "below 0 (%.0f %%)", 100 * component->share);
  else
    mixent_table_add(table, "%.2f (%.0f %%)", 100 * sqrt(component->variance), 100 * component->share);
}

void mixent_study_variance_append_text(const mixent_study *study, const mixent_study_variance *variance,
                                       mixent_text *out) {
  mixent_study_factor factors[MIXENT_STUDY_FACTORS];
  size_t count = list_factors(study, factors);
  bool unknown = false, negative = false;
  mixent_table table = {.columns = (int)count + 3, .titles = {"variant", "runs"}, .left = {true}};
  for (size_t f = 0; f < count; f++) table.titles[f + 2] = mixent_study_factors[factors[f]];
  table.titles[count + 2] = "rest";
  for (size_t i = 0; i < study->data_count * study->variant_count; i++) {
    char *name = mixent_study_variant_name(
        study, (mixent_study_cell){.data = i / study->variant_count, .variant = i % study->variant_count});
    if (!name) table.failed = true;
    mixent_table_add(&table, "%s", name ? name : "");
    mixent_table_add(&table, "%zu", variance[i].runs);
    for (size_t f = 0; f <= count; f++) {
      add_part(&table, &variance[i], f);
      negative |= variance[i].known && variance[i].parts[f].negative;
    }
    unknown |= !variance[i].known;
    free(name);
  }
  mixent_text_append(
      out, "\nWhat makes runs differ: standard deviation of test accuracy in points that each factor "
           "brings by itself\n(share of the variance). Rest: what factors do together, and what no "
           "factor names.\n\n");
  mixent_table_append(&table, out);
  mixent_table_free(&table);
  if (negative)
    mixent_text_append(
        out, "\nbelow 0: too small to be seen with these runs; keep it as it is in a mean over studies.\n");
  if (unknown) mixent_text_append(out, "\n-: too few runs are finished to tell the factors apart.\n");
}

json_t *mixent_study_variance_to_json(const mixent_study *study, const mixent_study_variance *variance) {
  mixent_study_factor factors[MIXENT_STUDY_FACTORS];
  size_t count = list_factors(study, factors);
  json_t *all = json_array();
  for (size_t i = 0; i < study->data_count * study->variant_count; i++) {
    json_t *parts = json_array();
    for (size_t f = 0; f <= count && variance[i].known; f++) {
      const mixent_component *part = &variance[i].parts[f];
      mixent_json_append(&parts,
                         json_pack("{s:s, s:I, s:o, s:o, s:b}", "factor",
                                   f < count ? mixent_study_factors[factors[f]] : "rest", "levels",
                                   (json_int_t)part->levels, "variance", mixent_json_number(part->variance),
                                   "share", mixent_json_number(part->share), "negative", part->negative));
    }
    mixent_json_append(&all,
                       json_pack("{s:s, s:s, s:I, s:o}", "data", study->data_names[i / study->variant_count],
                                 "variant", study->variant_names[i % study->variant_count], "runs",
                                 (json_int_t)variance[i].runs, "components", parts));
  }
  return all;
}
