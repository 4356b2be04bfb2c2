/* The slow weights' one formula, over the threads. */
#include "optimize/slow_weights.h"
#include "core/threads.h"

#include <math.h>

enum { PIECE = 16384 };

double mixent_slow_weights_rate(double rate, double power, double progress) {
  return 1 - (1 - rate) * pow(progress, power);
}

typedef struct job {
  double rate;
  float *slow, *theta;
} job;

static void follow_piece(void *context, size_t begin, size_t end) {
  const job *job = context;
  for (size_t i = begin; i < end; i++) {
    double slow = job->slow[i];
    job->slow[i] = job->theta[i] = (float)(slow + job->rate * (job->theta[i] - slow));
  }
}

void mixent_slow_weights_follow(size_t count, double rate, float *slow, float *theta) {
  job job = {rate, slow, theta};
  mixent_parallel_for(count, PIECE, follow_piece, &job);
}
