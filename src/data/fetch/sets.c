/* The data sets that are fetched: where their files lie, and what their sums are. */
#include "core/cache.h"
#include "core/file.h"
#include "core/memory.h"
#include "data/fetch/fetch.h"
#include "data/find.h"

#include <stdlib.h>
#include <string.h>

/* EMNIST (Cohen et al. 2017): six splits in one archive. Of the letters a mapping comes last, since the set can be used without it. */
#define EMNIST "https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip"
static const mixent_archive_file emnist_balanced[] = {
    {"gzip/emnist-balanced-train-labels-idx1-ubyte.gz",
     "b46d41e5156a0a8aaaa4d18979fdd1588850fa8571018acffd5d93b325a7d6ed"},
    {"gzip/emnist-balanced-test-labels-idx1-ubyte.gz",
     "a67cac948379b67270b9a4d0a01c8ec661598accf2f2b1964340b7c83cb175cd"},
    {"gzip/emnist-balanced-test-images-idx3-ubyte.gz",
     "117fc12b015e37ea98bfb2cbba3f77c3782c056cdbd219b87abfc8661d7135db"},
    {"gzip/emnist-balanced-train-images-idx3-ubyte.gz",
     "74295e75e4e9fa2c102147460ee7eb763653d5132d883a84fb88932bfb8d2db4"},
};
static const mixent_archive_file emnist_byclass[] = {
    {"gzip/emnist-byclass-train-labels-idx1-ubyte.gz",
     "f7ef403d48dc18a89dae0d83d11ee69cecb6e1c12c3a961d03712e495c02a8fa"},
    {"gzip/emnist-byclass-test-labels-idx1-ubyte.gz",
     "501e305eeeacb093b162592d80e8a2632040872360fa6d85cfcb2200d91ca92a"},
    {"gzip/emnist-byclass-test-images-idx3-ubyte.gz",
     "5ec835bd5d5b1a66378a132e727fef20fe994b3cc666899befcca5ac766f50cd"},
    {"gzip/emnist-byclass-train-images-idx3-ubyte.gz",
     "9e21987f03a6eb8b870187e785883ddad96947299587908f1a7ec2ca0f4be5f0"},
};
static const mixent_archive_file emnist_bymerge[] = {
    {"gzip/emnist-bymerge-train-labels-idx1-ubyte.gz",
     "2c47293b9e62d6abf6ad05fbf67e40baa32adfd380b8d7b44dcc35534b64e1f1"},
    {"gzip/emnist-bymerge-test-labels-idx1-ubyte.gz",
     "8bda1516255683ba9071e141947ca0c91a911176065cdd6259b0b4d8dc5b5f35"},
    {"gzip/emnist-bymerge-test-images-idx3-ubyte.gz",
     "5e5815ec1b522089134435f7c55e75a00960b58414793593ffff23efc0821683"},
    {"gzip/emnist-bymerge-train-images-idx3-ubyte.gz",
     "39bf8c68037dad40db35348895f7e4e056e8c0a005ab78869c9fbc2c96e947be"},
};
static const mixent_archive_file emnist_digits[] = {
    {"gzip/emnist-digits-train-labels-idx1-ubyte.gz",
     "6638a6ff5fe2eefd9cca2471995b46c82986b8e4b2a70d2f5ce8e05d7edb319e"},
    {"gzip/emnist-digits-test-labels-idx1-ubyte.gz",
     "bad1834c45d5988e270b99d43b13edc3fd898f658ffbc2caf2846ef27f7b05b0"},
    {"gzip/emnist-digits-test-images-idx3-ubyte.gz",
     "20ebe43509264f7639d37c835a3f0b009e90b29e00a099a03101abe1644a3f63"},
    {"gzip/emnist-digits-train-images-idx3-ubyte.gz",
     "f7c95004d14d81af89522e67d8f0c781dfb3bd544181c81bfe1eb6b41c35b726"},
};
static const mixent_archive_file emnist_letters[] = {
    {"gzip/emnist-letters-train-labels-idx1-ubyte.gz",
     "9759af91ea6bccdf07a6040fd085861f2ec88e37f7c3f5760f6feb57106fbe5c"},
    {"gzip/emnist-letters-test-labels-idx1-ubyte.gz",
     "924955c31fe7fd809b7303b5c0141282955f4b8390c74cdfd5d80435e0f4b4cb"},
    {"gzip/emnist-letters-test-images-idx3-ubyte.gz",
     "50f0e93d75b99b463e9760b8345866f22587fa2c2fba472730a5ba09c693412d"},
    {"gzip/emnist-letters-train-images-idx3-ubyte.gz",
     "6288f418a917e007bf5fddb823a2dc7a5c6a35031401b93292a539cb12bd881f"},
    {"gzip/emnist-letters-mapping.txt", "599a90f3abd7b467e93aae0beb3adebc4360c2f46363efb076b9366c9b5eac35"},
};
static const mixent_archive_file emnist_mnist[] = {
    {"gzip/emnist-mnist-train-labels-idx1-ubyte.gz",
     "00c6d3c2342fdffb1711e0b5656cac4ce5862d2826399d383a9bac07d612e9f8"},
    {"gzip/emnist-mnist-test-labels-idx1-ubyte.gz",
     "bcc5385d38f083dba046f5f756e99b32f5ea7fad122c6243c71c2239873065ca"},
    {"gzip/emnist-mnist-test-images-idx3-ubyte.gz",
     "b25640fa9e356c618132f5df347c95ef5bae6d9c2596be1de40f7e0ae1c3eac6"},
    {"gzip/emnist-mnist-train-images-idx3-ubyte.gz",
     "5f9942f441031c0f1f2e4d162059fd6e19ea808b34c328b6d16cab0ed24c78f2"},
};

/* MNIST (LeCun et al. 1998), from a mirror: the authors' own server no longer gives it. */
#define MNIST "https://storage.googleapis.com/cvdf-datasets/mnist/"
static const mixent_archive_file mnist[] = {
    {"train-labels-idx1-ubyte.gz", "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"},
    {"t10k-labels-idx1-ubyte.gz", "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"},
    {"t10k-images-idx3-ubyte.gz", "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"},
    {"train-images-idx3-ubyte.gz", "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"},
};

/* Fashion-MNIST (Xiao et al. 2017). */
#define FASHION "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
static const mixent_archive_file fashion_mnist[] = {
    {"train-labels-idx1-ubyte.gz", "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"},
    {"t10k-labels-idx1-ubyte.gz", "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"},
    {"t10k-images-idx3-ubyte.gz", "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"},
    {"train-images-idx3-ubyte.gz", "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"},
};

/* CIFAR (Krizhevsky 2009), in its binary form. */
#define CIFAR "https://www.cs.toronto.edu/~kriz/"
static const mixent_archive_file cifar_10[] = {
    {"cifar-10-binary.tar.gz", "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"}};
static const char *const cifar_10_members[] = {
    "data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
    "data_batch_5.bin", "test_batch.bin",   "batches.meta.txt", NULL};
static const mixent_archive_file cifar_100[] = {
    {"cifar-100-binary.tar.gz", "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec"}};
static const char *const cifar_100_members[] = {"train.bin", "test.bin", "fine_label_names.txt",
                                                "coarse_label_names.txt", NULL};

/* A set that is fetched. */
typedef struct fetched_set {
  const char *name, *address;
  bool zip; /* the address is that of one zip archive; else files lie below it */
  const mixent_archive_file *files;
  size_t count;
  const char *const *members; /* of the one .tar.gz; NULL: the files are the set's own */
} fetched_set;

#define FILES(array) array, sizeof array / sizeof *array
static const fetched_set sets[] = {{"emnist-letters", EMNIST, true, FILES(emnist_letters), NULL},
                                   {"emnist-balanced", EMNIST, true, FILES(emnist_balanced), NULL},
                                   {"emnist-byclass", EMNIST, true, FILES(emnist_byclass), NULL},
                                   {"emnist-bymerge", EMNIST, true, FILES(emnist_bymerge), NULL},
                                   {"emnist-digits", EMNIST, true, FILES(emnist_digits), NULL},
                                   {"emnist-mnist", EMNIST, true, FILES(emnist_mnist), NULL},
                                   {"mnist", MNIST, false, FILES(mnist), NULL},
                                   {"fashion-mnist", FASHION, false, FILES(fashion_mnist), NULL},
                                   {"cifar-10", CIFAR, false, FILES(cifar_10), cifar_10_members},
                                   {"cifar-100", CIFAR, false, FILES(cifar_100), cifar_100_members}};
enum { SETS = sizeof sets / sizeof *sets };

static mixent_status fetch_set(const fetched_set *set, const char *address, const char *directory,
                               mixent_fetch_progress *progress, void *context) {
  if (!address) address = set->address;
  if (set->zip) return mixent_archive_fetch(address, set->files, set->count, directory, progress, context);
  if (set->members)
    return mixent_packed_fetch(address, set->files, set->members, directory, progress, context);
  return mixent_files_fetch(address, set->files, set->count, directory, progress, context);
}

/* The directory of that name in the user's cache, in new memory. */
static char *cache_directory_of(const char *name) {
  char *cache = mixent_cache_directory();
  char *directory = cache ? mixent_path_join(cache, name) : NULL;
  free(cache);
  return directory;
}

mixent_status mixent_dataset_fetch(const char *name, const char *directory, const char *address,
                                   mixent_fetch_progress *progress, void *context) {
  MIXENT_NEED(name);
  size_t index = 0;
  while (index < SETS && strcmp(sets[index].name, name) != 0) index++;
  if (index == SETS) {
    const char *nearest = mixent_nearest_name(name, mixent_dataset_names());
    return mixent_fail(MIXENT_ERROR_ARGUMENT,
                       "unknown data set %s%s%s%s; 'mixent data list' names those that there are", name,
                       nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
  }
  char *cache = directory ? NULL : cache_directory_of(name);
  if (!directory) directory = cache;
  if (!directory) return MIXENT_ERROR_IO;
  mixent_status status = fetch_set(&sets[index], address, directory, progress, context);
  free(cache);
  return status;
}
