/* Files that are either wholly there or not at all: written beside under another name, synced, renamed. */
#ifndef MIXENT_CORE_FILE_H
#define MIXENT_CORE_FILE_H

#include "core/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* A file being written beside `path`. Write to `stream`; nothing shows under `path` before the commit. */
typedef struct mixent_new_file {
  FILE *stream;
  char *path, *temporary;
} mixent_new_file;

mixent_status mixent_new_file_open(const char *path, mixent_new_file *out);
/* Flushes, syncs, renames over `path`, syncs the directory. On failure the old file is untouched and the new
 * one gone. */
mixent_status mixent_new_file_commit(mixent_new_file *file);
/* Gives up: removes the temporary file. Safe after a commit and on a zeroed struct. */
void mixent_new_file_abandon(mixent_new_file *file);

/* Replaces `path` by `size` bytes in one go. */
mixent_status mixent_file_replace(const char *path, const void *bytes, size_t size);

/* The whole file, zero-terminated (the zero not counted); free(*out). A directory, or a file over `limit`
 * bytes, is an error. */
mixent_status mixent_file_read(const char *path, size_t limit, char **out, size_t *size);

/* Syncs a directory, so that renames in it last. */
mixent_status mixent_directory_sync(const char *path);
/* Syncs the directory that `path` stands in. */
mixent_status mixent_parent_sync(const char *path);
/* mkdir -p */
mixent_status mixent_directory_make(const char *path);
/* Removes a directory and all below it; nothing there is no error. */
mixent_status mixent_directory_remove(const char *path);

/* MIXENT_ERROR_IO from errno: "cannot <doing> <path>: …" and, where something helps, what. */
mixent_status mixent_fail_errno(const char *doing, const char *path);

bool mixent_is_file(const char *path);
bool mixent_is_directory(const char *path);

/* "a/b" in new memory, or NULL with the error set. */
char *mixent_path_join(const char *directory, const char *name);
/* The path as a word for a shell, quoted if need be: in new memory, or NULL with the error set. */
char *mixent_path_quote(const char *path);

#endif
