/* A model as C, in a program that needs nothing of mixent.
 *
 * `mixent export RUN --c letters.c --name letters` has written the model. This program reads a picture in the simplest
 * format there is, PGM of the model's size (`convert a.png -resize 28x28 a.pgm` makes one), and says what the
 * model sees in it. Teaches the declarations that letters.c has, and its call. Build, where letters.c is:
 *
 *   cc -O2 -I. ~/mixent/examples/deploy/classify.c letters.c -o classify */
#define LETTERS_DECLARATIONS
#include "letters.c"

#include <stdio.h>

static int fail(const char *path, const char *message) {
  fprintf(stderr, "%s: %s\n", path, message);
  return 1;
}

/* "P5 28 28 255" and a byte for each pixel, rows from the top. 1: it is no such picture. */
static int read_picture(FILE *file, unsigned char *pixels) {
  const size_t count = (size_t)letters_side * letters_side;
  int width, height, white;
  if (fscanf(file, "P5 %d %d %d", &width, &height, &white) != 3) return 1;
  if (width != letters_side || height != letters_side || white != 255) return 1;
  return fgetc(file) == EOF || fread(pixels, 1, count, file) != count;
}

int main(int argc, char **argv) {
  static unsigned char pixels[letters_side * letters_side * letters_channels];
  static float probabilities[letters_classes];
  if (argc != 2) return fail(argv[0], "expected the name of a PGM file");
  if (letters_channels != 1) return fail(argv[0], "the model reads pictures in colour, PGM files have none");

  FILE *file = fopen(argv[1], "rb");
  if (!file) return fail(argv[1], "cannot be opened");
  int wrong = read_picture(file, pixels);
  fclose(file);
  if (wrong) return fail(argv[1], "expected a PGM picture (P5) of the model's size with values up to 255");

  int best = letters_classify(pixels, probabilities);
  printf("%s  %s %.1f %%\n", argv[1], letters_class_names[best], 100 * (double)probabilities[best]);
  return 0;
}
