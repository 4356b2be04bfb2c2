/* The signs of a run that goes wrong, and the words for them. */
#include "mixent/monitor.h"
#include "core/locale.h"
#include "core/status.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

enum { PARTS = MIXENT_LOSS_PARTS, PLATEAU = 3 /* observations without a gain worth the name */ };
static const double gain = 0.001, near_zero = 0.01, small_entropy = 0.01, fall = 0.01;

const char *const mixent_warning_names[] = {[MIXENT_WARNING_WEIGHT_NEAR_ZERO] = "weight-near-zero",
                                            [MIXENT_WARNING_BELOW_BASELINE] = "below-baseline",
                                            [MIXENT_WARNING_BASE_AT_BOUND] = "base-at-bound",
                                            [MIXENT_WARNING_NOT_FINITE] = "not-finite",
                                            [MIXENT_WARNING_COLLAPSE] = "collapse",
                                            [MIXENT_WARNINGS] = NULL};

typedef struct listener {
  mixent_monitor *monitor;
  void (*tell)(void *context, mixent_warning warning, const char *message);
  void *context;
} listener;

__attribute__((format(printf, 3, 4))) static void warn(const listener *to, mixent_warning warning,
                                                       const char *format, ...) {
  char message[512];
  va_list arguments;
  if (to->monitor->told >> warning & 1) return;
  to->monitor->told |= 1u << warning;
  va_start(arguments, format);
  mixent_print_list(message, sizeof message, format, arguments);
  va_end(arguments);
  to->tell(to->context, warning, message);
}

/* Whether the style that keeps weights up is another, and one the loss may have (mixent_loss_check). */
static bool can_be_uncertain(const mixent_loss_options *options) {
  mixent_loss_options other = *options;
  other.style = MIXENT_STYLE_UNCERTAINTY;
  return options->style != MIXENT_STYLE_UNCERTAINTY && mixent_loss_check(&other) == MIXENT_OK;
}

static void look_at_weights(const listener *to, const mixent_loss_options *options,
                            const mixent_loss_state *state, const mixent_observation *seen) {
  mixent_term terms[PARTS];
  int parts = mixent_loss_parts(options->kind, terms);
  const mixent_loss_state start = mixent_loss_start(options);
  double w[PARTS], at_start[PARTS];
  mixent_loss_weights(options, state, seen->epoch, w);
  mixent_loss_weights(options, &start, seen->epoch,
                      at_start); /* what the schedule alone makes of it is no news */
  for (int i = 0; i < parts; i++) {
    double ln_b = state->value[PARTS + i], low = log(options->b_bounds[0]), high = log(options->b_bounds[1]);
    bool fallen = at_start[i] < 0 ? w[i] > near_zero * at_start[i] : w[i] < near_zero * at_start[i];
    bool descends =
        at_start[i] != 0 && options->style != MIXENT_STYLE_HYPERGRADIENT; /* which may well want 0 */
    if (options->learn[i] && descends && fallen && 2 * seen->epoch <= seen->epochs)
      warn(to, MIXENT_WARNING_WEIGHT_NEAR_ZERO,
           "w%d has fallen to %.2g after epoch %g: on the training loss a learned weight only shrinks; fix "
           "it (loss.learn)%s lower loss.weight_learning_rate%s",
           i + 1, w[i], seen->epoch, can_be_uncertain(options) ? "," : " or",
           can_be_uncertain(options) ? ", or take loss.style uncertainty" : "");
    if (options->learn[PARTS + i] && (ln_b <= low + 1e-9 || ln_b >= high - 1e-9))
      warn(to, MIXENT_WARNING_BASE_AT_BOUND,
           "base b%d has reached its bound %.4g after epoch %g: a base only rescales its term%s; fix the "
           "bases%s, "
           "or lower loss.base_learning_rate",
           i + 1, exp(ln_b), seen->epoch,
           ln_b > 0 && ln_b >= high - 1e-9 ? ", and above 1 it only grows, which fades the term" : "",
           options->learn[i] ? " and learn weights alone" : "");
  }
}

/* The part after the first with the largest coefficient, 0 if there is none; of those alone that reward sharp predictions, if
 * asked. */
static int heaviest_part(const mixent_loss_options *options, const mixent_loss_rule *rule, bool sharpening) {
  mixent_term terms[PARTS];
  int parts = mixent_loss_parts(options->kind, terms), heaviest = 0;
  double most = 0;
  for (int i = 1; i < parts; i++) {
    double coefficient = rule->coefficients[terms[i]];
    bool sharpens = (terms[i] == MIXENT_H || terms[i] == MIXENT_CE2) && coefficient > 0;
    if (fabs(coefficient) > most && (sharpens || !sharpening)) most = fabs(coefficient), heaviest = i;
  }
  return heaviest;
}

/* Confidently wrong: the entropy term is to blame where the loss has one and it weighs as much as cross entropy. */
static void warn_of_collapse(const listener *to, const mixent_loss_options *options,
                             const mixent_loss_rule *rule, const mixent_observation *seen) {
  mixent_term terms[PARTS];
  mixent_loss_parts(options->kind, terms);
  int part = heaviest_part(options, rule, true);
  double sharp = rule->coefficients[terms[part]], fit = rule->coefficients[MIXENT_CE1];
  char advice[256];
  if (!part)
    mixent_print(
        advice, sizeof advice,
        "the loss has no term that rewards it: lower optimizer.learning_rate, or train for fewer epochs");
  else if (sharp < fit)
    mixent_print(advice, sizeof advice,
                 "lower optimizer.learning_rate, or the weight of the term that rewards it (loss.w%d)",
                 part + 1);
  else
    mixent_print(advice, sizeof advice,
                 "the %s (%.3g) outweighs cross entropy (%.3g): lower its weight (loss.w%d)%s",
                 terms[part] == MIXENT_H ? "entropy term" : "swapped cross entropy", sharp, fit, part + 1,
                 options->learn[0] ? ", or hold w1 up by fixing it" : "");
  warn(
      to, MIXENT_WARNING_COLLAPSE,
      "predictions have collapsed: mean entropy %.2g while validation accuracy fell from %.2f to %.2f %%; %s",
      seen->entropy, 100 * to->monitor->best, 100 * seen->validation_accuracy, advice);
}

/* What brings the loss nearer to cross entropy; "" if it is that, or nothing does. */
static void advise_towards_cross_entropy(const mixent_loss_options *options, const mixent_loss_rule *rule,
                                         size_t size, char *out) {
  mixent_term terms[PARTS];
  mixent_loss_parts(options->kind, terms);
  int part = heaviest_part(options, rule, false);
  const char *advice = terms[0] == MIXENT_FOCAL         ? "lower loss.focal_gamma"
                       : terms[0] == MIXENT_GCE         ? "lower loss.gce_q"
                       : terms[0] == MIXENT_BI_TEMPERED ? "bring loss.t1 and loss.t2 nearer to 1"
                       : options->smoothing > 0         ? "lower loss.smoothing"
                                                        : "";
  if (part)
    mixent_print(out, size, "%s loss.w%d", rule->coefficients[terms[part]] > 0 ? "lower" : "raise", part + 1);
  else
    mixent_print(out, size, "%s", advice);
}

static void warn_of_baseline(const listener *to, const mixent_loss_options *options,
                             const mixent_loss_rule *rule, double reached, double baseline) {
  char nearer[64];
  bool same = options->kind == MIXENT_LOSS_CE && options->smoothing == 0;
  advise_towards_cross_entropy(options, rule, sizeof nearer, nearer);
  warn(to, MIXENT_WARNING_BELOW_BASELINE,
       "validation accuracy stays at %.2f %%, below the %.2f %% that cross entropy reached: %s%s%s",
       100 * reached, 100 * baseline,
       same ? "the loss is the same; compare the other options with those of that run"
            : "the loss holds the network back; ",
       nearer,
       same      ? ""
       : *nearer ? " or raise the learning rate (a loss's scale acts like one)"
                 : "raise the learning rate (a loss's scale acts like one)");
}

static void look_at_accuracy(const listener *to, const mixent_loss_options *options,
                             const mixent_loss_state *state, const mixent_observation *seen) {
  const mixent_loss_rule rule = mixent_loss_rule_of(options, state, seen->epoch);
  mixent_monitor *monitor = to->monitor;
  double accuracy = seen->validation_accuracy, baseline = seen->baseline_accuracy;
  if (isnan(accuracy)) return;
  if (seen->entropy < small_entropy && accuracy < monitor->best - fall)
    warn_of_collapse(to, options, &rule, seen);
  double leaving = monitor->recent[PLATEAU - 1]; /* 0 as long as there are fewer */
  if (leaving > monitor->before) monitor->before = leaving;
  for (int i = PLATEAU - 1; i > 0; i--) monitor->recent[i] = monitor->recent[i - 1];
  monitor->recent[0] = accuracy;
  if (accuracy > monitor->best) monitor->best = accuracy;
  monitor->observations++;
  if (isnan(baseline) || monitor->observations <= PLATEAU) return;
  double recent = fmax(fmax(monitor->recent[0], monitor->recent[1]), monitor->recent[2]);
  double rows = seen->validation_rows > 0 ? (double)seen->validation_rows : 1;
  double error = sqrt(baseline * (1 - baseline) / rows); /* one binomial standard error */
  if (recent - monitor->before < gain && recent < baseline - error)
    warn_of_baseline(to, options, &rule, recent, baseline);
}

void mixent_monitor_observe(mixent_monitor *monitor, const mixent_loss_options *options,
                            const mixent_loss_state *state, const mixent_observation *seen,
                            void (*tell)(void *context, mixent_warning warning, const char *message),
                            void *context) {
  MIXENT_NEED_OR(monitor, );
  MIXENT_NEED_OR(options, );
  MIXENT_NEED_OR(state, );
  MIXENT_NEED_OR(seen, );
  MIXENT_NEED_OR(tell, );
  const listener to = {monitor, tell, context};
  bool finite = isfinite(seen->loss) && seen->gradient_finite, weights = false, bases = false;
  for (int i = 0; i < PARTS; i++) weights |= options->learn[i], bases |= options->learn[PARTS + i];
  for (int k = 0; k < MIXENT_LOSS_PARAMETERS; k++) finite &= isfinite(state->value[k]) != 0;
  if (!finite)
    warn(&to, MIXENT_WARNING_NOT_FINITE,
         "loss, gradient or weights are not finite after %.3g epochs: lower optimizer.learning_rate%s%s, or "
         "look "
         "for NaN in the data",
         seen->epoch, weights ? " or loss.weight_learning_rate" : "",
         bases ? " or loss.base_learning_rate" : "");
  look_at_weights(&to, options, state, seen);
  look_at_accuracy(&to, options, state, seen);
}
