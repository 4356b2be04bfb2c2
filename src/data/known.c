/* The data sets known by name. */
#include "data/find.h"
#include "mixent/data.h"

#include <string.h>

static const char *const letters[] = {"A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L", "M",
                                      "N", "O", "P", "Q", "R", "S", "T", "U", "V", "W", "X", "Y", "Z"};
static const char *const fashion[] = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                                      "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};

static const char *const names[] = {"emnist-letters", "mnist",     "fashion-mnist",
                                    "cifar-10",       "cifar-100", NULL};
/* In the order of `names`. */
static const mixent_known_dataset known[] = {
    {"emnist-letters", "get it with 'mixent data get emnist-letters'", NULL, letters, 1, 26},
    {"mnist",
     "put its four files (train-images-idx3-ubyte and so on, plain or .gz) into the directory mnist in one "
     "of these",
     NULL, NULL, 0, 0},
    {"fashion-mnist",
     "install Debian's package dataset-fashion-mnist, or put its four files into one of these", NULL, fashion,
     0, 10},
    {"cifar-10",
     "unpack cifar-10-binary.tar.gz of https://www.cs.toronto.edu/~kriz/cifar.html in one of these",
     "cifar-10-batches-bin", NULL, 0, 0},
    {"cifar-100",
     "unpack cifar-100-binary.tar.gz of https://www.cs.toronto.edu/~kriz/cifar.html in one of these",
     "cifar-100-binary", NULL, 0, 0},
};

const char *const *mixent_dataset_names(void) {
  return names;
}

const mixent_known_dataset *mixent_known_dataset_find(const char *name) {
  for (size_t i = 0; names[i]; i++)
    if (strcmp(name, names[i]) == 0) return &known[i];
  return NULL;
}
