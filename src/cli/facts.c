/* Facts as JSON and as text. */
#include "cli/facts.h"
#include "cli/json.h"
#include "cli/message.h"
#include "lab/store/store.h"
#include "recipe/recipe.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The store has texts and numbers alone. */
static bool is_yes_no(const char *key) {
  const mixent_option *option = mixent_option_find(key);
  if (option) return option->type == MIXENT_OPTION_YES_NO;
  return strcmp(key, "temperature.found") == 0 || strcmp(key, "last.best") == 0;
}

json_t *mixent_fact_json(const mixent_fact *fact) {
  if (fact->text && is_yes_no(fact->key)) return json_boolean(strcmp(fact->text, "true") == 0);
  if (fact->text) return mixent_json_text(fact->text);
  bool whole = fact->number == floor(fact->number) && fabs(fact->number) < 0x1p53;
  return isnan(fact->number) ? json_null()
         : whole             ? json_integer((json_int_t)fact->number)
                             : json_real(fact->number);
}

json_t *mixent_facts_json(const mixent_facts *facts) {
  json_t *object = json_object();
  for (size_t i = 0; i < facts->count; i++)
    mixent_json_set(&object, facts->items[i].key, mixent_fact_json(&facts->items[i]));
  return object;
}

char *mixent_fact_text(const mixent_fact *fact) {
  mixent_text text = {0};
  mixent_text_append(&text, "%s", fact->text ? fact->text : "");
  if (!fact->text && !isnan(fact->number)) mixent_number_write(fact->number, &text);
  if (text.failed) mixent_text_free(&text);
  return text.data;
}

const char *mixent_local_time(const char *time) {
  static char text[32];
  struct tm parts = {0};
  const char *end = strptime(time, "%Y-%m-%dT%H:%M:%SZ", &parts);
  time_t moment = timegm(&parts);
  if (!end || !localtime_r(&moment, &parts) || !strftime(text, sizeof text, "%Y-%m-%d %H:%M", &parts))
    return "";
  return text;
}

void mixent_store_warning_print(const mixent_store *store) {
  for (const char *line = mixent_store_warning(store); line && *line; line += *line == '\n') {
    int length = (int)strcspn(line, "\n");
    mixent_warning_print("%.*s", length, line);
    line += length;
  }
}
