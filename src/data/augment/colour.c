/* Brightness, contrast, saturation and hue of one image, in the arithmetic of Pillow: blends in single precision that
 * cut the fraction off, grey in 16.16 fixed point, hue as a byte. */
#include "data/augment/colour.h"
#include "core/random.h"

#include <math.h>

enum { BRIGHTNESS, CONTRAST, SATURATION, HUE, CHANGES = MIXENT_COLOUR_CHANGES };

/* Around 1, not below 0. */
static double draw_factor(uint32_t word, double reach) {
  return mixent_uniform_between(word, reach < 1 ? 1 - reach : 0, 1 + reach);
}

void mixent_colour_draw(const mixent_augmentation *augmentation, uint64_t seed, uint64_t epoch,
                        uint64_t index, mixent_transform *transform) {
  const mixent_augmentation *a = augmentation;
  mixent_random random = mixent_random_stream(seed, "colour", "");
  uint32_t factor[4], place[4];
  mixent_random_block(&random, epoch, index * 2, factor);
  mixent_random_block(&random, epoch, index * 2 + 1, place);
  transform->use_colour = a->brightness > 0 || a->contrast > 0 || a->saturation > 0 || a->hue > 0;
  transform->brightness = draw_factor(factor[BRIGHTNESS], a->brightness);
  transform->contrast = draw_factor(factor[CONTRAST], a->contrast);
  transform->saturation = draw_factor(factor[SATURATION], a->saturation);
  transform->hue = mixent_uniform_between(factor[HUE], -a->hue, a->hue);
  for (int i = 0; i < CHANGES; i++) transform->colour_order[i] = (uint8_t)i;
  for (int i = CHANGES - 1; i > 0; i--) { /* Fisher and Yates: every order equally likely */
    int j = (int)((uint64_t)place[i] * (uint64_t)(i + 1) >> 32);
    uint8_t swap = transform->colour_order[i];
    transform->colour_order[i] = transform->colour_order[j], transform->colour_order[j] = swap;
  }
}

static uint8_t grey_of(const uint8_t *pixel) {
  return (uint8_t)((pixel[0] * 19595 + pixel[1] * 38470 + pixel[2] * 7471 + 0x8000) >> 16);
}

/* share 0: plain, 1: value, beyond 1: away from plain */
static uint8_t blend(int plain, int value, float share) {
  float mixed = (float)plain + share * (float)(value - plain);
  return mixed <= 0 ? 0 : mixed >= 255 ? 255 : (uint8_t)mixed;
}

static void apply_brightness(float factor, size_t bytes, uint8_t *image) {
  for (size_t i = 0; i < bytes; i++) image[i] = blend(0, image[i], factor);
}

/* Towards the mean grey of the whole image. */
static void apply_contrast(float factor, size_t pixels, size_t channels, uint8_t *image) {
  uint64_t sum = 0;
  for (size_t i = 0; i < pixels; i++) sum += channels == 3 ? grey_of(image + 3 * i) : image[i];
  int mean = (int)((double)sum / (double)pixels + 0.5);
  for (size_t i = 0; i < pixels * channels; i++) image[i] = blend(mean, image[i], factor);
}

static void apply_saturation(float factor, size_t pixels, uint8_t *image) {
  for (uint8_t *pixel = image; pixel < image + 3 * pixels; pixel += 3) {
    int grey = grey_of(pixel);
    for (int k = 0; k < 3; k++) pixel[k] = blend(grey, pixel[k], factor);
  }
}

typedef struct hsv {
  uint8_t hue, saturation, value; /* hue: 255ths of the circle */
} hsv;

static hsv to_hsv(const uint8_t pixel[3]) {
  int red = pixel[0], green = pixel[1], blue = pixel[2];
  int most = red > green ? red : green, least = red < green ? red : green;
  if (blue > most) most = blue;
  if (blue < least) least = blue;
  if (most == least) return (hsv){0, 0, (uint8_t)most};
  float range = (float)(most - least), saturation = range / (float)most;
  float from_red = (float)(most - red) / range, from_green = (float)(most - green) / range,
        from_blue = (float)(most - blue) / range;
  float hue; /* in sixths of the circle */
  if (red == most)
    hue = from_blue - from_green;
  else if (green == most)
    hue = (float)(2.0 + (double)from_red - (double)from_blue);
  else
    hue = (float)(4.0 + (double)from_green - (double)from_red);
  hue = (float)fmod((double)hue / 6.0 + 1.0, 1.0);
  return (hsv){(uint8_t)((double)hue * 255.0), (uint8_t)((double)saturation * 255.0), (uint8_t)most};
}

static void from_hsv(hsv from, uint8_t pixel[3]) {
  uint8_t value = from.value;
  if (!from.saturation) {
    pixel[0] = pixel[1] = pixel[2] = value;
    return;
  }
  float sixths = (float)((double)(float)from.hue * 6.0 / 255.0),
        saturation = (float)((double)(float)from.saturation / 255.0);
  int sector = (int)sixths;
  float part = (float)((double)(float)from.hue * 6.0 / 255.0 - (double)sector);
  uint8_t low = (uint8_t)round((double)value * (1.0 - (double)saturation));
  uint8_t falling = (uint8_t)round((double)value * (1.0 - (double)(saturation * part)));
  uint8_t rising = (uint8_t)round((double)value * (1.0 - (double)saturation * (1.0 - (double)part)));
  const uint8_t sectors[6][3] = {{value, rising, low},  {falling, value, low}, {low, value, rising},
                                 {low, falling, value}, {rising, low, value},  {value, low, falling}};
  for (int k = 0; k < 3; k++) pixel[k] = sectors[sector % 6][k];
}

static void apply_hue(double turn, size_t pixels, uint8_t *image) {
  uint8_t steps = (uint8_t)(int)(turn * 255);
  for (uint8_t *pixel = image; pixel < image + 3 * pixels; pixel += 3) {
    hsv hsv = to_hsv(pixel);
    hsv.hue = (uint8_t)(hsv.hue + steps);
    from_hsv(hsv, pixel);
  }
}

void mixent_colour_apply(const mixent_transform *transform, int side, int channels, uint8_t *image) {
  if (!transform->use_colour) return;
  size_t pixels = (size_t)side * (size_t)side, bytes = pixels * (size_t)channels;
  for (int i = 0; i < CHANGES; i++) {
    int change = transform->colour_order[i];
    if (change == BRIGHTNESS && transform->brightness != 1)
      apply_brightness((float)transform->brightness, bytes, image);
    else if (change == CONTRAST && transform->contrast != 1)
      apply_contrast((float)transform->contrast, pixels, (size_t)channels, image);
    else if (change == SATURATION && transform->saturation != 1 && channels == 3)
      apply_saturation((float)transform->saturation, pixels, image);
    else if (change == HUE && transform->hue != 0 && channels == 3)
      apply_hue(transform->hue, pixels, image);
  }
}
