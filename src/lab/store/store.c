/* Opening the store, and bringing it up to date with the directories. */
#include "lab/store/store.h"
#include "core/file.h"
#include "lab/record/record.h"
#include "lab/store/file.h"
#include "run/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LEVELS = 3 };

/* A run in the directories or in the index. */
typedef struct entry {
  char *path; /* below the directory of the runs */
  char *text; /* its stamp, or its status */
} entry;

typedef struct entries {
  entry *items;
  size_t count;
} entries;

static void free_entries(entries *entries) {
  for (size_t i = 0; i < entries->count; i++) {
    free(entries->items[i].path);
    free(entries->items[i].text);
  }
  free(entries->items);
}

static mixent_status add_entry(entries *entries, const char *path, const char *text) {
  MIXENT_TRY(MIXENT_GROW(&entries->items, entries->count, "a list of runs"));
  entry *new = &entries->items[entries->count++];
  *new = (entry){0};
  MIXENT_TRY(mixent_copy_text(path, &new->path));
  return mixent_copy_text(text, &new->text);
}

static int compare_entries(const void *a, const void *b) {
  return strcmp(((const entry *)a)->path, ((const entry *)b)->path);
}

/* What the files that facts come from look like from outside: another stamp, another content. Of last.safetensors only
 * whether it is there counts. */
static void make_stamp(const char *directory, mixent_text *out) {
  static const char *const names[] = {"recipe.yaml", "summary.json", "metrics.jsonl",
                                      "result.json", "failure.txt",  MIXENT_RECORD_FILE};
  struct stat info;
  char path[4096];
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    snprintf(path, sizeof path, "%s/%s", directory, names[i]);
    if (stat(path, &info) == 0)
      mixent_text_append(out, "%llx.%llx.%llx.%lx ", (unsigned long long)info.st_ino,
                         (unsigned long long)info.st_size, (unsigned long long)info.st_mtim.tv_sec,
                         (unsigned long)info.st_mtim.tv_nsec);
    else
      mixent_text_append(out, "- ");
  }
  snprintf(path, sizeof path, "%s/last.safetensors", directory);
  mixent_text_append(out, "%d", stat(path, &info) == 0);
}

mixent_status mixent_store_look(const char *directory, bool *out) {
  mixent_path_kind recipe, record = MIXENT_PATH_NOTHING;
  MIXENT_TRY(mixent_path_look_in(directory, "recipe.yaml", &recipe));
  if (recipe == MIXENT_PATH_NOTHING) MIXENT_TRY(mixent_path_look_in(directory, MIXENT_RECORD_FILE, &record));
  *out = recipe != MIXENT_PATH_NOTHING || record != MIXENT_PATH_NOTHING;
  return MIXENT_OK;
}

/* Whether this user may not read a directory, or enter it: there it is not the disk that fails. */
static bool is_closed(const char *directory, int mode) {
  return faccessat(AT_FDCWD, directory, mode, AT_EACCESS) != 0 && errno == EACCES;
}

/* The directories that may not be read: an answer that lacks their runs says so. */
static void add_unread(mixent_text *unread, const char *directory) {
  mixent_text_append_item(unread, unread->length, "%s", directory);
}

static mixent_status find_runs(const char *directory, const char *path, int level, entries *runs,
                               mixent_text *unread);

/* One name in a directory: a run, or perhaps a directory of runs. */
static mixent_status look_at(const char *directory, const char *path, const char *name, int level,
                             entries *runs, mixent_text *unread) {
  mixent_text there = {0}, below = {0}, stamp = {0};
  mixent_text_append(&there, "%s/%s", directory, name);
  mixent_text_append(&below, "%s%s%s", path, *path ? "/" : "", name);
  mixent_status status = mixent_text_status(&there);
  if (status == MIXENT_OK) status = mixent_text_status(&below);
  mixent_path_kind kind = MIXENT_PATH_NOTHING;
  bool is_run = false;
  if (status == MIXENT_OK) status = mixent_path_look(there.data, &kind);
  bool closed = status == MIXENT_OK && kind == MIXENT_PATH_DIRECTORY && is_closed(there.data, X_OK);
  if (status == MIXENT_OK && kind == MIXENT_PATH_DIRECTORY && !closed)
    status = mixent_store_look(there.data, &is_run);
  if (status == MIXENT_ERROR_IO &&
      kind == MIXENT_PATH_DIRECTORY) /* hidden: a run, which its facts call damaged */
    is_run = true, status = MIXENT_OK;
  if (closed) {
    add_unread(unread, there.data);
  } else if (status == MIXENT_OK && is_run) {
    make_stamp(there.data, &stamp);
    status = mixent_text_status(&stamp);
    if (status == MIXENT_OK) status = add_entry(runs, below.data, stamp.data);
  } else if (status == MIXENT_OK && level < LEVELS && kind == MIXENT_PATH_DIRECTORY) {
    status = find_runs(there.data, below.data, level + 1, runs, unread);
  }
  mixent_text_free(&there);
  mixent_text_free(&below);
  mixent_text_free(&stamp);
  return status;
}

static mixent_status find_runs(const char *directory, const char *path, int level, entries *runs,
                               mixent_text *unread) {
  mixent_names names;
  mixent_status status = mixent_directory_list(directory, &names);
  /* below the first level one that may not be read hides nothing but what is in it */
  if (status == MIXENT_ERROR_IO && level > 1 && is_closed(directory, R_OK)) {
    add_unread(unread, directory);
    return MIXENT_OK;
  }
  for (size_t i = 0; i < names.count && status == MIXENT_OK; i++)
    if (names.items[i][0] != '.') status = look_at(directory, path, names.items[i], level, runs, unread);
  mixent_names_free(&names);
  return status;
}

/* Rows of two texts. */
static mixent_status read_entries(mixent_store *store, const char *sql, entries *out) {
  sqlite3_stmt *statement;
  bool row;
  MIXENT_TRY(mixent_store_prepare(store, sql, &statement));
  mixent_status status = mixent_store_step(store, statement, &row);
  while (status == MIXENT_OK && row) {
    status = add_entry(out, mixent_store_text(store, statement, 0), mixent_store_text(store, statement, 1));
    if (status == MIXENT_OK) status = mixent_store_step(store, statement, &row);
  }
  sqlite3_finalize(statement);
  return status;
}

/* The statements of a refresh. */
typedef struct writer {
  mixent_store *store;
  sqlite3_stmt *remove, *add_run, *add_fact, *set_status;
} writer;

static mixent_status prepare_writer(mixent_store *store, writer *writer) {
  *writer = (struct writer){.store = store};
  MIXENT_TRY(mixent_store_prepare(store, "DELETE FROM run WHERE path = ?1 AND (?2 IS NULL OR stamp = ?2)",
                                  &writer->remove));
  MIXENT_TRY(mixent_store_prepare(store, "INSERT INTO run (path, stamp, status) VALUES (?, ?, ?)",
                                  &writer->add_run));
  MIXENT_TRY(
      mixent_store_prepare(store, "INSERT INTO fact (run, key, value) VALUES (?, ?, ?)", &writer->add_fact));
  return mixent_store_prepare(store,
                              "UPDATE fact SET value = ?2 WHERE key = 'status' AND run = "
                              "(SELECT id FROM run WHERE path = ?1)",
                              &writer->set_status);
}

static void free_writer(writer *writer) {
  sqlite3_finalize(writer->remove);
  sqlite3_finalize(writer->add_run);
  sqlite3_finalize(writer->add_fact);
  sqlite3_finalize(writer->set_status);
}

static mixent_status run_with_texts(const writer *writer, sqlite3_stmt *statement, const char *first,
                                    const char *second) {
  mixent_store_bind_text(writer->store, statement, 1, first);
  mixent_store_bind_text(writer->store, statement, 2, second);
  return mixent_store_run(writer->store, statement);
}

static mixent_status write_facts(const writer *writer, const mixent_facts *facts) {
  sqlite3_int64 run = sqlite3_last_insert_rowid(writer->store->database);
  for (size_t i = 0; i < facts->count; i++) {
    const mixent_fact *fact = &facts->items[i];
    mixent_store_bind_whole(writer->store, writer->add_fact, 1, run);
    mixent_store_bind_text(writer->store, writer->add_fact, 2, fact->key);
    if (fact->text)
      mixent_store_bind_text(writer->store, writer->add_fact, 3, fact->text);
    else if (fact->number == floor(fact->number) && fabs(fact->number) < 0x1p53)
      mixent_store_bind_whole(writer->store, writer->add_fact, 3, (sqlite3_int64)fact->number);
    else
      mixent_store_bind_number(writer->store, writer->add_fact, 3, fact->number);
    MIXENT_TRY(mixent_store_run(writer->store, writer->add_fact));
  }
  return MIXENT_OK;
}

static mixent_status write_run(const writer *writer, const entry *run, const mixent_facts *facts) {
  MIXENT_TRY(run_with_texts(writer, writer->remove, run->path, NULL));
  mixent_store_bind_text(writer->store, writer->add_run, 3, mixent_facts_text(facts, "status"));
  /* no files look like the stamp "": the run is read again the next time */
  MIXENT_TRY(run_with_texts(writer, writer->add_run, run->path, facts->refused ? "" : run->text));
  return write_facts(writer, facts);
}

enum { BATCH = 64 }; /* runs a transaction: read before it, so that it is short */

static mixent_status write_batch(const writer *writer, entry *const *runs, const mixent_facts *facts,
                                 size_t count) {
  mixent_status status = mixent_store_execute(writer->store, "BEGIN IMMEDIATE");
  for (size_t i = 0; i < count && status == MIXENT_OK; i++) status = write_run(writer, runs[i], &facts[i]);
  return status == MIXENT_OK ? mixent_store_execute(writer->store, "COMMIT") : status;
}

/* The first is told of in words, the others are counted. */
static mixent_status note_refusal(mixent_store *store, const mixent_facts *facts) {
  if (!facts->refused || store->refused++) return MIXENT_OK;
  mixent_text_append(&store->refusal, "%s", mixent_facts_text(facts, "damage"));
  return mixent_text_status(&store->refusal);
}

static mixent_status update_runs(const writer *writer, entry *const *runs, size_t count) {
  mixent_facts facts[BATCH] = {0};
  mixent_status status = MIXENT_OK;
  for (size_t i = 0; i < count && status == MIXENT_OK; i++) {
    char *run = mixent_path_join(writer->store->directory, runs[i]->path);
    status = run ? mixent_facts_read(run, runs[i]->path, &facts[i]) : MIXENT_ERROR_MEMORY;
    free(run);
    if (status == MIXENT_OK) status = note_refusal(writer->store, &facts[i]);
  }
  if (status == MIXENT_OK) status = write_batch(writer, runs, facts, count);
  for (size_t i = 0; i < BATCH; i++) mixent_facts_free(&facts[i]);
  return status;
}

/* Both lists in the order of their paths: what is new or looks otherwise is read, what is gone goes. */
static mixent_status compare(const writer *writer, const entries *found, const entries *known) {
  entry *changed[BATCH];
  size_t count = 0, j = 0;
  for (size_t i = 0; i < found->count; i++) {
    entry *run = &found->items[i];
    for (; j < known->count && compare_entries(&known->items[j], run) < 0; j++)
      MIXENT_TRY(run_with_texts(writer, writer->remove, known->items[j].path, known->items[j].text));
    bool same = j < known->count && compare_entries(&known->items[j], run) == 0;
    same = same && strcmp(known->items[j++].text, run->text) == 0;
    if (!same) changed[count++] = run;
    if (count == BATCH) {
      MIXENT_TRY(update_runs(writer, changed, count));
      count = 0;
    }
  }
  for (; j < known->count; j++)
    MIXENT_TRY(run_with_texts(writer, writer->remove, known->items[j].path, known->items[j].text));
  return count ? update_runs(writer, changed, count) : MIXENT_OK;
}

const char *mixent_store_status_now(const char *directory, const char *status) {
  bool unfinished = strcmp(status, "interrupted") == 0 || strcmp(status, "failed") == 0;
  return unfinished && mixent_run_directory_is_locked(directory) ? "running" : status;
}

/* The runs whose status is another than the index says, with the right one. */
static mixent_status find_statuses(mixent_store *store, entries *out) {
  sqlite3_stmt *statement;
  bool row;
  MIXENT_TRY(
      mixent_store_prepare(store,
                           "SELECT path, status, value FROM run JOIN fact ON run = id AND key = 'status' "
                           "WHERE status IN ('interrupted', 'failed')",
                           &statement));
  mixent_status status = mixent_store_step(store, statement, &row);
  while (status == MIXENT_OK && row) {
    const char *path = mixent_store_text(store, statement, 0);
    char *run = mixent_path_join(store->directory, path);
    const char *now = run ? mixent_store_status_now(run, mixent_store_text(store, statement, 1)) : NULL;
    status = now ? MIXENT_OK : MIXENT_ERROR_MEMORY;
    if (now && strcmp(now, mixent_store_text(store, statement, 2)) != 0) status = add_entry(out, path, now);
    free(run);
    if (status == MIXENT_OK) status = mixent_store_step(store, statement, &row);
  }
  sqlite3_finalize(statement);
  return status;
}

/* Whether a process trains a run no file tells. */
static mixent_status update_statuses(const writer *writer) {
  entries changed = {0};
  mixent_status status = find_statuses(writer->store, &changed);
  for (size_t i = 0; i < changed.count && status == MIXENT_OK; i++)
    status = run_with_texts(writer, writer->set_status, changed.items[i].path, changed.items[i].text);
  free_entries(&changed);
  return status;
}

static mixent_status refresh(mixent_store *store) {
  entries known = {0}, found = {0};
  writer writer;
  mixent_text_free(&store->refusal);
  store->refused = 0;
  /* The index first: what another process adds meanwhile is not taken for something gone. */
  mixent_status status = prepare_writer(store, &writer);
  if (status == MIXENT_OK) status = read_entries(store, "SELECT path, stamp FROM run ORDER BY path", &known);
  mixent_text_free(&store->unread);
  if (status == MIXENT_OK) status = find_runs(store->directory, "", 1, &found, &store->unread);
  if (status == MIXENT_OK) status = mixent_text_status(&store->unread);
  if (status == MIXENT_OK && found.count)
    qsort(found.items, found.count, sizeof *found.items, compare_entries);
  if (status == MIXENT_OK) status = compare(&writer, &found, &known);
  if (status == MIXENT_OK) status = update_statuses(&writer);
  free_writer(&writer);
  free_entries(&known);
  free_entries(&found);
  return status;
}

static mixent_status use_file(mixent_store *store) {
  MIXENT_TRY(mixent_store_file_open(store));
  return refresh(store);
}

mixent_status mixent_store_recover(mixent_store *store, mixent_status status) {
  if (mixent_store_file_is_damaged(store)) {
    mixent_text_free(&store->warning);
    mixent_text_append(&store->warning,
                       "index-damaged: %s was damaged; it is kept as %s.damaged, and made anew from the runs",
                       store->path, store->path);
    status = mixent_store_file_set_aside(store, true);
    if (status == MIXENT_OK) status = use_file(store);
  }
  if (status == MIXENT_OK || store->code == SQLITE_OK) return status;
  mixent_text_free(&store->warning);
  mixent_text_append(&store->warning, "index-unused: %s; the runs are read without an index",
                     mixent_last_error());
  mixent_store_file_close(store);
  MIXENT_TRY(mixent_store_memory_open(store));
  return refresh(store);
}

static mixent_status check_directory(const char *directory) {
  mixent_path_kind kind;
  bool is_run;
  MIXENT_TRY(mixent_path_look(directory, &kind));
  if (kind != MIXENT_PATH_DIRECTORY)
    return mixent_fail(MIXENT_ERROR_IO, "%s: no such directory of runs; 'mixent train' makes runs/",
                       directory);
  MIXENT_TRY(mixent_store_look(directory, &is_run));
  if (!is_run) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_ARGUMENT, "%s is itself a run; 'mixent show %s' tells of it", directory,
                     directory);
}

mixent_status mixent_store_open(const char *directory, bool rebuild, mixent_store **out) {
  *out = NULL;
  MIXENT_TRY(check_directory(directory));
  mixent_store *store;
  MIXENT_TRY(MIXENT_ALLOCATE(1, &store));
  store->lock = -1;
  mixent_status status = mixent_copy_text(directory, &store->directory);
  if (status == MIXENT_OK && !(store->path = mixent_path_join(directory, "index.sqlite")))
    status = MIXENT_ERROR_MEMORY;
  if (status == MIXENT_OK && rebuild) status = mixent_store_file_set_aside(store, false);
  if (status == MIXENT_OK) status = use_file(store);
  if (status != MIXENT_OK) status = mixent_store_recover(store, status);
  if (status == MIXENT_OK)
    *out = store;
  else
    mixent_store_close(store);
  return status;
}

void mixent_store_close(mixent_store *store) {
  if (!store) return;
  mixent_store_file_close(store);
  mixent_text_free(&store->warning);
  mixent_text_free(&store->unread);
  mixent_text_free(&store->refusal);
  free(store->directory);
  free(store->path);
  free(store);
}

const char *mixent_store_warning(const mixent_store *store) {
  return store->warning.data;
}

const char *mixent_store_unread(const mixent_store *store) {
  return store->unread.data;
}

mixent_status mixent_store_status(const mixent_store *store) {
  if (!store->refused) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_IO, "%s; %zu run%s listed as damaged", store->refusal.data, store->refused,
                     store->refused == 1 ? " is" : "s are");
}
