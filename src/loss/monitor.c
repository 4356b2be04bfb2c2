/* The signs of a run that goes wrong, and the words for them. */
#include "mixent/monitor.h"
#include "core/locale.h"

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
           "it (loss.learn), "
           "lower loss.weight_learning_rate, or take loss.style uncertainty",
           i + 1, w[i], seen->epoch);
    if (options->learn[PARTS + i] && (ln_b <= low + 1e-9 || ln_b >= high - 1e-9))
      warn(to, MIXENT_WARNING_BASE_AT_BOUND,
           "base b%d has reached its bound %.4g after epoch %g: a base only rescales its term, and above 1 "
           "it only grows, "
           "which fades the term; fix the bases and learn weights alone, or lower loss.base_learning_rate",
           i + 1, exp(ln_b), seen->epoch);
  }
}

static void look_at_accuracy(const listener *to, const mixent_observation *seen) {
  mixent_monitor *monitor = to->monitor;
  double accuracy = seen->validation_accuracy, baseline = seen->baseline_accuracy;
  if (isnan(accuracy)) return;
  if (seen->entropy < small_entropy && accuracy < monitor->best - fall)
    warn(to, MIXENT_WARNING_COLLAPSE,
         "predictions have collapsed: mean entropy %.2g while validation accuracy fell from %.2f to %.2f %%; "
         "the entropy "
         "term outweighs cross entropy: lower its weight (loss.w2), or hold w1 up by fixing it",
         seen->entropy, 100 * monitor->best, 100 * accuracy);
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
    warn(to, MIXENT_WARNING_BELOW_BASELINE,
         "validation accuracy stays at %.2f %%, below the %.2f %% that cross entropy reached: the loss holds "
         "the network back; "
         "lower loss.w2 or raise the learning rate (a loss's scale acts like one)",
         100 * recent, 100 * baseline);
}

void mixent_monitor_observe(mixent_monitor *monitor, const mixent_loss_options *options,
                            const mixent_loss_state *state, const mixent_observation *seen,
                            void (*tell)(void *context, mixent_warning warning, const char *message),
                            void *context) {
  const listener to = {monitor, tell, context};
  bool finite = isfinite(seen->loss) && seen->gradient_finite;
  for (int k = 0; k < MIXENT_LOSS_PARAMETERS; k++) finite &= isfinite(state->value[k]) != 0;
  if (!finite)
    warn(&to, MIXENT_WARNING_NOT_FINITE,
         "loss, gradient or weights are not finite after %.3g epochs: lower optimizer.learning_rate or "
         "loss.weight_learning_rate, or look for NaN in the data",
         seen->epoch);
  look_at_weights(&to, options, state, seen);
  look_at_accuracy(&to, seen);
}
