/* Crops and mirror images of one image. */
#include "data/augment/crop.h"
#include "core/random.h"

#include <math.h>
#include <string.h>

/* A box whose part of the area is uniform in [least, 1], its ratio of width to height log-uniform in [3/4, 4/3]. One that does
 * not fit is drawn again; after ten tries the whole image is taken. */
static void draw_box(double least, int side, const mixent_random *random, uint64_t epoch, uint64_t first,
                     mixent_transform *transform) {
  const double log_ratio = 0.28768207245178085; /* ln 4/3 */
  for (uint64_t try = 0; try < MIXENT_CROP_TRIES; try++) {
    uint32_t word[4];
    mixent_random_block(random, epoch, first + try, word);
    double area = (least + (1 - least) * (word[0] * 0x1p-32)) * side * side;
    double ratio = exp(log_ratio * (2 * (word[1] * 0x1p-32) - 1));
    int width = (int)lrint(sqrt(area * ratio)), height = (int)lrint(sqrt(area / ratio));
    if (width < 1 || width > side || height < 1 || height > side) continue;
    transform->box_width = width, transform->box_height = height;
    transform->box_top = mixent_uniform_below(word[2], side - height + 1);
    transform->box_left = mixent_uniform_below(word[3], side - width + 1);
    return;
  }
}

void mixent_crop_draw(const mixent_augmentation *augmentation, int side, uint64_t seed, uint64_t epoch,
                      uint64_t index, mixent_transform *transform) {
  const mixent_random random = mixent_random_stream(seed, "crop", "");
  uint64_t first = index * (MIXENT_CROP_TRIES + 1);
  uint32_t word[4];
  mixent_random_block(&random, epoch, first, word);
  int reach = (int)augmentation->crop_padding;
  transform->move_x = mixent_uniform_below(word[0], 2 * reach + 1) - reach;
  transform->move_y = mixent_uniform_below(word[1], 2 * reach + 1) - reach;
  transform->flip = word[2] * 0x1p-32 < augmentation->flip;
  if (augmentation->resized_crop > 0)
    draw_box(augmentation->resized_crop, side, &random, epoch, first + 1, transform);
}

/* Between which two of `count` pixels pixel `place` of `side` lies when these are spread over the `count`. */
typedef struct between {
  int first, second;
  double share; /* of the second */
} between;
static between find_between(int place, int side, int count) {
  double at = (place + 0.5) * count / side - 0.5;
  if (at <= 0) return (between){0, 0, 0};
  int first = (int)at, second = first + 1 < count ? first + 1 : first;
  return (between){first, second, at - first};
}

/* Bilinear; Pillow rounds between its two passes, too, and so differs by 1 at most. */
void mixent_box_apply(const mixent_transform *transform, int side, int channels, const uint8_t *in,
                      uint8_t *out) {
  size_t pixel = (size_t)channels, line = (size_t)side * pixel;
  const uint8_t *box = in + (size_t)transform->box_top * line + (size_t)transform->box_left * pixel;
  for (int row = 0; row < side; row++) {
    between y = find_between(row, side, transform->box_height);
    const uint8_t *upper = box + (size_t)y.first * line, *lower = box + (size_t)y.second * line;
    for (int column = 0; column < side; column++, out += channels) {
      between x = find_between(column, side, transform->box_width);
      size_t left = (size_t)x.first * pixel, right = (size_t)x.second * pixel;
      for (size_t k = 0; k < pixel; k++) {
        double above = upper[left + k] + (upper[right + k] - upper[left + k]) * x.share;
        double below = lower[left + k] + (lower[right + k] - lower[left + k]) * x.share;
        out[k] = (uint8_t)(above + (below - above) * y.share + 0.5);
      }
    }
  }
}

void mixent_move_apply(const mixent_transform *transform, int side, int channels, const uint8_t *in,
                       uint8_t *out) {
  int x = transform->move_x, y = transform->move_y, width = side - (x < 0 ? -x : x);
  size_t line = (size_t)side * (size_t)channels, pixel = (size_t)channels;
  memset(out, 0, (size_t)side * line);
  for (int row = 0; row < side && width > 0; row++) {
    if (row + y < 0 || row + y >= side) continue;
    memcpy(out + (size_t)row * line + (size_t)(x < 0 ? -x : 0) * pixel,
           in + (size_t)(row + y) * line + (size_t)(x < 0 ? 0 : x) * pixel, (size_t)width * pixel);
  }
}

void mixent_flip_apply(int side, int channels, const uint8_t *in, uint8_t *out) {
  size_t pixel = (size_t)channels, line = (size_t)side * pixel;
  for (int row = 0; row < side; row++, in += line, out += line)
    for (int x = 0; x < side; x++)
      memcpy(out + (size_t)x * pixel, in + (size_t)(side - 1 - x) * pixel, pixel);
}
