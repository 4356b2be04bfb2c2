/* Apart from reading a result, which needs JSON: a table of results frees its runs' with nothing else at hand. */
#include "lab/result/result.h"

#include <stdlib.h>

void mixent_result_free(mixent_result *result) {
  if (!result) return;
  for (size_t k = 0; k < result->classes; k++) free(result->class_names[k]);
  free(result->class_names);
  free(result->run);
  free(result->recipe);
  free(result->data);
  free(result->net);
  free(result->loss);
  free(result->right);
  free(result->confusion);
  free(result);
}
