/* Fetching files, out of a zip archive or by themselves: how each comes to stand on disk whole and verified. */
#include "data/fetch/fetch.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/sha256.h"
#include "core/status.h"
#include "data/fetch/http.h"
#include "data/formats/zip.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { PIECE = 1 << 16 };

typedef struct fetcher {
  const char *address, *directory;
  bool alone; /* the file at the address is the one that is wanted, not an archive */
  mixent_fetch_progress *progress;
  void *context;
  const char *file; /* the one under way, as it is called on disk */
  const char *part_path;
  FILE *part;
  uint64_t done, total; /* its packed bytes on disk, and in all */
} fetcher;

static const char *base_name(const char *member) {
  const char *slash = strrchr(member, '/');
  return slash ? slash + 1 : member;
}

static int report_progress(void *context) {
  const fetcher *f = context;
  return f->progress ? f->progress(f->context, f->file, f->done, f->total) : 0;
}

static mixent_status fail_writing(const char *path) {
  return mixent_fail(MIXENT_ERROR_IO, "cannot write %s: %s%s", path, strerror(errno),
                     errno == ENOSPC ? "; free some space on that disk and run again to go on" : "");
}

static mixent_status write_to_part(void *context, const void *bytes, size_t count) {
  fetcher *f = context;
  if (fwrite(bytes, 1, count, f->part) != count) return fail_writing(f->part_path);
  f->done += count;
  return MIXENT_OK;
}

/* Whether the file stands there with that sum. */
static bool is_verified(const char *path, const char *sha256) {
  FILE *file;
  if (mixent_file_open(path, &file) != MIXENT_OK) return false;
  char bytes[PIECE], found[65];
  mixent_sha256 hash;
  mixent_sha256_begin(&hash);
  for (size_t count; (count = fread(bytes, 1, sizeof bytes, file)) > 0;)
    mixent_sha256_add(&hash, bytes, count);
  bool failed = ferror(file);
  fclose(file);
  mixent_sha256_end(&hash, found);
  return !failed && strcmp(found, sha256) == 0;
}

static mixent_status write_out(FILE *out, mixent_sha256 *hash, const void *bytes, size_t count,
                               const char *path) {
  mixent_sha256_add(hash, bytes, count);
  return fwrite(bytes, 1, count, out) == count ? MIXENT_OK : fail_writing(path);
}

/* Copies the packed bytes of `part` to `out`, inflating them if they are deflated, and adds the result to
 * hash. Damaged bytes end it early without an error: the sum tells. */
static mixent_status unpack(FILE *part, const mixent_zip_entry *entry, FILE *out, mixent_sha256 *hash,
                            const char *path) {
  unsigned char in[PIECE], unpacked[PIECE];
  rewind(part);
  if (entry->method == MIXENT_ZIP_STORED) {
    for (size_t count; (count = fread(in, 1, PIECE, part)) > 0;)
      MIXENT_TRY(write_out(out, hash, in, count, path));
    return MIXENT_OK;
  }
  z_stream stream = {0};
  /* negative: bare deflate data, without a header of zlib's or gzip's */
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return mixent_no_memory("unpacking %s", path);
  mixent_status status = MIXENT_OK;
  int result = Z_OK;
  uint64_t left = entry->size; /* never write more than the archive's directory announces */
  while (status == MIXENT_OK && result == Z_OK && left) {
    if (!stream.avail_in) {
      stream.next_in = in;
      stream.avail_in = (unsigned)fread(in, 1, PIECE, part);
      if (!stream.avail_in) break;
    }
    stream.next_out = unpacked;
    stream.avail_out = PIECE;
    result = inflate(&stream, Z_NO_FLUSH);
    uint64_t count = PIECE - stream.avail_out;
    if (count > left) count = left;
    left -= count;
    status = write_out(out, hash, unpacked, (size_t)count, path);
  }
  inflateEnd(&stream);
  return status;
}

/* From the whole part to the file under its name. */
static mixent_status finish(const fetcher *f, const mixent_zip_entry *entry, const char *sha256,
                            const char *path) {
  mixent_new_file file;
  MIXENT_TRY(mixent_new_file_open(path, &file));
  char found[65];
  mixent_sha256 hash;
  mixent_sha256_begin(&hash);
  mixent_status status = unpack(f->part, entry, file.stream, &hash, path);
  mixent_sha256_end(&hash, found);
  if (status == MIXENT_OK && strcmp(found, sha256) != 0)
    status = mixent_fail(
        MIXENT_ERROR_FORMAT,
        "%s: what came from %s has SHA-256 %s instead of %s and was removed; run again, and if that "
        "does not help, the file there is not the published one",
        path, f->address, found, sha256);
  if (status == MIXENT_OK)
    status = mixent_new_file_commit(&file);
  else
    mixent_new_file_abandon(&file);
  return status;
}

static mixent_status read_archive(void *context, uint64_t first, size_t count, void *out) {
  return mixent_http_read(context, first, count, out);
}

static mixent_zip_source source_of(mixent_http *http) {
  return (mixent_zip_source){.name = mixent_http_address(http),
                             .advice = "check the address",
                             .size = mixent_http_size(http),
                             .read = read_archive,
                             .context = http};
}

/* Where the packed bytes of an entry begin. */
static mixent_status find_start(const fetcher *f, mixent_http *http, const mixent_zip_entry *entry,
                                uint64_t *start) {
  const mixent_zip_source source = source_of(http);
  *start = 0;
  return f->alone ? MIXENT_OK : mixent_zip_data_offset(&source, entry, start);
}

/* Adds to the open part what is missing. */
static mixent_status complete_part(fetcher *f, mixent_http *http, const mixent_zip_entry *entry) {
  long size = fseek(f->part, 0, SEEK_END) ? -1 : ftell(f->part);
  if (size < 0) return fail_writing(f->part_path);
  f->done = (uint64_t)size, f->total = entry->packed_size;
  if (f->done > f->total) { /* of another archive */
    if (ftruncate(fileno(f->part), 0)) return fail_writing(f->part_path);
    f->done = 0;
  }
  uint64_t start;
  MIXENT_TRY(find_start(f, http, entry, &start));
  mixent_status status = mixent_http_range(http, start + f->done, f->total - f->done, write_to_part, f);
  if (fflush(f->part) && status == MIXENT_OK) status = fail_writing(f->part_path);
  return status;
}

/* With the part open and its own. */
static mixent_status fetch_by_part(fetcher *f, mixent_http *http, const mixent_zip_entry *entry,
                                   const char *sha256, const char *path) {
  /* two programs that append to the same part would spoil it */
  if (flock(fileno(f->part), LOCK_EX | LOCK_NB))
    return mixent_fail(MIXENT_ERROR_IO, "%s is being fetched by another program; wait for it to end", path);
  MIXENT_TRY(complete_part(f, http, entry));
  mixent_status status = finish(f, entry, sha256, path);
  /* the part is used, or wrong; after any other failure, a full disk say, it is still good */
  if (status == MIXENT_OK || status == MIXENT_ERROR_FORMAT) unlink(f->part_path);
  if (status == MIXENT_OK && report_progress(f))
    return mixent_fail(MIXENT_ERROR_INTERRUPTED, "stopped after %s; run again to fetch the rest", path);
  return status;
}

/* The part has a name that anybody can foresee: what is no file of its own there is not written to. */
static mixent_status open_part(fetcher *f) {
  struct stat info;
  int descriptor =
      open(f->part_path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0666);
  f->part = NULL;
  if (descriptor < 0 && errno == ELOOP)
    return mixent_fail(MIXENT_ERROR_IO, "cannot write %s: it is a link; remove it", f->part_path);
  if (descriptor < 0) return fail_writing(f->part_path);
  if (fstat(descriptor, &info) == 0 && !S_ISREG(info.st_mode)) {
    close(descriptor);
    return mixent_fail(MIXENT_ERROR_IO, "cannot write %s: it is no file; remove it", f->part_path);
  }
  f->part = fdopen(descriptor, "a+b");
  if (f->part) return MIXENT_OK;
  close(descriptor);
  return fail_writing(f->part_path);
}

static mixent_status fetch_file(fetcher *f, mixent_http *http, const mixent_zip_entry *entry,
                                const char *sha256, const char *path) {
  char *part_path;
  MIXENT_TRY(mixent_print_text(&part_path, "%s.part", path));
  f->part_path = part_path;
  mixent_status status = open_part(f);
  if (status == MIXENT_OK) status = fetch_by_part(f, http, entry, sha256, path);
  if (f->part) fclose(f->part);
  free(part_path);
  return status;
}

static mixent_status fetch_missing(fetcher *f, const mixent_archive_file *files, size_t count,
                                   const bool *present) {
  const char *names[count];
  mixent_zip_entry entries[count];
  for (size_t i = 0; i < count; i++) names[i] = files[i].member;
  mixent_http *http;
  MIXENT_TRY(mixent_http_open(f->address, report_progress, f, &http));
  const mixent_zip_source source = source_of(http);
  mixent_status status = mixent_zip_find(&source, names, count, entries);
  for (size_t i = 0; i < count && status == MIXENT_OK; i++) {
    if (present[i]) continue;
    if (!entries[i].found) {
      status = mixent_fail(MIXENT_ERROR_FORMAT, "%s holds no %s; check the address", f->address, names[i]);
      break;
    }
    f->file = base_name(names[i]);
    char *path = mixent_path_join(f->directory, f->file);
    status = path ? fetch_file(f, http, &entries[i], files[i].sha256, path) : MIXENT_ERROR_MEMORY;
    free(path);
  }
  mixent_http_close(http);
  return status;
}

mixent_status mixent_archive_fetch(const char *address, const mixent_archive_file *files, size_t count,
                                   const char *directory, mixent_fetch_progress *progress, void *context) {
  MIXENT_TRY(mixent_directory_make(directory));
  fetcher f = {.address = address, .directory = directory, .progress = progress, .context = context};
  bool present[count], all = true;
  for (size_t i = count; i-- > 0;) {
    char *path = mixent_path_join(directory, base_name(files[i].member));
    if (!path) return MIXENT_ERROR_MEMORY;
    present[i] = is_verified(path, files[i].sha256);
    free(path);
    if (!present[i]) f.file = base_name(files[i].member), all = false;
  }
  return all ? MIXENT_OK : fetch_missing(&f, files, count, present);
}

/* The file at f->address as it is. */
static mixent_status fetch_whole(fetcher *f, const mixent_archive_file *file, const char *path) {
  mixent_http *http;
  f->file = file->member;
  MIXENT_TRY(mixent_http_open(f->address, report_progress, f, &http));
  const uint64_t size = mixent_http_size(http);
  const mixent_zip_entry entry = {
      .found = true, .method = MIXENT_ZIP_STORED, .packed_size = size, .size = size};
  mixent_status status = fetch_file(f, http, &entry, file->sha256, path);
  mixent_http_close(http);
  return status;
}

static mixent_status fetch_one(const char *address, const mixent_archive_file *file, const char *directory,
                               mixent_fetch_progress *progress, void *context) {
  char *path = mixent_path_join(directory, file->member), *whole = NULL;
  fetcher f = {.directory = directory, .alone = true, .progress = progress, .context = context};
  mixent_status status = path ? MIXENT_OK : MIXENT_ERROR_MEMORY;
  const size_t length = strlen(address);
  if (status == MIXENT_OK && !is_verified(path, file->sha256)) {
    status = mixent_print_text(&whole, "%s%s%s", address, length && address[length - 1] == '/' ? "" : "/",
                               file->member);
    f.address = whole;
    if (status == MIXENT_OK) status = fetch_whole(&f, file, path);
  }
  free(whole);
  free(path);
  return status;
}

mixent_status mixent_files_fetch(const char *address, const mixent_archive_file *files, size_t count,
                                 const char *directory, mixent_fetch_progress *progress, void *context) {
  MIXENT_TRY(mixent_directory_make(directory));
  for (size_t i = 0; i < count; i++) MIXENT_TRY(fetch_one(address, &files[i], directory, progress, context));
  return MIXENT_OK;
}
