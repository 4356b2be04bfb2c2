/* The data sets known by name. */
#include "data/find.h"
#include "mixent/data.h"

#include <string.h>

static const char *const fashion[] = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                                      "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};

/* The digits, then the letters; of the merged splits without small letters that look like capital ones. */
#define DIGITS "0", "1", "2", "3", "4", "5", "6", "7", "8", "9"
#define CAPITALS                                                                                             \
  "A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L", "M", "N", "O", "P", "Q", "R", "S", "T", "U",   \
      "V", "W", "X", "Y", "Z"
static const char *const letters[] = {CAPITALS};
static const char *const merged[] = {DIGITS, CAPITALS, "a", "b", "d", "e", "f", "g", "h", "n", "q", "r", "t"};
static const char *const by_class[] = {DIGITS, CAPITALS, "a", "b", "c", "d", "e", "f", "g", "h",
                                       "i",    "j",      "k", "l", "m", "n", "o", "p", "q", "r",
                                       "s",    "t",      "u", "v", "w", "x", "y", "z"};

static const char *const names[] = {"emnist-letters",
                                    "emnist-balanced",
                                    "emnist-byclass",
                                    "emnist-bymerge",
                                    "emnist-digits",
                                    "emnist-mnist",
                                    "mnist",
                                    "fashion-mnist",
                                    "cifar-10",
                                    "cifar-100",
                                    NULL};
/* In the order of `names`. */
static const mixent_known_dataset known[] = {
    {"emnist-letters", NULL, letters, 1, 26},
    {"emnist-balanced", NULL, merged, 0, 47},
    {"emnist-byclass", NULL, by_class, 0, 62},
    {"emnist-bymerge", NULL, merged, 0, 47},
    {"emnist-digits", NULL, NULL, 0, 0},
    {"emnist-mnist", NULL, NULL, 0, 0},
    {"mnist", NULL, NULL, 0, 0},
    {"fashion-mnist", NULL, fashion, 0, 10},
    {"cifar-10", "cifar-10-batches-bin", NULL, 0, 0},
    {"cifar-100", "cifar-100-binary", NULL, 0, 0},
};

const char *const *mixent_dataset_names(void) {
  return names;
}

const mixent_known_dataset *mixent_known_dataset_find(const char *name) {
  for (size_t i = 0; names[i]; i++)
    if (strcmp(name, names[i]) == 0) return &known[i];
  return NULL;
}
