/* What a checkpoint says of its model, besides the tensors: its __metadata__ (docs/FORMATS.md lists the keys). */
#ifndef MIXENT_MODEL_DESCRIPTION_H
#define MIXENT_MODEL_DESCRIPTION_H

#include "core/memory.h"
#include "io/safetensors.h"
#include "mixent/model.h"

enum { MIXENT_MOST_EPOCHS = 1 << 30 }; /* that a model was trained for */

/* Keys from `varying` on change during a run; those before must not. */
enum { MIXENT_DESCRIPTION_ENTRIES = 32 };
typedef struct mixent_description {
  mixent_text values[MIXENT_DESCRIPTION_ENTRIES];
  mixent_metadata entries[MIXENT_DESCRIPTION_ENTRIES];
  size_t count, varying;
} mixent_description;
mixent_status mixent_description_make(const mixent_model *model, mixent_description *out);
void mixent_description_free(mixent_description *description);

/* The data set of a model whose file names none. */
#define MIXENT_UNKNOWN_DATA "unknown data"
/* "true": the classes are numbered, for the file that the model was read from does not name them. */
#define MIXENT_UNNAMED_KEY "unnamed"

/* The way back: texts by key. */
typedef struct mixent_described {
  const char *path; /* for messages */
  const void *source;
  const char *(*find)(const void *source, const char *key); /* NULL: there is none of that key */
} mixent_described;
/* Fills in all but the network and its arrays. */
mixent_status mixent_description_read(const mixent_described *from, mixent_model *model);

#endif
