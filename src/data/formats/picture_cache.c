/* The file of decoded pictures: a header of one page, then their pixels. Its name is the SHA-256 of all that decides on them: the
 * files' paths, sizes, inodes and times of the last change, which copying and unpacking cannot set (or the check sums of an archive's
 * members), side and fit, and the version of mixent. */
#include "data/formats/picture_cache.h"
#include "core/cache.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/sha256.h"
#include "data/formats/picture_decode.h"
#include "data/mapping.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { HEADER = 65536, BLOCK = 64 }; /* bytes, a multiple of any page; pictures decoded at a time */

/* ------------------------------------------------------------------ its name ------ */

static mixent_status hash_text(mixent_sha256 *hash, mixent_text *text) {
  mixent_status status = mixent_text_status(text);
  if (status == MIXENT_OK) mixent_sha256_add(hash, text->data, text->length + 1);
  mixent_text_free(text);
  return status;
}

static mixent_status hash_picture(mixent_sha256 *hash, const mixent_collected *image) {
  mixent_text text = {0};
  struct stat info = {0};
  bool there = true;
  if (image->bytes) {
    mixent_sha256_add(hash, image->bytes, image->size);
    mixent_text_append(&text, "%s %d %zu", image->path, image->part, image->size);
  } else if (image->packed.found) {
    mixent_text_append(&text, "%s %d %" PRIu64 " %" PRIu32, image->path, image->part, image->packed.size,
                       image->packed.crc);
  } else {
    MIXENT_TRY(mixent_path_stat(image->path, &info, &there));
    mixent_text_append(&text, "%s %d %jd %ju %jd %ld", image->path, image->part, (intmax_t)info.st_size,
                       (uintmax_t)info.st_ino, (intmax_t)info.st_ctim.tv_sec, info.st_ctim.tv_nsec);
  }
  return hash_text(hash, &text);
}

static mixent_status name_file(const mixent_collection *from, int side, const mixent_dataset_options *options,
                               char **out) {
  mixent_sha256 hash;
  mixent_text text = {0};
  char digits[65], *cache = mixent_cache_directory(),
                   *directory = cache ? mixent_path_join(cache, "pictures") : NULL;
  mixent_sha256_begin(&hash);
  mixent_text_append(&text, "%s %d %d %d", mixent_version(), side, (int)options->fit,
                     (int)options->background);
  mixent_status status = hash_text(&hash, &text);
  for (size_t i = 0; i < from->count && status == MIXENT_OK; i++)
    status = hash_picture(&hash, &from->images[i]);
  mixent_sha256_end(&hash, digits);
  free(cache);
  if (status == MIXENT_OK && !directory) status = MIXENT_ERROR_IO;
  if (status == MIXENT_OK) status = mixent_directory_make(directory);
  if (status == MIXENT_OK) status = mixent_print_text(out, "%s/%s.pixels", directory, digits);
  free(directory);
  return status;
}

/* ----------------------------------------------------------------- its bytes ------ */

static size_t size_of(size_t count, int side, int channels) {
  return count * (size_t)side * (size_t)side * (size_t)channels;
}

static void make_header(size_t count, int side, int channels, char header[HEADER]) {
  memset(header, 0, HEADER);
  snprintf(header, HEADER, "mixent-pixels 1\nimages %zu\nside %d\nchannels %d\n", count, side, channels);
}

/* The channels of a whole file; 0: there is none. */
static mixent_status look(const char *path, size_t count, int side, char header[2 * HEADER], int *channels) {
  struct stat info;
  bool there;
  FILE *stream;
  *channels = 0;
  MIXENT_TRY(mixent_path_stat(path, &info, &there));
  if (!there) return MIXENT_OK;
  MIXENT_TRY(mixent_file_open(path, &stream));
  bool whole = fread(header, 1, HEADER, stream) == HEADER;
  fclose(stream);
  for (int tried = 1; tried <= 3 && whole; tried += 2) {
    make_header(count, side, tried, header + HEADER);
    if (memcmp(header, header + HEADER, HEADER) == 0 &&
        (size_t)info.st_size == HEADER + size_of(count, side, tried))
      *channels = tried;
  }
  return MIXENT_OK;
}

/* Colour to grey, in place; false where a pixel is not grey. */
static bool make_grey(uint8_t *pixels, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const uint8_t *pixel = pixels + 3 * i;
    if (pixel[0] != pixel[1] || pixel[0] != pixel[2]) return false;
    pixels[i] = pixel[0];
  }
  return true;
}

/* *fits is false, and the file is no good, if it was to be grey and a picture is not. */
static mixent_status write_pictures(const mixent_collection *from, int side,
                                    const mixent_dataset_options *options, int channels, uint8_t *pixels,
                                    FILE *stream, bool *fits) {
  *fits = true;
  for (size_t i = 0; i < from->count && *fits; i += BLOCK) {
    size_t count = from->count - i < BLOCK ? from->count - i : BLOCK;
    MIXENT_TRY(mixent_pictures_decode(from, from->images + i, count, side, options, pixels));
    if (channels == 1) *fits = make_grey(pixels, size_of(count, side, 1));
    if (*fits) fwrite(pixels, 1, size_of(count, side, channels), stream); /* the commit tells what failed */
  }
  return MIXENT_OK;
}

static mixent_status make_with(const mixent_collection *from, int side, const mixent_dataset_options *options,
                               int channels, const char *path, char *header, uint8_t *pixels, bool *fits) {
  mixent_new_file file;
  MIXENT_TRY(mixent_new_file_open(path, &file));
  make_header(from->count, side, channels, header);
  fwrite(header, 1, HEADER, file.stream);
  mixent_status status = write_pictures(from, side, options, channels, pixels, file.stream, fits);
  if (status == MIXENT_OK && *fits) status = mixent_new_file_commit(&file);
  mixent_new_file_abandon(&file);
  return status;
}

/* Grey if all are; the first one in colour nearly always comes soon. */
static mixent_status make(const mixent_collection *from, int side, const mixent_dataset_options *options,
                          const char *path, char *header, int *channels) {
  uint8_t *pixels;
  bool fits = false;
  MIXENT_TRY(MIXENT_ALLOCATE(size_of(BLOCK, side, 3), &pixels));
  mixent_status status = MIXENT_OK;
  for (*channels = 1; status == MIXENT_OK && !fits; *channels += fits ? 0 : 2)
    status = make_with(from, side, options, *channels, path, header, pixels, &fits);
  free(pixels);
  return status;
}

/* ----------------------------------------------------------------------------------- */

static mixent_status take_part(const mixent_collection *from, size_t begin, size_t end, int side,
                               int channels, mixent_mapping *mapping, mixent_images *out) {
  *out = (mixent_images){.side = side, .channels = channels};
  if (begin == end) return MIXENT_OK;
  MIXENT_TRY(MIXENT_ALLOCATE(end - begin, &out->labels));
  for (size_t i = begin; i < end; i++) out->labels[out->count++] = from->images[i].class;
  out->pixels = mixent_mapping_pixels(mapping) + size_of(begin, side, channels);
  out->mapping = mixent_mapping_share(mapping);
  return MIXENT_OK;
}

static mixent_status take_parts(const mixent_collection *from, const size_t begins[MIXENT_SET_PARTS + 1],
                                int side, int channels, const char *path, size_t most,
                                mixent_format_set *out) {
  mixent_images *const parts[MIXENT_SET_PARTS] = {&out->train, &out->validation, &out->test};
  mixent_mapping *mapping;
  char *note;
  size_t bytes = size_of(from->count, side, channels);
  MIXENT_TRY(mixent_mapping_open(path, HEADER, bytes, most, &mapping));
  mixent_status status = MIXENT_OK;
  for (int part = 0; part < MIXENT_SET_PARTS && status == MIXENT_OK; part++)
    status = take_part(from, begins[part], begins[part + 1], side, channels, mapping, parts[part]);
  mixent_mapping_free(mapping);
  MIXENT_TRY(status);
  MIXENT_TRY(mixent_print_text(
      &note,
      "memory_limit: the images take %zu MB and may take %zu, so they are read as they are needed, from %s",
      bytes / 1000000, most / 1000000, path));
  return mixent_format_set_note(out, note);
}

mixent_status mixent_picture_cache_read(const mixent_collection *from,
                                        const size_t begins[MIXENT_SET_PARTS + 1], int side,
                                        const mixent_dataset_options *options, size_t most,
                                        mixent_format_set *out) {
  char *path, *header;
  int channels = 0;
  MIXENT_TRY(name_file(from, side, options, &path));
  mixent_status status = MIXENT_ALLOCATE(2 * HEADER, &header);
  if (status == MIXENT_OK) status = look(path, from->count, side, header, &channels);
  if (status == MIXENT_OK && !channels) status = make(from, side, options, path, header, &channels);
  if (status == MIXENT_OK) status = take_parts(from, begins, side, channels, path, most, out);
  free(header);
  free(path);
  return status;
}
