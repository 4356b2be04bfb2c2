/* What the seeds of a study vary, and what the runs of a design that crosses factors are. docs/STUDIES.md explains both. */
#include "core/json.h"
#include "lab/study/study_parts.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

const char *const mixent_study_factors[] = {"init", "order", "split", "noise", NULL};

/* The recipe's option that has the factor's seed. Without one of its own, that of init is the run's. */
static const char *const keys[] = {"init.seed", "seed", "validation.seed", "noise.seed"};

static mixent_status find_factor(const mixent_yaml *node, const char *word, size_t *out) {
  for (*out = 0; *out < MIXENT_STUDY_FACTORS; ++*out)
    if (strcmp(word, mixent_study_factors[*out]) == 0) return MIXENT_OK;
  return mixent_yaml_fail(node, "vary: expected init, order, split or noise, got '%s'", word);
}

/* [init, order]: the run's seed is that of each. */
static mixent_status read_list(const mixent_yaml *node, mixent_study_vary *out) {
  for (size_t i = 0; i < node->count; i++) {
    const mixent_yaml *item = &node->children[i];
    size_t factor;
    MIXENT_TRY(find_factor(item, item->kind == MIXENT_YAML_SCALAR ? item->text : "", &factor));
    if (out->levels[factor]) return mixent_yaml_fail(item, "vary: %s is given twice", item->text);
    out->levels[factor] = 1;
  }
  return MIXENT_OK;
}

/* {init: 3, split: 4}: a run for each pair of levels. */
static mixent_status read_levels(const mixent_yaml *node, mixent_study_vary *out) {
  size_t runs = 1;
  for (size_t i = 0; i < node->count; i++) {
    const mixent_yaml *item = &node->children[i];
    size_t factor;
    long levels;
    MIXENT_TRY(find_factor(item, item->key, &factor));
    MIXENT_TRY(mixent_yaml_integer(item, 2, MIXENT_STUDY_MOST, &levels));
    out->levels[factor] = (size_t)levels;
    if ((runs *= (size_t)levels) > MIXENT_STUDY_MOST)
      return mixent_yaml_fail(item, "vary: expected at most %d combinations of levels", MIXENT_STUDY_MOST);
  }
  if (node->count < 2)
    return mixent_yaml_fail(node, "vary: expected levels of two factors or more, as {init: 3, split: 3}; of "
                                  "one, write [split], and 'seeds' gives its levels");
  out->crossed = true;
  return MIXENT_OK;
}

mixent_status mixent_study_vary_read(const mixent_yaml *node, mixent_study_vary *out) {
  out->said = true;
  if (node->kind == MIXENT_YAML_MAPPING) return read_levels(node, out);
  if (node->kind == MIXENT_YAML_SEQUENCE && node->count) return read_list(node, out);
  return mixent_yaml_fail(node,
                          "vary: expected a list of init, order, split and noise, or levels of each, as "
                          "{init: 3, split: 3}");
}

/* The level of each factor of a run of a crossed design, by the run's number. */
static size_t level_of(const mixent_study_vary *vary, size_t factor, size_t number) {
  for (size_t f = 0; f < factor; f++)
    if (vary->levels[f]) number /= vary->levels[f];
  return number % vary->levels[factor];
}

/* Whether all factors of the run are at one level: such runs share none with each other. */
static bool is_diagonal(const mixent_study_vary *vary, size_t number) {
  size_t found = MIXENT_STUDY_MOST;
  for (size_t f = 0; f < MIXENT_STUDY_FACTORS; f++) {
    if (!vary->levels[f]) continue;
    if (found < MIXENT_STUDY_MOST && level_of(vary, f, number) != found) return false;
    found = level_of(vary, f, number);
  }
  return true;
}

mixent_status mixent_study_vary_seeds(mixent_study *study) {
  size_t runs = 1;
  for (size_t f = 0; f < MIXENT_STUDY_FACTORS; f++)
    if (study->vary.levels[f]) runs *= study->vary.levels[f];
  for (int diagonal = 1; diagonal >= 0; diagonal--)
    for (size_t i = 0; i < runs; i++)
      if (is_diagonal(&study->vary, i) == diagonal) MIXENT_TRY(mixent_study_add_seed(study, (long)i));
  return MIXENT_OK;
}

size_t mixent_study_compared(const mixent_study *study) {
  size_t count = 0, searches = study->tuned.replicates, most = study->seed_count;
  if (searches && searches < most) most = searches;
  while (count < most && (!study->vary.crossed || is_diagonal(&study->vary, (size_t)study->seeds[count])))
    count++;
  return count;
}

static bool is_set(const mixent_setting *settings, size_t count, const char *key) {
  for (size_t i = 0; i < count; i++)
    if (strcmp(settings[i].key, key) == 0) return true;
  return false;
}

const char *mixent_study_seed_option(mixent_study_factor factor) {
  return keys[factor];
}

bool mixent_study_seed_is_given(const mixent_study *study, mixent_study_factor factor) {
  bool given = is_set(study->settings, study->setting_count, keys[factor]);
  for (size_t v = 0; v < study->variant_count && !given; v++)
    given = is_set(study->variants[v].settings, study->variants[v].setting_count, keys[factor]);
  return given;
}

size_t mixent_study_levels(const mixent_study *study, mixent_study_factor factor) {
  if (study->vary.said) return study->vary.levels[factor];
  json_int_t format = json_integer_value(json_object_get(study->state, "format"));
  bool old = format == 1 || format == 2;
  return old ? factor == MIXENT_STUDY_INIT || factor == MIXENT_STUDY_ORDER
             : !mixent_study_seed_is_given(study, factor);
}

long mixent_study_level(const mixent_study *study, mixent_study_factor factor, size_t seed) {
  long number = study->seeds[seed];
  return study->vary.crossed ? (long)level_of(&study->vary, factor, (size_t)number) : number;
}

bool mixent_study_varies_option(const mixent_study *study, const char *key) {
  for (size_t f = 0; f < MIXENT_STUDY_FACTORS; f++)
    if (strcmp(key, keys[f]) == 0) return mixent_study_levels(study, (mixent_study_factor)f);
  return false;
}

static void add_seed(mixent_run_settings *out, size_t factor, long seed) {
  snprintf(out->seeds[factor], sizeof out->seeds[factor], "%ld", seed);
  out->items[out->count++] = (mixent_setting){keys[factor], out->seeds[factor]};
}

void mixent_study_add_seeds(const mixent_study *study, mixent_study_cell cell, const mixent_recipe *recipe,
                            mixent_run_settings *out) {
  size_t levels[MIXENT_STUDY_FACTORS];
  for (size_t f = 0; f < MIXENT_STUDY_FACTORS; f++)
    levels[f] = mixent_study_levels(study, (mixent_study_factor)f);
  /* where both have the run's seed, init takes it from there */
  bool together = levels[MIXENT_STUDY_INIT] && levels[MIXENT_STUDY_ORDER] && !study->vary.crossed;
  for (size_t f = 0; f < MIXENT_STUDY_FACTORS; f++)
    if (levels[f] && !(f == MIXENT_STUDY_INIT && together))
      add_seed(out, f, mixent_study_level(study, (mixent_study_factor)f, cell.seed));
  if (!levels[MIXENT_STUDY_INIT] && levels[MIXENT_STUDY_ORDER] && recipe->init_seed < 0)
    add_seed(out, MIXENT_STUDY_INIT, recipe->seed);
}

bool mixent_study_varies_as(const mixent_study *a, const mixent_study *b) {
  bool same = a->vary.crossed == b->vary.crossed;
  for (int f = 0; f < MIXENT_STUDY_FACTORS; f++)
    same &= mixent_study_levels(a, (mixent_study_factor)f) == mixent_study_levels(b, (mixent_study_factor)f);
  return same;
}

void mixent_study_vary_append(const mixent_study *study, mixent_text *out) {
  size_t count = 0;
  for (size_t f = 0; f < MIXENT_STUDY_FACTORS; f++) {
    size_t levels = mixent_study_levels(study, (mixent_study_factor)f);
    if (!levels) continue;
    mixent_text_append_item(out, count++, "%s", mixent_study_factors[f]);
    if (study->vary.crossed) mixent_text_append(out, " (%zu)", levels);
  }
}

void mixent_study_vary_append_text(const mixent_study *study, mixent_text *out) {
  mixent_text_append(out, "%s", "Runs vary ");
  mixent_study_vary_append(study, out);
  if (study->vary.crossed)
    mixent_text_append(out, ", crossed; the first %zu of a variant share no level, and are compared",
                       mixent_study_compared(study));
  mixent_text_append(out, "%s", ".");
  if (mixent_study_levels(study, MIXENT_STUDY_SPLIT))
    mixent_text_append(out, "%s", " All splits are of one training set: intervals speak of that set.");
  if (study->tuned.replicates)
    mixent_text_append(out, " Each variant is tuned by %zu searches, of %zu trials%s.",
                       study->tuned.replicates, study->tuned.trials,
                       study->tuned.per_dimension ? " for each option that it searches" : " each");
  if (study->tuned.replicates && study->tuned.replicates < study->seed_count)
    mixent_text_append(out,
                       " Runs of one search are not independent: the first %zu of a variant are compared.",
                       mixent_study_compared(study));
}

json_t *mixent_study_vary_to_json(const mixent_study *study) {
  json_t *names = json_array();
  for (int f = 0; f < MIXENT_STUDY_FACTORS; f++)
    if (mixent_study_levels(study, (mixent_study_factor)f))
      mixent_json_append(&names, json_string(mixent_study_factors[f]));
  return names;
}
