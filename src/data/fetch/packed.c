/* A .tar.gz that is fetched whole, of which some files stay. */
#include "core/file.h"
#include "core/gzip.h"
#include "core/memory.h"
#include "data/fetch/fetch.h"
#include "data/formats/tar.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What is taken out of an archive. */
typedef struct unpacking {
  const char *const *members;
  const char *directory;
  size_t count; /* members that came */
} unpacking;

static mixent_status take_member(void *context, const mixent_tar_member *member) {
  unpacking *to = context;
  const char *slash = strrchr(member->path, '/'), *name = slash ? slash + 1 : member->path;
  size_t index = 0;
  while (to->members[index] && strcmp(to->members[index], name) != 0) index++;
  if (!to->members[index] || !member->bytes) return MIXENT_OK;
  char *path = mixent_path_join(to->directory, name);
  mixent_status status = path ? mixent_file_replace(path, member->bytes, member->size) : MIXENT_ERROR_MEMORY;
  free(path);
  to->count++;
  return status;
}

static mixent_status unpack(const char *path, const char *const *members, const char *directory) {
  enum { LARGEST = 1 << 30 };
  unpacking to = {members, directory, 0};
  uint8_t *bytes;
  size_t size, wanted = 0;
  bool short_end;
  MIXENT_TRY(mixent_gzip_read(path, LARGEST, &bytes, &size));
  mixent_status status = mixent_tar_walk(path, bytes, size, take_member, &to, &short_end);
  free(bytes);
  while (members[wanted]) wanted++;
  if (status == MIXENT_OK && to.count != wanted)
    status = mixent_fail(MIXENT_ERROR_FORMAT, "%s: expected %zu files of the data set in it, got %zu", path,
                         wanted, to.count);
  return status;
}

/* They are written from a verified archive, each under its name when it is whole. */
static mixent_status are_there(const char *const *members, const char *directory, bool *all) {
  *all = true;
  for (size_t i = 0; members[i] && *all; i++) {
    mixent_path_kind kind;
    char *path = mixent_path_join(directory, members[i]);
    mixent_status status = path ? mixent_path_look(path, &kind) : MIXENT_ERROR_MEMORY;
    free(path);
    MIXENT_TRY(status);
    *all = kind == MIXENT_PATH_FILE;
  }
  return MIXENT_OK;
}

mixent_status mixent_packed_fetch(const char *address, const mixent_archive_file *archive,
                                  const char *const *members, const char *directory,
                                  mixent_fetch_progress *progress, void *context) {
  bool all;
  MIXENT_TRY(are_there(members, directory, &all));
  if (all) return MIXENT_OK;
  MIXENT_TRY(mixent_files_fetch(address, archive, 1, directory, progress, context));
  char *path = mixent_path_join(directory, archive->member);
  mixent_status status = path ? unpack(path, members, directory) : MIXENT_ERROR_MEMORY;
  if (status == MIXENT_OK) unlink(path);
  free(path);
  return status;
}
