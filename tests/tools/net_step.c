/* One training step for comparison with another framework.
 *   net_step NET CHANNELS SIDE CLASSES BATCH fp32|direct|bf16|reference LOSS LEARNING_RATE  < in > out
 * in:  float32 parameters, statistics, input [batch, side, side, channels]; int32 labels [batch]
 * out: float32 logits of a forward pass in evaluation, logits in training, gradients, parameters after a
 * plain SGD step, statistics; then one float64, the loss. Dropout is off; direct: without
 * Winograd's convolutions. */
#include "mixent/net.h"
#include "mixent/weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(mixent_status status) {
  if (status == MIXENT_OK) return;
  fprintf(stderr, "net_step: %s\n", mixent_last_error());
  exit(1);
}

static void take(void *out, size_t size, size_t count) {
  if (fread(out, size, count, stdin) == count) return;
  fprintf(stderr, "net_step: input ended early\n");
  exit(1);
}

int main(int argc, char **argv) {
  if (argc != 9) return 2;
  mixent_graph_options shape = {
      .channels = atoi(argv[2]), .side = atoi(argv[3]), .classes = atoi(argv[4]), .dropout = 0};
  mixent_net_options options = {.batch = atoi(argv[5]),
                                .precision = strcmp(argv[6], "bf16") == 0 ? MIXENT_BF16 : MIXENT_FP32,
                                .reference = strcmp(argv[6], "reference") == 0,
                                .training = true};
  const mixent_net_choice direct = {"*", "*", "onednn"};
  if (strcmp(argv[6], "direct") == 0) options.choices = &direct, options.choice_count = 1;
  mixent_graph *graph;
  mixent_net *net;
  check(mixent_graph_open(argv[1], &shape, &graph));
  check(mixent_net_create(graph, &options, &net));
  size_t parameters = mixent_graph_parameter_count(graph), statistics = mixent_graph_statistic_count(graph);
  size_t rows = (size_t)options.batch, classes = (size_t)shape.classes;
  size_t image = (size_t)(shape.side * shape.side * shape.channels);
  int32_t *labels = malloc(rows * sizeof *labels);
  if (!labels) return 1;
  take(mixent_net_parameters(net), sizeof(float), parameters);
  take(mixent_net_statistics(net), sizeof(float), statistics);
  take(mixent_net_input(net), sizeof(float), rows * image);
  take(labels, sizeof *labels, rows);

  check(mixent_net_forward(net, MIXENT_EVALUATE, 0, 0));
  fwrite(mixent_net_logits(net), sizeof(float), rows * classes, stdout);
  check(mixent_net_forward(net, MIXENT_TRAIN, 0, 0));
  fwrite(mixent_net_logits(net), sizeof(float), rows * classes, stdout);

  mixent_loss_kind kind = MIXENT_LOSS_CE;
  for (int k = 0; mixent_loss_names[k]; k++)
    if (strcmp(mixent_loss_names[k], argv[7]) == 0) kind = (mixent_loss_kind)k;
  const mixent_loss_options loss = mixent_loss_defaults(kind);
  const mixent_loss_state state = mixent_loss_start(&loss);
  const mixent_loss_rule rule = mixent_loss_rule_of(&loss, &state, 0);
  const mixent_loss_batch batch = {.rows = rows,
                                   .classes = classes,
                                   .logits = {.data = mixent_net_logits(net)},
                                   .labels = {.data = labels, .type = MIXENT_INT32}};
  mixent_loss_result result = {.gradient = mixent_net_logits_gradient(net)};
  check(mixent_loss_evaluate(&batch, &rule, NULL, &result));
  check(mixent_net_backward(net));
  float *theta = mixent_net_parameters(net);
  const float *gradients = mixent_net_gradients(net);
  fwrite(gradients, sizeof(float), parameters, stdout);
  for (size_t i = 0; i < parameters; i++) theta[i] -= (float)atof(argv[8]) * gradients[i];
  fwrite(theta, sizeof(float), parameters, stdout);
  fwrite(mixent_net_statistics(net), sizeof(float), statistics, stdout);
  fwrite(&result.value, sizeof result.value, 1, stdout);
  mixent_net_free(net);
  mixent_graph_free(graph);
  free(labels);
  return ferror(stdout) || fflush(stdout) ? 1 : 0;
}
