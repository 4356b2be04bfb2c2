/* Plan files and nets: what a plan was measured for, the choices a net was made with, whether a file's choices fit a net. */
#ifndef MIXENT_NET_PLAN_CHOICES_H
#define MIXENT_NET_PLAN_CHOICES_H

#include "io/plan_file.h"
#include "mixent/net.h"

/* The key of training steps of `graph` on this processor, with as many threads as are set. */
mixent_status mixent_plan_key_make(const mixent_graph *graph, int batch, mixent_precision precision,
                                   mixent_plan_key *out);
/* The choices that a net was made with, its table's or others; no times. */
mixent_status mixent_plan_file_of(const mixent_net *net, const mixent_plan_key *key, mixent_plan_file **out);
/* All that a choice can name, NULL-terminated. */
const char *const *mixent_backend_names(void);
/* Refuses a plan that names a pass the net has not, or a back end that cannot compute it there. *same: the net was
 * made with just these choices. */
mixent_status mixent_plan_file_check(const mixent_plan_file *file, const mixent_net *net, bool *same);
/* Whether it measured just the back ends that the net has to choose from. */
bool mixent_plan_file_covers(const mixent_plan_file *file, const mixent_net *net);
/* For mixent_net_options, in new memory; the texts are the file's. */
mixent_status mixent_plan_file_choices(const mixent_plan_file *file, mixent_net_choice **out);
/* SHA-256 of the choices that a net was made with, as mixent_plan_file_hash. */
void mixent_plan_hash(const mixent_net *net, char out[MIXENT_PLAN_HASH]);

#endif
