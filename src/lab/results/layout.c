/* Which column of a file of results has which role, by its name or as mapped. */
#include "core/locale.h"
#include "core/memory.h"
#include "core/unicode.h"
#include "lab/results/rows.h"

#include <stdlib.h>
#include <string.h>

const char *const mixent_results_roles[MIXENT_ROLES + 1] = {"variant", "seed", "data",    "metric",
                                                            "value",   "item", "correct", NULL};

void mixent_results_layout_free(mixent_results_layout *layout) {
  for (int role = 0; role < MIXENT_ROLES; role++) free(layout->columns[role]);
  *layout = (mixent_results_layout){0};
}

/* "seed=rng" of `length` bytes. */
static mixent_status parse_role(const char *text, size_t length, mixent_results_layout *layout) {
  const char *equals = memchr(text, '=', length);
  size_t name = equals ? (size_t)(equals - text) : length;
  int role = 0;
  while (role < MIXENT_ROLES &&
         !(strlen(mixent_results_roles[role]) == name && memcmp(text, mixent_results_roles[role], name) == 0))
    role++;
  if (!equals || role == MIXENT_ROLES || name + 1 == length || layout->columns[role])
    return mixent_fail(
        MIXENT_ERROR_ARGUMENT,
        "--columns: expected variant=NAME, seed=NAME, data=NAME, metric=NAME, value=NAME, item=NAME, correct=NAME, "
        "each at most once, between commas; got '%.*s'",
        (int)(length < 80 ? length : 80), text);
  return mixent_copy_start(equals + 1, length - name - 1, &layout->columns[role]);
}

mixent_status mixent_results_layout_parse(const char *text, mixent_results_layout *out) {
  *out = (mixent_results_layout){0};
  mixent_status status = MIXENT_OK;
  while (text && status == MIXENT_OK) {
    const char *comma = strchr(text, ',');
    status = parse_role(text, comma ? (size_t)(comma - text) : strlen(text), out);
    text = comma ? comma + 1 : NULL;
  }
  if (status != MIXENT_OK) mixent_results_layout_free(out);
  return status;
}

/* "a, b, c and 20 more" */
static mixent_status fail_without(const mixent_results_header *header, const char *column, const char *role,
                                  bool mapped) {
  enum { MOST_NAMED = 8 };
  mixent_text names = {0};
  size_t named = header->count < MOST_NAMED ? header->count : MOST_NAMED;
  for (size_t i = 0; i < named; i++) mixent_text_append_item(&names, i, "'%.40s'", header->names[i]);
  if (named < header->count) mixent_text_append(&names, " and %zu more", header->count - named);
  mixent_text_append(&names, "%s", header->count ? "" : "none");
  mixent_status status = mixent_text_status(&names);
  if (status == MIXENT_OK)
    status = mixent_fail(MIXENT_ERROR_FORMAT, "%s:%zu:1: expected a column '%.80s', got %s%s%s%s",
                         header->origin, header->line, column, names.data,
                         mapped ? "" : "; name it: --columns ", mapped ? "" : role, mapped ? "" : "=NAME");
  mixent_text_free(&names);
  return status;
}

static mixent_status find_role(const mixent_results_layout *layout, mixent_results_role role,
                               mixent_results_header *header) {
  const char *mapped = layout->columns[role], *name = mixent_results_roles[role];
  size_t *found = &header->roles[role];
  *found = header->count;
  for (size_t i = 0; i < header->count; i++) {
    bool same = mixent_same_word(header->names[i], name);
    if (mapped) MIXENT_TRY(mixent_text_same(header->names[i], mapped, &same));
    if (same && *found < header->count)
      return mixent_fail(MIXENT_ERROR_FORMAT,
                         "%s:%zu:1: expected one column for the %s, got '%.80s' and '%.80s'", header->origin,
                         header->line, name, header->names[*found], header->names[i]);
    if (same) *found = i;
  }
  bool needed = mapped || role == MIXENT_ROLE_VARIANT;
  return needed && *found == header->count
             ? fail_without(header, mapped ? mapped : name, name, mapped != NULL)
             : MIXENT_OK;
}

/* Of two roles that make sense together alone, one is a column that is called so by chance. */
static void pair_roles(mixent_results_header *header, mixent_results_role a, mixent_results_role b) {
  if ((header->roles[a] < header->count) != (header->roles[b] < header->count))
    header->roles[a] = header->roles[b] = header->count;
}

mixent_status mixent_results_find_roles(const mixent_results_layout *layout, mixent_results_header *header) {
  for (int role = 0; role < MIXENT_ROLES; role++) MIXENT_TRY(find_role(layout, role, header));
  for (int role = 0; role < MIXENT_ROLES; role++)
    for (int other = 0; other < role; other++)
      if (header->roles[role] == header->roles[other] && header->roles[role] < header->count)
        return mixent_fail(
            MIXENT_ERROR_ARGUMENT, "--columns: expected a column for each role, got '%.80s' for %s and %s",
            header->names[header->roles[role]], mixent_results_roles[other], mixent_results_roles[role]);
  pair_roles(header, MIXENT_ROLE_METRIC, MIXENT_ROLE_VALUE);
  pair_roles(header, MIXENT_ROLE_ITEM, MIXENT_ROLE_CORRECT);
  bool metric = header->roles[MIXENT_ROLE_METRIC] < header->count,
       item = header->roles[MIXENT_ROLE_ITEM] < header->count;
  if ((metric || item) && header->roles[MIXENT_ROLE_SEED] == header->count)
    return mixent_fail(
        MIXENT_ERROR_FORMAT,
        "%s:%zu:1: expected a column 'seed' in a table with a row per %s, because it says which rows are of one run; name "
        "it: --columns seed=NAME, or write a row per run",
        header->origin, header->line, item ? "item" : "metric");
  if (!metric || !item) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_FORMAT,
                     "%s:%zu:1: expected a row per metric ('%s', '%s') or per item ('%s', '%s'), got both",
                     header->origin, header->line, header->names[header->roles[MIXENT_ROLE_METRIC]],
                     header->names[header->roles[MIXENT_ROLE_VALUE]],
                     header->names[header->roles[MIXENT_ROLE_ITEM]],
                     header->names[header->roles[MIXENT_ROLE_CORRECT]]);
}
