/* The table of what people type. A line more is all that another word needs. */
#include "recipe/aliases.h"
#include "core/locale.h"

#include <string.h>

/* Where a name alone would mislead. */
static const char cpu[] = "mixent trains on the CPU alone; 'threads' says on how many processors";
static const char betas[] = "they are two options: 'optimizer.beta1' and 'optimizer.beta2'";
static const char warmup[] = "'schedule.warmup' is the part of all steps in which the rate rises, 0 to 1";
static const char evaluation_batch[] =
    "scores do not depend on a batch's size, so it is chosen alone; 'batch' is that of training";
static const char one_batch[] = "a step is one batch; 'batch' says how many images it has";
static const char length[] = "the length of a run is said in epochs: 'epochs'";
static const char layers[] =
    "a network's layers stand in its file; 'net' names it, and 'mixent info NET' shows one";
static const char own_test[] =
    "a data set has its own test images; 'validation.fraction' of the training images are held out";
static const char loading[] =
    "the threads that train also read and augment the images; 'threads' says how many";
static const char augmentation[] = "augmentation is set by the options 'augment.…', each by itself";
static const char all_epochs[] =
    "a run takes all its epochs, and best.safetensors keeps the best of them ('select' says by what)";
static const char own_weights[] =
    "'mixent train --resume RUN' goes on with a run; 'init_from' begins another with its weights";
static const char recipe[] = "'mixent train --recipe NAME|FILE' says where a recipe starts from";
static const char run[] = "'mixent train --run DIR' says where a run goes";
static const char by_value[] =
    "'optimizer.clip_norm' clips the whole gradient by its norm; there is no clipping by value";
static const char order[] = "each epoch has an order of its own, which follows from 'seed'";
static const char incomplete[] = "an epoch's last, incomplete batch is always left out";
static const char shape[] =
    "the data set says how many classes, channels and pixels there are; 'side' scales pictures";
static const char same_bytes[] = "the same seed gives the same bytes, always";

/* clang-format off */
const mixent_typed_word mixent_typed_words[] = {
    {"lr", "optimizer.learning_rate", NULL}, {"base_lr", "optimizer.learning_rate", NULL},
    {"init_lr", "optimizer.learning_rate", NULL}, {"initial_lr", "optimizer.learning_rate", NULL},
    {"initial_learning_rate", "optimizer.learning_rate", NULL}, {"max_lr", "optimizer.learning_rate", NULL},
    {"lr_max", "optimizer.learning_rate", NULL}, {"peak_lr", "optimizer.learning_rate", NULL},
    {"learningrate", "optimizer.learning_rate", NULL}, {"step_size", "optimizer.learning_rate", NULL},
    {"eta", "optimizer.learning_rate", NULL}, {"lr0", "optimizer.learning_rate", NULL},
    {"wd", "optimizer.weight_decay", NULL}, {"l2", "optimizer.weight_decay", NULL},
    {"l2_reg", "optimizer.weight_decay", NULL}, {"decay", "optimizer.weight_decay", NULL},
    {"weightdecay", "optimizer.weight_decay", NULL}, {"regularization", "optimizer.weight_decay", NULL},
    {"regularizer", "optimizer.weight_decay", NULL}, {"kernel_regularizer", "optimizer.weight_decay", NULL},
    {"opt", "optimizer.name", NULL}, {"optim", "optimizer.name", NULL}, {"optimiser", "optimizer.name", NULL},
    {"optimizer", "optimizer.name", NULL}, {"optimizer_name", "optimizer.name", NULL},
    {"optimizer_type", "optimizer.name", NULL}, {"opt_func", "optimizer.name", NULL},
    {"mom", "optimizer.momentum", NULL}, {"moms", "optimizer.momentum", NULL},
    {"adam_epsilon", "optimizer.epsilon", NULL}, {"optimizer.eps", "optimizer.epsilon", NULL},
    {"adam_beta1", "optimizer.beta1", NULL}, {"beta_1", "optimizer.beta1", NULL},
    {"adam_beta2", "optimizer.beta2", NULL}, {"beta_2", "optimizer.beta2", NULL}, {"betas", "optimizer.beta1", betas},
    {"adam_betas", "optimizer.beta1", betas}, {"sched", "schedule.name", NULL}, {"schedule", "schedule.name", NULL},
    {"scheduler", "schedule.name", NULL}, {"lr_schedule", "schedule.name", NULL},
    {"lr_scheduler", "schedule.name", NULL}, {"lr_scheduler_type", "schedule.name", NULL},
    {"schedule_type", "schedule.name", NULL}, {"lr_policy", "schedule.name", NULL},
    {"lr_decay", "schedule.name", NULL}, {"warmup_ratio", "schedule.warmup", NULL},
    {"warmup_fraction", "schedule.warmup", NULL}, {"pct_start", "schedule.warmup", NULL},
    {"warmup_pct", "schedule.warmup", NULL}, {"warmup_epochs", "schedule.warmup", warmup},
    {"warmup_steps", "schedule.warmup", warmup}, {"num_warmup_steps", "schedule.warmup", warmup},
    {"lr_warmup_epochs", "schedule.warmup", warmup}, {"lr_warmup_steps", "schedule.warmup", warmup},
    {"bs", "batch", NULL}, {"batchsize", "batch", NULL}, {"batch_size", "batch", NULL}, {"minibatch", "batch", NULL},
    {"mini_batch", "batch", NULL}, {"minibatch_size", "batch", NULL}, {"mini_batch_size", "batch", NULL},
    {"train_batch_size", "batch", NULL}, {"per_device_train_batch_size", "batch", NULL},
    {"global_batch_size", "batch", NULL}, {"bsz", "batch", NULL}, {"eval_batch_size", "batch", evaluation_batch},
    {"val_batch_size", "batch", evaluation_batch}, {"test_batch_size", "batch", evaluation_batch},
    {"per_device_eval_batch_size", "batch", evaluation_batch}, {"accumulate_grad_batches", "batch", one_batch},
    {"gradient_accumulation_steps", "batch", one_batch}, {"grad_accum", "batch", one_batch},
    {"accum_steps", "batch", one_batch}, {"epoch", "epochs", NULL}, {"num_epochs", "epochs", NULL},
    {"n_epochs", "epochs", NULL}, {"n_epoch", "epochs", NULL}, {"nepochs", "epochs", NULL},
    {"nb_epoch", "epochs", NULL}, {"nb_epochs", "epochs", NULL}, {"max_epochs", "epochs", NULL},
    {"max_epoch", "epochs", NULL}, {"total_epochs", "epochs", NULL}, {"num_train_epochs", "epochs", NULL},
    {"train_epochs", "epochs", NULL}, {"max_steps", "epochs", length}, {"num_steps", "epochs", length},
    {"total_steps", "epochs", length}, {"steps", "epochs", length}, {"max_iter", "epochs", length},
    {"max_iters", "epochs", length}, {"iterations", "epochs", length}, {"n_iter", "epochs", length},
    {"num_iterations", "epochs", length}, {"steps_per_epoch", "epochs", length}, {"random_seed", "seed", NULL},
    {"manual_seed", "seed", NULL}, {"random_state", "seed", NULL}, {"rng_seed", "seed", NULL},
    {"seed_everything", "seed", NULL}, {"global_seed", "seed", NULL}, {"model", "net", NULL},
    {"model_name", "net", NULL}, {"model_type", "net", NULL}, {"arch", "net", NULL}, {"architecture", "net", NULL},
    {"network", "net", NULL}, {"backbone", "net", NULL}, {"num_layers", "net", layers}, {"n_layers", "net", layers},
    {"hidden_size", "net", layers}, {"hidden_dim", "net", layers}, {"hidden_units", "net", layers},
    {"width", "net", layers}, {"depth", "net", layers}, {"kernel_size", "net", layers}, {"activation", "net", layers},
    {"dataset", "data", NULL}, {"data_set", "data", NULL}, {"data_path", "data", NULL}, {"data_file", "data", NULL},
    {"dataset_name", "data", NULL}, {"dataset_path", "data", NULL}, {"train_dir", "data", NULL},
    {"train_data", "data", NULL}, {"train_path", "data", NULL}, {"traindir", "data", NULL},
    {"datamodule", "data", NULL}, {"val_data", "data", own_test}, {"val_dir", "data", own_test},
    {"valid_dir", "data", own_test}, {"validation_data", "data", own_test}, {"test_data", "data", own_test},
    {"test_dir", "data", own_test}, {"valdir", "data", own_test}, {"testdir", "data", own_test},
    {"data_root", "data_dir", NULL}, {"root", "data_dir", NULL}, {"dataroot", "data_dir", NULL},
    {"data_folder", "data_dir", NULL}, {"datadir", "data_dir", NULL}, {"criterion", "loss.name", NULL},
    {"loss", "loss.name", NULL}, {"loss_fn", "loss.name", NULL}, {"loss_func", "loss.name", NULL},
    {"loss_function", "loss.name", NULL}, {"loss_name", "loss.name", NULL}, {"loss_type", "loss.name", NULL},
    {"objective", "loss.name", NULL}, {"label_smoothing", "loss.smoothing", NULL},
    {"label_smooth", "loss.smoothing", NULL}, {"smooth", "loss.smoothing", NULL},
    {"smoothing_factor", "loss.smoothing", NULL}, {"gamma", "loss.focal_gamma", NULL}, {"drop", "dropout", NULL},
    {"drop_rate", "dropout", NULL}, {"dropout_rate", "dropout", NULL}, {"dropout_prob", "dropout", NULL},
    {"dropout_p", "dropout", NULL}, {"drop_prob", "dropout", NULL}, {"p_drop", "dropout", NULL},
    {"val_split", "validation.fraction", NULL}, {"val_size", "validation.fraction", NULL},
    {"valid_size", "validation.fraction", NULL}, {"val_fraction", "validation.fraction", NULL},
    {"val_ratio", "validation.fraction", NULL}, {"valid_pct", "validation.fraction", NULL},
    {"validation", "validation.fraction", NULL}, {"validation_split", "validation.fraction", NULL},
    {"validation_size", "validation.fraction", NULL}, {"test_size", "validation.fraction", NULL},
    {"split_seed", "validation.seed", NULL}, {"monitor", "select_by", NULL}, {"checkpoint_metric", "select_by", NULL},
    {"metric_for_best_model", "select_by", NULL}, {"ema", "ema.decay", NULL}, {"ema_decay", "ema.decay", NULL},
    {"ema_momentum", "ema.decay", NULL}, {"model_ema", "ema.decay", NULL}, {"model_ema_decay", "ema.decay", NULL},
    {"use_ema", "ema.decay", NULL}, {"tta", "test.views", NULL}, {"num_views", "test.views", NULL},
    {"n_tta", "test.views", NULL}, {"label_noise", "noise.fraction", NULL}, {"noise", "noise.fraction", NULL},
    {"noise_type", "noise.kind", NULL}, {"noise_mode", "noise.kind", NULL}, {"asymmetric", "noise.kind", NULL},
    {"class_weight", "loss.class_weights", NULL}, {"class_weights", "loss.class_weights", NULL},
    {"pos_weight", "loss.class_weights", NULL}, {"weighted_loss", "loss.class_weights", NULL},
    {"weighted_sampler", "sampling", NULL}, {"sampler", "sampling", NULL}, {"oversample", "sampling", NULL},
    {"balanced", "sampling", NULL}, {"folds", "validation.folds", NULL}, {"n_splits", "validation.folds", NULL},
    {"k_folds", "validation.folds", NULL}, {"n_folds", "validation.folds", NULL}, {"cv", "validation.folds", NULL},
    {"fold", "validation.fold", NULL}, {"noise_rate", "noise.fraction", NULL}, {"noise_ratio", "noise.fraction", NULL},
    {"corruption", "noise.fraction", NULL}, {"subset", "train_fraction", NULL},
    {"subset_fraction", "train_fraction", NULL}, {"limit_train_batches", "train_fraction", NULL},
    {"data_fraction", "train_fraction", NULL}, {"save_every", "save_minutes", NULL},
    {"save_interval", "save_minutes", NULL}, {"save_freq", "save_minutes", NULL},
    {"checkpoint_interval", "save_minutes", NULL}, {"dtype", "precision", NULL}, {"amp", "precision", NULL},
    {"fp16", "precision", NULL}, {"bf16", "precision", NULL}, {"half", "precision", NULL},
    {"mixed_precision", "precision", NULL}, {"torch_dtype", "precision", NULL}, {"experiment", "name", NULL},
    {"experiment_name", "name", NULL}, {"exp_name", "name", NULL}, {"run_name", "name", NULL},
    {"cpus", "threads", NULL}, {"num_cpus", "threads", NULL}, {"n_cpus", "threads", NULL},
    {"num_threads", "threads", NULL}, {"n_threads", "threads", NULL}, {"nthreads", "threads", NULL},
    {"workers", "threads", loading}, {"num_workers", "threads", loading}, {"n_workers", "threads", loading},
    {"dataloader_num_workers", "threads", loading}, {"loader_workers", "threads", loading},
    {"jobs", "threads", loading}, {"n_jobs", "threads", loading}, {"prefetch_factor", "threads", loading},
    {"pin_memory", "threads", loading}, {"persistent_workers", "threads", loading}, {"device", "threads", cpu},
    {"devices", "threads", cpu}, {"gpu", "threads", cpu}, {"gpus", "threads", cpu}, {"gpu_id", "threads", cpu},
    {"gpu_ids", "threads", cpu}, {"n_gpu", "threads", cpu}, {"num_gpus", "threads", cpu}, {"ngpu", "threads", cpu},
    {"cuda", "threads", cpu}, {"no_cuda", "threads", cpu}, {"use_cuda", "threads", cpu}, {"use_gpu", "threads", cpu},
    {"cuda_device", "threads", cpu}, {"mps", "threads", cpu}, {"accelerator", "threads", cpu},
    {"strategy", "threads", cpu}, {"distributed", "threads", cpu}, {"local_rank", "threads", cpu},
    {"world_size", "threads", cpu}, {"augmentation", NULL, augmentation}, {"augmentations", NULL, augmentation},
    {"transform", NULL, augmentation}, {"transforms", NULL, augmentation}, {"aug", NULL, augmentation},
    {"mixup", "augment.mixup", NULL}, {"mixup_alpha", "augment.mixup", NULL}, {"cutmix", "augment.cutmix", NULL},
    {"cutmix_alpha", "augment.cutmix", NULL}, {"random_erasing", "augment.erase", NULL}, {"reprob", "augment.erase", NULL},
    {"cutout", "augment.erase", NULL},
    {"flip", "augment.flip", NULL}, {"hflip", "augment.flip", NULL}, {"horizontal_flip", "augment.flip", NULL},
    {"random_crop", "augment.crop_padding", NULL}, {"random_resized_crop", "augment.resized_crop", NULL},
    {"brightness", "augment.brightness", NULL}, {"contrast", "augment.contrast", NULL}, {"saturation", "augment.saturation", NULL},
    {"hue", "augment.hue", NULL}, {"color_jitter", "augment.brightness", NULL},
    {"randaugment", NULL, augmentation}, {"auto_augment", NULL, augmentation}, {"patience", NULL, all_epochs},
    {"early_stopping", NULL, all_epochs}, {"early_stop", NULL, all_epochs},
    {"early_stopping_patience", NULL, all_epochs}, {"pretrained", "init_from", NULL}, {"weights", "init_from", NULL},
    {"resume", NULL, own_weights}, {"resume_from", NULL, own_weights}, {"ckpt_path", NULL, own_weights},
    {"checkpoint", NULL, own_weights}, {"load_from", NULL, own_weights}, 
    {"finetune", NULL, own_weights}, {"recipe", NULL, recipe}, {"config", NULL, recipe}, {"cfg", NULL, recipe},
    {"config_name", NULL, recipe}, {"config_path", NULL, recipe}, {"run", NULL, run}, {"output_dir", NULL, run},
    {"save_dir", NULL, run}, {"log_dir", NULL, run}, {"logdir", NULL, run}, {"checkpoint_dir", NULL, run},
    {"ckpt_dir", NULL, run}, {"work_dir", NULL, run}, {"run_dir", NULL, run}, {"out_dir", NULL, run},
    {"default_root_dir", NULL, run}, {"clip", "optimizer.clip_norm", NULL}, {"clip_grad", "optimizer.clip_norm", NULL},
    {"grad_clip", "optimizer.clip_norm", NULL}, {"gradient_clip", "optimizer.clip_norm", NULL}, {"gradient_clip_val", "optimizer.clip_norm", NULL},
    {"clipnorm", "optimizer.clip_norm", NULL}, {"clipvalue", NULL, by_value}, {"max_norm", "optimizer.clip_norm", NULL},
    {"max_grad_norm", "optimizer.clip_norm", NULL}, {"shuffle", NULL, order}, {"drop_last", NULL, incomplete},
    {"num_classes", NULL, shape}, {"n_classes", NULL, shape}, {"classes", NULL, shape}, {"in_channels", NULL, shape},
    {"input_channels", NULL, shape}, {"img_size", "side", NULL}, {"image_size", "side", NULL},
    {"input_size", "side", NULL}, {"input_shape", NULL, shape}, {"resize", "side", NULL},
    {"deterministic", NULL, same_bytes},
    {NULL, NULL, NULL}};
/* clang-format on */

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
  static const char *const names[] = {".name", ".type", "._target_", NULL}; /* "model.name" is a model */
  char plain[64];
  normalize(word + strspn(word, "+"), plain); /* Hydra's "+key" */
  for (const char *const *name = names; *name; name++)
    if (strlen(plain) > strlen(*name) && !mixent_option_find(plain) &&
        strcmp(plain + strlen(plain) - strlen(*name), *name) == 0)
      plain[strlen(plain) - strlen(*name)] = '\0';
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
