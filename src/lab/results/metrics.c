/* Metrics are known by the words of their names: "val/top1_error" has the words val, top1, error. */
#include "lab/results/metrics.h"
#include "core/locale.h"

#include <stddef.h>
#include <string.h>

/* One of the first makes lower better, whatever stands beside it: an accuracy_error is an error. */
static const char *const lower[] = {
    "loss",    "nll",  "ece",     "mce",   "ace",      "error",  "errors",   "err", "perplexity", "ppl",
    "brier",   "mse",  "rmse",    "mae",   "mape",     "wer",    "cer",      "fid", "kid",        "eer",
    "lpips",   "crps", "aurc",    "bpb",   "bpc",      "fpr",    "fnr",      "kl",  "time",       "seconds",
    "latency", "cost", "runtime", "flops", "distance", "regret", "duration", NULL};
static const char *const higher[] = {
    "accuracy",   "acc",    "f1",          "auc",    "auroc",      "auprc",       "ap",      "map",
    "precision",  "recall", "sensitivity", "mcc",    "kappa",      "iou",         "miou",    "dice",
    "bleu",       "rouge",  "r2",          "psnr",   "ssim",       "specificity", "reward",  "return",
    "score",      "ndcg",   "mrr",         "hits",   "top1",       "top5",        "correct", "match",
    "likelihood", "pass",   "speedup",     "meteor", "throughput", NULL};
static const char *const tests[] = {"test", "testing", NULL};
static const char *const validations[] = {"val", "valid", "validation", "dev", "eval", NULL};
static const char *const trainings[] = {"train", "training", NULL};
static const char *const accuracies[] = {"accuracy", "acc", NULL};
/* Before a name they turn it round: scikit-learn's neg_log_loss, negative_log_likelihood. */
static const char *const negations[] = {"neg", "negative", "minus", NULL};

static bool is_capital(char letter) {
  return letter >= 'A' && letter <= 'Z';
}

static bool is_letter_or_digit(char letter) {
  char small = mixent_small_letter(letter);
  return (small >= 'a' && small <= 'z') || (letter >= '0' && letter <= '9');
}

/* Whether one of `words` is a word of the name; "valLoss" has two. */
static bool has_word(const char *name, const char *const *words) {
  for (const char *at = name; *at;) {
    size_t length = 0;
    while (is_letter_or_digit(at[length]) &&
           !(length && is_capital(at[length]) && !is_capital(at[length - 1])))
      length++;
    for (const char *const *word = words; *word && length; word++)
      if (strlen(*word) == length && mixent_same_letters(at, *word, length)) return true;
    at += length ? length : 1;
  }
  return false;
}

int mixent_metric_better(const char *name) {
  int better = has_word(name, lower) ? -1 : has_word(name, higher);
  return has_word(name, negations) ? -better : better;
}

bool mixent_metric_is_accuracy(const char *name) {
  return has_word(name, accuracies) && mixent_metric_better(name) == 1;
}

mixent_metric_part mixent_metric_part_of(const char *name) {
  return has_word(name, trainings)     ? MIXENT_PART_TRAIN
         : has_word(name, tests)       ? MIXENT_PART_TEST
         : has_word(name, validations) ? MIXENT_PART_VALIDATION
                                       : MIXENT_PART_UNKNOWN;
}
