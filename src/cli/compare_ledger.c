/* `mixent compare --ledger DIR`: reads the studies below DIR, prints their comparisons with one correction over all. */
#include "cli/compare_ledger.h"
#include "cli/events.h"
#include "cli/message.h"
#include "cli/terminal.h"
#include "core/json.h"
#include "lab/ledger/ledger.h"

#include <stdio.h>

int mixent_compare_ledger(const char *directory, bool json) {
  mixent_ledger ledger = {0};
  mixent_text text = {0};
  if (json) mixent_event_progress(json_pack("{s:s}", "phase", "compare"));
  mixent_status status = mixent_ledger_read(directory, &ledger);
  if (status == MIXENT_OK && json)
    mixent_event_finished(json_pack("{s:o, s:o}", "directory", mixent_json_text(directory), "ledger",
                                    mixent_ledger_to_json(&ledger)));
  else if (status == MIXENT_OK) {
    mixent_ledger_append_text(&ledger, &text);
    mixent_text_print(stdout, &text);
  }
  mixent_ledger_free(&ledger);
  return status == MIXENT_OK ? MIXENT_EXIT_DONE : mixent_failed(status);
}
