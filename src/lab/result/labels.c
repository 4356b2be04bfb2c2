/* Apart from reading a result, which needs JSON: a table of results pairs its runs with nothing else at hand. */
#include "lab/result/result.h"

bool mixent_result_same_labels(const mixent_result *a, const mixent_result *b) {
  return a->test_labels < 0 || b->test_labels < 0 || a->test_labels == b->test_labels;
}
