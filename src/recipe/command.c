/* The command that repeats a run. */
#include "core/file.h"
#include "core/locale.h"
#include "recipe/use.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* " WORD", in quotes where a shell wants them. */
__attribute__((format(printf, 2, 3))) static void append_word(mixent_text *out, const char *format, ...) {
  va_list arguments;
  char *word;
  va_start(arguments, format);
  mixent_print_new(&word, format, arguments);
  va_end(arguments);
  char *quoted = word ? mixent_path_quote(word) : NULL;
  if (quoted)
    mixent_text_append(out, " %s", quoted);
  else
    out->failed = 1;
  free(word);
  free(quoted);
}

/* The value as the command line takes it: texts bare, not as YAML. */
static void write_value(const mixent_option *option, const mixent_recipe *recipe, mixent_text *out) {
  if (option->type == MIXENT_OPTION_TEXT)
    mixent_text_append(out, "%s", (const char *)recipe + option->offset);
  else
    mixent_option_write(option, recipe, out);
}

/* What follows from the others, or is said in another way. */
static bool is_implied(const char *key) {
  static const char *const implied[] = {"name", "data_alternative", "loss.name", "plan", "plan_hash", NULL};
  const char *const *name = implied;
  while (*name && strcmp(*name, key) != 0) name++;
  return *name;
}

static void append_differences(const mixent_recipe *base, const mixent_recipe *recipe, mixent_text *out) {
  for (const mixent_option *option = mixent_options; option->key; option++) {
    if (mixent_option_use_in(option, recipe, NULL) != MIXENT_OPTION_USED) continue;
    mixent_text was = {0}, is = {0};
    write_value(option, base, &was);
    write_value(option, recipe, &is);
    if (was.failed || is.failed)
      out->failed = 1;
    else if (!is_implied(option->key) && strcmp(was.data, is.data) != 0)
      append_word(out, "%s=%s", option->key, is.data);
    mixent_text_free(&was);
    mixent_text_free(&is);
  }
}

/* A built-in recipe, and what the run has otherwise; *found false if there is none of that name. */
static mixent_status append_recipe(const mixent_recipe *recipe, bool *found, mixent_text *out) {
  const mixent_setting loss = {"loss.name", mixent_loss_names[recipe->loss_kind]};
  mixent_recipe plain, base; /* the section `losses` has its say in the second */
  *found = false;
  if (!mixent_recipe_text(recipe->name)) return MIXENT_OK;
  mixent_status status = mixent_recipe_compose(recipe->name, NULL, 0, &plain);
  if (status == MIXENT_OK) status = mixent_recipe_compose(recipe->name, &loss, 1, &base);
  if (status != MIXENT_OK) return status == MIXENT_ERROR_MEMORY ? status : MIXENT_OK;
  append_word(out, "%s", recipe->name);
  if (plain.loss_kind != recipe->loss_kind) append_word(out, "loss.name=%s", loss.value);
  append_differences(&base, recipe, out);
  *found = true;
  return MIXENT_OK;
}

mixent_status mixent_recipe_command(const mixent_recipe *recipe, const char *run, mixent_text *out) {
  if (recipe->retired) {
    mixent_text_append(out, "none: mixent has %s no longer", recipe->retired);
    return mixent_text_status(out);
  }
  mixent_text_append(out, "mixent train --recipe");
  bool found;
  MIXENT_TRY(append_recipe(recipe, &found, out));
  if (!found) append_word(out, "%s/recipe.yaml", run);
  mixent_text_append(out, " --plan");
  /* a plan that is a file, or was left open, may be another by now; what the run had of it stands beside its recipe */
  if (*recipe->plan && !strchr(recipe->plan, '/') && strcmp(recipe->plan, "auto") != 0)
    append_word(out, "%s", recipe->plan);
  else
    append_word(out, "%s/plan.yaml", run);
  mixent_text_append(out, " --run");
  append_word(out, "%s-again", run);
  return mixent_text_status(out);
}
