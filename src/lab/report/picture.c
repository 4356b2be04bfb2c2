/* PNG in memory, as base64. */
#include "lab/report/picture.h"
#include "data/draw/png.h"
#include "lab/report/html.h"

#include <stdlib.h>

mixent_status mixent_picture_append(const mixent_images *images, const char *part, size_t index,
                                    mixent_text *out) {
  size_t side = (size_t)images->side, size;
  const uint8_t *pixels = images->pixels + index * side * side * (size_t)images->channels;
  uint8_t *bytes;
  mixent_status status = mixent_png_encode(pixels, side, images->channels, &bytes, &size);
  if (status != MIXENT_OK) return mixent_fail_within(status, "%s image %zu", part, index);
  mixent_text_append(out,
                     "<img width=\"%zu\" height=\"%zu\" alt=\"%s image %zu\" title=\"%s image %zu\" "
                     "src=\"data:image/png;base64,",
                     side, side, part, index, part, index);
  mixent_html_base64(out, bytes, size);
  mixent_text_append(out, "\">");
  free(bytes);
  return mixent_text_status(out);
}
