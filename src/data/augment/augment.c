/* Random changes of one training image, as torchvision defines them on PIL images: what is drawn (get_params
 * of RandomPerspective, RandomRotation, RandomAffine) and how Pillow resamples (Image.transform: output pixel
 * centres at +0.5 are mapped into the input; outside is 0). Each stage in use is a resampling of its own on
 * bytes; stretch and elastic displacement belong to the affine stage. */
#include "core/random.h"
#include "core/status.h"
#include "data/augment/colour.h"
#include "data/augment/crop.h"
#include "data/augment/elastic.h"
#include "data/augment/erase.h"
#include "mixent/data.h"

#include <math.h>
#include <string.h>

static const double radians_per_degree = 0x1.1df46a2529d39p-6; /* pi / 180 */

mixent_transform mixent_transform_draw(const mixent_augmentation *augmentation, int side, uint64_t seed,
                                       uint64_t epoch, uint64_t index) {
  MIXENT_NEED_OR(augmentation, (mixent_transform){.scale = 1});
  const mixent_augmentation *a = augmentation;
  mixent_random random = mixent_random_stream(seed, "augment", "");
  /* Every value has its own word, so that switching one stage on or off leaves the others as they were. */
  uint32_t word[4][4];
  for (uint64_t block = 0; block < 4; block++)
    mixent_random_block(&random, epoch, index * 4 + block, word[block]);

  mixent_transform transform = {.scale = 1};
  transform.use_perspective =
      a->perspective > 0 && mixent_uniform_between(word[0][0], 0, 1) < a->perspective_probability;
  if (transform.use_perspective) {
    /* each corner moves inwards by 0..reach whole pixels, all equally likely */
    int half = side / 2, reach = (int)(a->perspective * half);
    for (int corner = 0; corner < 4; corner++) {
      bool right = corner == 1 || corner == 2, bottom = corner >= 2;
      int x = (int)(((uint64_t)word[1][corner] * (uint64_t)(reach + 1)) >> 32);
      int y = (int)(((uint64_t)word[2][corner] * (uint64_t)(reach + 1)) >> 32);
      transform.corners[corner][0] = right ? side - 1 - reach + x : x;
      transform.corners[corner][1] = bottom ? side - 1 - reach + y : y;
    }
  }
  transform.rotation = mixent_uniform_between(word[0][1], -a->rotation, a->rotation);
  transform.use_affine = a->affine_rotation != 0 || a->affine_shift != 0 || a->affine_scale != 0 ||
                         a->affine_shear != 0 || a->affine_stretch != 0;
  transform.angle = mixent_uniform_between(word[0][2], -a->affine_rotation, a->affine_rotation);
  transform.scale = mixent_uniform_between(word[0][3], 1 - a->affine_scale, 1 + a->affine_scale);
  /* to the nearest whole number, halves to the even one, as Python's round */
  transform.shift_x = (int)lrint(mixent_uniform_between(word[3][0], -a->affine_shift, a->affine_shift));
  transform.shift_y = (int)lrint(mixent_uniform_between(word[3][1], -a->affine_shift, a->affine_shift));
  transform.shear = mixent_uniform_between(word[3][2], -a->affine_shear, a->affine_shear);
  transform.stretch = mixent_uniform_between(word[3][3], -a->affine_stretch, a->affine_stretch);
  transform.use_elastic = a->elastic > 0;
  if (transform.use_elastic) mixent_elastic_draw(a->elastic, seed, epoch, index, transform.bend);
  mixent_crop_draw(a, side, seed, epoch, index, &transform);
  mixent_colour_draw(a, seed, epoch, index, &transform);
  if (a->erase > 0) mixent_erase_draw(a, side, seed, epoch, index, &transform);
  return transform;
}

/* An output pixel centre (x, y) comes from ((m0 x + m1 y + m2) / w, (m3 x + m4 y + m5) / w), w = m6 x + m7 y
 * + 1. */
typedef struct projection {
  double m[8];
} projection;

/* The projection that takes the four corners to the corners of the image, 0 and side - 1 (torchvision solves
 * the same eight equations numerically). The unit square goes to the corners by the matrix S of Heckbert,
 * "Fundamentals of Texture Mapping and Image Warping" (1989), section 2.2.3, here times its denominator, so
 * that whole numbers stay whole; its adjugate is the way back. Corners on one line give coefficients that are
 * not finite: all outside. */
static projection project_corners(const double corner[4][2], int side) {
  double x0 = corner[0][0], x1 = corner[1][0], x2 = corner[2][0], x3 = corner[3][0];
  double y0 = corner[0][1], y1 = corner[1][1], y2 = corner[2][1], y3 = corner[3][1];
  double sum_x = x0 - x1 + x2 - x3, sum_y = y0 - y1 + y2 - y3;
  double i = (x1 - x2) * (y3 - y2) - (x3 - x2) * (y1 - y2);
  double g = sum_x * (y3 - y2) - (x3 - x2) * sum_y;
  double h = (x1 - x2) * sum_y - sum_x * (y1 - y2);
  double a = (x1 - x0) * i + g * x1, b = (x3 - x0) * i + h * x3, c = x0 * i;
  double d = (y1 - y0) * i + g * y1, e = (y3 - y0) * i + h * y3, f = y0 * i;
  double adjugate[9] = {e * i - f * h, c * h - b * i, b * f - c * e, /* row 0: to x / (side - 1) */
                        f * g - d * i, a * i - c * g, c * d - a * f, /* row 1: to y / (side - 1) */
                        d * h - e * g, b * g - a * h, a * e - b * d};
  projection result;
  for (int k = 0; k < 8; k++) {
    /* torchvision hands Pillow coefficients in single precision */
    result.m[k] = (float)(adjugate[k] * (k < 6 ? side - 1 : 1) / adjugate[8]);
  }
  return result;
}

/* torchvision's inverse of: shear along x, rotate, scale, all about the centre, then shift; and before all
 * these stretch. */
static projection project_affine(const mixent_transform *transform, int side) {
  double angle = transform->angle * radians_per_degree, slope = tan(transform->shear * radians_per_degree);
  double a = cos(angle), b = -cos(angle) * slope - sin(angle);
  double c = sin(angle), d = -sin(angle) * slope + cos(angle);
  double scale = transform->scale, stretch = 1 + transform->stretch, centre = side * 0.5;
  double back_x = -centre - transform->shift_x, back_y = -centre - transform->shift_y;
  projection result = {{d / scale, -b / scale, 0, -c / scale, a / scale, 0, 0, 0}};
  double *m = result.m;
  m[0] /= stretch, m[1] /= stretch, m[3] *= stretch, m[4] *= stretch;
  m[2] = m[0] * back_x + m[1] * back_y + centre;
  m[5] = m[3] * back_x + m[4] * back_y + centre;
  return result;
}

/* The pixel at (x, y) of `in`, between the four nearest pixel centres; half a pixel along the edges takes the
 * edge's value; the fraction is cut off. Outside nothing is written. */
static inline void take_bilinear(double x, double y, int side, int channels, const uint8_t *in,
                                 uint8_t *out) {
  if (!(x >= 0 && x < side && y >= 0 && y < side)) return; /* not finite: outside too */
  x -= 0.5, y -= 0.5;
  int left = (int)x - (x < 0), top = (int)y - (y < 0); /* floor, for values from -0.5 */
  double right_share = x - left, bottom_share = y - top;
  int right = left + 1 < side ? left + 1 : left, bottom = top + 1 < side ? top + 1 : top;
  left = left < 0 ? 0 : left, top = top < 0 ? 0 : top;
  const uint8_t *upper = in + (ptrdiff_t)top * side * channels,
                *lower = in + (ptrdiff_t)bottom * side * channels;
  for (int channel = 0; channel < channels; channel++) {
    int at_left = left * channels + channel, at_right = right * channels + channel;
    double above = upper[at_left] + (upper[at_right] - upper[at_left]) * right_share;
    double below = lower[at_left] + (lower[at_right] - lower[at_left]) * right_share;
    out[channel] = (uint8_t)(above + (below - above) * bottom_share);
  }
}

/* `channels` and `divide` are constants where this is called, so that each kind gets a loop of its own. */
static inline void resample_bilinear(const projection *from, bool divide, int side, int channels,
                                     const uint8_t *in, uint8_t *out) {
  const double *m = from->m;
  memset(out, 0, (size_t)side * (size_t)side * (size_t)channels);
  for (int row = 0; row < side; row++) {
    double y_centre = row + 0.5;
    for (int column = 0; column < side; column++, out += channels) {
      double x_centre = column + 0.5;
      double x = m[0] * x_centre + m[1] * y_centre + m[2], y = m[3] * x_centre + m[4] * y_centre + m[5];
      if (divide) {
        double w = m[6] * x_centre + m[7] * y_centre + 1;
        x /= w, y /= w;
      }
      take_bilinear(x, y, side, channels, in, out);
    }
  }
}

/* The same, every source moved by the elastic displacement. */
static inline void resample_elastic(const mixent_transform *transform, const projection *from, int side,
                                    int channels, const uint8_t *in, uint8_t *out) {
  const double *m = from->m, cells_per_pixel = (double)MIXENT_ELASTIC_CELLS / side;
  memset(out, 0, (size_t)side * (size_t)side * (size_t)channels);
  for (int row = 0; row < side; row++) {
    double y_centre = row + 0.5;
    mixent_elastic_line line;
    mixent_elastic_cut(transform->bend, y_centre * cells_per_pixel, &line);
    for (int column = 0; column < side; column++, out += channels) {
      double x_centre = column + 0.5, move[2];
      mixent_elastic_at(&line, x_centre * cells_per_pixel, move);
      take_bilinear(m[0] * x_centre + m[1] * y_centre + m[2] + move[0],
                    m[3] * x_centre + m[4] * y_centre + m[5] + move[1], side, channels, in, out);
    }
  }
}

static void apply_projection(const projection *from, bool divide, int side, int channels, const uint8_t *in,
                             uint8_t *out) {
  if (channels == 1 && divide)
    resample_bilinear(from, true, side, 1, in, out);
  else if (channels == 1)
    resample_bilinear(from, false, side, 1, in, out);
  else if (divide)
    resample_bilinear(from, true, side, channels, in, out);
  else
    resample_bilinear(from, false, side, channels, in, out);
}

static void apply_affine(const mixent_transform *transform, int side, int channels, const uint8_t *in,
                         uint8_t *out) {
  const projection from = project_affine(transform, side);
  if (!transform->use_elastic)
    apply_projection(&from, false, side, channels, in, out);
  else if (channels == 1)
    resample_elastic(transform, &from, side, 1, in, out);
  else
    resample_elastic(transform, &from, side, channels, in, out);
}

/* To 16.16 fixed point, to the nearest. */
static int32_t to_fixed(double value) {
  return (int32_t)floor(value * 65536 + 0.5);
}

/* Nearest pixel, in Pillow's fixed point: a step's rounding adds up along a row, and that decides which pixel
 * is taken. */
static void apply_rotation(double degrees, int side, int channels, const uint8_t *in, uint8_t *out) {
  /* the angle in [0, 360), sine and cosine to 15 digits, as Image.rotate has them */
  double angle = fmod(degrees, 360);
  if (angle < 0) angle += 360;
  angle = -(angle * radians_per_degree);
  double cosine = nearbyint(cos(angle) * 1e15) / 1e15, sine = nearbyint(sin(angle) * 1e15) / 1e15;
  double centre = side / 2.0;
  double shift_x = cosine * -centre + sine * -centre + centre;
  double shift_y = -sine * -centre + cosine * -centre + centre;

  int32_t x_by_column = to_fixed(cosine), x_by_row = to_fixed(sine);
  int32_t y_by_column = to_fixed(-sine), y_by_row = to_fixed(cosine);
  int32_t x_of_row = to_fixed(shift_x + cosine * 0.5 + sine * 0.5);
  int32_t y_of_row = to_fixed(shift_y - sine * 0.5 + cosine * 0.5);
  uint32_t limit = (uint32_t)side << 16; /* below zero is a large unsigned number */
  memset(out, 0, (size_t)side * (size_t)side * (size_t)channels);
  for (int row = 0; row < side; row++, x_of_row += x_by_row, y_of_row += y_by_row) {
    int32_t x = x_of_row, y = y_of_row;
    for (int column = 0; column < side; column++, x += x_by_column, y += y_by_column, out += channels) {
      if ((uint32_t)x >= limit || (uint32_t)y >= limit) continue;
      const uint8_t *pixel = in + ((ptrdiff_t)(y >> 16) * side + (x >> 16)) * channels;
      for (int channel = 0; channel < channels; channel++) out[channel] = pixel[channel];
    }
  }
}

void mixent_transform_apply(const mixent_transform *transform, int side, int channels, const uint8_t *in,
                            uint8_t *out, uint8_t *scratch) {
  MIXENT_NEED_OR(transform, );
  MIXENT_NEED_OR(in, );
  MIXENT_NEED_OR(out, );
  MIXENT_NEED_OR(scratch, );
  bool affine = transform->use_affine || transform->use_elastic;
  bool box = mixent_box_is_used(transform), move = mixent_move_is_used(transform);
  int stages =
      box + move + transform->flip + transform->use_perspective + (transform->rotation != 0) + affine;
  if (!stages) memcpy(out, in, (size_t)side * (size_t)side * (size_t)channels);
  /* out and scratch take turns so that the last stage writes out */
  uint8_t *to = stages % 2 ? out : scratch;
  if (box) {
    mixent_box_apply(transform, side, channels, in, to);
    in = to, to = to == out ? scratch : out;
  }
  if (move) {
    mixent_move_apply(transform, side, channels, in, to);
    in = to, to = to == out ? scratch : out;
  }
  if (transform->flip) {
    mixent_flip_apply(side, channels, in, to);
    in = to, to = to == out ? scratch : out;
  }
  if (transform->use_perspective) {
    projection from = project_corners(transform->corners, side);
    apply_projection(&from, true, side, channels, in, to);
    in = to, to = to == out ? scratch : out;
  }
  if (transform->rotation != 0) {
    apply_rotation(transform->rotation, side, channels, in, to);
    in = to, to = to == out ? scratch : out;
  }
  if (affine) apply_affine(transform, side, channels, in, to);
  mixent_colour_apply(transform, side, channels, out);
  mixent_erase_apply(transform, side, channels, out);
}
