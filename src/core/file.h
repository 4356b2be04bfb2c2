/* Files read whole, and written so that they are wholly there or not at all; directories; paths. */
#ifndef MIXENT_CORE_FILE_H
#define MIXENT_CORE_FILE_H

#include "core/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* A file being written beside `path`. Write to `stream`; nothing shows under `path` before the commit. A link at `path`
 * stays, and what it leads to is replaced; the new file has the old one's permissions. A device or a pipe is written in
 * place, at once. */
typedef struct mixent_new_file {
  FILE *stream;
  char *path;      /* the target: where a link leads */
  char *temporary; /* the file beside it; NULL: written in place */
} mixent_new_file;

/* A file that may not be written, and a directory, is an error. A pipe waits for its reader. */
mixent_status mixent_new_file_open(const char *path, mixent_new_file *out);
/* Flushes, syncs, renames over the target, syncs the directory. On failure the old file is untouched and the new
 * one gone. Of two writers to one path both succeed, and the later stays. */
mixent_status mixent_new_file_commit(mixent_new_file *file);
/* Gives up: removes the temporary file. Safe after a commit and on a zeroed struct. */
void mixent_new_file_abandon(mixent_new_file *file);
/* Whether a file can be written there; leaves nothing behind. What is found before long work costs none of it. */
mixent_status mixent_new_file_check(const char *path);
/* Removes temporary files that ended processes left in a directory: those not written to for an hour, so that a file which
 * a process is writing now stays. */
mixent_status mixent_new_files_sweep(const char *directory);

/* Replaces `path` by `size` bytes in one go. */
mixent_status mixent_file_replace(const char *path, const void *bytes, size_t size);

/* Opens a regular file for reading. A directory, device, pipe or socket is an error at once: nothing waits for a writer,
 * nothing is read without end. */
mixent_status mixent_file_open(const char *path, FILE **out);
mixent_status mixent_file_descriptor_open(const char *path, int *out);
/* The whole file, zero-terminated (the zero not counted); free(*out). What is no regular file, or is over `limit`
 * bytes, is an error. */
mixent_status mixent_file_read(const char *path, size_t limit, char **out, size_t *size);
/* The size of an open file; one over the limit is refused. */
mixent_status mixent_file_size(FILE *stream, const char *path, size_t limit, size_t *out);

/* Names of files and directories; items[i] in the order of their bytes. */
typedef struct mixent_names {
  char **items;
  size_t count;
} mixent_names;
/* All names in a directory but "." and "..". A directory that cannot be read to its end is an error. */
mixent_status mixent_directory_list(const char *path, mixent_names *out);
/* Adds a copy of `name` to names that were added by this alone. */
mixent_status mixent_names_add(mixent_names *names, const char *name);
void mixent_names_free(mixent_names *names);
/* Calls `visit` for what is in a directory, in the order of names, but for names that begin with a dot; until it fails. */
typedef mixent_status mixent_visit_entry(void *context, const char *path, const char *name);
mixent_status mixent_directory_visit(const char *path, mixent_visit_entry *visit, void *context);

/* Syncs a directory, so that renames in it last. */
mixent_status mixent_directory_sync(const char *path);
/* Syncs the directory that `path` stands in. */
mixent_status mixent_parent_sync(const char *path);
/* mkdir -p */
mixent_status mixent_directory_make(const char *path);
/* Removes a directory and all below it; nothing there is no error. */
mixent_status mixent_directory_remove(const char *path);
/* Removes all below a directory, which stays. */
mixent_status mixent_directory_empty(const char *path);

/* MIXENT_ERROR_IO (MIXENT_ERROR_MEMORY for ENOMEM) from errno: "cannot <doing> <path>: …" and, where something helps, what. */
mixent_status mixent_fail_errno(const char *doing, const char *path);

/* What a path leads to, links followed. */
typedef enum mixent_path_kind {
  MIXENT_PATH_NOTHING,
  MIXENT_PATH_FILE,
  MIXENT_PATH_DIRECTORY,
  MIXENT_PATH_OTHER /* a device, pipe or socket */
} mixent_path_kind;

/* MIXENT_OK where something is at `path`, or nothing; else what hides it (permissions, a broken disk), and *out is
 * MIXENT_PATH_NOTHING. Wherever the answer differs with what is there. It needs no memory. */
mixent_status mixent_path_look(const char *path, mixent_path_kind *out);
/* The same of `name` in `directory`. */
mixent_status mixent_path_look_in(const char *directory, const char *name, mixent_path_kind *out);
/* The same, before a message that says something is not there. */
mixent_status mixent_path_check(const char *path);
/* The same with what stat() tells, in one call; *there false: nothing is at the path. */
struct stat;
mixent_status mixent_path_stat(const char *path, struct stat *out, bool *there);

/* False also where the system hides what is there: for messages, and where a read follows that fails then. */
bool mixent_is_file(const char *path);
bool mixent_is_directory(const char *path);
bool mixent_has_file(const char *directory, const char *name);

/* Whether a file's name ends so, in capital letters or small, and is more than that ending. */
bool mixent_has_ending(const char *name, const char *ending);
/* "a/b" in new memory, or NULL with the error set. */
char *mixent_path_join(const char *directory, const char *name);
/* Where the links at `path` lead, be it there or not; `path` itself where there is none: in new memory. */
mixent_status mixent_path_follow(const char *path, char **out);
/* The path as a word for a shell, quoted if need be: in new memory, or NULL with the error set. */
char *mixent_path_quote(const char *path);

#endif
