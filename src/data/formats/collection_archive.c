/* Which members of an archive, tar or zip, are images of a set in folders. The archive is walked several times: for the directories that
 * all images lie in, for parts, for images, for what else lies beside them. */
#include "data/formats/collection.h"
#include "data/formats/tar.h"

#include <stdlib.h>
#include <string.h>

/* A member of an archive of either kind. */
typedef struct archive_member {
  const char *path;
  bool directory, regular; /* neither: a link, a device, a file with holes */
  const uint8_t *bytes;    /* of a tar archive: [size] */
  size_t size;
  mixent_zip_entry packed; /* of a zip archive */
} archive_member;

typedef struct archive_walk archive_walk;
typedef mixent_status visit_member(archive_walk *walk, const archive_member *member);

struct archive_walk {
  mixent_collection *to;
  const uint8_t *bytes; /* [size] of a tar archive; NULL: it is to->zip */
  size_t size;
  visit_member *visit;
  bool parts;        /* an image lies in a folder of train or test */
  char *common;      /* the directories that all images lie in; NULL before the first */
  const char *first; /* path of the first image that was taken, */
  size_t prefix;     /* and the length of what stands in it before its part */
};

/* PREFIX/train/CLASS/…/FILE, or PREFIX/CLASS/…/FILE */
typedef struct archive_path {
  size_t prefix, part_length, class_length;
  int part; /* -1: in none */
  const char *part_name, *class, *file;
} archive_path;

static const char *file_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

/* Whether a file or a directory below `rest` is one of those that are not looked at. */
static bool is_hidden(const char *rest) {
  for (const char *at = rest; at; at = (at = strchr(at, '/')) ? at + 1 : NULL)
    if ((*at == '.' && at[1] != '/') || mixent_is_folder_of_macos(at, strcspn(at, "/"))) return true;
  return false;
}

static void take_class(archive_path *out, const char *begin) {
  const char *end = strchr(begin, '/');
  if (end) out->class = begin, out->class_length = (size_t)(end - begin);
}

/* The outermost folder of a part, below the directories that all images have in common; of a set in one part those themselves. */
static archive_path split_path(const archive_walk *walk, const char *path) {
  archive_path out = {.part = -1, .file = file_name(path)};
  size_t skipped = strlen(walk->common);
  if (strncmp(path, walk->common, skipped) != 0) return out;
  if (walk->to->in_one_part) {
    out.part = MIXENT_SET_TRAIN, out.prefix = skipped, out.part_name = path + skipped;
    take_class(&out, path + skipped);
    return out;
  }
  for (const char *at = path + skipped, *end; (end = strchr(at, '/')); at = end + 1) {
    if ((out.part = mixent_part_named(at, (size_t)(end - at))) < 0) continue;
    out.prefix = (size_t)(at - path);
    out.part_name = at, out.part_length = (size_t)(end - at);
    take_class(&out, end + 1);
    break;
  }
  return out;
}

static mixent_status add_archive_class(archive_walk *walk, const archive_path *parts, int32_t *out) {
  char *name;
  MIXENT_TRY(mixent_copy_start(parts->class, parts->class_length, &name));
  mixent_status status = mixent_collection_add_class(walk->to, parts->part, name, out);
  free(name);
  return status;
}

/* Shortens what all images have in common by the next one's path. */
static mixent_status visit_common(archive_walk *walk, const archive_member *member) {
  const char *name = file_name(member->path);
  if (member->directory || is_hidden(member->path) || !mixent_is_picture_name(name)) return MIXENT_OK;
  if (!walk->common) return mixent_copy_start(member->path, (size_t)(name - member->path), &walk->common);
  size_t same = 0, end = 0;
  for (; walk->common[same] && walk->common[same] == member->path[same]; same++)
    if (walk->common[same] == '/') end = same + 1;
  walk->common[end] = 0;
  return MIXENT_OK;
}

/* Where all images lie in one part, that part's folder is none of the directories around the set. */
static bool leave_part(char *common) {
  size_t length = strlen(common);
  if (!length) return false;
  const char *before = memrchr(common, '/', length - 1);
  size_t begin = before ? (size_t)(before + 1 - common) : 0;
  if (mixent_part_named(common + begin, length - 1 - begin) < 0) return false;
  common[begin] = 0;
  return true;
}

static mixent_status check_part(archive_walk *walk, const char *path, const archive_path *parts) {
  mixent_collection *to = walk->to;
  char **name = &to->parts[parts->part];
  if (!to->count) walk->first = path, walk->prefix = parts->prefix;
  if (parts->prefix != walk->prefix || memcmp(path, walk->first, walk->prefix) != 0)
    return mixent_fail(MIXENT_ERROR_FORMAT, "%s: %s and %s are of two data sets; pack one alone", to->origin,
                       walk->first, path);
  if (!*name) MIXENT_TRY(mixent_copy_start(parts->part_name, parts->part_length, name));
  if (strlen(*name) == parts->part_length && memcmp(*name, parts->part_name, parts->part_length) == 0)
    return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_FORMAT, "%s: %s: %s beside it could be the same part; keep one of them",
                     to->origin, path, *name);
}

static mixent_status visit_parts(archive_walk *walk, const archive_member *member) {
  if (member->directory || !mixent_is_picture_name(file_name(member->path))) return MIXENT_OK;
  int part = split_path(walk, member->path).part;
  walk->parts |= part == MIXENT_SET_TRAIN || part == MIXENT_SET_TEST;
  return MIXENT_OK;
}

static mixent_status visit_images(archive_walk *walk, const archive_member *member) {
  archive_path parts = split_path(walk, member->path);
  if (member->directory || !mixent_is_picture_name(parts.file) ||
      is_hidden(parts.class ? parts.class : parts.file))
    return MIXENT_OK;
  if (parts.part < 0) {
    const char *rest = member->path + strlen(walk->common), *end = strchr(rest, '/');
    return end ? mixent_passed_over_folder(&walk->to->passed_over, rest, (size_t)(end - rest)) : MIXENT_OK;
  }
  if (!parts.class) {
    walk->to->passed_over.loose++;
    return MIXENT_OK;
  }
  int32_t class;
  MIXENT_TRY(check_part(walk, member->path, &parts));
  MIXENT_TRY(add_archive_class(walk, &parts, &class));
  if (!member->regular)
    return mixent_fail(MIXENT_ERROR_UNSUPPORTED,
                       "%s: %s is a link, or stored with holes; pack the files themselves: tar --dereference "
                       "--hard-dereference, without --sparse; zip without --symlinks",
                       walk->to->origin, member->path);
  MIXENT_TRY(mixent_collection_add(walk->to, (mixent_collected){.path = (char *)member->path,
                                                                .part = parts.part,
                                                                .class = class,
                                                                .bytes = member->bytes,
                                                                .size = member->size,
                                                                .packed = member->packed}));
  walk->first = walk->to->images[0].path;
  return MIXENT_OK;
}

/* Class folders, which may have no image, and files of other kinds; what lies elsewhere is no part of the set. */
static mixent_status visit_others(archive_walk *walk, const archive_member *member) {
  mixent_collection *to = walk->to;
  archive_path parts = split_path(walk, member->path);
  const char *rest = parts.class ? parts.class : parts.file;
  if (parts.part < 0 || !to->parts[parts.part] || parts.prefix != walk->prefix || is_hidden(rest) ||
      memcmp(member->path, walk->first, walk->prefix) != 0)
    return MIXENT_OK;
  int32_t class = -1;
  if (parts.class) MIXENT_TRY(add_archive_class(walk, &parts, &class));
  if (member->directory || !*parts.file || mixent_is_picture_name(parts.file)) return MIXENT_OK;
  mixent_passed_over_file(&to->passed_over, parts.file);
  if (class >= 0) to->folders[parts.part][class].passed_over++;
  return MIXENT_OK;
}

static mixent_status visit_tar(void *context, const mixent_tar_member *member) {
  archive_walk *walk = context;
  const archive_member seen = {.path = member->path,
                               .directory = member->directory,
                               .regular = member->bytes != NULL,
                               .bytes = member->bytes,
                               .size = member->size};
  return walk->visit(walk, &seen);
}

static mixent_status visit_zip(void *context, const char *path, bool link, const mixent_zip_entry *entry) {
  archive_walk *walk = context;
  size_t length = strlen(path);
  bool directory = length && path[length - 1] == '/';
  const archive_member seen = {
      .path = path, .directory = directory, .regular = !directory && !link, .packed = *entry};
  return walk->visit(walk, &seen);
}

static mixent_status visit_all(archive_walk *walk, visit_member *visit) {
  mixent_collection *to = walk->to;
  walk->visit = visit;
  if (!walk->bytes) return mixent_zip_walk(to->zip, visit_zip, walk);
  return mixent_tar_walk(to->origin, walk->bytes, walk->size, visit_tar, walk, &to->passed_over.short_end);
}

static mixent_status walk_archive(archive_walk *walk) {
  MIXENT_TRY(visit_all(walk, visit_common));
  if (!walk->common) return MIXENT_OK;
  MIXENT_TRY(visit_all(walk, visit_parts));
  if (!walk->parts && leave_part(walk->common)) MIXENT_TRY(visit_all(walk, visit_parts));
  walk->to->in_one_part = !walk->parts;
  MIXENT_TRY(visit_all(walk, visit_images));
  if (!walk->first) return MIXENT_OK;
  MIXENT_TRY(visit_all(walk, visit_others));
  return mixent_collection_check(walk->to);
}

mixent_status mixent_collect_archive(const char *origin, const uint8_t *bytes, size_t size,
                                     mixent_collection *out) {
  archive_walk walk = {.to = out, .bytes = bytes, .size = size};
  out->origin = origin;
  mixent_status status = walk_archive(&walk);
  free(walk.common);
  return status;
}

mixent_status mixent_collect_zip(const mixent_zip_source *source, mixent_collection *out) {
  archive_walk walk = {.to = out};
  out->origin = source->name, out->zip = source;
  mixent_status status = walk_archive(&walk);
  free(walk.common);
  return status;
}
