/* Which column of a file of results has which role, by its name or as mapped. */
#include "core/locale.h"
#include "core/memory.h"
#include "core/unicode.h"
#include "lab/results/rows.h"

#include <stdlib.h>
#include <string.h>

const char *const mixent_results_roles[MIXENT_ROLES + 1] = {"variant", "seed",    "data", "metric", "value",
                                                            "item",    "correct", "run",  "epoch",  NULL};

void mixent_results_layout_free(mixent_results_layout *layout) {
  for (int role = 0; role < MIXENT_ROLES; role++) free(layout->columns[role]);
  free(layout->best);
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
    return mixent_fail(MIXENT_ERROR_ARGUMENT,
                       "--columns: expected variant=NAME, seed=NAME, data=NAME, metric=NAME, value=NAME, "
                       "item=NAME, correct=NAME, run=NAME, epoch=NAME, "
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
  const char *only = header->count == 1 ? header->names[0] : "";
  if (strpbrk(only, ";\t"))
    return mixent_fail(
        MIXENT_ERROR_FORMAT,
        "%s:%zu:1: expected columns with commas between them, got %s; write the table with commas, and numbers "
        "with a decimal point",
        header->origin, header->line, strchr(only, ';') ? "semicolons" : "tabs");
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

static const char *const prefixes[] = {"config.", "params.", "hparams.", "tags."};

/* A name without the prefix of a setting. */
static const char *setting(const char *name) {
  for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
    size_t length = strlen(prefixes[i]);
    if (strncmp(name, prefixes[i], length) == 0 && name[length]) return name + length;
  }
  return name;
}

bool mixent_results_is_setting(const char *name) {
  return setting(name) != name;
}

mixent_status mixent_results_find_column(const mixent_results_header *header, const char *name, size_t *out) {
  *out = header->count;
  for (size_t i = header->count; i-- > 0;) {
    bool same;
    MIXENT_TRY(mixent_text_same(header->names[i], name, &same));
    if (same) *out = i;
  }
  for (size_t i = header->count; i-- > 0 && *out == header->count;) {
    bool same;
    MIXENT_TRY(mixent_text_same(setting(header->names[i]), setting(name), &same));
    if (same) *out = i;
  }
  return MIXENT_OK;
}

static mixent_status fail_two(const mixent_results_header *header, const char *role, size_t a, size_t b) {
  return mixent_fail(
      MIXENT_ERROR_FORMAT,
      "%s:%zu:1: expected one column for the %s, got '%.80s' and '%.80s'; say which: --columns %s=NAME",
      header->origin, header->line, role, header->names[a], header->names[b], role);
}

/* By the role's own name, of a column or else, of what says whose run it is, of a setting; one column alone may have it. */
static mixent_status find_by_name(mixent_results_header *header, mixent_results_role role) {
  const char *name = mixent_results_roles[role];
  size_t *found = &header->roles[role];
  bool of_run = role == MIXENT_ROLE_VARIANT || role == MIXENT_ROLE_SEED || role == MIXENT_ROLE_DATA;
  for (int settings = 0; settings <= of_run && *found == header->count; settings++)
    for (size_t i = 0; i < header->count; i++) {
      if (!mixent_same_word(settings ? setting(header->names[i]) : header->names[i], name)) continue;
      if (*found < header->count) return fail_two(header, name, *found, i);
      *found = i;
    }
  return MIXENT_OK;
}

static mixent_status find_role(mixent_results_role role, mixent_results_header *header) {
  const char *mapped = header->layout->columns[role], *usual = header->usual ? header->usual[role] : NULL;
  header->roles[role] = header->count;
  if (!mapped) {
    MIXENT_TRY(find_by_name(header, role));
    return usual && header->roles[role] == header->count
               ? mixent_results_find_column(header, usual, &header->roles[role])
               : MIXENT_OK;
  }
  MIXENT_TRY(mixent_results_find_column(header, mapped, &header->roles[role]));
  for (size_t i = header->roles[role] + 1; i < header->count; i++) {
    bool same;
    MIXENT_TRY(mixent_text_same(header->names[i], mapped, &same));
    if (same) return fail_two(header, mixent_results_roles[role], header->roles[role], i);
  }
  return header->roles[role] < header->count ? MIXENT_OK
                                             : fail_without(header, mapped, mixent_results_roles[role], true);
}

/* Of a variant's column and a run's the one that was mapped counts, else the variant's. */
static mixent_status choose_names(mixent_results_header *header) {
  size_t *variant = &header->roles[MIXENT_ROLE_VARIANT], *run = &header->roles[MIXENT_ROLE_RUN];
  bool is_run = header->layout->columns[MIXENT_ROLE_RUN] && !header->layout->columns[MIXENT_ROLE_VARIANT];
  if (*variant < header->count && *run < header->count) *(is_run ? variant : run) = header->count;
  return *variant < header->count || *run < header->count || header->variant
             ? MIXENT_OK
             : fail_without(header, "variant", "variant", false);
}

/* Of two roles that make sense together alone, one is a column that is called so by chance. */
static void pair_roles(mixent_results_header *header, mixent_results_role a, mixent_results_role b) {
  if ((header->roles[a] < header->count) != (header->roles[b] < header->count))
    header->roles[a] = header->roles[b] = header->count;
}

mixent_status mixent_results_find_roles(const mixent_results_layout *layout, mixent_results_header *header) {
  header->layout = layout;
  for (int role = 0; role < MIXENT_ROLES; role++) MIXENT_TRY(find_role(role, header));
  MIXENT_TRY(choose_names(header));
  for (int role = 0; role < MIXENT_ROLES; role++)
    for (int other = 0; other < role; other++)
      if (header->roles[role] == header->roles[other] && header->roles[role] < header->count)
        return mixent_fail(
            MIXENT_ERROR_ARGUMENT, "--columns: expected a column for each role, got '%.80s' for %s and %s",
            header->names[header->roles[role]], mixent_results_roles[other], mixent_results_roles[role]);
  pair_roles(header, MIXENT_ROLE_METRIC, MIXENT_ROLE_VALUE);
  pair_roles(header, MIXENT_ROLE_ITEM, MIXENT_ROLE_CORRECT);
  bool metric = header->roles[MIXENT_ROLE_METRIC] < header->count,
       item = header->roles[MIXENT_ROLE_ITEM] < header->count,
       epoch = header->roles[MIXENT_ROLE_EPOCH] < header->count,
       run = header->roles[MIXENT_ROLE_SEED] < header->count || header->identity || header->seed ||
             header->roles[MIXENT_ROLE_RUN] < header->count;
  if (!run && (epoch || metric || item))
    return mixent_fail(
        MIXENT_ERROR_FORMAT,
        "%s:%zu:1: expected a column 'seed' in a table with a row per %s, because it says which rows are of one run; name "
        "it: --columns seed=NAME, or write a row per run%s",
        header->origin, header->line,
        item    ? "item"
        : epoch ? "epoch"
                : "metric",
        epoch ? ", without the column 'epoch'" : "");
  if (!metric || !item) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_FORMAT,
                     "%s:%zu:1: expected a row per metric ('%s', '%s') or per item ('%s', '%s'), got both",
                     header->origin, header->line, header->names[header->roles[MIXENT_ROLE_METRIC]],
                     header->names[header->roles[MIXENT_ROLE_VALUE]],
                     header->names[header->roles[MIXENT_ROLE_ITEM]],
                     header->names[header->roles[MIXENT_ROLE_CORRECT]]);
}
