/* What a checkpoint says of its model, besides the tensors: its __metadata__ (docs/FORMATS.md lists the keys). */
#ifndef MIXENT_MODEL_DESCRIPTION_H
#define MIXENT_MODEL_DESCRIPTION_H

#include "core/memory.h"
#include "io/safetensors.h"
#include "mixent/model.h"

/* Keys from `varying` on change during a run; those before must not. */
enum { MIXENT_DESCRIPTION_ENTRIES = 32 };
typedef struct mixent_description {
  mixent_text values[MIXENT_DESCRIPTION_ENTRIES];
  mixent_metadata entries[MIXENT_DESCRIPTION_ENTRIES];
  size_t count, varying;
} mixent_description;
mixent_status mixent_description_make(const mixent_model *model, mixent_description *out);
void mixent_description_free(mixent_description *description);

#endif
