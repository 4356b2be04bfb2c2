/* WebP files as pictures, through libwebp. Of the container (RIFF) the chunk EXIF alone is looked for here. */
#include "core/memory.h"
#include "data/formats/exif.h"
#include "data/formats/picture.h"

#include <string.h>
#include <webp/decode.h>

enum { RIFF_HEADER = 12, CHUNK_HEADER = 8 };

/* libwebp 1.5 says the same of damaged transparency as of missing memory. */
static mixent_status fail_code(const char *origin, VP8StatusCode code) {
  if (code == VP8_STATUS_OUT_OF_MEMORY) return mixent_no_memory("%s, or its transparency is damaged", origin);
  return mixent_fail(MIXENT_ERROR_FORMAT, "%s: damaged or truncated WebP (code %d); save or copy it again",
                     origin, (int)code);
}

/* Chunks are a name, a size, and as many bytes, padded to an even number. */
static int find_orientation(const uint8_t *bytes, size_t size) {
  for (size_t at = RIFF_HEADER; size - at >= CHUNK_HEADER;) {
    const uint8_t *chunk = bytes + at;
    size_t length = chunk[4] | (size_t)chunk[5] << 8 | (size_t)chunk[6] << 16 | (size_t)chunk[7] << 24;
    size_t left = size - at - CHUNK_HEADER;
    if (length > left) return 1;
    const uint8_t *data = chunk + CHUNK_HEADER;
    if (memcmp(chunk, "EXIF", 4) == 0) { /* some programs put JPEG's mark before the data */
      size_t mark = length >= 6 && memcmp(data, "Exif\0\0", 6) == 0 ? 6 : 0;
      return mixent_exif_orientation(data + mark, length - mark);
    }
    if (length % 2 && length < left) length++;
    at += CHUNK_HEADER + length;
  }
  return 1;
}

static mixent_status read_features(const char *origin, const uint8_t *bytes, size_t size,
                                   WebPBitstreamFeatures *out) {
  VP8StatusCode code = WebPGetFeatures(bytes, size, out);
  if (code != VP8_STATUS_OK) return fail_code(origin, code);
  if (out->has_animation)
    return mixent_fail(MIXENT_ERROR_UNSUPPORTED, "%s: an animated WebP; save one picture of it", origin);
  return mixent_picture_check_size(origin, (size_t)out->width, (size_t)out->height);
}

mixent_status mixent_webp_measure(const char *origin, const uint8_t *bytes, size_t size,
                                  mixent_picture *out) {
  WebPBitstreamFeatures features;
  MIXENT_TRY(read_features(origin, bytes, size, &features));
  out->width = (size_t)features.width, out->height = (size_t)features.height;
  return MIXENT_OK;
}

mixent_status mixent_webp_decode(const char *origin, const uint8_t *bytes, size_t size, mixent_picture *out) {
  WebPDecoderConfig config;
  if (!WebPInitDecoderConfig(&config))
    return mixent_fail(MIXENT_ERROR_UNSUPPORTED, "%s: libwebp is older than its headers; install it again",
                       origin);
  MIXENT_TRY(read_features(origin, bytes, size, &config.input));
  size_t depth = config.input.has_alpha ? 4 : 3;
  out->width = (size_t)config.input.width, out->height = (size_t)config.input.height;
  size_t count = out->width * out->height;
  MIXENT_TRY(MIXENT_ALLOCATE(count * depth, &out->pixels));
  config.output.colorspace = depth == 4 ? MODE_RGBA : MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA =
      (WebPRGBABuffer){.rgba = out->pixels, .stride = (int)(out->width * depth), .size = count * depth};
  VP8StatusCode code = WebPDecode(bytes, size, &config);
  WebPFreeDecBuffer(&config.output);
  if (code != VP8_STATUS_OK) return fail_code(origin, code);
  out->orientation = find_orientation(bytes, size);
  return depth == 4 ? mixent_picture_part_opacity(out) : MIXENT_OK;
}
