/* The plan of a study's run, from the trainer. */
#include "cli/planner.h"
#include "train/plan_source.h"

static mixent_status write_plan(const mixent_recipe *recipe, const mixent_study_shape *shape,
                                mixent_text *out) {
  return mixent_recipe_plan_write(recipe, shape->channels, shape->side, shape->classes, out);
}

mixent_study_planner mixent_planner(void) {
  return (mixent_study_planner){
      .native_bf16 = mixent_net_bf16_is_native(), .check = mixent_recipe_check_network, .plan = write_plan};
}
