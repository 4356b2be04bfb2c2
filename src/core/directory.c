/* Directories: their names, making, removing, syncing. */
#include "core/file.h"
#include "core/memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

mixent_status mixent_names_add(mixent_names *names, const char *name) {
  MIXENT_TRY(MIXENT_GROW(&names->items, names->count, "names"));
  MIXENT_TRY(mixent_copy_text(name, &names->items[names->count]));
  names->count++;
  return MIXENT_OK;
}

static int compare_names(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b); /* not by the locale */
}

mixent_status mixent_directory_list(const char *path, mixent_names *out) {
  *out = (mixent_names){0};
  DIR *stream = opendir(path);
  if (!stream) return mixent_fail_errno("read directory", path);
  mixent_status status = MIXENT_OK;
  const struct dirent *entry;
  /* NULL is the end and also a failure, which errno alone tells */
  while (status == MIXENT_OK && (errno = 0, entry = readdir(stream)) != NULL)
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
      status = mixent_names_add(out, entry->d_name);
  if (status == MIXENT_OK && errno) status = mixent_fail_errno("read directory", path);
  closedir(stream);
  if (status != MIXENT_OK)
    mixent_names_free(out);
  else if (out->count)
    qsort(out->items, out->count, sizeof *out->items, compare_names);
  return status;
}

void mixent_names_free(mixent_names *names) {
  for (size_t i = 0; i < names->count; i++) free(names->items[i]);
  free(names->items);
  *names = (mixent_names){0};
}

mixent_status mixent_directory_visit(const char *path, mixent_visit_entry *visit, void *context) {
  mixent_names names;
  MIXENT_TRY(mixent_directory_list(path, &names));
  mixent_status status = MIXENT_OK;
  for (size_t i = 0; i < names.count && status == MIXENT_OK; i++) {
    if (names.items[i][0] == '.') continue;
    char *inner = mixent_path_join(path, names.items[i]);
    status = inner ? visit(context, inner, names.items[i]) : MIXENT_ERROR_MEMORY;
    free(inner);
  }
  mixent_names_free(&names);
  return status;
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
  char *parent;
  MIXENT_TRY(mixent_copy_text(path, &parent));
  char *slash = strrchr(parent, '/');
  if (slash) slash[slash == parent] = 0;
  mixent_status status = mixent_directory_sync(slash ? parent : ".");
  free(parent);
  return status;
}

mixent_status mixent_directory_make(const char *path) {
  char *copy;
  MIXENT_TRY(mixent_copy_text(path, &copy));
  for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
    *slash = 0;
    mkdir(copy, 0777); /* the last one tells whether it worked */
    *slash = '/';
  }
  free(copy);
  if (mkdir(path, 0777) == 0) return MIXENT_OK;
  int reason = errno; /* the look below has one of its own */
  if (mixent_is_directory(path)) return MIXENT_OK;
  errno = reason;
  return mixent_fail_errno("make directory", path);
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *position) {
  (void)info, (void)kind, (void)position;
  return remove(path) != 0 && errno != ENOENT; /* another process may clear up as well */
}

static int remove_inner(const char *path, const struct stat *info, int kind, struct FTW *position) {
  return position->level == 0 ? 0 : remove_entry(path, info, kind, position);
}

static mixent_status clear(const char *path,
                           int (*remove_one)(const char *, const struct stat *, int, struct FTW *)) {
  if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) == 0 || errno == ENOENT) return MIXENT_OK;
  return mixent_fail_errno("remove", path);
}

mixent_status mixent_directory_remove(const char *path) {
  return clear(path, remove_entry);
}

mixent_status mixent_directory_empty(const char *path) {
  return clear(path, remove_inner);
}
