/* Options of a training run, as `mixent help recipe` lists them. */
#ifndef MIXENT_RECIPE_H
#define MIXENT_RECIPE_H

#ifdef __cplusplus
extern "C" {
#endif

/* One option of a recipe by its dotted key ("optimizer.learning_rate"), with its value as text. */
typedef struct mixent_setting {
  const char *key, *value;
} mixent_setting;

#ifdef __cplusplus
}
#endif
#endif
