/* The store's SQLite file: opened, checked, put aside where it is damaged; and the few calls the store makes of SQLite. For
 * src/lab/store*.c alone. */
#ifndef MIXENT_LAB_STORE_FILE_H
#define MIXENT_LAB_STORE_FILE_H

#include "core/memory.h"
#include "lab/store/store.h"

#include <sqlite3.h>
#include <sys/types.h>

struct mixent_store {
  char *directory, *path; /* of the runs; its index.sqlite */
  sqlite3 *database;
  ino_t file; /* which file stood at `path` when it was opened */
  int lock;   /* descriptor of .index.lock, which is locked while the file is in use; -1: it is not */
  int code;   /* of SQLite's last failure; SQLITE_OK: what failed was something else */
  bool lacks; /* a value could not be bound or read since the last step */
  mixent_text warning;
  mixent_text unread;  /* directories that the user may not read */
  mixent_text refusal; /* why the system did not let a run be read */
  size_t refused;      /* how many runs it did not let be read */
};

/* Opens the file, makes its tables where they are not there or of another version. */
mixent_status mixent_store_file_open(mixent_store *store);
/* The same in memory. */
mixent_status mixent_store_memory_open(mixent_store *store);
void mixent_store_file_close(mixent_store *store);
/* Closes it, waits until no other process uses it, and renames it to index.sqlite.damaged, or with `keep` false
 * removes it; if another process has done so already, nothing. */
mixent_status mixent_store_file_set_aside(mixent_store *store, bool keep);
/* Whether the last failure was that the file is damaged. */
bool mixent_store_file_is_damaged(const mixent_store *store);

/* After a failure: makes a damaged index anew, or goes on in memory; `status` again where neither would help. */
mixent_status mixent_store_recover(mixent_store *store, mixent_status status);

mixent_status mixent_store_execute(mixent_store *store, const char *sql);
mixent_status mixent_store_prepare(mixent_store *store, const char *sql, sqlite3_stmt **out);
/* Runs a statement to its next row; *row: there is one. */
mixent_status mixent_store_step(mixent_store *store, sqlite3_stmt *statement, bool *row);
/* Runs a statement that gives no rows, and makes it ready for the next time. */
mixent_status mixent_store_run(mixent_store *store, sqlite3_stmt *statement);

/* A value for a parameter of the statement, from 1; a text stays the caller's, NULL is nothing. The next step tells whether it was
 * taken. */
void mixent_store_bind_text(mixent_store *store, sqlite3_stmt *statement, int index, const char *text);
void mixent_store_bind_whole(mixent_store *store, sqlite3_stmt *statement, int index, sqlite3_int64 number);
void mixent_store_bind_number(mixent_store *store, sqlite3_stmt *statement, int index, double number);

/* A column of the row as text; never NULL. The next step fails where memory was too little for it. */
const char *mixent_store_text(mixent_store *store, sqlite3_stmt *statement, int column);

#endif
