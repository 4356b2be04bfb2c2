/* A page on which a person draws and sees what models believe: one HTML file, with the weights and an engine in JavaScript in it. */
#ifndef MIXENT_MODEL_PAGE_H
#define MIXENT_MODEL_PAGE_H

#include "mixent/model.h"

/* Writes the page of `count` models of images to `path`; names [count] head what each one says. A model of a table is refused. */
mixent_status mixent_model_page_write(const mixent_model *const *models, const char *const *names,
                                      size_t count, const char *path);

#endif
