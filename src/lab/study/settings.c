/* What each run of a study sets: the study's settings, its variant's, what was found for it, and its seeds; and the recipe they make. */
#include "core/json.h"
#include "lab/study/study_parts.h"

#include <stdio.h>
#include <stdlib.h>

typedef mixent_status parser(const char *text, const char *origin, const char *name,
                             const mixent_setting *settings, size_t count, mixent_recipe *out);

static mixent_status parse_recipe(const mixent_study *study, const mixent_run_settings *settings,
                                  parser *parser, mixent_recipe *out) {
  char origin[MIXENT_RECIPE_TEXT + 16], name[MIXENT_RECIPE_TEXT];
  mixent_recipe_name_file(study->recipe, name);
  snprintf(origin, sizeof origin, "recipe %s", study->recipe);
  return parser(study->recipe_text, origin, name, settings->items, settings->count, out);
}

/* What the weights of a study of format 1 were where neither recipe nor variant has them. */
static void add_old_weights(const mixent_study *study, const mixent_recipe *recipe,
                            mixent_run_settings *settings) {
  static const char *const keys[MIXENT_LOSS_PARTS] = {"loss.w1", "loss.w2", "loss.w3"};
  bool changed = recipe->loss_kind == MIXENT_LOSS_MIN_ENT || recipe->loss_kind == MIXENT_LOSS_MIX_ENT ||
                 recipe->loss_kind == MIXENT_LOSS_MIX_ENT_SPLIT;
  if (!changed || json_integer_value(json_object_get(study->state, "format")) != 1) return;
  for (int k = 0; k < MIXENT_LOSS_PARTS; k++)
    if (recipe->unsaid_w[k]) settings->items[settings->count++] = (mixent_setting){keys[k], "1"};
}

mixent_status mixent_study_settings(const mixent_study *study, mixent_study_cell cell,
                                    mixent_run_settings *out) {
  const mixent_study_variant *variant = &study->variants[cell.variant];
  mixent_recipe recipe;
  *out = (mixent_run_settings){0};
  size_t most = study->setting_count + variant->setting_count + 1 + MIXENT_STUDY_FACTORS + MIXENT_LOSS_PARTS +
                MIXENT_STUDY_OPTIONS;
  MIXENT_TRY(MIXENT_ALLOCATE(most, &out->items));
  for (size_t i = 0; i < study->setting_count; i++) out->items[out->count++] = study->settings[i];
  for (size_t i = 0; i < variant->setting_count; i++) out->items[out->count++] = variant->settings[i];
  out->count += mixent_study_found_add(study, cell, out->items + out->count);
  if (study->data_listed) out->items[out->count++] = (mixent_setting){"data", study->data[cell.data]};
  mixent_status status = parse_recipe(study, out, mixent_recipe_parse, &recipe);
  if (status == MIXENT_OK) {
    mixent_study_add_seeds(study, cell, &recipe, out);
    add_old_weights(study, &recipe, out);
    out->count = mixent_settings_keep_used(out->items, out->count, &recipe);
  } else
    free(out->items);
  return status;
}

static mixent_status compose_run(const mixent_study *study, mixent_study_cell cell, parser *parser,
                                 mixent_recipe *out) {
  mixent_run_settings settings;
  MIXENT_TRY(mixent_study_settings(study, cell, &settings));
  mixent_status status = parse_recipe(study, &settings, parser, out);
  free(settings.items);
  return status;
}

mixent_status mixent_study_recipe(const mixent_study *study, mixent_study_cell cell, mixent_recipe *out) {
  return compose_run(study, cell, mixent_recipe_parse, out);
}

mixent_status mixent_study_find_test_selected(const mixent_study *study, bool **out) {
  bool *selected;
  *out = NULL;
  MIXENT_TRY(MIXENT_ALLOCATE(study->variant_count, &selected));
  for (size_t i = 0; i < study->variant_count; i++) {
    mixent_recipe recipe;
    mixent_status status = mixent_study_recipe(study, (mixent_study_cell){.variant = i}, &recipe);
    if (status != MIXENT_OK) {
      free(selected);
      return status;
    }
    selected[i] = recipe.select == MIXENT_SELECT_TEST;
  }
  *out = selected;
  return MIXENT_OK;
}

mixent_status mixent_study_check_run(const mixent_study *study, mixent_study_cell cell, mixent_recipe *out) {
  return compose_run(study, cell, mixent_recipe_parse_new, out);
}

mixent_status mixent_study_vary_check(const mixent_yaml *node, const mixent_study *study) {
  for (int f = 0; f < MIXENT_STUDY_FACTORS; f++) {
    const char *key = mixent_study_seed_option((mixent_study_factor)f);
    if (!study->vary.levels[f]) continue;
    if (mixent_study_seed_is_given(study, (mixent_study_factor)f))
      return mixent_yaml_fail(node, "vary: %s varies, but %s is set; leave one of them out",
                              mixent_study_factors[f], key);
    bool used = false;
    mixent_text why = {0};
    for (size_t v = 0; v < study->variant_count && !used; v++) {
      mixent_recipe recipe;
      MIXENT_TRY(mixent_study_recipe(study, (mixent_study_cell){.variant = v}, &recipe));
      mixent_text_free(&why);
      used = mixent_option_use_in(mixent_option_find(key), &recipe, &why) == MIXENT_OPTION_USED;
    }
    mixent_status status = mixent_text_status(&why);
    if (status == MIXENT_OK && !used)
      status = mixent_yaml_fail(node, "vary: %s has no effect in any variant: %s", mixent_study_factors[f],
                                why.data ? why.data : "");
    mixent_text_free(&why);
    MIXENT_TRY(status);
  }
  return MIXENT_OK;
}
