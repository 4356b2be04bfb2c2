/* BMP files as pictures: a file header of 14 bytes, a picture header of which the size tells the version, masks or a palette, then
 * lines of pixels padded to 4 bytes, the lowest line first. Everything is read of bytes in memory. */
#include "core/memory.h"
#include "data/formats/picture.h"

#include <stdbool.h>
#include <stdlib.h>

enum { FILE_HEADER = 14, CORE = 12, INFO = 40, WITH_MASKS = 52, WITH_ALPHA = 56 };
enum { PLAIN = 0, BITFIELDS = 3, ALPHA_BITFIELDS = 6 }; /* how pixels are stored; others are compressed */

/* Bits of a pixel that are one colour. */
typedef struct mask {
  uint32_t bits;
  int shift;
  uint32_t most; /* value with all bits set; 0: no such bits */
} mask;

typedef struct bmp {
  const char *origin;
  const uint8_t *bytes;
  size_t size;
  size_t header, width, height, stride, pixels_at, palette_at;
  bool top_down;
  unsigned depth, compression;
  size_t colors, color_size; /* of the palette; bytes of an entry: blue, green, red, perhaps one more */
  mask masks[4];             /* red, green, blue, alpha */
} bmp;

static uint32_t number(const uint8_t *at, int count) {
  uint32_t value = 0;
  for (int i = count; i-- > 0;) value = value << 8 | at[i];
  return value;
}

static mixent_status fail_damaged(const bmp *bmp, const char *what) {
  return mixent_fail(MIXENT_ERROR_FORMAT, "%s: damaged or truncated BMP (%s); save or copy it again",
                     bmp->origin, what);
}

static mask make_mask(uint32_t bits) {
  mask out = {.bits = bits};
  if (!bits) return out;
  while (!(bits >> out.shift & 1)) out.shift++;
  out.most = bits >> out.shift;
  return out;
}

static uint8_t take(uint32_t pixel, const mask *mask) {
  if (!mask->most) return 0;
  return (uint8_t)(((uint64_t)((pixel & mask->bits) >> mask->shift) * 255 + mask->most / 2) / mask->most);
}

/* Of 16 and 32 bits a pixel: the file's own masks, or 5 bits and 8 bits a colour. */
static mixent_status read_masks(bmp *bmp) {
  static const uint32_t usual[2][3] = {{0x7c00, 0x3e0, 0x1f}, {0xff0000, 0xff00, 0xff}};
  if (bmp->depth != 16 && bmp->depth != 32) return MIXENT_OK;
  if (bmp->compression == PLAIN) {
    for (int k = 0; k < 3; k++) bmp->masks[k] = make_mask(usual[bmp->depth == 32][k]);
    return MIXENT_OK;
  }
  int count = bmp->header >= WITH_ALPHA || bmp->compression == ALPHA_BITFIELDS ? 4 : 3;
  size_t at = FILE_HEADER + INFO; /* within a longer header, behind one of 40 bytes */
  if (at + 4 * (size_t)count > bmp->size) return fail_damaged(bmp, "its masks are missing");
  for (int k = 0; k < count; k++) {
    uint32_t bits = number(bmp->bytes + at + 4 * (size_t)k, 4);
    bmp->masks[k] = make_mask(bits);
    bool whole = (bmp->masks[k].most & (bmp->masks[k].most + 1)) == 0; /* bits side by side */
    if (!whole || (k < 3 && !bits) || (bmp->depth == 16 && bits >> 16)) return fail_damaged(bmp, "its masks");
  }
  if (bmp->header == INFO) bmp->palette_at += 4 * (size_t)count;
  return MIXENT_OK;
}

static mixent_status read_palette(bmp *bmp) {
  if (bmp->depth > 8) return MIXENT_OK;
  size_t most = (size_t)1 << bmp->depth, named = bmp->header >= INFO ? number(bmp->bytes + 46, 4) : 0;
  if (named > most) return fail_damaged(bmp, "more colours than its pixels can tell apart");
  bmp->colors = named ? named : most;
  bmp->color_size = bmp->header == CORE ? 3 : 4;
  if (bmp->palette_at > bmp->size || bmp->colors * bmp->color_size > bmp->size - bmp->palette_at)
    return fail_damaged(bmp, "its palette is missing");
  return MIXENT_OK;
}

static mixent_status check_kind(const bmp *bmp) {
  unsigned depth = bmp->depth;
  bool fields = bmp->compression == BITFIELDS || bmp->compression == ALPHA_BITFIELDS;
  if (bmp->compression != PLAIN && !fields)
    return mixent_fail(MIXENT_ERROR_UNSUPPORTED,
                       "%s: a compressed BMP (RLE or another way); save it without compression, or as PNG",
                       bmp->origin);
  bool plain = depth == 1 || depth == 4 || depth == 8 || depth == 24;
  if (depth == 16 || depth == 32 || (plain && !fields)) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_UNSUPPORTED, "%s: a BMP of %u bits a pixel%s; save it as PNG", bmp->origin,
                     depth, fields ? " with masks" : "");
}

static mixent_status read_header(bmp *bmp) {
  const uint8_t *bytes = bmp->bytes;
  if (bmp->size < FILE_HEADER + CORE) return fail_damaged(bmp, "its header is cut short");
  bmp->pixels_at = number(bytes + 10, 4), bmp->header = number(bytes + 14, 4);
  bool core = bmp->header == CORE;
  if (!core && (bmp->header < INFO || bmp->header > bmp->size - FILE_HEADER))
    return fail_damaged(bmp, "its header");
  int32_t width = (int32_t)number(bytes + 18, core ? 2 : 4);
  int64_t height = (int32_t)(core ? number(bytes + 20, 2) : number(bytes + 22, 4));
  bmp->depth = number(bytes + (core ? 24 : 28), 2);
  bmp->compression = core ? PLAIN : number(bytes + 30, 4);
  bmp->top_down = height < 0;
  if (width < 1 || height == 0) return fail_damaged(bmp, "a side of no pixels");
  bmp->width = (size_t)width, bmp->height = (size_t)(height < 0 ? -height : height);
  bmp->palette_at = FILE_HEADER + bmp->header;
  MIXENT_TRY(mixent_picture_check_size(bmp->origin, bmp->width, bmp->height));
  return check_kind(bmp);
}

/* All that lies before the pixels; the pixels lie within the file. */
static mixent_status prepare(bmp *bmp) {
  MIXENT_TRY(read_header(bmp));
  MIXENT_TRY(read_masks(bmp));
  MIXENT_TRY(read_palette(bmp));
  bmp->stride = (bmp->width * bmp->depth + 31) / 32 * 4;
  if (bmp->pixels_at < FILE_HEADER + bmp->header || bmp->pixels_at > bmp->size ||
      bmp->stride * bmp->height > bmp->size - bmp->pixels_at)
    return fail_damaged(bmp, "fewer pixels than its header promises");
  return MIXENT_OK;
}

/* Pixel `x` of a line; *out is 255 where nothing is said of opacity. False: a colour that the palette lacks. */
static bool read_pixel(const bmp *bmp, const uint8_t *line, size_t x, uint8_t rgb[3], uint8_t *opacity) {
  *opacity = 255;
  if (bmp->depth == 24) {
    for (size_t k = 0; k < 3; k++) rgb[k] = line[3 * x + 2 - k];
    return true;
  }
  if (bmp->depth > 8) {
    uint32_t pixel = number(line + x * bmp->depth / 8, (int)bmp->depth / 8);
    for (int k = 0; k < 3; k++) rgb[k] = take(pixel, &bmp->masks[k]);
    if (bmp->masks[3].most) *opacity = take(pixel, &bmp->masks[3]);
    return true;
  }
  size_t bit = x * bmp->depth;
  size_t color = line[bit / 8] >> (8 - bmp->depth - bit % 8) & (((size_t)1 << bmp->depth) - 1);
  if (color >= bmp->colors) return false;
  const uint8_t *entry = bmp->bytes + bmp->palette_at + color * bmp->color_size;
  for (size_t k = 0; k < 3; k++) rgb[k] = entry[2 - k];
  return true;
}

static mixent_status read_pixels(const bmp *bmp, mixent_picture *out) {
  size_t count = bmp->width * bmp->height;
  MIXENT_TRY(MIXENT_ALLOCATE(count * 3, &out->pixels));
  if (bmp->masks[3].most) MIXENT_TRY(MIXENT_ALLOCATE(count, &out->opacity));
  out->width = bmp->width, out->height = bmp->height;
  for (size_t y = 0; y < bmp->height; y++) {
    const uint8_t *line =
        bmp->bytes + bmp->pixels_at + (bmp->top_down ? y : bmp->height - 1 - y) * bmp->stride;
    for (size_t x = 0; x < bmp->width; x++) {
      size_t i = y * bmp->width + x;
      uint8_t opacity;
      if (!read_pixel(bmp, line, x, out->pixels + 3 * i, &opacity))
        return fail_damaged(bmp, "a colour that its palette lacks");
      if (out->opacity) out->opacity[i] = opacity;
    }
  }
  return MIXENT_OK;
}

mixent_status mixent_bmp_measure(const char *origin, const uint8_t *bytes, size_t size, mixent_picture *out) {
  bmp bmp = {.origin = origin, .bytes = bytes, .size = size};
  MIXENT_TRY(prepare(&bmp));
  out->width = bmp.width, out->height = bmp.height;
  return MIXENT_OK;
}

mixent_status mixent_bmp_decode(const char *origin, const uint8_t *bytes, size_t size, mixent_picture *out) {
  bmp bmp = {.origin = origin, .bytes = bytes, .size = size};
  MIXENT_TRY(prepare(&bmp));
  return read_pixels(&bmp, out);
}
