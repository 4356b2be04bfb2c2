/* The table of what people type. A line more is all that another word needs. */
#include "recipe/aliases.h"
#include "core/locale.h"

#include <string.h>

static const char cpu[] =
    "mixent computes on the CPU alone; the option 'threads' says on how many processors";

const mixent_typed_word mixent_typed_words[] = {
    {"lr", "optimizer.learning_rate", NULL},
    {"base_lr", "optimizer.learning_rate", NULL},
    {"init_lr", "optimizer.learning_rate", NULL},
    {"initial_lr", "optimizer.learning_rate", NULL},
    {"max_lr", "optimizer.learning_rate", NULL},
    {"learningrate", "optimizer.learning_rate", NULL},
    {"step_size", "optimizer.learning_rate", NULL},
    {"wd", "optimizer.weight_decay", NULL},
    {"l2", "optimizer.weight_decay", NULL},
    {"l2_reg", "optimizer.weight_decay", NULL},
    {"decay", "optimizer.weight_decay", NULL},
    {"opt", "optimizer.name", NULL},
    {"optim", "optimizer.name", NULL},
    {"optimiser", "optimizer.name", NULL},
    {"optimizer", "optimizer.name", NULL},
    {"adam_epsilon", "optimizer.epsilon", NULL},
    {"adam_beta1", "optimizer.beta1", NULL},
    {"adam_beta2", "optimizer.beta2", NULL},
    {"sched", "schedule.name", NULL},
    {"schedule", "schedule.name", NULL},
    {"scheduler", "schedule.name", NULL},
    {"lr_schedule", "schedule.name", NULL},
    {"lr_scheduler", "schedule.name", NULL},
    {"lr_scheduler_type", "schedule.name", NULL},
    {"warmup_ratio", "schedule.warmup", NULL},
    {"warmup_epochs", "schedule.warmup",
     "'schedule.warmup' is the part of all steps in which the rate rises, 0 to 1"},
    {"warmup_steps", "schedule.warmup",
     "'schedule.warmup' is the part of all steps in which the rate rises, 0 to 1"},
    {"bs", "batch", NULL},
    {"batchsize", "batch", NULL},
    {"batch_size", "batch", NULL},
    {"minibatch", "batch", NULL},
    {"mini_batch", "batch", NULL},
    {"train_batch_size", "batch", NULL},
    {"per_device_train_batch_size", "batch", NULL},
    {"epoch", "epochs", NULL},
    {"num_epochs", "epochs", NULL},
    {"n_epochs", "epochs", NULL},
    {"nb_epoch", "epochs", NULL},
    {"max_epochs", "epochs", NULL},
    {"num_train_epochs", "epochs", NULL},
    {"random_seed", "seed", NULL},
    {"manual_seed", "seed", NULL},
    {"random_state", "seed", NULL},
    {"model", "net", NULL},
    {"model_name", "net", NULL},
    {"arch", "net", NULL},
    {"architecture", "net", NULL},
    {"network", "net", NULL},
    {"backbone", "net", NULL},
    {"dataset", "data", NULL},
    {"data_set", "data", NULL},
    {"data_path", "data", NULL},
    {"dataset_name", "data", NULL},
    {"train_dir", "data", NULL},
    {"train_data", "data", NULL},
    {"data_root", "data_dir", NULL},
    {"root", "data_dir", NULL},
    {"criterion", "loss.name", NULL},
    {"loss", "loss.name", NULL},
    {"loss_fn", "loss.name", NULL},
    {"loss_function", "loss.name", NULL},
    {"label_smoothing", "loss.smoothing", NULL},
    {"gamma", "loss.focal_gamma", NULL},
    {"drop", "dropout", NULL},
    {"drop_rate", "dropout", NULL},
    {"dropout_rate", "dropout", NULL},
    {"val_split", "validation.fraction", NULL},
    {"val_size", "validation.fraction", NULL},
    {"valid_size", "validation.fraction", NULL},
    {"val_fraction", "validation.fraction", NULL},
    {"validation", "validation.fraction", NULL},
    {"validation_split", "validation.fraction", NULL},
    {"ema", "ema.decay", NULL},
    {"ema_decay", "ema.decay", NULL},
    {"model_ema", "ema.decay", NULL},
    {"tta", "test.views", NULL},
    {"label_noise", "noise.fraction", NULL},
    {"noise", "noise.fraction", NULL},
    {"save_every", "save_minutes", NULL},
    {"save_interval", "save_minutes", NULL},
    {"dtype", "precision", NULL},
    {"amp", "precision", NULL},
    {"fp16", "precision", NULL},
    {"bf16", "precision", NULL},
    {"half", "precision", NULL},
    {"mixed_precision", "precision", NULL},
    {"workers", "threads", NULL},
    {"num_workers", "threads", NULL},
    {"jobs", "threads", NULL},
    {"n_jobs", "threads", NULL},
    {"cpus", "threads", NULL},
    {"num_threads", "threads", NULL},
    {"device", "threads", cpu},
    {"devices", "threads", cpu},
    {"gpu", "threads", cpu},
    {"gpus", "threads", cpu},
    {"cuda", "threads", cpu},
    {"no_cuda", "threads", cpu},
    {"accelerator", "threads", cpu},
    {"augmentation", NULL, "augmentation is set by the options 'augment.…', each by itself"},
    {"transforms", NULL, "augmentation is set by the options 'augment.…', each by itself"},
    {"patience", NULL,
     "a run takes all its epochs, and best.safetensors keeps the best of them ('select' says by what)"},
    {"early_stopping", NULL,
     "a run takes all its epochs, and best.safetensors keeps the best of them ('select' says by what)"},
    {"pretrained", NULL,
     "a run begins with weights of its own; 'mixent train --resume RUN' goes on with one"},
    {NULL, NULL, NULL}};

static const struct {
  const char *key, *word, *choice;
} choices[] = {{"loss.name", "cross_entropy", "ce"},
               {"loss.name", "crossentropy", "ce"},
               {"loss.name", "cross_entropy_loss", "ce"},
               {"loss.name", "crossentropyloss", "ce"},
               {"loss.name", "categorical_crossentropy", "ce"},
               {"loss.name", "xent", "ce"},
               {"loss.name", "nll", "ce"},
               {"precision", "float32", "fp32"},
               {"precision", "float", "fp32"},
               {"precision", "32", "fp32"},
               {"precision", "bfloat16", "bf16"},
               {"precision", "float16", "bf16"},
               {"precision", "fp16", "bf16"},
               {"precision", "half", "bf16"},
               {"precision", "16", "bf16"},
               {"schedule.name", "onecycle", "one-cycle"},
               {"schedule.name", "onecyclelr", "one-cycle"},
               {"schedule.name", "cosineannealinglr", "cosine"},
               {"schedule.name", "cosine_annealing", "cosine"},
               {"schedule.name", "none", "constant"},
               {"select", "val", "validation"},
               {"select", "best", "validation"}};

/* Small letters, '_' for '-'; cut at what no option is as long as. */
static void normalize(const char *word, char out[64]) {
  size_t length = 0;
  for (; *word && length < 63; word++) out[length++] = *word == '-' ? '_' : mixent_small_letter(*word);
  out[length] = '\0';
}

/* The key that is so called, with its section or without; NULL where no key is, or several are. */
static const char *find_key(const char *word) {
  const char *found = NULL;
  const mixent_option *option = mixent_option_find(word);
  if (option) return option->key;
  for (option = mixent_options; option->key; option++) {
    const char *dot = strchr(option->key, '.');
    if (!dot || strcmp(dot + 1, word) != 0) continue;
    if (found) return NULL;
    found = option->key;
  }
  return found;
}

const mixent_typed_word *mixent_typed_word_find(const char *word) {
  static _Thread_local mixent_typed_word own;
  char plain[64];
  normalize(word, plain);
  const char *dot = strrchr(plain, '.');
  for (const char *part = plain; part; part = part == plain && dot ? dot + 1 : NULL) {
    for (const mixent_typed_word *entry = mixent_typed_words; entry->word; entry++)
      if (strcmp(entry->word, part) == 0) return entry;
  }
  own = (mixent_typed_word){.key = find_key(plain)};
  return own.key ? &own : NULL;
}

const char *mixent_typed_choice_find(const mixent_option *option, const char *word) {
  char plain[64], choice[64];
  normalize(word, plain);
  for (size_t i = 0; option->choices[i]; i++) {
    normalize(option->choices[i], choice);
    if (strcmp(choice, plain) == 0) return option->choices[i];
  }
  for (size_t i = 0; i < sizeof choices / sizeof *choices; i++)
    if (strcmp(choices[i].key, option->key) == 0 && strcmp(choices[i].word, plain) == 0)
      return choices[i].choice;
  return NULL;
}
