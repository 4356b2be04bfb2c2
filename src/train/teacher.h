/* Distillation from trained models (Hinton et al. 2015): what teachers say of images. They are asked once, of each train image as it
 * is, which costs a fraction of an epoch for each teacher; or in every step, of the very input of the network, which costs a
 * forward pass for each but is the better teaching (Beyer et al. 2022, arXiv 2106.05237). */
#ifndef MIXENT_TRAIN_TEACHER_H
#define MIXENT_TRAIN_TEACHER_H

#include "recipe/recipe.h"

typedef struct mixent_teachers mixent_teachers;

/* The models of these checkpoints, made ready for batches of so many rows. Errors: a model of other images or classes. */
mixent_status mixent_teachers_open(const mixent_recipe *recipe, const char *const *paths, size_t count,
                                   const mixent_dataset *dataset, size_t rows, mixent_teachers **out);
void mixent_teachers_free(mixent_teachers *teachers);

/* The mean of the probabilities of all, logits divided by distill.temperature: [train images, classes] for the images that are
 * trained on, 0 for others; free(). */
mixent_status mixent_teachers_ask_images(mixent_teachers *teachers, const mixent_images *images,
                                         const mixent_split *split, float **out);

/* The same of a batch that is normalised by those numbers [channels]: *out [rows, classes], the teachers' own. Allocates nothing. */
mixent_status mixent_teachers_ask_batch(mixent_teachers *teachers, const float *input, const float *mean,
                                        const float *deviation, const float **out);

#endif
