/* Distillation from trained models (Hinton et al. 2015): what teachers say of the train images, asked once, of each image as it
 * is. A pass of each teacher over the data costs a fraction of an epoch; asking about each augmented image would cost a forward
 * pass of every teacher in every step. */
#ifndef MIXENT_TRAIN_TEACHER_H
#define MIXENT_TRAIN_TEACHER_H

#include "recipe/recipe.h"

/* The mean of the probabilities of all models that distill.teacher names, logits divided by distill.temperature: [train images,
 * classes] for the images that are trained on, 0 for others; free(). Errors: a model of other images or classes. */
mixent_status mixent_teacher_ask(const mixent_recipe *recipe, const mixent_dataset *dataset,
                                 const mixent_split *split, float **out);

#endif
