/* Files that are whole or absent: a temporary file beside the target takes its place by rename. What is no regular
 * file (a device, a pipe) is written in place, and a link stays: what it leads to is replaced. */
#include "core/file.h"
#include "core/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Temporary files are ".mixent-<16 digits>.new": they fit wherever the target's own name fits. */
static const char temporary_begin[] = ".mixent-", temporary_end[] = ".new";
enum { DIGITS = 16 };

/* A name nobody can foresee in the target's directory, in new memory. */
static mixent_status draw_temporary(const char *target, char **out) {
  uint64_t number;
  const char *slash = strrchr(target, '/');
  if (getentropy(&number, sizeof number) != 0) return mixent_fail_errno("draw a temporary name for", target);
  return mixent_print_text(out, "%.*s%s%0*" PRIx64 "%s", slash ? (int)(slash + 1 - target) : 0, target,
                           temporary_begin, DIGITS, number, temporary_end);
}

/* Owner, group and permissions of the file that is replaced, as far as this user and the file system go: only root gives
 * files away, FAT has no permissions. Where the group cannot be kept, the group's members become "other", and others the
 * group: both get what both had, so that access is narrower, never wider. */
static void take_over(int descriptor, const struct stat *replaced) {
  struct stat now;
  mode_t mode = replaced->st_mode & 0777, both = mode >> 3 & mode & 7;
  int given = fchown(descriptor, replaced->st_uid, replaced->st_gid) &&
              fchown(descriptor, (uid_t)-1, replaced->st_gid);
  if (fstat(descriptor, &now) != 0 || now.st_gid != replaced->st_gid) mode = (mode & 0700) | both << 3 | both;
  int kept = fchmod(descriptor, mode); /* after fchown, which may clear some */
  (void)given, (void)kept;
}

/* `replaced`: the file at the target; NULL: none, and the umask decides on permissions. */
static mixent_status open_beside(const struct stat *replaced, mixent_new_file *out, int *descriptor) {
  /* whoever may not write a file may not replace it either */
  if (replaced && faccessat(AT_FDCWD, out->path, W_OK, AT_EACCESS) != 0)
    return mixent_fail_errno("write", out->path);
  char *temporary = NULL;
  mixent_status drawn = draw_temporary(out->path, &temporary);
  if (!temporary) return drawn;
  *descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                     replaced ? replaced->st_mode & 0700 : 0666); /* nobody else before take_over */
  if (*descriptor < 0) {
    mixent_status status = mixent_fail_errno("create", out->path);
    free(temporary);
    return status;
  }
  out->temporary = temporary; /* from here on to be removed */
  if (replaced) take_over(*descriptor, replaced);
  return MIXENT_OK;
}

static mixent_status open_in_place(const char *path, mixent_new_file *out, int *descriptor) {
  MIXENT_TRY(mixent_copy_text(path, &out->path));
  *descriptor = open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
  return *descriptor < 0 ? mixent_fail_errno("open", path) : MIXENT_OK;
}

mixent_status mixent_new_file_open(const char *path, mixent_new_file *out) {
  struct stat there;
  bool exists = stat(path, &there) == 0;
  int descriptor = -1;
  *out = (mixent_new_file){0};
  mixent_status status;
  if (!*path)
    status = mixent_fail(MIXENT_ERROR_ARGUMENT, "expected the name of a file to write, got ''");
  else if (exists && S_ISDIR(there.st_mode))
    status = mixent_fail(MIXENT_ERROR_IO, "cannot write %s: it is a directory", path);
  else if (exists && !S_ISREG(there.st_mode)) /* by `path`: what /dev/stdout leads to has no name */
    status = open_in_place(path, out, &descriptor);
  else if ((status = mixent_path_follow(path, &out->path)) == MIXENT_OK)
    status = open_beside(exists ? &there : NULL, out, &descriptor);
  if (status == MIXENT_OK && !(out->stream = fdopen(descriptor, "wb")))
    status = mixent_fail_errno("open", path);
  if (status != MIXENT_OK && descriptor >= 0) close(descriptor);
  if (status != MIXENT_OK) mixent_new_file_abandon(out);
  return status;
}

/* stdio remembers that a write failed, but not why: another write tells, unless the cause has gone. */
static mixent_status fail_earlier_write(const mixent_new_file *file) {
  if (write(fileno(file->stream), "", 1) == 1) errno = EIO;
  return mixent_fail_errno("write", file->path);
}

mixent_status mixent_new_file_commit(mixent_new_file *file) {
  mixent_status status = MIXENT_OK;
  if (ferror(file->stream))
    status = fail_earlier_write(file);
  else if (fflush(file->stream) || (fsync(fileno(file->stream)) && (file->temporary || errno != EINVAL)))
    status = mixent_fail_errno("write", file->path); /* EINVAL: a device or a pipe cannot be synced */
  if (fclose(file->stream) && status == MIXENT_OK) status = mixent_fail_errno("write", file->path);
  file->stream = NULL;
  if (status == MIXENT_OK && file->temporary) {
    if (rename(file->temporary, file->path)) {
      status = mixent_fail_errno("rename a new file to", file->path);
    } else {
      status = mixent_parent_sync(file->path);
      free(file->temporary);
      file->temporary = NULL;
    }
  }
  mixent_new_file_abandon(file);
  return status;
}

void mixent_new_file_abandon(mixent_new_file *file) {
  if (file->stream) fclose(file->stream);
  if (file->temporary) unlink(file->temporary);
  free(file->temporary);
  free(file->path);
  *file = (mixent_new_file){0};
}

mixent_status mixent_new_file_check(const char *path) {
  mixent_path_kind kind;
  mixent_new_file file;
  MIXENT_TRY(mixent_path_look(path, &kind));
  if (kind == MIXENT_PATH_OTHER) return MIXENT_OK; /* a pipe's reader would take this for all of it */
  MIXENT_TRY(mixent_new_file_open(path, &file));
  mixent_new_file_abandon(&file);
  return MIXENT_OK;
}

mixent_status mixent_file_replace(const char *path, const void *bytes, size_t size) {
  mixent_new_file file;
  MIXENT_TRY(mixent_new_file_open(path, &file));
  fwrite(bytes, 1, size, file.stream); /* a short write sets ferror, which the commit reports */
  return mixent_new_file_commit(&file);
}

static bool is_temporary(const char *name) {
  size_t begin = strlen(temporary_begin);
  return strncmp(name, temporary_begin, begin) == 0 && strspn(name + begin, "0123456789abcdef") == DIGITS &&
         strcmp(name + begin + DIGITS, temporary_end) == 0;
}

/* Living processes write to theirs, and finish within the time. */
static bool is_left_over(const char *path) {
  enum { SECONDS = 3600 };
  struct stat info;
  return lstat(path, &info) == 0 && info.st_mtime < time(NULL) - SECONDS;
}

mixent_status mixent_new_files_sweep(const char *directory) {
  mixent_names names;
  MIXENT_TRY(mixent_directory_list(directory, &names));
  mixent_status status = MIXENT_OK;
  for (size_t i = 0; i < names.count && status == MIXENT_OK; i++) {
    if (!is_temporary(names.items[i])) continue;
    char *path = mixent_path_join(directory, names.items[i]);
    if (!path) status = MIXENT_ERROR_MEMORY;
    /* another process may sweep as well */
    if (path && is_left_over(path) && unlink(path) != 0 && errno != ENOENT)
      status = mixent_fail_errno("remove", path);
    free(path);
  }
  mixent_names_free(&names);
  return status;
}
