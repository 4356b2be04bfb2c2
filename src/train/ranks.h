/* What a training needs to know where several processes do it (peers/peers.h): as many replicas as there are processes, their threads, and
 * that all of them train the same. Alone none of it does anything. */
#ifndef MIXENT_TRAIN_RANKS_H
#define MIXENT_TRAIN_RANKS_H

#include "train/trainer.h"

/* Whether this process writes and tells: all others train along in silence. */
bool mixent_rank_leads(void);

/* Of a recipe whose automatic threads are resolved for this process: a new run's single replica becomes one for each process (`fresh`), and
 * threads that were automatic become those of all processes. Errors: replicas that the processes cannot share equally. Collective. */
mixent_status mixent_ranks_share(mixent_recipe *recipe, bool fresh, bool automatic_threads);

/* Recipe, data, plan and weights must be those of rank 0, or the run would be none that anybody could repeat; another kind of processor
 * is warned of. Collective. */
mixent_status mixent_ranks_compare(const mixent_trainer *trainer);

/* Rank 0's word, for all. Collective. */
mixent_status mixent_ranks_follow(bool *word);

#endif
