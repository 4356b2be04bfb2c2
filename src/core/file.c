/* Paths, and whole files read. new_file.c writes files; directory.c lists, makes and removes directories. */
#include "core/file.h"
#include "core/locale.h"
#include "core/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

mixent_status mixent_fail_errno(const char *doing, const char *path) {
  const char *advice = errno == ENOSPC   ? "; free some space on that disk and run again"
                       : errno == EFBIG  ? "; raise the limit on the size of files (ulimit -f) and run again"
                       : errno == EACCES ? "; check its permissions"
                                         : "";
  return mixent_fail(errno == ENOMEM ? MIXENT_ERROR_MEMORY : MIXENT_ERROR_IO, "cannot %s %s: %s%s", doing,
                     path, strerror(errno), advice);
}

char *mixent_path_join(const char *directory, const char *name) {
  char *path;
  size_t length = strlen(directory);
  const char *slash = length && directory[length - 1] == '/' ? "" : "/";
  mixent_print_text(&path, "%s%s%s", directory, slash, name);
  return path;
}

bool mixent_has_ending(const char *name, const char *ending) {
  size_t length = strlen(name), tail = strlen(ending);
  return length > tail && mixent_same_word(name + length - tail, ending);
}

/* Where a link at `path` that says `link` leads. */
static mixent_status path_beside(const char *path, const char *link, char **out) {
  const char *slash = *link == '/' ? NULL : strrchr(path, '/');
  return mixent_print_text(out, "%.*s%s", slash ? (int)(slash + 1 - path) : 0, path, link);
}

mixent_status mixent_path_follow(const char *path, char **out) {
  enum { MOST_LINKS = 40 };
  char link[PATH_MAX];
  ssize_t length;
  mixent_status status = path_beside("", path, out);
  /* ends at what is no link, or is not there yet */
  for (int links = 0; status == MIXENT_OK && (length = readlink(*out, link, sizeof link - 1)) >= 0; links++) {
    char *from = *out;
    link[length] = 0;
    errno = ELOOP;
    status =
        links < MOST_LINKS ? path_beside(from, link, out) : mixent_fail_errno("follow the links of", path);
    if (status != MIXENT_OK) *out = NULL;
    free(from);
  }
  return status;
}

char *mixent_path_quote(const char *path) {
  static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./+,:@%=";
  bool bare = *path && path[strspn(path, plain)] == 0;
  mixent_text word = {0};
  mixent_text_append(&word, bare ? "" : "'");
  for (; *path; path++) {
    if (*path == '\'')
      mixent_text_append(&word, "'\\''");
    else
      mixent_text_append_bytes(&word, path, 1);
  }
  mixent_text_append(&word, bare ? "" : "'");
  if (mixent_text_status(&word) == MIXENT_OK) return word.data;
  mixent_text_free(&word);
  return NULL;
}

/* What a thing that is no file is called. */
static const char *kind_of(mode_t mode) {
  return S_ISDIR(mode)    ? "a directory"
         : S_ISFIFO(mode) ? "a pipe"
         : S_ISSOCK(mode) ? "a socket"
         : S_ISCHR(mode)  ? "a character device"
                          : "a block device";
}

mixent_status mixent_file_descriptor_open(const char *path, int *out) {
  struct stat info;
  /* O_NONBLOCK: a pipe without a writer opens at once and is refused below */
  *out = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (*out < 0 && (errno == ENXIO || errno == ENODEV)) /* a socket, a device without a driver */
    return mixent_fail(MIXENT_ERROR_IO, "cannot read %s: it is a socket or a device, not a file", path);
  if (*out < 0) return mixent_fail_errno("open", path);
  mixent_status status = MIXENT_OK;
  if (fstat(*out, &info) != 0)
    status = mixent_fail_errno("look at", path);
  else if (!S_ISREG(info.st_mode))
    status =
        mixent_fail(MIXENT_ERROR_IO, "cannot read %s: it is %s, not a file%s", path, kind_of(info.st_mode),
                    S_ISDIR(info.st_mode) ? "" : "; write its contents to a file and name that");
  if (status != MIXENT_OK) close(*out), *out = -1;
  return status;
}

mixent_status mixent_file_open(const char *path, FILE **out) {
  int descriptor;
  *out = NULL;
  MIXENT_TRY(mixent_file_descriptor_open(path, &descriptor));
  if ((*out = fdopen(descriptor, "rb")) != NULL) return MIXENT_OK;
  mixent_status status = mixent_fail_errno("open", path);
  close(descriptor);
  return status;
}

static mixent_status fail_size(const char *path, size_t limit) {
  return mixent_fail(MIXENT_ERROR_FORMAT, "%s: larger than %zu bytes", path, limit);
}

mixent_status mixent_file_size(FILE *stream, const char *path, size_t limit, size_t *out) {
  struct stat info;
  *out = 0;
  if (fstat(fileno(stream), &info) != 0) return mixent_fail_errno("look at", path);
  *out = (size_t)info.st_size;
  return *out > limit ? fail_size(path, limit) : MIXENT_OK;
}

mixent_status mixent_file_read(const char *path, size_t limit, char **out, size_t *size) {
  FILE *stream;
  *out = NULL;
  if (size) *size = 0;
  MIXENT_TRY(mixent_file_open(path, &stream));
  mixent_text text = {0};
  char piece[65536];
  size_t count;
  mixent_status status =
      mixent_file_size(stream, path, limit, &count); /* a file may grow, or not say its size */
  if (status != MIXENT_OK) {
    fclose(stream);
    return status;
  }
  mixent_text_append_bytes(&text, "", 0);
  while (!text.failed && text.length <= limit && (count = fread(piece, 1, sizeof piece, stream)) > 0)
    mixent_text_append_bytes(&text, piece, count);
  status = ferror(stream) ? mixent_fail_errno("read", path) : mixent_text_status(&text);
  if (status == MIXENT_OK && text.length > limit) status = fail_size(path, limit);
  fclose(stream);
  if (status != MIXENT_OK) {
    mixent_text_free(&text);
    return status;
  }
  *out = text.data;
  if (size) *size = text.length;
  return MIXENT_OK;
}

/* False with errno set where nothing is at the path, or the system hides it. */
static bool find_kind(const char *path, mixent_path_kind *out) {
  struct stat info;
  *out = MIXENT_PATH_NOTHING;
  if (stat(path, &info) != 0) return false;
  *out = S_ISREG(info.st_mode)   ? MIXENT_PATH_FILE
         : S_ISDIR(info.st_mode) ? MIXENT_PATH_DIRECTORY
                                 : MIXENT_PATH_OTHER;
  return true;
}

mixent_status mixent_path_stat(const char *path, struct stat *out, bool *there) {
  *there = stat(path, out) == 0;
  if (*there || errno == ENOENT || errno == ENOTDIR) return MIXENT_OK;
  return mixent_fail_errno("look at", path);
}

mixent_status mixent_path_look(const char *path, mixent_path_kind *out) {
  if (find_kind(path, out) || errno == ENOENT || errno == ENOTDIR) return MIXENT_OK;
  return mixent_fail_errno("look at", path);
}

mixent_status mixent_path_look_in(const char *directory, const char *name, mixent_path_kind *out) {
  char path[PATH_MAX]; /* what is longer no system call takes */
  *out = MIXENT_PATH_NOTHING;
  if (snprintf(path, sizeof path, "%s/%s", directory, name) < (int)sizeof path)
    return mixent_path_look(path, out);
  errno = ENAMETOOLONG;
  return mixent_fail_errno("look at", directory);
}

mixent_status mixent_path_check(const char *path) {
  mixent_path_kind kind;
  return mixent_path_look(path, &kind);
}

bool mixent_is_file(const char *path) {
  mixent_path_kind kind;
  return find_kind(path, &kind) && kind == MIXENT_PATH_FILE;
}

bool mixent_is_directory(const char *path) {
  mixent_path_kind kind;
  return find_kind(path, &kind) && kind == MIXENT_PATH_DIRECTORY;
}

bool mixent_has_file(const char *directory, const char *name) {
  char path[PATH_MAX];
  return snprintf(path, sizeof path, "%s/%s", directory, name) < (int)sizeof path && mixent_is_file(path);
}
