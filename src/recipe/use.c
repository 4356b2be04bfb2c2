/* Which options have an effect: by the loss's terms, by the optimiser, by what switches a feature on. */
#include "recipe/use.h"
#include "data/balance.h"
#include "data/noise/noise.h"
#include "optimize/optimizer.h"
#include "optimize/schedule.h"

#include <stdio.h>
#include <string.h>

enum { PARTS = MIXENT_LOSS_PARTS };

static bool begins(const char *text, const char *start) {
  return strncmp(text, start, strlen(start)) == 0;
}

static bool is_among(const char *key, const char *const *keys) {
  while (*keys && strcmp(*keys, key) != 0) keys++;
  return *keys;
}

/* The index of "loss.w1" … "loss.b3" among the parameters, else -1. */
static int parameter_of(const char *key) {
  for (int k = 0; begins(key, "loss.") && k < MIXENT_LOSS_PARAMETERS; k++)
    if (strcmp(key + strlen("loss."), mixent_loss_parameter_names[k]) == 0) return k;
  return -1;
}

/* ------------------------------------------------------------------ the loss ------ */

/* Numbers that only the rows of some terms read. */
static const struct {
  const char *key;
  unsigned terms;
} of_terms[] = {{"loss.eps", 1u << MIXENT_CE2 | 1u << MIXENT_KL},
                {"loss.focal_gamma", 1u << MIXENT_FOCAL},
                {"loss.gce_q", 1u << MIXENT_GCE},
                {"loss.t1", 1u << MIXENT_BI_TEMPERED},
                {"loss.t2", 1u << MIXENT_BI_TEMPERED}};

/* A weight or base that the loss has; cross entropy is left plain by recipes (mixent_recipe_loss). */
static bool loss_has_parameter(mixent_loss_kind kind, int k) {
  mixent_term terms[PARTS];
  return kind != MIXENT_LOSS_CE && k % PARTS < mixent_loss_parts(kind, terms);
}

/* Whether the loss has an option of the section `loss`; of the option `learn`: all that is named. */
static bool loss_has(const mixent_recipe *recipe, const char *key) {
  mixent_loss_kind kind = (mixent_loss_kind)recipe->loss_kind;
  mixent_term terms[PARTS];
  unsigned mask = 0;
  int k = parameter_of(key);
  if (strcmp(key, "loss.name") == 0 || strcmp(key, "loss.smoothing") == 0 ||
      begins(key, "loss.class_weights"))
    return true;
  if (k >= 0) return loss_has_parameter(kind, k);
  if (strcmp(key, "loss.learn") == 0) {
    bool all = true;
    for (k = 0; k < MIXENT_LOSS_PARAMETERS; k++) all &= !recipe->learn[k] || loss_has_parameter(kind, k);
    return all;
  }
  for (int i = mixent_loss_parts(kind, terms) - 1; i >= 0; i--) mask |= 1u << terms[i];
  for (size_t i = 0; i < sizeof of_terms / sizeof *of_terms; i++)
    if (strcmp(of_terms[i].key, key) == 0) return of_terms[i].terms & mask;
  return kind != MIXENT_LOSS_CE;
}

/* "the loss 'min-ent' does not use it (it has w1, w2, b1, b2, smoothing)" */
static void say_foreign_loss(const char *key, const mixent_recipe *recipe, mixent_text *why) {
  bool learn = strcmp(key, "loss.learn") == 0;
  size_t count = 0;
  if (learn && !loss_has_parameter((mixent_loss_kind)recipe->loss_kind, 0)) {
    mixent_text_append(why, "the loss '%s' has nothing to learn; leave it out",
                       mixent_loss_names[recipe->loss_kind]);
    return;
  }
  mixent_text_append(why, "the loss '%s' %s", mixent_loss_names[recipe->loss_kind],
                     learn ? "cannot learn that" : "does not use it");
  for (const mixent_option *option = mixent_options; option->key; option++) {
    bool own = option->type == MIXENT_OPTION_NUMBER &&
               (parameter_of(option->key) >= 0 || (!learn && strcmp(option->key, "loss.smoothing") == 0));
    for (size_t i = 0; i < sizeof of_terms / sizeof *of_terms; i++)
      own |= !learn && strcmp(of_terms[i].key, option->key) == 0;
    if (!own || !loss_has(recipe, option->key)) continue;
    if (!count) mixent_text_append(why, " (it has ");
    mixent_text_append_item(why, count++, "%s", option->key + strlen("loss."));
  }
  mixent_text_append(why, count ? ")" : "");
}

/* ------------------------------------------------------------- the optimiser ------ */

/* The optimisers whose option it is, or NULL if all have it. */
static const char *const *optimizers_of(const char *key, const mixent_recipe *recipe) {
  static const char *const adam[] = {"optimizer.beta1", "optimizer.beta2", "optimizer.epsilon", NULL},
                           *const adams[] = {"adam", "adamw", NULL}, *const sgd[] = {"sgd", NULL};
  if (is_among(key, adam)) return adams;
  bool nesterov = strcmp(key, "optimizer.nesterov") == 0 && recipe->nesterov; /* "false" is true of all */
  return nesterov || strcmp(key, "optimizer.momentum") == 0 ? sgd : NULL;
}

/* ----------------------------------------------------- what another switches off -- */

/* Whether the weights of the style change with time, or with parameter i (-1: with time). Asked of the style itself, so that
 * it is said in one place. */
static bool style_depends_on(long style, int parameter) {
  mixent_loss_options options = mixent_loss_defaults(MIXENT_LOSS_MIX_ENT_SPLIT);
  options.style = (mixent_style)style;
  bool differs = false;
  for (int late = 0; late < 2; late++) {
    double w[PARTS], other[PARTS];
    mixent_loss_state state = {{0.3, 0.5, 0.7, 1, 1, 1}}, moved = state;
    if (parameter >= 0) moved.value[parameter] += 0.1;
    double epoch = late * options.max_interval / 2;
    mixent_loss_weights(&options, &state, epoch, w);
    mixent_loss_weights(&options, &moved, parameter < 0 ? options.max_interval : epoch, other);
    for (int i = 0; i < PARTS; i++) differs |= w[i] != other[i];
  }
  return differs;
}

static bool learns(const mixent_recipe *recipe, int first) {
  bool any = false;
  for (int k = first; k < first + PARTS; k++)
    any |= recipe->learn[k] && loss_has_parameter((mixent_loss_kind)recipe->loss_kind, k);
  return any;
}

/* Whether the rate of the schedule depends on its warm-up. */
static bool schedule_warms_up(long index) {
  const mixent_schedule_state state = mixent_schedule_start();
  mixent_schedule brief = {mixent_schedule_types[index], 1, 0.2}, wide = {brief.type, 1, 0.4};
  return brief.type->factor(&brief, 0.1, &state) != wide.type->factor(&wide, 0.1, &state);
}

/* Why an option that the loss and the optimiser have is without effect, or NULL. */
static const char *find_idle(const char *key, const mixent_recipe *recipe) {
  static const char *const weights[] = {"loss.weight_learning_rate", "loss.weight_min", "loss.weight_max",
                                        NULL},
                           *const bases[] = {"loss.base_learning_rate", "loss.base_min", "loss.base_max",
                                             NULL},
                           *const ahead[] = {"loss.held_out_fraction", "loss.hypergradient_every", NULL};
  int k = parameter_of(key);
  if (k >= 0 && k < PARTS && !style_depends_on(recipe->loss_style, k))
    return "the style (loss.style) does not read it";
  if (strcmp(key, "loss.max_interval") == 0 && !style_depends_on(recipe->loss_style, -1))
    return "the style (loss.style) does not change with time";
  if (is_among(key, weights) && !learns(recipe, 0)) return "no weight is learned (loss.learn)";
  if (is_among(key, bases) && !learns(recipe, PARTS)) return "no base is learned (loss.learn)";
  if (is_among(key, ahead) && !mixent_recipe_looks_ahead(recipe))
    return "no weight is learned in style hypergradient (loss.learn, loss.style)";
  if (strcmp(key, "schedule.warmup") == 0 && !schedule_warms_up(recipe->schedule))
    return "the schedule (schedule.name) has no warm-up";
  if (strcmp(key, "ema.estimate_batches") == 0 && recipe->ema_decay == 0)
    return "no average is kept (ema.decay is 0)";
  if ((strcmp(key, "distill.augmented") == 0 || strcmp(key, "distill.weight") == 0 ||
       strcmp(key, "distill.temperature") == 0) &&
      !*recipe->teacher && recipe->distill_members == 0)
    return "there is no teacher (distill.teacher is empty, distill.members is 0)";
  if (strcmp(key, "validation.fold") == 0 && recipe->validation_folds == 0)
    return "the training set is not cut into folds (validation.folds is 0)";
  if (strcmp(key, "validation.fraction") == 0 && recipe->validation_folds > 0)
    return "a fold is held out (validation.folds)";
  if (strcmp(key, "validation.seed") == 0 && !mixent_recipe_holds_out(recipe) &&
      recipe->train_fraction == 1 && !mixent_recipe_looks_ahead(recipe))
    return "all images are trained on (validation.fraction is 0, train_fraction is 1)";
  if (strcmp(key, "progressive.until") == 0 && recipe->progressive_side == 0)
    return "images keep their size (progressive.side is 0)";
  if (strcmp(key, "prune.until") == 0 && recipe->prune_fraction == 0)
    return "no images are left out (prune.fraction is 0)";
  if (strcmp(key, "loss.class_weights_beta") == 0 && recipe->class_weights != MIXENT_WEIGHTS_EFFECTIVE)
    return "class weights are not by effective numbers (loss.class_weights)";
  if (strcmp(key, "select_by") == 0 && recipe->select == MIXENT_SELECT_LAST)
    return "the last epoch is kept (select is last)";
  if (strcmp(key, "noise.matrix") == 0 && recipe->noise_kind != MIXENT_NOISE_CONFUSABLE)
    return "labels do not change by confusions (noise.kind)";
  if ((strcmp(key, "noise.seed") == 0 || strcmp(key, "noise.kind") == 0 ||
       strcmp(key, "noise.matrix") == 0) &&
      recipe->noise_fraction == 0)
    return "no label is changed (noise.fraction is 0)";
  if (strcmp(key, "augment.perspective_probability") == 0 && recipe->augmentation.perspective == 0)
    return "augment.perspective is 0";
  if (strcmp(key, "augment.erase_area") == 0 && recipe->augmentation.erase == 0) return "augment.erase is 0";
  if (strcmp(key, "augment.mix_probability") == 0 && recipe->mixing.mixup == 0 && recipe->mixing.cutmix == 0)
    return "no images are mixed (augment.mixup and augment.cutmix are 0)";
  return NULL;
}

/* ---------------------------------------------------------------- all of them ----- */

mixent_option_use mixent_option_use_in(const mixent_option *option, const mixent_recipe *recipe,
                                       mixent_text *why) {
  if (begins(option->key, "loss.") && !loss_has(recipe, option->key)) {
    if (why) say_foreign_loss(option->key, recipe, why);
    return MIXENT_OPTION_FOREIGN;
  }
  const char *const *optimizers = optimizers_of(option->key, recipe);
  const char *own = mixent_optimizer_names[recipe->optimizer];
  if (optimizers && !is_among(own, optimizers)) {
    if (why) mixent_text_append(why, "the optimizer '%s' does not use it ('%s' does)", own, *optimizers);
    return MIXENT_OPTION_FOREIGN;
  }
  const char *idle = find_idle(option->key, recipe);
  if (idle && why) mixent_text_append(why, "%s", idle);
  return idle ? MIXENT_OPTION_IDLE : MIXENT_OPTION_USED;
}

mixent_status mixent_settings_check_use(const mixent_setting *settings, size_t count,
                                        const mixent_recipe *recipe) {
  mixent_status status = MIXENT_OK;
  for (size_t i = 0; i < count && status == MIXENT_OK; i++) {
    const mixent_option *option = mixent_option_find(settings[i].key);
    mixent_text why = {0};
    if (option && mixent_option_use_in(option, recipe, &why) == MIXENT_OPTION_FOREIGN) {
      status = mixent_text_status(&why);
      if (status == MIXENT_OK) status = mixent_fail(MIXENT_ERROR_ARGUMENT, "%s: %s", option->key, why.data);
    }
    mixent_text_free(&why);
  }
  return status;
}

void mixent_settings_warn_idle(const mixent_setting *settings, size_t count, const mixent_recipe *recipe,
                               void (*warn)(void *context, const char *message), void *context) {
  for (size_t i = 0; i < count; i++) {
    const mixent_option *option = mixent_option_find(settings[i].key);
    mixent_text message = {0};
    mixent_text_append(&message, "unused-option: %s has no effect: ", settings[i].key);
    if (option && mixent_option_use_in(option, recipe, &message) == MIXENT_OPTION_IDLE && !message.failed)
      warn(context, message.data);
    mixent_text_free(&message);
  }
}

size_t mixent_settings_keep_used(mixent_setting *settings, size_t count, const mixent_recipe *recipe) {
  size_t kept = 0;
  for (size_t i = 0; i < count; i++) {
    const mixent_option *option = mixent_option_find(settings[i].key);
    /* of several learned names some may be right: whoever checks the run says so */
    bool some = option && option->type == MIXENT_OPTION_NAMES && recipe->loss_kind != MIXENT_LOSS_CE;
    if (!option || some || mixent_option_use_in(option, recipe, NULL) == MIXENT_OPTION_USED)
      settings[kept++] = settings[i];
  }
  return kept;
}

/* The option's default, which for a loss's own weights hangs on the loss. */
static mixent_status write_default(const mixent_option *option, const mixent_recipe *recipe,
                                   mixent_text *out) {
  mixent_recipe usual = {.loss_kind = recipe->loss_kind};
  MIXENT_TRY(mixent_option_set(option, option->fallback, &usual));
  mixent_recipe_take_loss(&usual);
  mixent_option_write(option, &usual, out);
  return mixent_text_status(out);
}

static mixent_status check_leaf(const mixent_yaml *node, const mixent_option *option,
                                const mixent_recipe *alone, const mixent_recipe *final) {
  mixent_text why = {0}, value = {0}, usual = {0};
  mixent_status status = MIXENT_OK;
  if (mixent_option_use_in(option, final, NULL) == MIXENT_OPTION_FOREIGN &&
      mixent_option_use_in(option, alone, &why) == MIXENT_OPTION_FOREIGN) {
    mixent_option_write(option, alone, &value);
    status = write_default(option, alone, &usual);
    if (status == MIXENT_OK) status = mixent_text_status(value.failed ? &value : &why);
    if (status == MIXENT_OK && strcmp(value.data, usual.data) != 0)
      status = mixent_yaml_fail(node, "%s: %s", option->key, why.data);
  }
  mixent_text_free(&why);
  mixent_text_free(&value);
  mixent_text_free(&usual);
  return status;
}

mixent_status mixent_recipe_check_use(const mixent_yaml *mapping, const char *prefix,
                                      const mixent_recipe *alone, const mixent_recipe *final) {
  for (size_t i = 0; i < mapping->count; i++) {
    const mixent_yaml *child = &mapping->children[i];
    char path[128];
    snprintf(path, sizeof path, "%s%s", prefix, child->key); /* mixent_recipe_apply has taken it */
    const mixent_option *option = mixent_option_find(path);
    if (option)
      MIXENT_TRY(check_leaf(child, option, alone, final));
    else if (strcmp(path, "losses") != 0) {
      strcat(path, ".");
      MIXENT_TRY(mixent_recipe_check_use(child, path, alone, final));
    }
  }
  return MIXENT_OK;
}

mixent_status mixent_recipe_drop_foreign(mixent_recipe *recipe) {
  mixent_status status = MIXENT_OK;
  for (const mixent_option *option = mixent_options; option->key && status == MIXENT_OK; option++) {
    mixent_text usual = {0};
    if (mixent_option_use_in(option, recipe, NULL) != MIXENT_OPTION_FOREIGN) continue;
    if (strcmp(option->key, "loss.learn") == 0) { /* of several names those stay that the loss has */
      for (int k = 0; k < MIXENT_LOSS_PARAMETERS; k++)
        recipe->learn[k] &= loss_has_parameter((mixent_loss_kind)recipe->loss_kind, k);
      continue;
    }
    status = write_default(option, recipe, &usual);
    if (status == MIXENT_OK) status = mixent_option_set(option, usual.data, recipe);
    mixent_text_free(&usual);
  }
  return status;
}
