/* The table of options, and reading and writing the value of one. A recipe's YAML, --set, the help text and
 * recipe.yaml all go through here. */
#include "core/locale.h"
#include "core/yaml.h"
#include "data/augment/erase.h"
#include "data/balance.h"
#include "data/noise/noise.h"
#include "optimize/optimizer.h"
#include "optimize/schedule.h"
#include "recipe/aliases.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const precision_names[] = {"auto", "fp32", "bf16", NULL};
static const char *const select_names[] = {"validation", "test", "last", NULL};

static const char *const select_by_names[] = {"accuracy", "nll",          "balanced_accuracy",
                                              "macro_f1", "worst_recall", NULL};
static const char *const sampling_names[] = {"shuffled", "balanced", NULL};

/* A line of the table per type; in the order in which recipe.yaml and the help list them. */
#define TEXT(key, group, field, fallback, help)                                                              \
  {                                                                                                          \
    key, MIXENT_GROUP_##group, MIXENT_OPTION_TEXT, offsetof(mixent_recipe, field), fallback, 0, 0, NULL,     \
        help, false                                                                                          \
  }
#define PLACE(key, group, field, fallback, help)                                                             \
  {                                                                                                          \
    key, MIXENT_GROUP_##group, MIXENT_OPTION_TEXT, offsetof(mixent_recipe, field), fallback, 0, 0, NULL,     \
        help, true                                                                                           \
  }
#define WHOLE(key, group, field, fallback, low, high, help)                                                  \
  {                                                                                                          \
    key, MIXENT_GROUP_##group, MIXENT_OPTION_WHOLE, offsetof(mixent_recipe, field), fallback, low, high,     \
        NULL, help, false                                                                                    \
  }
#define NUMBER(key, group, field, fallback, low, high, help)                                                 \
  {                                                                                                          \
    key, MIXENT_GROUP_##group, MIXENT_OPTION_NUMBER, offsetof(mixent_recipe, field), fallback, low, high,    \
        NULL, help, false                                                                                    \
  }
#define YES_NO(key, group, field, fallback, help)                                                            \
  {                                                                                                          \
    key, MIXENT_GROUP_##group, MIXENT_OPTION_YES_NO, offsetof(mixent_recipe, field), fallback, 0, 0, NULL,   \
        help, false                                                                                          \
  }
#define CHOICE(key, group, field, fallback, choices, help)                                                   \
  {                                                                                                          \
    key, MIXENT_GROUP_##group, MIXENT_OPTION_CHOICE, offsetof(mixent_recipe, field), fallback, 0, 0,         \
        choices, help, false                                                                                 \
  }

/* clang-format off */
const mixent_option mixent_options[] = {
    TEXT("name", RUN, name, "", "name of the recipe, for the run's directory; otherwise the file's"),
    PLACE("data", DATA, data, "emnist-letters", "data set: a known name, a directory, or a .csv, .npz, .zip or .tar.gz file"),
    PLACE("data_alternative", DATA, data_alternative, "", "data set to use if 'data' is not found; empty: none"),
    PLACE("data_dir", DATA, data_directory, "", "directory in which known data sets are looked for first"),
    YES_NO("transpose", DATA, transpose, "false", "whether images are stored transposed (known for EMNIST)"),
    WHOLE("side", PICTURES, side, "0", 0, MIXENT_MOST_SIDE, "side of the images that picture files are scaled to, 16 to 256; 0: the smallest that covers the median picture, at most 64"),
    {"memory_limit", MIXENT_GROUP_PICTURES, MIXENT_OPTION_WHOLE, offsetof(mixent_recipe, memory_limit), "0", 0, 1000000000, NULL,
     "MB that the images of picture files may take in memory; of larger sets they are decoded once, into the user's cache, and read from there as they are needed; 0: half of the machine's memory", true},
    CHOICE("fit", PICTURES, fit, "crop", mixent_fit_names, "how a picture that is not square becomes an image; crop: its middle; pad: black bars beside it; stretch: its shape changes"),
    TEXT("label", TABLES, label, "", "the column of the labels, by name, without a header by number; empty: label, class, target, or y beside no x, else the last"),
    CHOICE("missing", TABLES, missing, "refuse", mixent_missing_names, "what is done about missing cells; refuse: an error; impute: filled in with the train rows' median or most frequent category, beside a feature that says so; rows without a label are left out"),
    TEXT("categories", TABLES, categories, "", "columns, with commas between, that are read as categories, though they hold numbers, dates or names"),
    TEXT("leave_out", TABLES, leave_out, "", "columns, with commas between, that are not read"),
    CHOICE("separator", TABLES, separator, "auto", mixent_separator_names, "what stands between cells; auto: comma, semicolon or tab, as the first lines tell"),
    CHOICE("decimal", TABLES, decimal, "auto", mixent_decimal_names, "the decimal sign of numbers; auto: a comma where numbers have one and no comma separates cells"),
    CHOICE("header", TABLES, header, "auto", mixent_header_names, "whether the first row names the columns; auto: if it is of words that do not recur, or names the labels"),
    PLACE("net", NETWORK, net, "vgg5", "network: a built-in name or a YAML file"),
    PLACE("init_from", NETWORK, init_from, "", "checkpoint, run, or model that comes with mixent, whose weights the training begins with; a new last layer where classes differ; empty: weights of its own"),
    NUMBER("dropout", NETWORK, dropout, "-1", -1, 0.99, "rate of every dropout layer; -1: as the network says"),
    CHOICE("precision", NETWORK, precision, "auto", precision_names, "arithmetic of the network; auto: bf16 where it is native"),
    PLACE("plan", NETWORK, plan, "auto", "back ends of the convolutions: table, a plan file, or one back end wherever it can; auto: the plan that 'mixent tune' measured for exactly this run, else table"),
    PLACE("plan_hash", NETWORK, plan_hash, "", "SHA-256 of the choices of the resolved plan; a run writes it"),
    {"threads", MIXENT_GROUP_RUN, MIXENT_OPTION_WHOLE, offsetof(mixent_recipe, threads), "0", 0, 4096, NULL,
     "number of threads; 0: one per processor that may be used", true},
    WHOLE("seed", RUN, seed, "0", 0, INT32_MAX, "seed of initial weights, order, augmentation, dropout and schedule"),
    WHOLE("init.seed", RUN, init_seed, "-1", -1, INT32_MAX, "seed of the initial weights alone; -1: seed"),
    WHOLE("epochs", RUN, epochs, "4", 1, 1000000, "passes over the training set"),
    WHOLE("members", RUN, members, "1", 1, MIXENT_MAX_MEMBERS, "networks that are trained one after another and averaged, an ensemble; they share the epochs, and the first is trained as it would be alone"),
    WHOLE("batch", RUN, batch, "250", 2, 65536, "images, or rows of a table, per step; an epoch's last, incomplete batch is left out"),
    WHOLE("replicas", RUN, replicas, "1", 1, 4096, "equal parts that a batch is cut into, each with batch statistics of its own, on its share of the threads; each step takes the mean of their gradients. Under mpirun, 1 means one replica per process"),
    NUMBER("validation.fraction", VALIDATION, validation_fraction, "0.05", 0, 0.9, "part of the training set held out; 0: none"),
    WHOLE("validation.folds", VALIDATION, validation_folds, "0", 0, 1000, "cross-validation: equal parts of the training set, of which validation.fold is held out; 0: validation.fraction is held out"),
    WHOLE("validation.fold", VALIDATION, validation_fold, "0", 0, 999, "which of validation.folds is held out, from 0"),
    WHOLE("validation.seed", VALIDATION, validation_seed, "1", 0, INT32_MAX, "seed of the split alone, so that runs with other seeds share it"),
    CHOICE("select", VALIDATION, select, "validation", select_names, "what chooses the epoch that best.safetensors keeps; validation: the held-out set; test: the test set itself, whose score is then too good; last: nothing, the last epoch is kept"),
    CHOICE("select_by", VALIDATION, select_by, "accuracy", select_by_names, "the score by which 'select' chooses, then the NLL; worst_recall: that of the class recognised least"),
    NUMBER("train_fraction", DATA, train_fraction, "1", 0.001, 1, "part of each class's training set that is trained on, after the hold-out; validation.seed draws it"),
    NUMBER("noise.fraction", DATA, noise_fraction, "0", 0, 1, "label noise: part of the training labels, held out or not, that become another class; test labels stay"),
    CHOICE("noise.kind", DATA, noise_kind, "uniform", mixent_noise_names, "which class a label becomes; uniform: any other, each as likely; pair: the next one; confusable: one that models take it for, as often as they do"),
    TEXT("noise.matrix", DATA, noise_matrix, "", "confusions for noise.kind=confusable: a CSV file of 'mixent eval --confusions'; empty: those that mixent has of emnist-letters"),
    WHOLE("noise.seed", DATA, noise_seed, "1", 0, INT32_MAX, "seed of the label noise alone, so that runs with other seeds and losses see the same labels"),
    CHOICE("sampling", DATA, sampling, "shuffled", sampling_names, "what an epoch is drawn from; shuffled: each image once; balanced: each class equally often, in as many steps, so images of rare classes come several times"),
    CHOICE("loss.name", LOSS, loss_kind, "ce", mixent_loss_names, "the loss"),
    CHOICE("loss.style", LOSS, loss_style, "free", mixent_style_names, "how raw parameters become the weights of the terms"),
    NUMBER("loss.w1", LOSS, w[0], "1", -1e6, 1e6, "raw parameter of the first term's weight, at the start"),
    NUMBER("loss.w2", LOSS, w[1], "1", -1e6, 1e6, "the same for the second term, if the loss has one"),
    NUMBER("loss.w3", LOSS, w[2], "1", -1e6, 1e6, "the same for the third term (KL in mix-ent-split)"),
    NUMBER("loss.b1", LOSS, b[0], "2.718281828459045", 1e-6, 1e6, "log base of the first term, at the start; e: natural"),
    NUMBER("loss.b2", LOSS, b[1], "2.718281828459045", 1e-6, 1e6, "log base of the second term, at the start"),
    NUMBER("loss.b3", LOSS, b[2], "2.718281828459045", 1e-6, 1e6, "log base of the third term, at the start"),
    NUMBER("loss.smoothing", LOSS, smoothing, "0", 0, 1, "part of the target spread evenly over the classes, before any term sees it"),
    NUMBER("loss.eps", LOSS, eps, "1e-6", 1e-30, 0.5, "floor of the targets in the swapped cross entropy and KL"),
    NUMBER("loss.focal_gamma", LOSS, focal_gamma, "2", 0, 1000, "focal: the power of 1 - q"),
    NUMBER("loss.gce_q", LOSS, gce_q, "0.7", 1e-6, 1, "gce: from 0, cross entropy, to 1, mean absolute error"),
    NUMBER("loss.t1", LOSS, t1, "0.8", 0, 0.999999, "bi-tempered: temperature of the logarithm, below 1: bounded"),
    NUMBER("loss.t2", LOSS, t2, "1.2", 1, 7, "bi-tempered: temperature of the softmax, above 1: heavy tails"),
    CHOICE("loss.class_weights", LOSS, class_weights, "none", mixent_class_weighting_names, "how much an image counts in the training loss, by its class; balanced: inversely to the class's number of training images; effective: to its effective number (Cui 2019)"),
    NUMBER("loss.class_weights_beta", LOSS, class_weights_beta, "0.999", 0, 0.9999999, "beta of class_weights=effective: 0: all classes alike; the nearer to 1, the nearer to balanced"),
    NUMBER("loss.max_interval", LOSS, max_interval, "200", 1e-6, 1e6, "epochs until styles that change with time are done"),
    {"loss.learn", MIXENT_GROUP_LOSS, MIXENT_OPTION_NAMES, offsetof(mixent_recipe, learn), "none", 0, 0, mixent_loss_parameter_names,
     "which weights (by their raw parameters) and bases (by their logarithms) are learned", false},
    NUMBER("loss.weight_learning_rate", LOSS, weight_learning_rate, "1e-5", 0, 1e3, "learning rate of the raw weights; constant. Style hypergradient needs far more, 0.3 to 3, because its gradient is small"),
    NUMBER("loss.base_learning_rate", LOSS, base_learning_rate, "1e-5", 0, 1e3, "learning rate of the logarithms of the bases; constant"),
    NUMBER("loss.weight_min", LOSS, weight_min, "-20", -1e6, 1e6, "least value of a learned raw parameter"),
    NUMBER("loss.weight_max", LOSS, weight_max, "20", -1e6, 1e6, "greatest value of a learned raw parameter"),
    NUMBER("loss.base_min", LOSS, base_min, "1.1", 1e-6, 1e6, "least value of a learned base"),
    NUMBER("loss.base_max", LOSS, base_max, "1000", 1e-6, 1e6, "greatest value of a learned base"),
    NUMBER("loss.held_out_fraction", LOSS, held_out_fraction, "0.05", 0.001, 0.5, "style hypergradient: part of the training set on which learned weights lower the cross entropy; apart from the validation part"),
    WHOLE("loss.hypergradient_every", LOSS, hypergradient_every, "10", 1, 1000000, "style hypergradient: steps from one look ahead to the next"),
    PLACE("baseline", LOSS, baseline, "", "run with cross entropy; the warning below-baseline compares its validation accuracy with this run's; empty: none"),
    WHOLE("progressive.side", RUN, progressive_side, "0", 0, MIXENT_MOST_SIDE, "side of the images that the first epochs train on, 16 or more, smaller than the data's: cheaper steps; 0: the data's own"),
    NUMBER("progressive.until", RUN, progressive_until, "0.5", 0, 1, "part of the epochs that train on images of progressive.side"),
    NUMBER("prune.fraction", RUN, prune_fraction, "0", 0, 0.99, "leaving out easy images (InfoBatch): part of the images below the mean loss that a pass leaves out, for whom the others of them then count; an epoch keeps its steps and makes more passes; 0.5 is usual"),
    NUMBER("prune.until", RUN, prune_until, "0.875", 0, 1, "leaving out easy images: in this first part of the epochs"),
    PLACE("distill.teacher", LOSS, teacher, "", "distillation: checkpoints, runs, or models that come with mixent, with commas between, whose mean probabilities are part of an image's target; empty: none"),
    WHOLE("distill.members", LOSS, distill_members, "0", 0, MIXENT_MAX_MEMBERS - 1, "distillation: so many of the run's members, the first, are the teachers of the others, and the run's model is that of the others: members=4 distill.members=3 makes one network"),
    YES_NO("distill.augmented", LOSS, distill_augmented, "false", "distillation: teachers are asked in every step, of the images as they are augmented and mixed, which costs a forward pass of each; otherwise once, of the images as they are"),
    NUMBER("distill.weight", LOSS, distill_weight, "0.5", 0, 1, "distillation: the teachers' part of the target; the label has the rest"),
    NUMBER("distill.temperature", LOSS, distill_temperature, "1", 0.01, 100, "distillation: the teachers' logits are divided by it; above 1 they are softer"),
    CHOICE("optimizer.name", OPTIMIZER, optimizer, "sgd", mixent_optimizer_names, "the optimiser; it moves learned weights and bases, too"),
    NUMBER("optimizer.learning_rate", OPTIMIZER, learning_rate, "0.15", 0, 1e3, "the learning rate; its highest value where the schedule changes it"),
    NUMBER("optimizer.momentum", OPTIMIZER, momentum, "0.9", 0, 0.9999, "sgd: part of the last step that the next one keeps"),
    YES_NO("optimizer.nesterov", OPTIMIZER, nesterov, "true", "sgd: Nesterov's momentum"),
    NUMBER("optimizer.weight_decay", OPTIMIZER, weight_decay, "5e-4", 0, 1, "this times the parameter is added to its gradient; adamw: the learning rate times it times the parameter is subtracted. Not for batch norms and biases"),
    NUMBER("optimizer.clip_norm", OPTIMIZER, clip_norm, "0", 0, 1e9, "largest norm of the whole gradient; a longer one is scaled down to it; 0: none"),
    NUMBER("optimizer.beta1", OPTIMIZER, beta1, "0.9", 0, 0.999999, "adam, adamw: decay of the mean"),
    NUMBER("optimizer.beta2", OPTIMIZER, beta2, "0.999", 0, 0.999999, "adam, adamw: decay of the mean square"),
    NUMBER("optimizer.epsilon", OPTIMIZER, epsilon, "1e-8", 1e-30, 1, "adam, adamw: added to the root of the mean square"),
    CHOICE("schedule.name", SCHEDULE, schedule, "one-cycle", mixent_schedule_names, "how the learning rate changes"),
    NUMBER("schedule.warmup", SCHEDULE, warmup, "-1", -1, 1, "part of all steps during which the learning rate rises; -1: 0.25 for one-cycle, 0 for cosine"),
    NUMBER("ema.decay", EMA, ema_decay, "0", 0, 0.999999, "decay of an exponential moving average of the weights, which is then the model; 0: none"),
    WHOLE("ema.estimate_batches", EMA, ema_estimate_batches, "100", 1, 100000, "training batches from which batch norm's statistics for the averaged weights are estimated"),
    NUMBER("augment.resized_crop", AUGMENT, augmentation.resized_crop, "0", 0, 1, "random resized crop: least part of the area of a box, its sides 3:4 to 4:3, that is scaled to the whole image; 0: none"),
    WHOLE("augment.crop_padding", AUGMENT, augmentation.crop_padding, "0", 0, 256, "random crop: pixels of background around the image, out of which a crop of the image's size is taken"),
    NUMBER("augment.flip", AUGMENT, augmentation.flip, "0", 0, 1, "part of the images that are mirrored, left for right; letters and digits should not be"),
    NUMBER("augment.perspective", AUGMENT, augmentation.perspective, "0", 0, 1, "distortion scale of a random perspective"),
    NUMBER("augment.perspective_probability", AUGMENT, augmentation.perspective_probability, "0.5", 0, 1, "part of the images that get the random perspective"),
    NUMBER("augment.rotation", AUGMENT, augmentation.rotation, "0", 0, 180, "largest rotation in degrees, by nearest neighbour"),
    NUMBER("augment.affine_rotation", AUGMENT, augmentation.affine_rotation, "0", 0, 180, "largest rotation in degrees, bilinear; one warp with the other affine options"),
    NUMBER("augment.affine_shift", AUGMENT, augmentation.affine_shift, "0", 0, 256, "largest shift in pixels along each axis"),
    NUMBER("augment.affine_scale", AUGMENT, augmentation.affine_scale, "0", 0, 0.9, "s: the size is multiplied by a factor drawn from 1 - s to 1 + s"),
    NUMBER("augment.affine_shear", AUGMENT, augmentation.affine_shear, "0", 0, 80, "largest shear in degrees along x"),
    NUMBER("augment.affine_stretch", AUGMENT, augmentation.affine_stretch, "0", 0, 0.9, "s: the width is multiplied and the height divided by a factor drawn from 1 - s to 1 + s"),
    NUMBER("augment.elastic", AUGMENT, augmentation.elastic, "0", 0, 256, "largest smooth random displacement along each axis, in pixels"),
    NUMBER("augment.brightness", AUGMENT, augmentation.brightness, "0", 0, 10, "colour jitter, s: brightness is multiplied by a factor drawn from 1 - s, but not below 0, to 1 + s"),
    NUMBER("augment.contrast", AUGMENT, augmentation.contrast, "0", 0, 10, "colour jitter: the same for the contrast to the image's mean grey"),
    NUMBER("augment.saturation", AUGMENT, augmentation.saturation, "0", 0, 10, "colour jitter: the same for saturation; grey images have none"),
    NUMBER("augment.hue", AUGMENT, augmentation.hue, "0", 0, 0.5, "colour jitter: largest turn of the hue, as a part of the colour circle; grey images have none"),
    NUMBER("augment.erase", AUGMENT, augmentation.erase, "0", 0, 1, "random erasing: part of the images in which a random rectangle becomes background"),
    NUMBER("augment.erase_area", AUGMENT, augmentation.erase_area, "0.33", MIXENT_ERASE_LEAST, 1, "random erasing: largest part of the image that is erased; the least is 0.02"),
    NUMBER("augment.mixup", AUGMENT, mixing.mixup, "0", 0, 2, "mixup: an image and its target become the weighted mean of two; alpha of Beta(alpha, alpha), from which the weight is drawn"),
    NUMBER("augment.cutmix", AUGMENT, mixing.cutmix, "0", 0, 2, "CutMix: a square of the image becomes another's, and as much of its target; alpha of the square's area. With mixup: each for half the images"),
    NUMBER("augment.mix_probability", AUGMENT, mixing.probability, "1", 0, 1, "part of the images that mixup or CutMix changes"),
    WHOLE("test.views", VALIDATION, test_views, "1", 1, MIXENT_MOST_VIEWS, "views of each image (slightly turned, scaled, shifted) whose predictions the scores of the finished model average; 1: the image alone"),
    {"save_minutes", MIXENT_GROUP_RUN, MIXENT_OPTION_NUMBER, offsetof(mixent_recipe, save_minutes), "10", 0, 1e6, NULL,
     "time between saves within an epoch; 0: only at its end", true},
    {.key = NULL}};
/* clang-format on */

const mixent_option *mixent_option_find(const char *key) {
  for (const mixent_option *option = mixent_options; option->key; option++)
    if (strcmp(option->key, key) == 0) return option;
  return NULL;
}

bool mixent_option_reads(const mixent_option *option) {
  return option->group == MIXENT_GROUP_PICTURES || option->group == MIXENT_GROUP_TABLES;
}

bool mixent_option_is_of_data(const mixent_option *option) {
  static const char *const which[] = {"data", "data_alternative", "data_dir", "transpose", NULL};
  return mixent_is_name(option->key, which) || (mixent_option_reads(option) && !option->place);
}

void mixent_option_keys_append(bool (*takes)(const mixent_option *option), mixent_text *out) {
  bool any = false;
  for (const mixent_option *option = mixent_options; option->key; option++) {
    if (!takes(option)) continue;
    mixent_text_append(out, "%s%s", any ? ", " : "", option->key);
    any = true;
  }
}
