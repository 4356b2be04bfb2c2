/* The store's SQLite file. Every process that has it open shares a lock of .index.lock beside it, so that one that
 * puts a damaged file aside, with the lock for itself, takes it from under nobody. */
#include "lab/store/file.h"
#include "core/file.h"
#include "core/sha256.h"
#include "recipe/recipe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE = 5000, PAUSE = 10 }; /* milliseconds to wait for other processes, in all and at a time */

static mixent_status fail(mixent_store *store, const char *doing) {
  int extended = sqlite3_extended_errcode(store->database);
  store->code = extended & 0xff;
  bool memory = store->code == SQLITE_NOMEM || extended == SQLITE_IOERR_NOMEM;
  mixent_status status = mixent_fail(memory ? MIXENT_ERROR_MEMORY : MIXENT_ERROR_IO, "cannot %s %s: %s",
                                     doing, store->path, sqlite3_errmsg(store->database));
  if (memory) store->code = SQLITE_OK;
  return status;
}

bool mixent_store_file_is_damaged(const mixent_store *store) {
  return store->code == SQLITE_CORRUPT || store->code == SQLITE_NOTADB;
}

mixent_status mixent_store_prepare(mixent_store *store, const char *sql, sqlite3_stmt **out) {
  return sqlite3_prepare_v2(store->database, sql, -1, out, NULL) == SQLITE_OK ? MIXENT_OK
                                                                              : fail(store, "use");
}

mixent_status mixent_store_step(mixent_store *store, sqlite3_stmt *statement, bool *row) {
  *row = false;
  if (store->lacks) {
    store->lacks = false;
    return mixent_no_memory("a value of %s", store->path);
  }
  int code = sqlite3_step(statement);
  *row = code == SQLITE_ROW;
  return code == SQLITE_ROW || code == SQLITE_DONE ? MIXENT_OK : fail(store, "use");
}

mixent_status mixent_store_run(mixent_store *store, sqlite3_stmt *statement) {
  bool row;
  mixent_status status = mixent_store_step(store, statement, &row);
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  return status;
}

mixent_status mixent_store_execute(mixent_store *store, const char *sql) {
  return sqlite3_exec(store->database, sql, NULL, NULL, NULL) == SQLITE_OK ? MIXENT_OK : fail(store, "use");
}

void mixent_store_bind_text(mixent_store *store, sqlite3_stmt *statement, int index, const char *text) {
  store->lacks |= sqlite3_bind_text(statement, index, text, -1, SQLITE_STATIC) != SQLITE_OK;
}

void mixent_store_bind_whole(mixent_store *store, sqlite3_stmt *statement, int index, sqlite3_int64 number) {
  store->lacks |= sqlite3_bind_int64(statement, index, number) != SQLITE_OK;
}

void mixent_store_bind_number(mixent_store *store, sqlite3_stmt *statement, int index, double number) {
  store->lacks |= sqlite3_bind_double(statement, index, number) != SQLITE_OK;
}

const char *mixent_store_text(mixent_store *store, sqlite3_stmt *statement, int column) {
  bool is_there = sqlite3_column_type(statement, column) != SQLITE_NULL;
  const char *text = (const char *)sqlite3_column_text(statement, column);
  store->lacks |= is_there && !text;
  return text ? text : "";
}

/* Runs in their natural order: ce-2 before ce-10. */
static int compare_naturally(void *context, int a_length, const void *a, int b_length, const void *b) {
  (void)context;
  char left[512], right[512];
  snprintf(left, sizeof left, "%.*s", a_length, (const char *)a);
  snprintf(right, sizeof right, "%.*s", b_length, (const char *)b);
  return strverscmp(left, right);
}

/* What an index holds depends on the code that fills it and on the options there are. */
static int version(void) {
  static const char format[] = "3"; /* to be counted up when facts.c or the tables change */
  mixent_sha256 hash;
  char digits[65];
  mixent_sha256_begin(&hash);
  mixent_sha256_add(&hash, format, sizeof format);
  for (const mixent_option *option = mixent_options; option->key; option++)
    mixent_sha256_add(&hash, option->key, strlen(option->key) + 1);
  mixent_sha256_end(&hash, digits);
  digits[7] = '\0';
  return (int)strtol(digits, NULL, 16);
}

static mixent_status read_text(mixent_store *store, const char *sql, char *out, size_t size) {
  sqlite3_stmt *statement;
  bool row;
  MIXENT_TRY(mixent_store_prepare(store, sql, &statement));
  mixent_status status = mixent_store_step(store, statement, &row);
  snprintf(out, size, "%s", row ? mixent_store_text(store, statement, 0) : "");
  if (status == MIXENT_OK) status = mixent_store_step(store, statement, &row);
  sqlite3_finalize(statement);
  return status;
}

static mixent_status is_own_version(mixent_store *store, bool *own) {
  char text[32];
  MIXENT_TRY(read_text(store, "PRAGMA user_version", text, sizeof text));
  *own = strtol(text, NULL, 10) == version();
  return MIXENT_OK;
}

/* Looked at once more within the transaction: another process may have made them. */
static mixent_status make_tables(mixent_store *store) {
  bool own;
  MIXENT_TRY(is_own_version(store, &own));
  if (own) return MIXENT_OK;
  char pragma[64];
  snprintf(pragma, sizeof pragma, "PRAGMA user_version = %d", version());
  MIXENT_TRY(mixent_store_execute(
      store, "DROP TABLE IF EXISTS fact; DROP TABLE IF EXISTS run;"
             /* path: below the directory of the runs; stamp: of the files it was read from; status: unless a
                process trains it */
             "CREATE TABLE run (id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, stamp TEXT NOT NULL, "
             "status TEXT NOT NULL);"
             "CREATE TABLE fact (run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE, key TEXT NOT NULL, "
             "value, PRIMARY KEY (run, key)) WITHOUT ROWID"));
  return mixent_store_execute(store, pragma);
}

static mixent_status check_tables(mixent_store *store) {
  char text[256];
  bool own;
  MIXENT_TRY(is_own_version(store, &own));
  if (!own) {
    MIXENT_TRY(mixent_store_execute(store, "BEGIN IMMEDIATE"));
    mixent_status status = make_tables(store);
    if (status == MIXENT_OK) status = mixent_store_execute(store, "COMMIT");
    return status;
  }
  MIXENT_TRY(read_text(store, "PRAGMA quick_check(1)", text, sizeof text));
  if (strcmp(text, "ok") == 0) return MIXENT_OK;
  store->code = SQLITE_CORRUPT;
  return mixent_fail(MIXENT_ERROR_FORMAT, "%s is damaged: %s", store->path, text);
}

static mixent_status open_database(mixent_store *store, const char *path) {
  store->code = SQLITE_OK;
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  if (sqlite3_open_v2(path, &store->database, flags, NULL) != SQLITE_OK) return fail(store, "open");
  sqlite3_busy_timeout(store->database, PATIENCE);
  if (sqlite3_create_collation(store->database, "numbered", SQLITE_UTF8, NULL, compare_naturally) !=
      SQLITE_OK)
    return fail(store, "use");
  MIXENT_TRY(mixent_store_execute(store, "PRAGMA foreign_keys = ON"));
  if (sqlite3_db_readonly(store->database, "main") == 1) {
    store->code = SQLITE_READONLY;
    return mixent_fail(MIXENT_ERROR_IO, "%s cannot be written", store->path);
  }
  return check_tables(store);
}

/* LOCK_SH or LOCK_EX, in place of what lock there is. A file of its own, for a study is a directory of runs that is
 * locked while it is trained. */
static mixent_status lock(mixent_store *store, int kind) {
  char *path = mixent_path_join(store->directory, ".index.lock");
  if (!path) return MIXENT_ERROR_MEMORY;
  if (store->lock < 0) store->lock = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0666);
  mixent_status status = store->lock >= 0 ? MIXENT_OK : mixent_fail_errno("open", path);
  free(path);
  if (status != MIXENT_OK) store->code = SQLITE_CANTOPEN;
  MIXENT_TRY(status);
  for (int waited = 0; waited < PATIENCE; waited += PAUSE) {
    if (flock(store->lock, kind | LOCK_NB) == 0 || errno != EWOULDBLOCK)
      return MIXENT_OK; /* else: no locks on that disk */
    nanosleep(&(struct timespec){.tv_nsec = PAUSE * 1000000L}, NULL);
  }
  store->code = SQLITE_BUSY;
  return mixent_fail(MIXENT_ERROR_IO, "%s is in use by another process", store->path);
}

mixent_status mixent_store_file_open(mixent_store *store) {
  struct stat info;
  MIXENT_TRY(lock(store, LOCK_SH));
  mixent_status status = open_database(store, store->path);
  store->file = stat(store->path, &info) == 0 ? info.st_ino : 0;
  return status;
}

mixent_status mixent_store_memory_open(mixent_store *store) {
  return open_database(store, ":memory:");
}

void mixent_store_file_close(mixent_store *store) {
  sqlite3_close(store->database);
  store->database = NULL;
  if (store->lock >= 0) close(store->lock);
  store->lock = -1;
}

static mixent_status move_or_remove(mixent_store *store, bool keep) {
  char *aside, *journal = NULL;
  mixent_status status = mixent_print_text(&aside, "%s.damaged", store->path);
  if (status == MIXENT_OK) status = mixent_print_text(&journal, "%s-journal", store->path);
  if (status == MIXENT_OK && (keep ? rename(store->path, aside) : unlink(store->path)) != 0 &&
      errno != ENOENT) {
    store->code = SQLITE_CANTOPEN;
    status = mixent_fail_errno(keep ? "put aside" : "remove", store->path);
  }
  if (status == MIXENT_OK) unlink(journal);
  free(aside);
  free(journal);
  return status;
}

mixent_status mixent_store_file_set_aside(mixent_store *store, bool keep) {
  struct stat info;
  ino_t file = store->file;
  mixent_store_file_close(store);
  MIXENT_TRY(lock(store, LOCK_EX));
  bool same = stat(store->path, &info) == 0 && info.st_ino == file;
  return same || !keep ? move_or_remove(store, keep) : MIXENT_OK;
}
