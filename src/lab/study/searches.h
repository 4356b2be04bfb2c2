/* The searches of a study whose variants are tuned. mixent-sweep runs them; what they leave is read, and kept in study.json. */
#ifndef MIXENT_LAB_STUDY_SEARCHES_H
#define MIXENT_LAB_STUDY_SEARCHES_H

#include "lab/study/directory.h"

/* Takes into study.json what finished searches found. MIXENT_ERROR_IO where some are missing: it writes the file of each
 * for mixent-sweep below DIRECTORY/searches, and appends the commands, a line for each. MIXENT_ERROR_FORMAT where a search is not
 * one of this study. The study's directory must be locked. */
mixent_status mixent_study_search(mixent_study *study, mixent_text *commands);

#endif
