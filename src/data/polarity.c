/* Light on dark or dark on light: which of both an image is, from its border, and turning one into the other. */
#include "core/status.h"
#include "mixent/data.h"

/* A mean this far from middle grey has a background; that of photographs is nearer. */
static const double one_sided = 0.15;

static double mean_of(const float *mean, int channels) {
  double sum = 0;
  for (int k = 0; k < channels; k++) sum += (double)mean[k];
  return sum / channels;
}

/* The mean of the outermost pixels, 0 to 1. */
static double border_of(const uint8_t *pixels, int side, int channels) {
  double sum = 0;
  size_t count = 0, last = (size_t)side - 1, depth = (size_t)channels;
  for (size_t y = 0; y <= last; y++)
    for (size_t x = 0; x <= last; x += y == 0 || y == last || last == 0 ? 1 : last)
      for (size_t k = 0; k < depth; k++, count++) sum += pixels[(y * (size_t)side + x) * depth + k];
  return sum / (255 * (double)count);
}

bool mixent_image_is_negative(const uint8_t *pixels, int side, int channels, const float *mean) {
  MIXENT_NEED_OR(pixels, false);
  MIXENT_NEED_OR(mean, false);
  if (side < 1 || channels < 1) {
    mixent_fail(MIXENT_ERROR_ARGUMENT,
                "mixent_image_is_negative: expected a side and channels of at least 1, got %d and %d", side,
                channels);
    return false;
  }
  double trained = mean_of(mean, channels) - 0.5, border = border_of(pixels, side, channels) - 0.5;
  if (trained == -0.5) return false;
  return (trained < -one_sided && border > 0) || (trained > one_sided && border < 0);
}

void mixent_image_invert(uint8_t *pixels, size_t count) {
  if (count) MIXENT_NEED_OR(pixels, );
  for (size_t i = 0; i < count; i++) pixels[i] = (uint8_t)(255 - pixels[i]);
}
