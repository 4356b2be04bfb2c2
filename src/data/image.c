/* One image for a network out of a picture file of any format and size. */
#include "data/image.h"
#include "core/status.h"
#include "data/resize.h"

mixent_status mixent_image_read_shape(const char *path, int side, int channels, mixent_fit fit,
                                      mixent_background background, uint8_t *out, bool *square) {
  mixent_picture picture;
  *square = false;
  if (side < 1 || (channels != 1 && channels != 3))
    return mixent_fail(MIXENT_ERROR_ARGUMENT,
                       "%s: side %d and %d channels; side 1 or more and 1 or 3 channels are read", path, side,
                       channels);
  MIXENT_TRY(mixent_picture_read(path, background, &picture));
  *square = picture.width == picture.height;
  mixent_status status = mixent_picture_fit(&picture, side, channels, fit, out);
  mixent_picture_free(&picture);
  return status;
}

mixent_status mixent_image_read(const char *path, int side, int channels, mixent_fit fit,
                                mixent_background background, uint8_t *out) {
  bool square;
  MIXENT_NEED(path);
  MIXENT_NEED(out);
  return mixent_image_read_shape(path, side, channels, fit, background, out, &square);
}
