/* Between the files of the ledger. */
#ifndef MIXENT_LAB_LEDGER_PARTS_H
#define MIXENT_LAB_LEDGER_PARTS_H

#include "lab/ledger/ledger.h"

/* Adds a study's comparisons. hashes [comparison->input.run_count] of its runs. */
mixent_status mixent_ledger_add(mixent_ledger *ledger, const char *path, const char *name,
                                const mixent_comparison *comparison, char (*hashes)[MIXENT_LEDGER_HASH]);
/* After the last: what is shared, the correction over all, the verdicts by it. */
mixent_status mixent_ledger_conclude(mixent_ledger *ledger);

#endif
