/* Recipes: every option of a training run, in one table that feeds the YAML reader, --set, the help text and
 * the writer of a run's recipe.yaml. To add an option: a field here and a line in recipe_options.c. */
#ifndef MIXENT_RECIPE_RECIPE_H
#define MIXENT_RECIPE_RECIPE_H

#include "core/memory.h"
#include "core/yaml.h"
#include "data/augment/mix.h"
#include "mixent/data.h"
#include "mixent/recipe.h"
#include "mixent/weights.h"

enum { MIXENT_RECIPE_TEXT = 1024, MIXENT_MAX_MEMBERS = 16 };

/* Of the option `precision`; auto becomes bf16 where the processor runs it at full speed. */
typedef enum mixent_precision_choice {
  MIXENT_CHOICE_AUTO,
  MIXENT_CHOICE_FP32,
  MIXENT_CHOICE_BF16
} mixent_precision_choice;

/* Of the option `sampling`: what an epoch is drawn from. */
typedef enum mixent_sampling { MIXENT_SAMPLING_SHUFFLED, MIXENT_SAMPLING_BALANCED } mixent_sampling;

/* Of the option `select`: what chooses best.safetensors. */
typedef enum mixent_select { MIXENT_SELECT_VALIDATION, MIXENT_SELECT_TEST, MIXENT_SELECT_LAST } mixent_select;

/* Field types: text is char[MIXENT_RECIPE_TEXT]; whole numbers and choices are long, yes/no is bool, numbers
 * are double, names an array of bool, one for each of the choices. */
typedef struct mixent_recipe {
  char name[MIXENT_RECIPE_TEXT];
  char data[MIXENT_RECIPE_TEXT], data_alternative[MIXENT_RECIPE_TEXT], data_directory[MIXENT_RECIPE_TEXT];
  bool transpose;
  long memory_limit;
  long side, fit; /* mixent_fit */
  char label[MIXENT_RECIPE_TEXT], categories[MIXENT_RECIPE_TEXT],
      leave_out[MIXENT_RECIPE_TEXT]; /* of tables */
  long missing, separator, decimal, header;
  char net[MIXENT_RECIPE_TEXT], init_from[MIXENT_RECIPE_TEXT];
  double dropout;
  char plan[MIXENT_RECIPE_TEXT], plan_hash[MIXENT_RECIPE_TEXT];
  long precision, threads, seed, epochs, members, batch, replicas;
  double validation_fraction;
  long validation_folds, validation_fold; /* folds 0: by the fraction */
  long validation_seed;
  long select;        /* mixent_select */
  long select_by;     /* mixent_scores_rank takes its name */
  long sampling;      /* mixent_sampling */
  long class_weights; /* mixent_class_weighting */
  double class_weights_beta;
  double train_fraction, noise_fraction;
  long noise_seed;
  long noise_kind; /* mixent_noise_kind */
  char noise_matrix[MIXENT_RECIPE_TEXT];
  long init_seed; /* below 0: `seed` */
  long loss_kind, loss_style;
  double w[MIXENT_LOSS_PARTS], b[MIXENT_LOSS_PARTS];
  double smoothing, eps, focal_gamma, gce_q, t1, t2, max_interval;
  bool learn[MIXENT_LOSS_PARAMETERS];
  double weight_learning_rate, base_learning_rate;
  double weight_min, weight_max, base_min, base_max;
  double held_out_fraction; /* for style hypergradient */
  long hypergradient_every;
  char baseline[MIXENT_RECIPE_TEXT];
  char teacher[MIXENT_RECIPE_TEXT]; /* paths with commas between */
  long progressive_side;
  double progressive_until;
  double prune_fraction, prune_until;
  bool distill_augmented;
  long distill_members;
  double distill_weight, distill_temperature;
  long optimizer; /* index into mixent_optimizer_types */
  double learning_rate, momentum;
  bool nesterov;
  double weight_decay, clip_norm, beta1, beta2, epsilon;
  long schedule; /* index into mixent_schedule_types */
  double warmup;
  double ema_decay;
  long ema_estimate_batches;
  mixent_augmentation augmentation;
  mixent_mixing mixing;
  long test_views;
  double save_minutes;
  /* not options: whether settings named another data set or network than the recipe does, for the run's name
   */
  bool other_data, other_net;
  const char *retired; /* an option that mixent has no longer and that is on; NULL: none (recipe/retired.h) */
  bool unsaid_w[MIXENT_LOSS_PARTS]; /* w is the loss's default: neither the recipe nor a setting has it */
} mixent_recipe;

typedef enum mixent_option_type {
  MIXENT_OPTION_TEXT,
  MIXENT_OPTION_WHOLE,
  MIXENT_OPTION_NUMBER,
  MIXENT_OPTION_YES_NO,
  MIXENT_OPTION_CHOICE,
  MIXENT_OPTION_NAMES
} mixent_option_type;

/* What options belong together in help and man page; in the order of these. */
typedef enum mixent_option_group {
  MIXENT_GROUP_RUN,
  MIXENT_GROUP_DATA,
  MIXENT_GROUP_PICTURES,
  MIXENT_GROUP_TABLES,
  MIXENT_GROUP_NETWORK,
  MIXENT_GROUP_VALIDATION,
  MIXENT_GROUP_LOSS,
  MIXENT_GROUP_OPTIMIZER,
  MIXENT_GROUP_SCHEDULE,
  MIXENT_GROUP_EMA,
  MIXENT_GROUP_AUGMENT,
  MIXENT_GROUPS
} mixent_option_group;
extern const char
    *const mixent_group_names[MIXENT_GROUPS + 1]; /* "run", "data", …, NULL: what `help recipe` takes */
extern const char *const mixent_group_titles[MIXENT_GROUPS]; /* "The run", "Data and labels", … */

typedef struct mixent_option {
  const char *key; /* "optimizer.learning_rate": section and name */
  mixent_option_group group;
  mixent_option_type type;
  size_t offset;        /* of the field in mixent_recipe */
  const char *fallback; /* the default, as text */
  double low, high;
  const char *const *choices; /* NULL-terminated; of a choice the field holds the index */
  const char *help;           /* one line */
  bool place; /* says where things are or how fast, not what is trained: left out of checkpoints */
} mixent_option;

extern const mixent_option mixent_options[]; /* key NULL after the last */
const mixent_option *mixent_option_find(const char *key);
/* Whether it says how the data are read: picture files, or a table. */
bool mixent_option_reads(const mixent_option *option);
/* Whether it says which images or rows there are, before some are held out or left out. */
bool mixent_option_is_of_data(const mixent_option *option);
/* "epochs, batch": the keys of the options that `takes` takes. */
void mixent_option_keys_append(bool (*takes)(const mixent_option *option), mixent_text *out);
/* The option's value from text; a wrong one fails with "KEY: expected …, got '…'". */
mixent_status mixent_option_set(const mixent_option *option, const char *text, mixent_recipe *recipe);
/* The option's value as YAML; numbers in the shortest form that reads back to the same bits. */
void mixent_option_write(const mixent_option *option, const mixent_recipe *recipe, mixent_text *out);
/* Whether the option has the default that the table says. */
bool mixent_option_is_default(const mixent_option *option, const mixent_recipe *recipe);
/* A number in that form. */
void mixent_number_write(double value, mixent_text *out);

/* Names of the built-in recipes, NULL-terminated. */
const char *const *mixent_recipe_names(void);
/* The YAML text of a built-in recipe, or NULL. */
const char *mixent_recipe_text(const char *name);

/* Resolves the recipe of a new training: defaults, then the recipe (built-in name, or a file if it has a '/' or ends in
 * .yaml; NULL: emnist-letters-short), then its section `losses` for the loss chosen, then the settings in order.
 * Errors name file, line and column, or the setting, and suggest the nearest key. An option that belongs to another loss or
 * optimiser than the one chosen is an error (recipe_use.h); in a file only if its value is not the default, and it may belong to
 * the loss that the file itself names. */
mixent_status mixent_recipe_compose(const char *name_or_file, const mixent_setting *settings,
                                    size_t setting_count, mixent_recipe *out);
/* The same from a text; `origin` names it in messages, `name` is the recipe's name if the text gives none. */
mixent_status mixent_recipe_parse_new(const char *text, const char *origin, const char *name,
                                      const mixent_setting *settings, size_t setting_count,
                                      mixent_recipe *out);

/* The recipe of a run that there is, from its file or its text: its options are taken as they are, with or without effect. */
mixent_status mixent_recipe_load(const char *path, mixent_recipe *out);
mixent_status mixent_recipe_parse(const char *text, const char *origin, const char *name,
                                  const mixent_setting *settings, size_t setting_count, mixent_recipe *out);
/* Sets weights, smoothing and eps to the defaults of the recipe's loss. */
void mixent_recipe_take_loss(mixent_recipe *recipe);

/* The text behind a built-in recipe's name or a file. */
typedef struct mixent_recipe_source {
  char *text; /* free() */
  char name[MIXENT_RECIPE_TEXT], origin[MIXENT_RECIPE_TEXT];
} mixent_recipe_source;
mixent_status mixent_recipe_find(const char *name_or_file, mixent_recipe_source *out);
/* "recipes/mine.yaml" -> "mine" */
void mixent_recipe_name_file(const char *path, char name[MIXENT_RECIPE_TEXT]);
/* Sets the options that a mapping names, nested or dotted; `prefix` is "" or "section.". Each is checked by itself;
 * errors name file, line, column and the nearest key. A section `losses` is passed over. */
mixent_status mixent_recipe_apply(const mixent_yaml *mapping, const char *prefix, mixent_recipe *recipe);

/* All options as YAML; reading it back gives the same values to the bit. Without `places`, options that say
 * where things are or how they run (data_dir, threads, save_minutes) are left out, and data and net are left
 * to the caller. */
void mixent_recipe_write(const mixent_recipe *recipe, bool places, mixent_text *out);

/* Refuses what single options cannot see: bounds that cross, nesterov without momentum,
 * a schedule that follows validation without any, … */
mixent_status mixent_recipe_check(const mixent_recipe *recipe);

/* Replaces what is automatic in a recipe by what it means here: precision, threads, the alternative data set,
 * whole paths. `native_bf16`: the processor multiplies bfloat16 at full speed (mixent_net_bf16_is_native). */
mixent_status mixent_recipe_resolve(mixent_recipe *recipe, bool native_bf16);

/* The text of `mixent help recipe`: built-in recipes and, by groups, every option with values and default. With a word only
 * what it names: a group, a section, an option, what an option is called elsewhere, a choice, or a part of keys. A word that
 * names nothing fails with the nearest that does. */
mixent_status mixent_recipe_help(const char *word, mixent_text *out);
/* "one of a | b; default a; min-ent: b": which values an option takes, and which it has unless one is given;
 * then a line "a: …" for each choice that the option's registry explains. */
void mixent_option_values_append(const mixent_option *option, mixent_text *out);
extern const char mixent_recipe_explanation[]; /* how a recipe is written; examples stand behind two spaces */
/* The first line of a built-in recipe's comment; its length. */
int mixent_recipe_summary(const char *name, const char **out);

/* "<recipe>[-<data>][-<net>]-<loss>-<seed>[-test-selected]"; free(); NULL without memory. */
char *mixent_recipe_run_name(const mixent_recipe *recipe);

/* The `mixent train …` that repeats the run in directory `run`, whose recipe this is, beside it as RUN-again: to the same
 * bits on the same machine. Of a built-in recipe only what differs from it is said. */
mixent_status mixent_recipe_command(const mixent_recipe *recipe, const char *run, mixent_text *out);

mixent_loss_options mixent_recipe_loss(const mixent_recipe *recipe);

/* Whether weights are learned by looking ahead to held-out images. */
bool mixent_recipe_looks_ahead(const mixent_recipe *recipe);
/* Sets what it says of how data are read: the side and fit of pictures, memory_limit, and tables, whose texts are its own. */
void mixent_recipe_reading(const mixent_recipe *recipe, mixent_dataset_options *out);
/* The recipe's data are arrays of a program, which no file holds: `data` becomes "memory:NAME". */
mixent_status mixent_recipe_use_memory(mixent_recipe *recipe, const char *name);
/* The data set of a resolved recipe. `directory`: where known sets are looked for first; NULL: where the recipe says. */
mixent_status mixent_recipe_open_data(const mixent_recipe *recipe, const char *directory,
                                      mixent_dataset **out);
/* The same, *out NULL where the set is not on this machine. */
mixent_status mixent_recipe_find_data(const mixent_recipe *recipe, const char *directory,
                                      mixent_dataset **out);
/* Whether a part of the train images is held out, whatever the data set. */
bool mixent_recipe_holds_out(const mixent_recipe *recipe);
/* The train images cut as the recipe says, by their own labels. */
mixent_status mixent_recipe_split(const mixent_recipe *recipe, const mixent_dataset *dataset,
                                  mixent_split *out);
/* All train images, the dataset's own pixels with labels that have the recipe's noise; free(out->labels). */
mixent_status mixent_recipe_images(const mixent_recipe *recipe, const mixent_dataset *dataset,
                                   mixent_images *out);

#endif
