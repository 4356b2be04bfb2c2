/* Models that come with mixent: MODELS/NAME/best.safetensors. MODELS stands beside the program where that was built, and in
 * ../share/mixent/models of an installed one. $MIXENT_MODELS names another directory in place of both. */
#ifndef MIXENT_CORE_SHIPPED_H
#define MIXENT_CORE_SHIPPED_H

#include "core/file.h"

/* Their names, sorted; none where there is no such directory. mixent_names_free(). */
mixent_status mixent_shipped_models(mixent_names *out);
/* The directory of that model; NULL: none has the name. free(). */
mixent_status mixent_shipped_model_find(const char *name, char **out);

#endif
