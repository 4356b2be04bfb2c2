/* Data sets for classification, small images or rows of a table: finding, reading, splitting, augmenting, drawing
 * batches. */
#ifndef MIXENT_DATA_H
#define MIXENT_DATA_H

#include "mixent/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Images in memory: pixels [count, side, side, channels] (channels last), upright; labels [count] in
 * 0..classes-1. Rows of a table are images of side 1 with a channel per feature: then `features`
 * [count, channels] holds their values, all finite and at most MIXENT_LARGEST_FEATURE in size, and `pixels` is
 * NULL. */
#define MIXENT_LARGEST_FEATURE 1e38
enum { MIXENT_MOST_FEATURES = 65536 };
enum { MIXENT_LEAST_SIDE = 16, MIXENT_MOST_SIDE = 256 }; /* of images of data sets */
typedef struct mixent_images {
  size_t count;
  int side, channels;
  uint8_t *pixels;
  int32_t *labels;
  float *features;
  struct mixent_mapping
      *mapping; /* of pixels that lie in a file and must not be written; NULL: they are in memory */
  /* [count] where an inspection asked for them, else NULL: the path of each picture file; of a row with its line, "a.csv:17" */
  char **files;
} mixent_images;

/* How a picture of any size becomes a square: its shorter side scaled and the middle cut out; the longer side scaled and
 * black bars beside it; or both sides scaled, which changes its shape. */
typedef enum mixent_fit { MIXENT_FIT_CROP, MIXENT_FIT_PAD, MIXENT_FIT_STRETCH } mixent_fit;
extern const char *const mixent_fit_names[]; /* "crop", "pad", "stretch", NULL */

/* What shows through a picture's transparent parts: white where the picture itself is dark and black where it is light (the mean luma
 * of its pixels, weighed by their opacity, is below one half, or not), or black always, as models read pictures before
 * checkpoints said. */
typedef enum mixent_background { MIXENT_BACKGROUND_CONTRAST, MIXENT_BACKGROUND_BLACK } mixent_background;
extern const char *const mixent_background_names[]; /* "contrast", "black", NULL */

/* How a table is read. */
typedef enum mixent_missing { MIXENT_MISSING_REFUSE, MIXENT_MISSING_IMPUTE } mixent_missing;
typedef enum mixent_separator {
  MIXENT_SEPARATOR_AUTO,
  MIXENT_SEPARATOR_COMMA,
  MIXENT_SEPARATOR_SEMICOLON,
  MIXENT_SEPARATOR_TAB,
  MIXENT_SEPARATOR_PIPE
} mixent_separator;
typedef enum mixent_decimal {
  MIXENT_DECIMAL_AUTO,
  MIXENT_DECIMAL_POINT,
  MIXENT_DECIMAL_COMMA
} mixent_decimal;
typedef enum mixent_header { MIXENT_HEADER_AUTO, MIXENT_HEADER_YES, MIXENT_HEADER_NO } mixent_header;
extern const char *const mixent_missing_names[];   /* "refuse", "impute", NULL */
extern const char *const mixent_separator_names[]; /* "auto", "comma", "semicolon", "tab", "pipe", NULL */
extern const char *const mixent_decimal_names[];   /* "auto", "point", "comma", NULL */
extern const char *const mixent_header_names[];    /* "auto", "yes", "no", NULL */
typedef struct mixent_table_options {
  mixent_missing
      missing; /* cells: an error, or filled in with the median or the most frequent category of the train rows, beside
                             a feature that says so; rows without a label are then left out */
  mixent_separator separator;
  mixent_decimal decimal;
  mixent_header header;
  const char *
      label; /* the column of the labels, by name, without a header by number from 1; NULL or "": label, class, target, or y
                        beside no x, else the last */
  /* columns by name or number, with commas between; NULL or "": none */
  const char *categories; /* read as words, whatever stands in them */
  const char *leave_out;
} mixent_table_options;

/* How the columns of a table become features: which hold numbers and which categories, and what fills gaps. Fitted on the train rows
 * (those that validate among them) and no test row. A model keeps it. */
typedef struct mixent_encoder mixent_encoder;
void mixent_encoder_free(mixent_encoder *encoder);

/* A data set. Its validation part, where its files have one, is the last `validation_count` images of train. */
typedef struct mixent_dataset {
  char *name;      /* "emnist-letters", or the directory's own name */
  char *directory; /* where it was found; of arrays "memory" */
  mixent_images train, test;
  size_t validation_count;
  int classes;
  char **class_names;   /* [classes]: from the set's own files, built in, or the label as a number */
  int64_t *labels;      /* [classes]: the label in the files that became class k */
  char **feature_names; /* [channels] where the files name their features; else NULL */
  mixent_encoder
      *encoder;    /* of a table; NULL: its columns are numbers, which are the features as they stand */
  bool transposed; /* images were transposed when read */
  bool pictures;   /* each image was a picture file, which the next two made an image of */
  mixent_fit fit;
  mixent_background background;
  bool cut; /* the files hold one part, of which mixent_images_cut made train and test */
  char *
      note; /* what people should know of how its files were read, a line each ("passed-over: …"); NULL: nothing */
  bool borrowed; /* pixels and features are the caller's (mixent_dataset_borrow) */
  uint64_t
      fingerprint; /* of all pixels or features and labels, to tell whether a resumed run sees the same data */
} mixent_dataset;

/* How a data set is read; zeros are the defaults. What does not concern its format has no effect. */
typedef struct mixent_dataset_options {
  const char *data_directory;   /* --data-dir, or NULL */
  bool transpose;               /* for sets whose name is not known to be stored transposed */
  int side;                     /* of the images that picture files become; 0: chosen from their sizes */
  mixent_fit fit;               /* of picture files */
  mixent_background background; /* of picture files */
  mixent_table_options table;
  const mixent_encoder *
      encoder; /* of a model: a table's columns become features as it says; NULL: as fitted on the train rows */
  size_t
      memory_limit; /* bytes of picture files' images in memory; of more, all are read from a file as they are needed; 0: half
                                 * of the machine's memory */
  struct mixent_broken_files
      *broken; /* NULL: a picture that cannot be read is an error; else it is listed there and left
                                         out, and images know their files */
} mixent_dataset_options;

/* Picture files that cannot be read. Zeroed to begin with; mixent_broken_files_free. */
typedef struct mixent_broken_files {
  char **paths, **reasons; /* [count] */
  size_t count;
} mixent_broken_files;
void mixent_broken_files_free(mixent_broken_files *broken);

/* Opens a data set by name (looked for under options->data_directory, $MIXENT_DATA, ./data, the user's cache,
 * /usr/share/datasets), as a directory (an argument with a '/' or an existing directory) or as a .csv, .npz, .zip,
 * .tar, .tar.gz or .tgz file. Errors name the file, what is wrong and what to do; an unknown name suggests the nearest; a known one not found says where
 * it was looked for and how to get it. */
mixent_status mixent_dataset_open(const char *name_or_directory, const mixent_dataset_options *options,
                                  mixent_dataset **out);
void mixent_dataset_free(mixent_dataset *dataset);

/* A data set of arrays in memory, for mixent_train_options.dataset. */
typedef struct mixent_dataset_arrays {
  const char *name; /* "digits", in messages and models: letters, digits, '.', '_' and '-'; NULL: "arrays" */
  /* Images of side 16 to 256 with 1 or 3 channels, or rows of features; labels 0 to classes - 1, each of them in train. `mapping` is
   * NULL. */
  mixent_images train, test;
  size_t validation_count; /* the last images of train validate; 0: the recipe cuts a part */
  int classes;
  const char *const *class_names;   /* [classes]; NULL: numbers */
  const char *const *feature_names; /* [channels]; NULL: none */
} mixent_dataset_arrays;
/* Pixels and features stay the caller's: nothing is copied or written, and they must outlive the data set. Labels and names
 * are copied. What cannot be is MIXENT_ERROR_ARGUMENT, with its index. Free with mixent_dataset_free. */
mixent_status mixent_dataset_borrow(const mixent_dataset_arrays *arrays, mixent_dataset **out);

/* Rows of features without labels out of a CSV file, for prediction: as a model's `encoder` says; where that is NULL, columns of
 * numbers found by `names` [count] where these are known (NULL: not) and the file has a header, else all columns in their order,
 * the label's perhaps last. Separator and decimal comma are recognised. *note (free(); `note` may be NULL) is what people should be
 * warned of ("unseen-category: …"), NULL: nothing. Free with mixent_images_free. */
mixent_status mixent_features_read(const char *path, const mixent_encoder *encoder, const char *const *names,
                                   int count, mixent_images *out, char **note);
void mixent_images_free(mixent_images *images);

/* The known names, NULL-terminated. */
const char *const *mixent_dataset_names(void);
/* Where a known set would be read from: the directory in *out (free()), NULL if it is nowhere. */
mixent_status mixent_dataset_find(const char *name, const char *data_directory, char **out);

/* The train images cut into parts, stratified: about `fraction` of each class (at least 1 of a class with 2
 * or more, if fraction > 0) goes to validation, and likewise about `held_out_fraction` (0: none) of what is
 * left to a second part, whose size does not change which images validate. Indices into the train images,
 * each ascending; drawn from `seed` alone. */
typedef struct mixent_split {
  uint32_t *train, *validation, *held_out;
  size_t train_count, validation_count, held_out_count;
} mixent_split;
mixent_status mixent_split_make(const mixent_images *images, int classes, double fraction,
                                double held_out_fraction, uint64_t seed, mixent_split *out);
/* Fold `fold`, from 0, of a cross-validation apart for validation: of each class every `folds`th image of an order drawn from `seed` alone, so
 * that each image is in just one fold. */
mixent_status mixent_split_fold(const mixent_images *images, int classes, size_t folds, size_t fold,
                                uint64_t seed, mixent_split *out);
/* Leaves only about `fraction` of each class in train, at least 1 image, drawn from `seed` alone; of two fractions
 * the smaller one's images are among the larger one's. `images` and `classes`: as the split was made. */
mixent_status mixent_split_thin(const mixent_images *images, int classes, double fraction, uint64_t seed,
                                mixent_split *split);
void mixent_split_free(mixent_split *split);

/* Symmetric label noise: each of labels [count], 0 to classes - 1, becomes with that probability one of the other
 * classes, each as likely. It depends on `seed` and the label's place alone; a larger fraction changes the same
 * labels to the same classes, and more. */
void mixent_labels_spoil(int32_t *labels, size_t count, int classes, double fraction, uint64_t seed);

/* Moves a stratified part, MIXENT_CUT_FRACTION of each class, always the same one, out of `train` into `test`, for
 * sets that come in one part. */
#define MIXENT_CUT_FRACTION 0.2
mixent_status mixent_images_cut(mixent_images *train, int classes, mixent_images *test);

/* Mean and standard deviation [channels] of the chosen images, pixels scaled to [0, 1], features as they are; the
 * deviation of a channel that is the same everywhere is given as 1, so that dividing by it is safe. */
void mixent_images_moments(const mixent_images *images, const uint32_t *indices, size_t count, float *mean,
                           float *deviation);

/* Random changes of a training image, as torchvision defines them on PIL images and in this order:
 * RandomResizedCrop (bilinear), RandomCrop with padding, RandomHorizontalFlip, RandomPerspective (bilinear),
 * RandomRotation (nearest), RandomAffine (bilinear), ColorJitter, RandomErasing; what comes from outside is 0. Stretch and
 * elastic are not torchvision's and share the resampling of the affine ones. All zero: none. */
typedef struct mixent_augmentation {
  double
      resized_crop; /* least part of the area of a box, 0 to 1, that becomes the whole image; 0: none is drawn */
  long
      crop_padding; /* pixels, whole: a crop of the image's own size out of the image with so much background around */
  double flip;                             /* probability of the mirror image, left for right */
  double perspective;                      /* distortion scale, 0 to 1; torchvision's default is 0.5 */
  double perspective_probability;          /* 0 to 1 */
  double rotation;                         /* degrees, drawn from [-r, r] */
  double affine_rotation;                  /* degrees, drawn from [-r, r] */
  double affine_shift;                     /* pixels, each axis drawn from [-s, s] and rounded */
  double affine_scale;                     /* factor drawn from [1-s, 1+s] */
  double affine_shear;                     /* degrees along x, drawn from [-s, s] */
  double affine_stretch;                   /* f drawn from [1-s, 1+s]: width times f, height over f */
  double elastic;                          /* pixels: a smooth displacement, no point further along an axis */
  double brightness, contrast, saturation; /* factor drawn from [max(0, 1-s), 1+s] */
  double hue;                              /* part of the colour circle, drawn from [-h, h], 0 to 0.5 */
  double erase;      /* probability of random erasing (Zhong 2017), as torchvision draws it */
  double erase_area; /* largest part of the image that is erased, 0.02 to 1 */
} mixent_augmentation;

/* An elastic displacement is a cubic B-spline over this many cells along each axis, whatever the side. */
enum { MIXENT_ELASTIC_CELLS = 4, MIXENT_ELASTIC_POINTS = MIXENT_ELASTIC_CELLS + 3 };
/* Brightness 0, contrast 1, saturation 2, hue 3. */
enum { MIXENT_COLOUR_CHANGES = 4 };

/* What one image gets: drawn for (seed, epoch, index) and applied apart, so that each can be tested by
 * itself. */
typedef struct mixent_transform {
  int box_left, box_top, box_width,
      box_height;     /* of the part that becomes the whole image; width 0: the whole is taken */
  int move_x, move_y; /* the pixel (x, y) comes from (x + move_x, y + move_y) */
  bool flip;
  bool use_perspective;
  double corners[4][2]; /* end points of top left, top right, bottom right, bottom left */
  double rotation;      /* degrees, counter-clockwise */
  bool use_affine;
  double angle, scale, shear; /* degrees, factor, degrees */
  int shift_x, shift_y;
  double stretch; /* f - 1 */
  bool use_elastic;
  /* where a pixel comes from moves by that many pixels along x and along y: control points [y][x], each from
   * [-elastic, elastic] */
  float bend[2][MIXENT_ELASTIC_POINTS][MIXENT_ELASTIC_POINTS];
  bool use_colour;
  double brightness, contrast, saturation, hue;         /* factors, and a part of the colour circle */
  uint8_t colour_order[MIXENT_COLOUR_CHANGES];          /* which change comes first, second, ... */
  int erase_left, erase_top, erase_width, erase_height; /* set to 0 at the end; height 0: nothing is */
} mixent_transform;
mixent_transform mixent_transform_draw(const mixent_augmentation *augmentation, int side, uint64_t seed,
                                       uint64_t epoch, uint64_t index);
/* out and in: [side, side, channels]; scratch: as large as one image. in is not changed. */
void mixent_transform_apply(const mixent_transform *transform, int side, int channels, const uint8_t *in,
                            uint8_t *out, uint8_t *scratch);

/* How view `view` of an image differs from it when a prediction is averaged over several: 0 is the image as it
 * is, the others are small turns, scales, stretches and shifts, 2k-1 and 2k opposite to one another. They are
 * the same for every image, so that a prediction depends on the image alone. */
enum { MIXENT_MOST_VIEWS = 64 };
mixent_transform mixent_view(int view);

/* order[i]: a permutation of 0..count-1 for that epoch. */
void mixent_order_draw(uint64_t seed, uint64_t epoch, uint32_t *order, size_t count);

/* Fills rows of a batch: out [rows, side, side, channels] = (pixel / 255 - mean) / deviation of the images
 * `indices`, augmented if `augmentation` is given; of features (feature - mean) / deviation, which know neither
 * augmentation nor views. Runs over the step's threads; what it writes does not depend on their number. */
void mixent_batch_fill(const mixent_images *images, const uint32_t *indices, size_t rows,
                       const mixent_augmentation *augmentation, uint64_t seed, uint64_t epoch,
                       const float *mean, const float *deviation, float *out);
/* The same with one view of each image. */
void mixent_batch_view(const mixent_images *images, const uint32_t *indices, size_t rows, int view,
                       const float *mean, const float *deviation, float *out);

/* A labelled contact sheet as PNG: `columns` images a line, each `scale` times enlarged, with the caption
 * below it (NULL: none, of one image or of all; a leading '!' paints it as an error, the mark itself not shown). */
mixent_status mixent_contact_sheet_write(const char *path, const mixent_images *images,
                                         const uint32_t *indices, size_t count, const char *const *captions,
                                         int columns, int scale);

/* Reads a picture file (PNG, JPEG, BMP, WebP) of any size as [side, side, channels] bytes, scaled with antialiasing; grey or RGB as
 * `channels` asks. For a model, `fit` and `background` are the model's. */
mixent_status mixent_image_read(const char *path, int side, int channels, mixent_fit fit,
                                mixent_background background, uint8_t *out);

/* Whether an image [side, side, channels] is the negative of what a model has learnt from images of that mean [channels] in
 * [0, 1]: those have a dark background (a mean under 0.35) and its border is light (a mean over 0.5), or the other way round.
 * Between 0.35 and 0.65, as of photographs, no image is. Of the test images of EMNIST-Letters, MNIST and Fashion-MNIST
 * none is taken for a negative, and of their negatives each one is. A mean of 0 is that of a model that does not normalise:
 * nothing is known of its images. */
bool mixent_image_is_negative(const uint8_t *pixels, int side, int channels, const float *mean);
/* Turns `count` bytes of pixels into their negative. */
void mixent_image_invert(uint8_t *pixels, size_t count);

/* Fetches a known set into the user's cache (or `directory`): only its files out of the public archive, by
 * ranges; goes on where an earlier try stopped; checks SHA-256. `address` NULL: the public one. `progress`
 * (may be NULL) is told bytes done and in all; a non-zero return stops. */
typedef int mixent_fetch_progress(void *context, const char *file, uint64_t done, uint64_t total);
mixent_status mixent_dataset_fetch(const char *name, const char *directory, const char *address,
                                   mixent_fetch_progress *progress, void *context);

#ifdef __cplusplus
}
#endif
#endif
