/* How studies come to their plans: by the networks of this program. */
#ifndef MIXENT_CLI_PLANNER_H
#define MIXENT_CLI_PLANNER_H

#include "lab/study/directory.h"

mixent_study_planner mixent_planner(void);

#endif
