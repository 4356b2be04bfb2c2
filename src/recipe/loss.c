/* The loss that a recipe describes. */
#include "recipe/recipe.h"

#include <string.h>

mixent_loss_options mixent_recipe_loss(const mixent_recipe *recipe) {
  mixent_loss_options loss = mixent_loss_defaults((mixent_loss_kind)recipe->loss_kind);
  if (loss.kind != MIXENT_LOSS_CE) { /* plain cross entropy knows neither weights nor bases */
    loss.style = (mixent_style)recipe->loss_style;
    memcpy(loss.w, recipe->w, sizeof loss.w);
    memcpy(loss.b, recipe->b, sizeof loss.b);
  }
  loss.smoothing = recipe->smoothing, loss.eps = recipe->eps;
  loss.focal_gamma = recipe->focal_gamma, loss.gce_q = recipe->gce_q, loss.t1 = recipe->t1,
  loss.t2 = recipe->t2;
  loss.max_interval = recipe->max_interval;
  mixent_term terms[MIXENT_LOSS_PARTS];
  int parts = mixent_loss_parts(loss.kind, terms);
  for (int k = 0; k < MIXENT_LOSS_PARAMETERS; k++) /* a recipe serves losses with fewer parts, too */
    loss.learn[k] = recipe->learn[k] && k % MIXENT_LOSS_PARTS < parts && loss.kind != MIXENT_LOSS_CE;
  loss.w_bounds[0] = recipe->weight_min, loss.w_bounds[1] = recipe->weight_max;
  loss.b_bounds[0] = recipe->base_min, loss.b_bounds[1] = recipe->base_max;
  return loss;
}

bool mixent_recipe_looks_ahead(const mixent_recipe *recipe) {
  const mixent_loss_options loss = mixent_recipe_loss(recipe);
  bool any = false;
  for (int i = 0; i < MIXENT_LOSS_PARTS; i++) any |= loss.learn[i];
  return any && loss.style == MIXENT_STYLE_HYPERGRADIENT;
}

void mixent_recipe_take_loss(mixent_recipe *recipe) {
  const mixent_loss_options loss = mixent_loss_defaults((mixent_loss_kind)recipe->loss_kind);
  memcpy(recipe->w, loss.w, sizeof recipe->w);
  recipe->smoothing = loss.smoothing, recipe->eps = loss.eps;
}
