/* Files that are whole or absent, whole files read, directories made and removed. */
#include "core/file.h"
#include "core/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

mixent_status mixent_fail_errno(const char *doing, const char *path) {
  const char *advice = errno == ENOSPC   ? "; free some space on that disk and run again"
                       : errno == EACCES ? "; check its permissions"
                                         : "";
  return mixent_fail(MIXENT_ERROR_IO, "cannot %s %s: %s%s", doing, path, strerror(errno), advice);
}

char *mixent_path_join(const char *directory, const char *name) {
  char *path;
  size_t length = strlen(directory);
  const char *slash = length && directory[length - 1] == '/' ? "" : "/";
  if (asprintf(&path, "%s%s%s", directory, slash, name) >= 0) return path;
  mixent_fail(MIXENT_ERROR_MEMORY, "no memory for a path");
  return NULL;
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

mixent_status mixent_directory_sync(const char *path) {
  int descriptor = open(path, O_RDONLY | O_DIRECTORY);
  if (descriptor < 0) return mixent_fail_errno("open directory", path);
  /* EINVAL: a file system that cannot sync directories; the rename itself has been made */
  int failed = fsync(descriptor) != 0 && errno != EINVAL;
  mixent_status status = failed ? mixent_fail_errno("sync directory", path) : MIXENT_OK;
  close(descriptor);
  return status;
}

mixent_status mixent_parent_sync(const char *path) {
  char *parent = strdup(path);
  if (!parent) return mixent_fail(MIXENT_ERROR_MEMORY, "no memory for a path");
  char *slash = strrchr(parent, '/');
  if (slash) slash[slash == parent] = 0;
  mixent_status status = mixent_directory_sync(slash ? parent : ".");
  free(parent);
  return status;
}

mixent_status mixent_new_file_open(const char *path, mixent_new_file *out) {
  *out = (mixent_new_file){0};
  if (mixent_is_directory(path))
    return mixent_fail(MIXENT_ERROR_IO, "cannot write %s: it is a directory", path);
  out->path = strdup(path);
  if (!out->path || asprintf(&out->temporary, "%s.new", path) < 0) {
    out->temporary = NULL;
    mixent_new_file_abandon(out);
    return mixent_fail(MIXENT_ERROR_MEMORY, "no memory for a path");
  }
  out->stream = fopen(out->temporary, "wb");
  if (out->stream) return MIXENT_OK;
  mixent_status status = mixent_fail_errno("create", out->temporary);
  mixent_new_file_abandon(out);
  return status;
}

mixent_status mixent_new_file_commit(mixent_new_file *file) {
  mixent_status status = MIXENT_OK;
  if (ferror(file->stream))
    errno = errno ? errno : EIO, status = mixent_fail_errno("write", file->path);
  else if (fflush(file->stream) || fsync(fileno(file->stream)))
    status = mixent_fail_errno("write", file->path);
  if (fclose(file->stream) && status == MIXENT_OK) status = mixent_fail_errno("write", file->path);
  file->stream = NULL;
  if (status == MIXENT_OK) {
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

mixent_status mixent_file_replace(const char *path, const void *bytes, size_t size) {
  mixent_new_file file;
  MIXENT_TRY(mixent_new_file_open(path, &file));
  fwrite(bytes, 1, size, file.stream); /* a short write sets ferror, which the commit reports */
  return mixent_new_file_commit(&file);
}

mixent_status mixent_file_read(const char *path, size_t limit, char **out, size_t *size) {
  *out = NULL;
  if (size) *size = 0;
  if (mixent_is_directory(path))
    return mixent_fail(MIXENT_ERROR_IO, "cannot read %s: it is a directory, not a file", path);
  FILE *stream = fopen(path, "rb");
  if (!stream) return mixent_fail_errno("open", path);
  mixent_text text = {0};
  char piece[65536];
  size_t count;
  mixent_text_append_bytes(&text, "", 0);
  while ((count = fread(piece, 1, sizeof piece, stream)) > 0 && text.length <= limit)
    mixent_text_append_bytes(&text, piece, count);
  mixent_status status = ferror(stream) ? mixent_fail_errno("read", path) : mixent_text_status(&text);
  if (status == MIXENT_OK && text.length > limit)
    status = mixent_fail(MIXENT_ERROR_FORMAT, "%s: larger than %zu bytes", path, limit);
  fclose(stream);
  if (status != MIXENT_OK) {
    mixent_text_free(&text);
    return status;
  }
  *out = text.data;
  if (size) *size = text.length;
  return MIXENT_OK;
}

mixent_status mixent_directory_make(const char *path) {
  char *copy = strdup(path);
  if (!copy) return mixent_fail(MIXENT_ERROR_MEMORY, "no memory for a path");
  for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
    *slash = 0;
    mkdir(copy, 0777); /* the last one tells whether it worked */
    *slash = '/';
  }
  free(copy);
  if (mkdir(path, 0777) == 0 || mixent_is_directory(path)) return MIXENT_OK;
  return mixent_fail_errno("make directory", path);
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *position) {
  (void)info, (void)kind, (void)position;
  return remove(path);
}

mixent_status mixent_directory_remove(const char *path) {
  if (nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) == 0 || errno == ENOENT)
    return MIXENT_OK;
  return mixent_fail_errno("remove", path);
}

bool mixent_is_file(const char *path) {
  struct stat info;
  return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

bool mixent_is_directory(const char *path) {
  struct stat info;
  return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}
